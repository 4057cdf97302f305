//! Writes rows into a table's folder as Parquet files that no reader sees: a commit makes them visible with the `add` actions
//! that [`Writer::finish`] returns. Knows nothing of logs, snapshots and commits.
//!
//! [`split`] tells the rows of a partition from the others, [`files`] bounds the memory of the files that are open, [`file`]
//! encodes one of them, [`upload`] brings it into the store, and [`statistics`] says what it holds.

mod bound;
mod calendar;
mod decimal;
mod error;
mod file;
mod files;
mod indexed;
mod leaf;
mod path;
mod split;
mod statistics;
mod upload;
mod value;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array as _, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use deltalake::kernel::Add;
use object_store::ObjectStore;

pub use error::{UnwritableValue, WriteError};
pub use value::unwritable_rows;

use self::file::Layout;
use self::files::{Files, Key};
use self::indexed::Indexed;
use self::leaf::Leaf;
use self::split::Split;
use crate::encoding;

/// In a table with partitions so many bytes of rows wait to be split at once: many rows a file cost less than few.
const WAITING_BYTES_MAX: usize = 8 << 20;

/// Writes rows of one table. An error other than [`WriteError::Unwritable`] abandons all rows since the last
/// [`Writer::finish`].
pub struct Writer {
    schema: SchemaRef,
    partition_columns: Vec<String>,
    split: Option<Split>,
    /// Rows that have yet to be split.
    waiting: Vec<RecordBatch>,
    waiting_bytes: usize,
    files: Files,
}

impl Writer {
    /// A writer for a table with these columns and table properties. The paths of `store` are relative to the table.
    ///
    /// # Errors
    /// Names a partition column that does not exist or cannot partition.
    pub fn new(
        schema: SchemaRef,
        partition_columns: Vec<String>,
        properties: &HashMap<String, String>,
        store: Arc<dyn ObjectStore>,
    ) -> Result<Self, WriteError> {
        let split = match partition_columns.is_empty() {
            true => None,
            false => Some(Split::new(&schema, &partition_columns)?),
        };
        let file_schema = Arc::clone(split.as_ref().map_or(&schema, Split::data_schema));
        let leaves = Leaf::all(&file_schema, &Indexed::of(properties));
        let encoding = encoding::properties(&file_schema)?;
        let files = Files::new(Arc::new(Layout::new(store, file_schema, encoding, leaves)));
        Ok(Self { schema, partition_columns, split, waiting: Vec::new(), waiting_bytes: 0, files })
    }

    /// The table's columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Writes rows.
    ///
    /// # Errors
    /// [`WriteError::Unwritable`] leaves out these rows, all of them; what was written before stays. [`unwritable_rows`] names
    /// such rows beforehand.
    pub async fn write(&mut self, rows: RecordBatch) -> Result<(), WriteError> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        self.require_columns(&rows)?;
        if let Some((_, value)) = unwritable_rows(&rows, &self.partition_columns).into_iter().next() {
            return Err(value.into());
        }
        let written = self.accept(rows).await;
        self.abandon_on_error(written)
    }

    /// Finishes the files of all rows since the last call, and returns the actions that make them visible.
    ///
    /// # Errors
    /// When a file cannot be encoded or stored.
    pub async fn finish(&mut self) -> Result<Vec<Add>, WriteError> {
        let finished = match self.distribute().await {
            Ok(()) => self.files.finish().await,
            Err(error) => Err(error),
        };
        self.abandon_on_error(finished)
    }

    /// Drops all rows since the last [`Self::finish`], and aborts unfinished uploads in the background. Finished files stay
    /// behind, invisible.
    pub fn abandon(&mut self) {
        self.waiting.clear();
        self.waiting_bytes = 0;
        self.files.abandon();
    }

    fn abandon_on_error<T>(&mut self, result: Result<T, WriteError>) -> Result<T, WriteError> {
        result.inspect_err(|_| self.abandon())
    }

    fn require_columns(&self, rows: &RecordBatch) -> Result<(), ArrowError> {
        let schema = rows.schema();
        let is_same = schema.fields().len() == self.schema.fields().len()
            && schema.fields().iter().zip(self.schema.fields()).zip(rows.columns()).all(|((field, table), array)| {
                field.name() == table.name()
                    && field.data_type().equals_datatype(table.data_type())
                    && (table.is_nullable() || array.null_count() == 0)
            });
        match is_same {
            true => Ok(()),
            false => Err(ArrowError::SchemaError(format!("rows have {schema}, but the table has {}", self.schema))),
        }
    }

    async fn accept(&mut self, rows: RecordBatch) -> Result<(), WriteError> {
        if self.split.is_none() {
            return self.files.write(Key::default(), Vec::new(), &rows).await;
        }
        self.waiting_bytes += rows.get_array_memory_size();
        self.waiting.push(rows);
        match self.waiting_bytes >= WAITING_BYTES_MAX {
            true => self.distribute().await,
            false => Ok(()),
        }
    }

    /// Writes the waiting rows into the files of their partitions.
    async fn distribute(&mut self) -> Result<(), WriteError> {
        let Some(split) = &self.split else { return Ok(()) };
        let groups = split.split(&std::mem::take(&mut self.waiting))?;
        self.waiting_bytes = 0;
        for group in groups {
            self.files.write(group.key, group.values, &group.rows).await?;
        }
        Ok(())
    }
}
