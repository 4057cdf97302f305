//! A table's data files, read back by redrive, replay and the dead-letter commands. The walk itself never reads them.

use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;
use deltalake::DeltaTableError;
use deltalake::kernel::Remove;
use deltalake::logstore::LogStore as _;
use deltalake::table::state::DeltaTableState;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::table::Table;
use crate::TableError;

/// One file of a table, as of the snapshot that the table holds.
#[derive(Clone, Debug)]
pub struct DataFile {
    /// The path as the log has it.
    pub path: String,
    /// When the file was written, in milliseconds since 1970-01-01T00:00:00Z.
    pub modified_at: i64,
    pub(super) object: Path,
    /// The action that removes it from the table.
    pub(super) remove: Remove,
}

impl Table {
    /// The store that holds the table; its paths are relative to the table.
    pub fn store(&self) -> Arc<dyn ObjectStore> {
        self.log_store.object_store(None)
    }

    /// The files that make up the table, as of the version that it holds. Reads the whole log: the walk never asks.
    pub async fn files(&self) -> Result<Vec<DataFile>, TableError> {
        let version = Some(self.head.version);
        let state = DeltaTableState::try_new(&self.log_store, version).await;
        let state = state.map_err(|source| self.error("listing its files", source))?;
        let log = state.log_data();
        let files = log.iter().map(|view| DataFile {
            path: view.path().into_owned(),
            modified_at: view.modification_time(),
            object: view.object_store_path(),
            remove: view.remove_action(true),
        });
        Ok(files.collect())
    }

    /// The bytes of a file.
    pub async fn fetch(&self, file: &DataFile) -> Result<Bytes, TableError> {
        // Without its vector the file would show rows that the table has deleted, and a redrive would bring them back.
        if file.remove.deletion_vector.is_some() {
            let message = format!("{} has a deletion vector, which is not supported here: purge it first", file.path);
            return Err(self.error("reading", DeltaTableError::generic(message)));
        }
        let failed = |source| self.error("reading", DeltaTableError::from(source));
        self.store().get(&file.object).await.map_err(failed)?.bytes().await.map_err(failed)
    }

    /// The rows of a file, with all or some of its columns. The row counts of the batches do not depend on `columns`.
    pub fn decode(&self, bytes: &Bytes, columns: Option<&[&str]>) -> Result<Vec<RecordBatch>, TableError> {
        decode(bytes, columns).map_err(|source| self.error("decoding a file", source))
    }
}

fn decode(bytes: &Bytes, columns: Option<&[&str]>) -> Result<Vec<RecordBatch>, DeltaTableError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes.clone())?;
    let mask = match columns {
        Some(columns) => ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied()),
        None => ProjectionMask::all(),
    };
    let batches = builder.with_projection(mask).build()?;
    batches.map(|batch| batch.map_err(DeltaTableError::from)).collect()
}
