//! What can go wrong with a registry, and what to do about it.

use std::path::PathBuf;

use sluicebox_ledger::ErrorKind;
use sluicebox_sandbox::{EngineError, LoadError};
use sluicebox_settings::ArtifactReference;

use crate::signature::KeyError;

/// A registry, or an object in it, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The location cannot hold a registry.
    #[error("{location} cannot be a registry: {reason}; give a folder, a `file://` URL or an `s3://` URL")]
    Location {
        /// What was given.
        location: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A name is not legal.
    #[error("`{0}` cannot name an artifact or a channel: letters, digits, `.`, `_` and `-`, at most 100")]
    Name(String),
    /// The store is unavailable, or refuses.
    #[error("registry {location}: {doing} {object} failed: {source}")]
    Store {
        /// Where the registry lies.
        location: String,
        /// What was being done.
        doing: &'static str,
        /// The object.
        object: String,
        /// The store's own words.
        source: Box<object_store::Error>,
    },
    /// An object is missing.
    #[error("registry {location} has no {what}: {advice}")]
    Missing {
        /// Where the registry lies.
        location: String,
        /// What was looked for.
        what: String,
        /// What to do.
        advice: &'static str,
    },
    /// An object is not what was pushed.
    #[error("registry {location}: {object} is damaged and will not be used: {why}")]
    Damaged {
        /// Where the registry lies.
        location: String,
        /// Which object.
        object: String,
        /// What shows the damage, and what to do.
        why: String,
    },
    /// None of the required keys has signed the object.
    #[error("registry {location}: {object} is refused: {why}; push it again with `--sign-with` and one of the keys")]
    Unsigned {
        /// Where the registry lies.
        location: String,
        /// Which object.
        object: String,
        /// What is wrong with its signatures.
        why: String,
    },
    /// The first digits of a digest match several digests.
    #[error("{prefix} matches {count} digests: give more digits")]
    Ambiguous {
        /// The digits that were given.
        prefix: String,
        /// How many digests match.
        count: usize,
    },
    /// The channel cannot be changed as requested.
    #[error("{reference}: {why}")]
    Channel {
        /// The channel.
        reference: ArtifactReference,
        /// Why not.
        why: String,
    },
    /// A key cannot be read.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The transform cannot run here.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The transform cannot be compiled for a target.
    #[error("{component} cannot be compiled for {target}: {source}")]
    Precompile {
        /// What was to be compiled.
        component: PathBuf,
        /// The target.
        target: sluicebox_sandbox::Target,
        /// Why not.
        source: EngineError,
    },
    /// A manifest or a channel entry cannot be encoded.
    #[error("cannot encode the object to write: {0}")]
    Unwritable(serde_json::Error),
    /// A background thread ended before its work was done.
    #[error("a thread ended early: {0}")]
    Thread(String),
}

impl RegistryError {
    /// Whether a retry helps, and if not, who can fix it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Store { .. } | Self::Thread(_) => ErrorKind::Environment,
            Self::Location { .. }
            | Self::Name(_)
            | Self::Missing { .. }
            | Self::Damaged { .. }
            | Self::Unsigned { .. }
            | Self::Ambiguous { .. }
            | Self::Channel { .. }
            | Self::Key(_)
            | Self::Load(_)
            | Self::Precompile { .. }
            | Self::Unwritable(_) => ErrorKind::Configuration,
        }
    }
}
