//! What can go wrong with a registry, and what to do.

use std::path::PathBuf;

use sluicebox_settings::ArtifactReference;
use sluicebox_sandbox::{EngineError, LoadError};

use crate::signature::KeyError;

/// A registry, or what lies in it, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// There can be no registry at such a place.
    #[error("no registry can lie at {location}: {reason}; give a folder, a `file://` URL or an `s3://` URL")]
    Location {
        /// What was given.
        location: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A name is not legal.
    #[error("`{0}` cannot name an artifact or a channel: letters, digits, `.`, `_` and `-`, at most 100")]
    Name(String),
    /// The store is out of reach, or refuses.
    #[error("registry {location}: {doing} {object} failed: {source}")]
    Store {
        /// Where the registry lies.
        location: String,
        /// What was being done.
        doing: &'static str,
        /// With which object.
        object: String,
        /// The store's own words.
        source: Box<object_store::Error>,
    },
    /// It is not there.
    #[error("registry {location} has no {what}: {advice}")]
    Missing {
        /// Where the registry lies.
        location: String,
        /// What was looked for.
        what: String,
        /// What to do.
        advice: &'static str,
    },
    /// An object is not what was put there.
    #[error("registry {location}: {object} is damaged, and is not used: {why}")]
    Damaged {
        /// Where the registry lies.
        location: String,
        /// Which object.
        object: String,
        /// How that shows, and what to do.
        why: String,
    },
    /// None of the keys that are asked for has signed it.
    #[error("registry {location}: {object} is refused: {why}; push it again with `--sign-with` and one of the keys")]
    Unsigned {
        /// Where the registry lies.
        location: String,
        /// Which object.
        object: String,
        /// What is there instead of a signature that holds.
        why: String,
    },
    /// A digest was given by its first digits, and they fit several.
    #[error("{prefix} is the beginning of {count} digests: give more digits")]
    Ambiguous {
        /// What was given.
        prefix: String,
        /// How many it fits.
        count: usize,
    },
    /// There is nothing to change in the channel, or nothing to go back to.
    #[error("{reference}: {why}")]
    Channel {
        /// The channel.
        reference: ArtifactReference,
        /// What is missing.
        why: String,
    },
    /// A key cannot be read.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The transform cannot be run here.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The transform cannot be compiled for a target.
    #[error("{component} cannot be compiled for {target}: {source}")]
    Precompile {
        /// What was to be compiled.
        component: PathBuf,
        /// For which target.
        target: sluicebox_sandbox::Target,
        /// Why not.
        source: EngineError,
    },
    /// What would be written cannot be.
    #[error("cannot write what is to be kept: {0}")]
    Unwritable(serde_json::Error),
    /// A thread of ours ended before its work did.
    #[error("a thread ended early: {0}")]
    Thread(String),
}

impl RegistryError {
    /// Whether the same may succeed later, without anybody changing anything.
    pub fn may_pass(&self) -> bool {
        matches!(self, RegistryError::Store { .. } | RegistryError::Thread(_))
    }
}
