//! A failure of a client of the outside, such as a Kafka client: in its own words, with the answer to who can mend it.

use std::error::Error;

use crate::ErrorKind;

/// A client failed. Which client it is and what it knows of the outside stay in its own crate.
#[derive(Debug, thiserror::Error)]
#[error("{client}: {doing} failed: {source}")]
pub struct ClientError {
    kind: ErrorKind,
    client: &'static str,
    doing: &'static str,
    source: Box<dyn Error + Send + Sync>,
}

impl ClientError {
    /// `client` failed while it was `doing` something.
    pub fn new(
        kind: ErrorKind,
        client: &'static str,
        doing: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { kind, client, doing, source: source.into() }
    }

    /// Who can mend it.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}
