//! Transforms as artifacts: pushed once under their digest, named by channels, run only if they are unchanged since.
//!
//! ```text
//! push ──▶ orders/sha256/<hex>/transform.wasm            the component
//!          orders/sha256/<hex>/x86-64.epochs.<hex>.cwasm machine code, a form for each target and way to meter
//!          orders/sha256/<hex>/manifest.<hex>.json       last: the checksums of the others; optionally signed
//! promote ▶ orders/channels/prod/<version>.json          one atomic write, and the history
//! ```
//!
//! Objects are written once (`PutMode::Create`) and never changed. An object's name is its content's digest, or its place in
//! a history. Read in this order: [`layout`]; [`manifest`], [`envelope`] and [`signature`] (what describes a transform and
//! who signed it); [`artifact`] (which manifests are trusted); `load` (the one place that lets machine code run); [`push`];
//! [`channel`] and [`promotion`]; [`pipeline`] (from settings to a transform) and `following` (promotions while the pipeline
//! runs); [`catalogue`] and [`difference`] (for people).
//!
//! Knows no Kafka, no tables and no terminal, and of AWS only that `s3://` URLs exist.

pub mod artifact;
pub mod catalogue;
pub mod channel;
pub mod difference;
pub mod envelope;
mod error;
mod following;
pub mod layout;
mod load;
pub mod manifest;
mod objects;
mod pin;
pub mod pipeline;
pub mod promotion;
#[cfg(feature = "compiler")]
pub mod push;
pub mod signature;

use objects::Objects;

pub use artifact::{Artifact, Pin};
pub use channel::{Action, CandidateMode, ChannelCandidate, ChannelEntry};
pub use error::RegistryError;
pub use following::Following;
pub use manifest::Manifest;
pub use pipeline::{Followed, KeysOf, Opened, open, open_earlier, require_signed};
pub use promotion::{ChangeRequest, Promotion};
#[cfg(feature = "compiler")]
pub use push::Pushed;

pub use signature::{KeyError, PublicKeys, SigningKey};
pub use sluicebox_settings::{ArtifactReference, MalformedReference, Pick, is_artifact_name};

/// A registry: a folder or a bucket's prefix that holds transforms. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    objects: Objects,
    keys: PublicKeys,
}

impl Registry {
    /// Opens the registry at a folder, a `file://` or an `s3://` URL. Creates a folder that does not exist.
    ///
    /// # Errors
    /// The location cannot hold a registry.
    pub fn open(location: &str) -> Result<Registry, RegistryError> {
        Ok(Registry { objects: Objects::open(location)?, keys: PublicKeys::default() })
    }

    /// The same registry, but it trusts only what one of these keys has signed. Without keys it trusts everything.
    #[must_use]
    pub fn requiring(self, keys: PublicKeys) -> Registry {
        Registry { keys, ..self }
    }

    /// The registry's location.
    pub fn location(&self) -> &str {
        self.objects.location()
    }
}
