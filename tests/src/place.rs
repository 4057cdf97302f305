//! Where the repository keeps what the tests use. Knows paths only, and says how to get what is missing.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// The root of the repository.
pub fn repository() -> &'static Path {
    // The crate lies in a top-level folder of the repository.
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Cargo's target folder: that of the running test binary, which is `<target>/<profile>/deps/<name>`.
pub fn target() -> Result<PathBuf> {
    let binary = std::env::current_exe()?;
    let target = binary.ancestors().nth(3).context("the test binary does not lie in a target folder")?;
    Ok(target.to_owned())
}

/// The `sluicebox` binary built in the same profile as the tests.
pub fn sluicebox() -> Result<PathBuf> {
    let binary = std::env::current_exe()?;
    let profile = binary.ancestors().nth(2).context("the test binary does not lie in a target folder")?;
    existing(profile.join("sluicebox"), "cargo build --release --workspace")
}

/// The `bootstrap` of the Lambda function, built in the same profile as the tests; or another build of it, such as the one that
/// `make lambda-zip` packs, if `SLUICEBOX_BOOTSTRAP` says where.
pub fn bootstrap() -> Result<PathBuf> {
    if let Some(other) = std::env::var_os("SLUICEBOX_BOOTSTRAP") {
        return existing(PathBuf::from(other), "make lambda-zip");
    }
    let binary = std::env::current_exe()?;
    let profile = binary.ancestors().nth(2).context("the test binary does not lie in a target folder")?;
    existing(profile.join("bootstrap"), "cargo build --release --workspace")
}

/// A guest component that `make guests` built: `guest("clean_orders")`.
pub fn guest(name: &str) -> Result<PathBuf> {
    existing(target()?.join("guests").join(name).with_extension("wasm"), "make guests")
}

/// The folder with Apache Kafka's jars.
pub fn kafka_jars() -> Result<PathBuf> {
    existing(target()?.join("kafka/jars"), "make setup")
}

/// The Python that has the independent readers.
pub fn python() -> Result<PathBuf> {
    existing(target()?.join("readers/bin/python"), "make setup")
}

/// SeaweedFS, which comes from PyPI as the readers do.
pub fn seaweedfs() -> Result<PathBuf> {
    existing(target()?.join("readers/bin/weed"), "make setup")
}

/// An emulator of Lambda, which comes from PyPI as well.
pub fn cargo_lambda() -> Result<PathBuf> {
    existing(target()?.join("readers/bin/cargo-lambda"), "make setup")
}

fn existing(path: PathBuf, made_by: &str) -> Result<PathBuf> {
    ensure!(path.exists(), "{} is missing; `{made_by}` makes it", path.display());
    Ok(path)
}
