//! From a crate to a core module: one `cargo metadata`, one `cargo build`.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Output, Stdio};

use serde::Deserialize;

use crate::BuildError;
use crate::isolation::isolate;
use crate::toolchain::{TARGET, Toolchain, installed_cargo};

/// The profile of all transforms. Its own, so that a user's release build is left alone: optimised across crates,
/// because a transform is small and runs on every record, and without debug sections, which nothing would read. It names what
/// it would inherit, too: a `[profile.release]` in a user's configuration or in a workspace around the crate changes nothing.
const PROFILE: &[&str] = &[
    "profile.transform.inherits=\"release\"",
    "profile.transform.codegen-units=1",
    "profile.transform.debug=false",
    "profile.transform.debug-assertions=false",
    "profile.transform.incremental=false",
    "profile.transform.lto=\"fat\"",
    "profile.transform.opt-level=3",
    "profile.transform.overflow-checks=false",
    "profile.transform.package.\"*\".opt-level=3",
    "profile.transform.panic=\"abort\"",
    "profile.transform.strip=false",
];

/// What cargo knows of the crate.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest: PathBuf,
    pub(crate) target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<MetadataPackage>,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct MetadataPackage {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<MetadataTarget>,
}

#[derive(Deserialize)]
struct MetadataTarget {
    crate_types: Vec<String>,
}

impl Package {
    /// Asks cargo about the crate in `folder`, and checks that it builds a module at all.
    pub(crate) fn read(folder: &Path) -> Result<Package, BuildError> {
        let manifest = folder.join("Cargo.toml");
        let manifest = manifest.canonicalize().map_err(|_| BuildError::NoCrate(folder.to_owned()))?;
        let mut cargo = Command::new(installed_cargo());
        // The crate's own `.cargo/config.toml` and `rust-toolchain.toml` count, wherever the caller is.
        cargo.current_dir(manifest.parent().unwrap_or(folder));
        cargo.args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"]).arg(&manifest);
        let output = cargo.output().map_err(|source| BuildError::Start { program: "cargo".to_owned(), source })?;
        let read = read_metadata(&output, &manifest);
        let (package, target_directory) =
            read.map_err(|message| BuildError::Manifest { manifest: manifest.clone(), message })?;
        if !package.targets.iter().any(|target| target.crate_types.iter().any(|kind| kind == "cdylib")) {
            return Err(BuildError::NotCdylib(package.name));
        }
        Ok(Package { name: package.name, manifest, target_directory })
    }
}

/// The package of this manifest and the target folder, or what is wrong.
fn read_metadata(output: &Output, manifest: &Path) -> Result<(MetadataPackage, PathBuf), String> {
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim_end().to_owned());
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    let package = metadata.packages.into_iter().find(|package| package.manifest_path == manifest);
    let package = package.ok_or_else(|| "it is a workspace and no crate; name one of its members".to_owned())?;
    Ok((package, metadata.target_directory))
}

/// Compiles the package and returns its core module's path.
pub(crate) fn build(
    package: &Package,
    toolchain: Toolchain,
    target_dir: &Path,
    quiet: bool,
) -> Result<PathBuf, BuildError> {
    let mut cargo = toolchain.cargo();
    cargo.current_dir(package.manifest.parent().unwrap_or(Path::new(".")));
    cargo.args(["build", "--lib", "--profile", "transform", "--target", TARGET]);
    cargo.args(["--message-format", "json-render-diagnostics"]);
    cargo.args(toolchain.build_arguments());
    isolate(&mut cargo, TARGET, toolchain.linker());
    for setting in PROFILE {
        cargo.args(["--config", setting]);
    }
    cargo.arg("--manifest-path").arg(&package.manifest).arg("--target-dir").arg(target_dir);
    cargo.stdin(Stdio::null()).stdout(Stdio::piped());
    cargo.stderr(if quiet { Stdio::piped() } else { Stdio::inherit() });

    let program = cargo.get_program().to_string_lossy().into_owned();
    let mut child = cargo.spawn().map_err(|source| BuildError::Start { program, source })?;
    // Both pipes are drained at once: a compiler that waits for a full stderr would never finish its stdout.
    let said = child.stderr.take().map(|mut stderr| {
        std::thread::spawn(move || {
            let mut text = String::new();
            // What cannot be read is missing from a message; the verdict is the exit status.
            stderr.read_to_string(&mut text).map(|_| text).unwrap_or_default()
        })
    });
    let module = child.stdout.take().and_then(|stdout| module_in(stdout, &package.manifest));
    let said = said.and_then(|reader| reader.join().ok());
    let finished = child.wait().is_ok_and(|status| status.success());
    if !finished {
        let output = said.map_or_else(String::new, |text| format!(":\n{}", text.trim_end()));
        return Err(BuildError::Compile { package: package.name.clone(), output });
    }
    module.ok_or_else(|| BuildError::NoModule(package.name.clone()))
}

/// The `.wasm` that cargo's messages name for this manifest (a dependency may be a cdylib too).
fn module_in(messages: ChildStdout, manifest: &Path) -> Option<PathBuf> {
    #[derive(Deserialize)]
    struct Message {
        #[serde(default)]
        manifest_path: PathBuf,
        #[serde(default)]
        filenames: Vec<PathBuf>,
    }
    BufReader::new(messages)
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| serde_json::from_str::<Message>(&line).ok())
        .filter(|message| message.manifest_path == manifest)
        .flat_map(|message| message.filenames)
        .filter(|file| file.extension().is_some_and(|extension| extension == "wasm"))
        .last()
}
