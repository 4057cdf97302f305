//! What can go wrong with the infrastructure. A record's failure is a value (a dead letter), never one of these.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::breaker::Trip;
use crate::dead_letter::ArchiveError;
use crate::loss::Loss;
use crate::position::TopicPartition;

/// A failure of the pipeline; [`PipelineError::kind`] says who can mend it.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The sandbox's own trouble, not the guest's.
    #[error("the sandbox failed: {0}")]
    Sandbox(String),

    /// The transform refused its configuration.
    #[error("the transform refused `transform.configuration`: {0}")]
    Configuration(String),

    /// The settings and the transform do not fit together.
    #[error("{0}")]
    Settings(String),

    /// A Delta table has other columns than the transform writes.
    #[error("table `{table}` at {location} does not fit the transform:\n{}\nchange the transform, or name another folder for the table", .differences.iter().map(|d| format!("  - {d}")).collect::<Vec<_>>().join("\n"))]
    Schema {
        /// The table's name in the transform.
        table: String,
        /// Where it lies.
        location: String,
        /// Each difference, naming the column.
        differences: Vec<String>,
    },

    /// A Delta table or its store cannot be read or written.
    #[error("table `{table}` at {location}: {doing} failed: {source}")]
    Table {
        /// The table's name.
        table: String,
        /// Where it lies.
        location: String,
        /// What was being done.
        doing: &'static str,
        /// The store's own words.
        source: Box<deltalake::DeltaTableError>,
    },

    /// Another worker took over partitions of this flush; its rows are in the table, ours are dropped.
    #[error("table `{table}`: another worker has committed {partition} up to offset {next} meanwhile")]
    Fenced {
        /// The table's name.
        table: String,
        /// A partition that has moved.
        partition: TopicPartition,
        /// Where its ledger stands now.
        next: i64,
    },

    /// Rows have waited so long for their commit that their files may have been cleaned up.
    #[error("table `{table}`: rows that were staged long ago are dropped and read again; was this process asleep?")]
    Stale {
        /// The table's name.
        table: String,
    },

    /// A table of which writers may drop the ledger.
    #[error(
        "E0204 table `{table}` at {location}: `delta.setTransactionRetentionDuration` is set (`{retention}`): the table's \
             ledger would expire, and records be taken in twice; remove the property, see docs/runbooks/E0204.md"
    )]
    LedgerExpires {
        /// The table's name.
        table: String,
        /// Where it lies.
        location: String,
        /// What the property says.
        retention: String,
    },

    /// Records that have been read, but not committed, are of a topic that was made anew meanwhile.
    #[error("{0}: the topic was deleted and made anew while it was read")]
    TopicRecreated(TopicPartition),

    /// Partitions are not read on, because records of theirs would be skipped.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Losses(Vec<Loss>),

    /// What is kept beside the dead letters cannot be had.
    #[error(transparent)]
    Archive(Box<ArchiveError>),

    /// The transform rejects too much.
    #[error("{0}")]
    Breaker(Box<Trip>),

    /// A canary rejects too much, and does not judge any longer.
    #[error("the canary is sent back: {0}")]
    Canary(String),

    /// A redrive cannot go on; what it has done so far is whole.
    #[error("{0}")]
    Redrive(String),

    /// Kafka cannot be reached, or refuses.
    #[error("kafka: {doing} failed: {source}")]
    Kafka {
        /// What was being done.
        doing: &'static str,
        /// The client's own words.
        source: KafkaError,
    },

    /// A file of records cannot be read.
    #[error("{place}: {message}")]
    File {
        /// File, and line where known.
        place: String,
        /// What is wrong, and what to do.
        message: String,
    },
}

impl From<ArchiveError> for PipelineError {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(Box::new(error))
    }
}

/// Who can mend a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Nobody: read the ledger again, go back to it and carry on.
    Rewind,
    /// The settings or the transform have to change (exit code 2).
    Configuration,
    /// The surroundings, and they may recover by themselves: go back to the ledger and try again (exit code 3).
    Environment,
    /// A person: going on would lose records, or cannot succeed (exit code 3).
    Stop,
    /// A person, but there is no hurry: a service reads no further and waits; a drain ends (exit code 1).
    Pause,
}

impl PipelineError {
    /// Who can mend it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Fenced { .. } | Self::Stale { .. } | Self::TopicRecreated(_) | Self::Canary(_) => ErrorKind::Rewind,
            Self::Breaker(_) => ErrorKind::Pause,
            Self::Configuration(_) | Self::Settings(_) | Self::Schema { .. } => ErrorKind::Configuration,
            Self::Kafka { source, .. } if is_final(source) => ErrorKind::Stop,
            Self::Archive(error) if matches!(**error, ArchiveError::Store { .. }) => ErrorKind::Environment,
            Self::Table { .. } | Self::Kafka { .. } | Self::LedgerExpires { .. } => ErrorKind::Environment,
            Self::Archive(_) | Self::Redrive(_) | Self::Sandbox(_) | Self::Losses(_) | Self::File { .. } => {
                ErrorKind::Stop
            }
        }
    }
}

/// Whether librdkafka will not recover from it, however long one waits.
fn is_final(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{Fatal, TopicAuthorizationFailed};
    matches!(error, KafkaError::Subscription(_) | KafkaError::ClientConfig(..))
        || matches!(error.rdkafka_error_code(), Some(Fatal | TopicAuthorizationFailed))
}
