//! What can go wrong with a table or with the archive beside it.

use sluicebox_ledger::{ClientError, ErrorKind, TopicPartition};

use crate::SchemaDifference;
use crate::archive_error::ArchiveError;

/// A table cannot be read or written, or must not be.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The table has other columns than the transform writes.
    #[error("table `{table}` at {location} does not fit the transform:\n{}\nchange the transform, or name another folder for the table", .differences.iter().map(|d| format!("  - {d}")).collect::<Vec<_>>().join("\n"))]
    Schema {
        /// The table's name in the transform.
        table: String,
        /// Where it lies.
        location: String,
        /// Each difference, naming the column.
        differences: Vec<SchemaDifference>,
    },

    /// The table or its store cannot be read or written.
    #[error("table `{table}` at {location}: {doing} failed: {source}")]
    Store {
        /// The table's name.
        table: String,
        /// Where it lies.
        location: String,
        /// What was being done.
        doing: &'static str,
        /// The store's own words.
        source: Box<deltalake::DeltaTableError>,
    },

    /// Another worker took over partitions of this flush: its rows are in the table, and this worker drops its own.
    #[error("table `{table}`: another worker has committed {partition} up to offset {next} meanwhile")]
    Fenced {
        /// The table's name.
        table: String,
        /// A partition that has moved.
        partition: TopicPartition,
        /// The partition's ledger now.
        next: i64,
    },

    /// Rows have waited so long for their commit that their files may have been cleaned up.
    #[error(
        "table `{table}`: rows were staged too long ago and are dropped and read again; was this process suspended?"
    )]
    Stale {
        /// The table's name.
        table: String,
    },

    /// A table property lets writers drop the ledger.
    #[error(
        "E0204 table `{table}` at {location}: `delta.setTransactionRetentionDuration` is set (`{retention}`): the table's \
         ledger would expire and records would be taken in twice; remove the property, see docs/runbooks/E0204.md"
    )]
    LedgerExpires {
        /// The table's name.
        table: String,
        /// Where it lies.
        location: String,
        /// What the property says.
        retention: String,
    },

    /// The archive beside the dead letters cannot be read or written.
    #[error(transparent)]
    Archive(#[from] Box<ArchiveError>),

    /// The copies of dead letters cannot be sent.
    #[error(transparent)]
    Copies(#[from] ClientError),

    /// The transform's configuration cannot be stored with the dead letters.
    #[error("the transform's configuration is not JSON: {0}")]
    ReplayContext(serde_json::Error),
}

impl From<ArchiveError> for TableError {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(Box::new(error))
    }
}

impl TableError {
    /// Whether a retry helps, and if not, who can fix it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Fenced { .. } | Self::Stale { .. } => ErrorKind::Rewind,
            Self::Schema { .. } | Self::ReplayContext(_) => ErrorKind::Configuration,
            Self::Archive(error) if matches!(**error, ArchiveError::Store { .. }) => ErrorKind::Environment,
            Self::Store { .. } | Self::LedgerExpires { .. } => ErrorKind::Environment,
            Self::Archive(_) => ErrorKind::Stop,
            Self::Copies(error) => error.kind(),
        }
    }
}
