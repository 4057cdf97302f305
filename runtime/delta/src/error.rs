//! What can go wrong with a table or with the archive beside it.

use deltalake::DeltaTableError;
use parquet::errors::ParquetError;
use sluicebox_ledger::{ClientError, ErrorKind, TopicPartition};
use tokio::task::JoinError;

use crate::archive_error::ArchiveError;
use crate::writer::UnwritableValue;
use crate::{Refusal, SchemaDifference, StoreRefusal};

/// What is being done where rows are encoded: before anything of them is committed anywhere.
pub(crate) const STAGING: &str = "staging rows";
/// The same, with the last of them.
pub(crate) const FINISHING: &str = "finishing the data files";

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

    /// The table has something that Sluicebox cannot honour.
    #[error("E0126 table `{table}` at {location} cannot be written to by Sluicebox:\n{}\nsee `sluicebox explain E0126`", .refusals.iter().map(|r| format!("  - {r}")).collect::<Vec<_>>().join("\n"))]
    Unsupported {
        /// The table's name in the transform.
        table: String,
        /// Where it lies.
        location: String,
        /// Each such thing, with what to do.
        refusals: Vec<Refusal>,
    },

    /// The table was deleted or replaced while rows for it were staged.
    #[error(
        "E0210 table `{table}` at {location} was replaced while this process wrote to it: its id is now {is}, not {was}; \
         restart if that is intended, see `sluicebox explain E0210`"
    )]
    Replaced {
        /// The table's name.
        table: String,
        /// Where it lies.
        location: String,
        /// The id of the table that was opened.
        was: String,
        /// The id of the table that is there now.
        is: String,
    },

    /// Another writer changed the table's columns, properties or features while rows were staged.
    #[error("table `{table}`: another writer has changed its columns, properties or features; its rows are read again")]
    Changed {
        /// The table's name.
        table: String,
    },

    /// Another tool deleted files of rows before their commit.
    #[error(
        "table `{table}`: files that wait for their commit are gone; their rows are read again; did another tool run VACUUM \
         with a retention of less than an hour?"
    )]
    FilesGone {
        /// The table's name.
        table: String,
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

    /// The store refuses, and goes on refusing until an operator changes something.
    #[error("E0127 table `{table}` at {location}: {doing} failed: {refusal} ({words})")]
    Refused {
        /// The table's name.
        table: String,
        /// Where it lies.
        location: String,
        /// What was being done.
        doing: &'static str,
        /// Why it refuses, and what to do.
        refusal: StoreRefusal,
        /// The store's own words.
        words: String,
    },

    /// Two tables of a pipeline are one: the ledger of the first would count as the second's.
    #[error(
        "E0112 tables `{table}` at {location} and `{other}` at {other_location} have the same id: both paths lead to one folder, or \
         one folder is a copy of the other; give one of them an empty folder"
    )]
    OneTable {
        /// The name of one.
        table: String,
        /// Where it lies.
        location: String,
        /// The name of the other.
        other: String,
        /// Where that lies.
        other_location: String,
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
         ledger would expire and records would be taken in twice; remove the property, see `sluicebox explain E0204`"
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
    /// Whether the rows themselves cannot be encoded: Arrow's or Parquet's own error, or a panic of theirs. What the store says
    /// is not among them.
    pub fn is_over_rows(&self) -> bool {
        let Self::Store { source, doing, .. } = self else { return false };
        if ![STAGING, FINISHING].contains(doing) {
            return false;
        }
        match &**source {
            DeltaTableError::Arrow { .. } => true,
            DeltaTableError::Parquet { source: ParquetError::External(source) } => {
                source.downcast_ref::<JoinError>().is_some_and(JoinError::is_panic)
            }
            DeltaTableError::Parquet { .. } => true,
            DeltaTableError::GenericError { source } => source.is::<UnwritableValue>(),
            _ => false,
        }
    }

    /// Whether a retry helps, and if not, who can fix it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Fenced { .. } | Self::Stale { .. } | Self::Changed { .. } | Self::FilesGone { .. } => {
                ErrorKind::Rewind
            }
            Self::Schema { .. } | Self::Unsupported { .. } | Self::OneTable { .. } | Self::ReplayContext(_) => {
                ErrorKind::Configuration
            }
            Self::Refused { refusal, .. } => refusal.kind(),
            Self::Archive(error) => error.kind(),
            Self::Store { .. } | Self::LedgerExpires { .. } => ErrorKind::Environment,
            Self::Replaced { .. } => ErrorKind::Stop,
            Self::Copies(error) => error.kind(),
        }
    }
}
