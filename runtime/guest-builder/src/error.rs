//! What can go wrong between a crate and its component, each with its remedy.

use std::path::PathBuf;

/// Why there is no component.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// There is no crate here.
    #[error("no Cargo.toml in {0}: name the folder of a transform's crate, or make one with `sluicebox new`")]
    NoCrate(PathBuf),
    /// Cargo cannot make sense of the manifest.
    #[error("cargo cannot read {manifest}:\n{message}")]
    Manifest {
        /// The manifest.
        manifest: PathBuf,
        /// What cargo said.
        message: String,
    },
    /// The crate builds no module.
    #[error(
        "crate `{0}` builds no WebAssembly module: add `[lib]` with `crate-type = [\"cdylib\", \"rlib\"]` to its Cargo.toml"
    )]
    NotCdylib(String),
    /// Neither way to a WebAssembly target is there.
    #[error(
        "no Rust toolchain here can build for wasm32-unknown-unknown: run `rustup target add wasm32-unknown-unknown`, \
         or, where rustup cannot fetch it, on Debian `apt-get install rustc-web cargo-web rust-web-src lld-19`"
    )]
    NoToolchain,
    /// Cargo itself cannot be started.
    #[error("cannot start {program}: {source}; is Rust installed and on the PATH?")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// The compiler refused the crate.
    #[error("crate `{package}` does not compile for wasm32-unknown-unknown{output}")]
    Compile {
        /// The crate.
        package: String,
        /// What the compiler said, where it has not been shown already.
        output: String,
    },
    /// Cargo succeeded without a module.
    #[error("cargo built `{0}` but named no .wasm file; this is a bug of sluicebox-guest-builder")]
    NoModule(String),
    /// A core module that exports no world.
    #[error(
        "`{package}` compiles but is not a transform: {message}; does it depend on the `sluicebox` SDK and use its `#[transform]` attribute?"
    )]
    Encode {
        /// The crate.
        package: String,
        /// What the encoder said.
        message: String,
    },
    /// A dependency that wants a browser.
    #[error(
        "`{package}` compiles but cannot run as a transform: {culprits} wants a browser or a clock through wasm-bindgen, \
         and a transform has neither; remedy: {remedy}"
    )]
    BrowserImport {
        /// The crate.
        package: String,
        /// The crate's dependencies that bring wasm-bindgen in.
        culprits: String,
        /// What to write in Cargo.toml.
        remedy: String,
    },
    /// A dependency with code that is not Rust.
    #[error(
        "`{package}` compiles but cannot run as a transform: it needs the native function `{import}`; a dependency wraps a C \
         library, or an `extern` block declares the function: use one that is written in Rust alone"
    )]
    NativeImport {
        /// The crate.
        package: String,
        /// The function.
        import: String,
    },
    /// A file that cannot be read or written.
    #[error("cannot {verb} {path}: {source}")]
    File {
        /// `read` or `write`.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}
