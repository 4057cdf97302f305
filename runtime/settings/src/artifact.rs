//! How a pipeline names a transform in a registry: `orders@prod`, `orders@sha256:…`.
//!
//! Only the names are here; `sluicebox-registry` looks them up.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use sluicebox_sandbox::Digest;

use super::names::is_pipeline_name;

/// A transform in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactSettings {
    /// Which one.
    pub reference: ArtifactReference,
    /// Where the registry lies: an absolute path or a URL.
    pub registry: String,
    /// The public keys, one of which must have signed it; empty: signatures are ignored.
    pub keys: Vec<String>,
    /// How often a running pipeline checks whether its channel points to another transform.
    pub poll_interval: Duration,
}

/// A transform in a registry: its name there, and which version of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ArtifactReference {
    /// The name under which it was pushed.
    pub name: String,
    /// Which version.
    pub pick: Pick,
}

/// Which of the versions of one name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Pick {
    /// The one that a channel points to at the time.
    Channel(String),
    /// Always this one.
    Digest(Digest),
}

impl ArtifactReference {
    /// The channel, unless it names a digest.
    pub fn channel(&self) -> Option<&str> {
        match &self.pick {
            Pick::Channel(channel) => Some(channel),
            Pick::Digest(_) => None,
        }
    }
}

impl fmt::Display for ArtifactReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pick {
            Pick::Channel(channel) => write!(f, "{}@{channel}", self.name),
            Pick::Digest(digest) => write!(f, "{}@{digest}", self.name),
        }
    }
}

/// A text that does not name an artifact.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an artifact: `{0}`; write `orders@prod` (a channel) or `orders@sha256:…` (64 digits)")]
pub struct MalformedReference(String);

impl FromStr for ArtifactReference {
    type Err = MalformedReference;

    fn from_str(text: &str) -> Result<ArtifactReference, MalformedReference> {
        let malformed = || MalformedReference(text.to_owned());
        // At the first `@`: a name holds none, and one in the rest makes that rest illegal below.
        let (name, pick) = text.split_once('@').ok_or_else(malformed)?;
        // The prefix decides: a damaged digest must not be taken for a channel of that name.
        let pick = match pick.starts_with("sha256:") {
            true => Pick::Digest(pick.parse().map_err(|_| malformed())?),
            false => Pick::Channel(pick.to_owned()),
        };
        let is_legal = match &pick {
            Pick::Channel(channel) => is_artifact_name(channel),
            Pick::Digest(_) => true,
        };
        if is_artifact_name(name) && is_legal {
            Ok(ArtifactReference { name: name.to_owned(), pick })
        } else {
            Err(malformed())
        }
    }
}

/// What may name an artifact or a channel: the same as a pipeline.
pub fn is_artifact_name(name: &str) -> bool {
    is_pipeline_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_read_as_it_is_written() {
        let digest = Digest::of(b"component");
        for text in ["orders@prod".to_owned(), format!("orders-eu.1@{digest}")] {
            assert_eq!(text.parse::<ArtifactReference>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in
            ["orders", "@prod", "orders@", "orders@sha256:12", "a/b@prod", "orders@a/b", "../x@prod", "orders@a@b"]
        {
            assert!(text.parse::<ArtifactReference>().is_err(), "{text}");
        }
    }
}
