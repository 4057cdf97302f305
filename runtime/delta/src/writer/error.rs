//! What can keep rows from being written. Names columns, never a value.

use arrow::error::ArrowError;
use deltalake::DeltaTableError;
use parquet::errors::ParquetError;

/// A partition column holds a value that a row can hold, and a table cannot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("partition column `{column}` {reason}")]
pub struct UnwritableValue {
    /// The partition column.
    pub column: String,
    /// Why the table cannot hold the value, without the value.
    pub reason: &'static str,
}

/// Rows cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A row has to be left out, because the table cannot hold one of its values.
    #[error(transparent)]
    Unwritable(#[from] UnwritableValue),

    /// The rows do not have the table's columns.
    #[error(transparent)]
    Rows(#[from] ArrowError),

    /// The rows cannot be encoded, or the store does not take them.
    #[error(transparent)]
    File(#[from] ParquetError),

    /// The store does not take a file.
    #[error(transparent)]
    Store(#[from] object_store::Error),
}

impl From<WriteError> for DeltaTableError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Unwritable(value) => Self::GenericError { source: Box::new(value) },
            WriteError::Rows(error) => error.into(),
            WriteError::File(error) => error.into(),
            WriteError::Store(error) => error.into(),
        }
    }
}
