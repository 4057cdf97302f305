//! Transforms as artifacts: pushed once under their digest, named by channels, run only if they are what was pushed.
//!
//! ```text
//! push ──▶ orders/sha256/<hex>/transform.wasm            the component
//!          orders/sha256/<hex>/x86-64.epochs.<hex>.cwasm machine code, a form for each target and way to meter
//!          orders/sha256/<hex>/manifest.<hex>.json       last: what all of it is, by checksum; signed perhaps
//! promote ▶ orders/channels/prod/<version>.json          one atomic write, and the history
//! ```
//!
//! Objects are written once (`PutMode::Create`) and never changed; none is named but by what it holds or by its place in a
//! history. Read in this order: [`layout`]; [`manifest`], [`envelope`] and [`signature`], what is said of a transform and by
//! whom; [`artifact`], which of that is believed; `load`, the one place that lets machine code run; [`push`]; [`channel`] and
//! [`promotion`]; [`pipeline`], from settings to a transform, and `following`, what becomes of
//! it while the pipeline runs; [`catalogue`] and [`difference`], for people.
//!
//! It knows neither Kafka nor tables nor a terminal, and of AWS only that `s3://` is a place.

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
pub mod pipeline;
pub mod promotion;
#[cfg(feature = "compiler")]
pub mod push;
pub mod signature;

pub use artifact::{Artifact, Pin};
pub use channel::{Action, Candidate, Entry, Mode};
pub use error::RegistryError;
pub use following::Following;
pub use manifest::Manifest;
pub use pipeline::{Followed, Opened, open, open_earlier};
pub use promotion::{Change, Promotion};
#[cfg(feature = "compiler")]
pub use push::Pushed;
pub use signature::{KeyError, PublicKeys, SigningKey};
pub use sluicebox_settings::{ArtifactReference, MalformedReference, Pick, is_artifact_name};

use objects::Objects;

/// A folder or a bucket's prefix in which transforms lie. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    objects: Objects,
    keys: PublicKeys,
}

impl Registry {
    /// Opens the registry at a folder, a `file://` or an `s3://` URL. A folder that does not exist is made.
    ///
    /// # Errors
    /// If there can be none at such a place.
    pub fn open(location: &str) -> Result<Registry, RegistryError> {
        Ok(Registry { objects: Objects::open(location)?, keys: PublicKeys::default() })
    }

    /// The same registry, where only what one of these keys has signed is believed; if there are none, anything.
    #[must_use]
    pub fn requiring(self, keys: PublicKeys) -> Registry {
        Registry { keys, ..self }
    }

    /// Where it lies.
    pub fn location(&self) -> &str {
        self.objects.location()
    }
}
