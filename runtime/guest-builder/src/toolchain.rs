//! Whose cargo builds for `wasm32-unknown-unknown`, and where std comes from.
//!
//! rustup's prebuilt std is the quick way. Behind offline mirrors rustup cannot fetch it; Debian packages a compiler
//! with std's source instead, and cargo builds std from it, once a target directory.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::BuildError;

/// The target of all transforms: it has no imports at all, so that a transform's purity shows in the binary.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

const DEBIAN_BIN: &str = "/usr/bin";
const DEBIAN_LINKER: &str = "wasm-ld-19";

/// Who compiles a transform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Toolchain {
    /// The user's own cargo, with the target's std installed.
    Installed,
    /// Debian's packages `rustc-web cargo-web rust-web-src lld-19`: std is built from source.
    Debian,
}

impl Toolchain {
    /// The first that can build the crate in `folder` (a `rust-toolchain.toml` there counts).
    pub(crate) fn find(folder: &Path) -> Result<Toolchain, BuildError> {
        if installed_has_target(folder) {
            Ok(Toolchain::Installed)
        } else if debian_has_sources() {
            Ok(Toolchain::Debian)
        } else {
            Err(BuildError::NoToolchain)
        }
    }

    /// Cargo, ready to be told what to do.
    pub(crate) fn cargo(self) -> Command {
        match self {
            Toolchain::Installed => Command::new(installed_cargo()),
            Toolchain::Debian => {
                let mut cargo = Command::new(Path::new(DEBIAN_BIN).join("cargo"));
                // The rest of the PATH and the variables of a surrounding cargo belong to another toolchain.
                for name in ["CARGO", "RUSTC", "RUSTC_WRAPPER", "RUSTUP_TOOLCHAIN"] {
                    cargo.env_remove(name);
                }
                cargo
                    .env("PATH", "/usr/bin:/bin")
                    // `-Z build-std` is cargo's unstable option; the compiler of the same package is known to fit.
                    .env("RUSTC_BOOTSTRAP", "1");
                cargo
            }
        }
    }

    /// The linker of guests: Debian packages LLVM's under its own name, rustc brings one along.
    pub(crate) fn linker(self) -> &'static str {
        match self {
            Toolchain::Installed => "rust-lld",
            Toolchain::Debian => DEBIAN_LINKER,
        }
    }

    /// What `cargo build` needs besides the target.
    pub(crate) fn build_arguments(self) -> &'static [&'static str] {
        match self {
            Toolchain::Installed => &[],
            Toolchain::Debian => &["-Z", "build-std=std,panic_abort"],
        }
    }

    /// The target directory unless the caller names one; `own` is the crate's.
    pub(crate) fn target_dir(self, own: &Path) -> PathBuf {
        match self {
            Toolchain::Installed => own.to_owned(),
            Toolchain::Debian => cache_folder().map_or_else(|| own.to_owned(), |cache| cache.join("sluicebox/guests")),
        }
    }
}

/// The cargo that called us if one did, else the one on the PATH.
pub(crate) fn installed_cargo() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}

fn installed_has_target(folder: &Path) -> bool {
    // In the crate's folder: rustup picks the toolchain by the file `rust-toolchain.toml` there.
    sysroot(Command::new("rustc").current_dir(folder))
        .is_some_and(|sysroot| sysroot.join("lib/rustlib").join(TARGET).join("lib").is_dir())
}

fn debian_has_sources() -> bool {
    let bin = Path::new(DEBIAN_BIN);
    bin.join("cargo").is_file()
        && bin.join(DEBIAN_LINKER).is_file()
        && sysroot(&mut Command::new(bin.join("rustc")))
            .is_some_and(|sysroot| sysroot.join("lib/rustlib/src/rust/library/std/Cargo.toml").is_file())
}

fn sysroot(rustc: &mut Command) -> Option<PathBuf> {
    let output = rustc.args(["--print", "sysroot"]).output().ok().filter(|output| output.status.success())?;
    let path = String::from_utf8(output.stdout).ok()?;
    Some(PathBuf::from(path.trim_end()))
}

fn cache_folder() -> Option<PathBuf> {
    absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))
}

/// The path in a variable; none if it is relative.
fn absolute(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute())
}
