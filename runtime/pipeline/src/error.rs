//! What can go wrong with the infrastructure. A record's failure is a value (a dead letter), never one of these.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::position::{OffsetRange, TopicPartition};

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

    /// Records that no table has taken in are gone from the topic.
    #[error("{partition}: offsets {missing} are gone from the topic, but the tables have taken in only what is below {}: \
             retention has overrun the pipeline, or the topic was made anew; see docs/runbooks/lost-offsets.md", missing.from)]
    LostOffsets {
        /// The partition.
        partition: TopicPartition,
        /// What is missing.
        missing: OffsetRange,
    },

    /// The ledger is ahead of the topic.
    #[error(
        "{partition}: the tables have taken in everything below offset {ledger}, but the topic ends at {end}: \
             the topic was probably made anew; see docs/runbooks/lost-offsets.md"
    )]
    LedgerAhead {
        /// The partition.
        partition: TopicPartition,
        /// The next offset that the tables want.
        ledger: i64,
        /// The topic's end.
        end: i64,
    },

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
}

impl PipelineError {
    /// Who can mend it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Fenced { .. } => ErrorKind::Rewind,
            Self::Configuration(_) | Self::Settings(_) | Self::Schema { .. } => ErrorKind::Configuration,
            Self::Kafka { source, .. } if is_final(source) => ErrorKind::Stop,
            Self::Table { .. } | Self::Kafka { .. } => ErrorKind::Environment,
            Self::Sandbox(_) | Self::LostOffsets { .. } | Self::LedgerAhead { .. } | Self::File { .. } => {
                ErrorKind::Stop
            }
        }
    }
}

/// Whether librdkafka will not recover from it, however long one waits.
fn is_final(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{AutoOffsetReset, Fatal, OffsetOutOfRange, TopicAuthorizationFailed};
    matches!(error, KafkaError::Subscription(_) | KafkaError::ClientConfig(..))
        || matches!(
            error.rdkafka_error_code(),
            Some(AutoOffsetReset | Fatal | OffsetOutOfRange | TopicAuthorizationFailed)
        )
}
