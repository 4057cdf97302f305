//! The host's own trouble. A record's failure is never an error: it is a [`Rejection`](crate::Rejection).

use std::path::PathBuf;

use crate::imports::WORLD_VERSION;
use crate::limits::LimitError;

/// The sandbox cannot be set up on this machine.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the WebAssembly engine: {0}")]
pub struct EngineError(pub(crate) String);

/// A file cannot run here as a transform.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is larger than allowed.
    #[error("{path} has {bytes} bytes, more than limits.module_bytes_max ({max}): strip it, or raise the limit")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The limit.
        max: u64,
    },
    /// The file is not WebAssembly.
    #[error("{0} is not WebAssembly: build the transform with `sluicebox build`")]
    NotWasm(PathBuf),
    /// The file is a core module.
    #[error(
        "{0} is a core module, not a component: build it with `sluicebox build`, or wrap it with `wasm-tools component new`"
    )]
    CoreModule(PathBuf),
    /// The file is broken.
    #[error("{path} is corrupt or truncated: {message}; build or copy it again")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong, and at which byte.
        message: String,
    },
    /// The component wants what no transform gets.
    #[error("{path} imports `{import}`, which is not granted: {advice}")]
    ForbiddenImport {
        /// The file.
        path: PathBuf,
        /// The import.
        import: String,
        /// What to do about it.
        advice: String,
    },
    /// No machine code for it exists, and this build has no compiler.
    #[error(
        "{path} cannot be run here: {reason}; this build has no compiler: push the transform for this kind of machine, with \
             `sluicebox push --target` of the same version as this ({version})",
        version = crate::forms::CODE_VERSION
    )]
    NoForm {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// The component is of another world.
    #[error("{path} is not a transform of world `sluicebox:transform/transform@{WORLD_VERSION}`: {message}")]
    WrongWorld {
        /// The file.
        path: PathBuf,
        /// What is missing or differs.
        message: String,
    },
    /// The component cannot be started, or traps in `describe`.
    #[error("{path} does not start: {message}")]
    Start {
        /// The file.
        path: PathBuf,
        /// What it said or where it trapped.
        message: String,
    },
    /// `describe` returns nonsense.
    #[error("{path} describes itself wrongly: {message}")]
    Description {
        /// The file.
        path: PathBuf,
        /// The field and what is wrong with it.
        message: String,
    },
    /// A limit cannot be kept.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// No engine for these limits.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// The folder for compiled transforms cannot be trusted or used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// Compiled code is machine code: a user who can write it can do all that this program can.
    #[error(
        "cache folder {path} {reason}: what lies there would be run as machine code; use a folder of your own with mode 0700"
    )]
    Untrusted {
        /// The folder.
        path: PathBuf,
        /// Who else may write there.
        reason: String,
    },
    /// The folder cannot be made or read.
    #[error("cannot use cache folder {path}: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// No worker for this configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigureError {
    /// The transform refuses its configuration.
    #[error("the transform refuses its configuration: {0}")]
    Refused(String),
    /// It traps before its first record.
    #[error("the transform fails in `configure`: {0}")]
    Trapped(String),
    /// The host's own trouble.
    #[error(transparent)]
    Host(#[from] SandboxError),
}

/// The host cannot run the transform now; the batch is untouched and may be tried again.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// No instance to be had.
    #[error("cannot start an instance of the transform: {0}")]
    Instance(String),
    /// It was configured once, and refuses the same configuration now.
    #[error("the transform took its configuration before and now refuses it: {0}; is `configure` a pure function?")]
    Configuration(String),
    /// The transform cannot be compiled for the fuel engine.
    #[error("cannot compile the transform with fuel metering: {0}")]
    Fuel(String),
}
