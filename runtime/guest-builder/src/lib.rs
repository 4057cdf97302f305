//! Builds a transform's Rust crate to one WebAssembly component: `sluicebox build`, and every test that needs a guest.
//!
//! Read in this order: [`build`] below, [`toolchain`] (whose cargo and where std comes from), [`isolation`] (which settings
//! of the user stay out), [`cargo`] (the crate to a core module), [`foreign`] (imports that no transform may have),
//! [`component`] (the core module to a component). It knows cargo and the component encoding; it must not know wasmtime: the
//! sandbox decides at load time whether a component keeps to the world.

mod cargo;
mod component;
mod error;
mod foreign;
mod isolation;
mod toolchain;

use std::path::{Path, PathBuf};

pub use error::BuildError;
pub use toolchain::Toolchain;

/// What a caller may choose; the default suits most users.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where the component goes. Default: `sluicebox/<package>.wasm` in the target directory.
    pub output: Option<PathBuf>,
    /// Cargo's target directory. Default: the crate's own where the user's toolchain has the target; else a folder of
    /// the user's cache that all transforms share, because std is built into it once and takes minutes.
    pub target_dir: Option<PathBuf>,
    /// Whether cargo may write its progress to our stderr. If not, what it said is part of the error.
    pub quiet: bool,
}

/// A component on disk.
#[derive(Debug, Clone)]
pub struct Built {
    /// The component.
    pub path: PathBuf,
    /// `sha256:<hex>` of its bytes, as the sandbox names it.
    pub digest: String,
    /// Its size.
    pub size_bytes: u64,
    /// Who compiled it.
    pub toolchain: Toolchain,
}

/// Builds the crate in `manifest_dir`, always optimised, with function names kept for backtraces and nothing else. The user's
/// compiler flags and linkers do not reach the guest: one source has one digest.
///
/// # Errors
/// A missing toolchain, a crate that is not a transform, or what the compiler said.
pub fn build(manifest_dir: &Path, options: &Options) -> Result<Built, BuildError> {
    let package = cargo::Package::read(manifest_dir)?;
    let toolchain = Toolchain::find(manifest_dir)?;
    let target_dir = match &options.target_dir {
        Some(folder) => absolute(folder)?,
        None => toolchain.target_dir(&package.target_directory),
    };
    let core = cargo::build(&package, toolchain, &target_dir, options.quiet)?;
    let output = match &options.output {
        Some(file) => file.clone(),
        None => target_dir.join("sluicebox").join(format!("{}.wasm", package.name)),
    };
    let module = component::read(&core)?;
    let imports = foreign::imports(&module);
    if !imports.is_empty() {
        return Err(foreign::refusal(&package.name, &package.manifest, toolchain, &imports));
    }
    let component = component::encode(&module, &package.name)?;
    component::write(&component, &output)?;
    Ok(Built { path: output, digest: component::digest(&component), size_bytes: component.len() as u64, toolchain })
}

/// Cargo runs in the crate's folder, so a relative path must not reach it.
fn absolute(path: &Path) -> Result<PathBuf, BuildError> {
    std::path::absolute(path).map_err(|source| BuildError::File { verb: "find", path: path.to_owned(), source })
}
