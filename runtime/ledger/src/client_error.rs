//! The failure of a client of an outside system, such as a Kafka client, with the answer to "will a retry help?".

use std::error::Error;

use crate::ErrorKind;

/// A client failed. The error types of the client itself stay in its own crate.
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

    /// Whether a retry helps, and if not, who can fix it.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}
