//! What can go wrong on the walk. A record's failure is a value (a dead letter), never one of these.
//!
//! Each room has its own error; this one wraps them, so that the walk can ask a single question: [`PipelineError::kind`].

use sluicebox_delta::TableError;
use sluicebox_delta::dead_letter::ArchiveError;
use sluicebox_ledger::{ClientError, ErrorKind, Loss, TopicPartition};
use sluicebox_sandbox::ConfigureError;

use crate::breaker::Trip;
use crate::contained::COMMITTING;
use crate::source::SourceError;

/// A failure of the pipeline; [`PipelineError::kind`] says who can mend it.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The sandbox itself failed, not the guest.
    #[error("the sandbox failed: {0}")]
    Sandbox(Box<dyn std::error::Error + Send + Sync>),

    /// The transform refused its configuration.
    #[error("the transform refused `transform.configuration`: {0}")]
    Configuration(Box<ConfigureError>),

    /// The settings and the transform do not fit together.
    #[error("{0}")]
    Settings(String),

    /// A table cannot be read or written.
    #[error(transparent)]
    Table(#[from] TableError),

    /// The source cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),

    /// The topic of records that were read, but not committed, has been recreated meanwhile.
    #[error("{0}: the topic was deleted and recreated while it was read")]
    TopicRecreated(TopicPartition),

    /// The walk does not read these partitions, because it would skip records.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Losses(Vec<Loss>),

    /// The transform rejects too much.
    #[error("{0}")]
    Breaker(Box<Trip>),

    /// A library panicked.
    #[error("a library panicked while {0}; the log has its words")]
    Panicked(&'static str),

    /// A canary rejects too much, and judges no longer.
    #[error("canary withdrawn: {0}")]
    Canary(String),

    /// A redrive cannot go on; what it has done so far is whole.
    #[error("{0}")]
    Redrive(String),

    /// The transform of an earlier redrive may not judge.
    #[error("{0}")]
    Distrust(String),
}

impl From<ArchiveError> for PipelineError {
    fn from(error: ArchiveError) -> Self {
        Self::Table(error.into())
    }
}

impl From<ClientError> for PipelineError {
    fn from(error: ClientError) -> Self {
        Self::Source(error.into())
    }
}

impl From<ConfigureError> for PipelineError {
    fn from(error: ConfigureError) -> Self {
        match error {
            ConfigureError::Host(error) => Self::Sandbox(Box::new(error)),
            refusal => Self::Configuration(Box::new(refusal)),
        }
    }
}

impl PipelineError {
    /// The sandbox itself failed.
    pub(crate) fn sandbox(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Sandbox(error.into())
    }

    /// Whether rows may be to blame that a table's writer cannot take: no retry with the same rows helps.
    pub(crate) fn is_over_rows(&self) -> bool {
        match self {
            // Where something of the flush may be visible already, going back could tell a record's fate twice.
            Self::Panicked(doing) => *doing != COMMITTING,
            Self::Table(error) => error.is_over_rows(),
            _ => false,
        }
    }

    /// Who can mend it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Table(error) => error.kind(),
            Self::Source(error) => error.kind(),
            Self::TopicRecreated(_) | Self::Canary(_) => ErrorKind::Rewind,
            Self::Breaker(_) => ErrorKind::Pause,
            Self::Configuration(_) | Self::Settings(_) => ErrorKind::Configuration,
            Self::Redrive(_) | Self::Distrust(_) | Self::Sandbox(_) | Self::Losses(_) | Self::Panicked(_) => {
                ErrorKind::Stop
            }
        }
    }
}
