//! Builds a transform's Rust crate to one WebAssembly component: `sluicebox build`, and every test that needs a guest.
//!
//! Read in this order: [`build`] below, [`toolchain`] (whose cargo and where std comes from), [`cargo`] (the crate to a
//! core module), [`component`] (the core module to a component). It knows cargo and the component encoding; it must not
//! know wasmtime: whether the component keeps to the world is for the sandbox to say when it loads it.

mod cargo;
mod component;
mod error;
mod toolchain;

use std::path::{Path, PathBuf};

pub use error::BuildError;
pub use toolchain::Toolchain;

/// What a caller may choose; the default is what a user wants who says nothing.
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

/// Builds the crate in `manifest_dir`, always optimised, with function names kept for backtraces and nothing else.
///
/// # Errors
/// A missing toolchain, a crate that is no transform, or what the compiler said.
pub fn build(manifest_dir: &Path, options: &Options) -> Result<Built, BuildError> {
    let package = cargo::Package::read(manifest_dir)?;
    let toolchain = Toolchain::find(manifest_dir)?;
    let target_dir = match &options.target_dir {
        Some(folder) => folder.clone(),
        None => toolchain.target_dir(&package.target_directory),
    };
    let core = cargo::build(&package, toolchain, &target_dir, options.quiet)?;
    let output = match &options.output {
        Some(file) => file.clone(),
        None => target_dir.join("sluicebox").join(format!("{}.wasm", package.name)),
    };
    let component = component::encode(&core, &package.name)?;
    component::write(&component, &output)?;
    Ok(Built { path: output, digest: component::digest(&component), size_bytes: component.len() as u64, toolchain })
}
