//! One data file: rows in, an `add` action out. Its encoded row groups go to the store while it is being written.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use deltalake::kernel::Add;
use object_store::ObjectStore;
use object_store::path::Path;
use parquet::arrow::AsyncArrowWriter;
use parquet::file::properties::{DEFAULT_DATA_PAGE_ROW_COUNT_LIMIT, WriterProperties};
use tracing::warn;
use uuid::Uuid;

use super::leaf::{self, Leaf};
use super::upload::Upload;
use super::{WriteError, path, statistics};
use crate::wall_clock;

/// What the encoder of a column takes beside the bytes that it reports, at first.
const ENCODER_BYTES: usize = 16 << 10;
/// The same once it has compressed a page: most of it is the state of its compressor.
const COMPRESSOR_BYTES: usize = 256 << 10;

/// A partition's values by column; none for null. Empty in a table without partitions.
pub(super) type PartitionValues = Vec<(String, Option<String>)>;

/// What all files of a writer have in common.
pub(super) struct Layout {
    store: Arc<dyn ObjectStore>,
    /// The columns of the files: those of the table without its partition columns.
    schema: SchemaRef,
    properties: WriterProperties,
    leaves: Vec<Leaf>,
    /// How many columns a file has in Parquet's count, which knows no nesting.
    width: usize,
}

impl Layout {
    pub(super) fn new(
        store: Arc<dyn ObjectStore>,
        schema: SchemaRef,
        properties: WriterProperties,
        leaves: Vec<Leaf>,
    ) -> Self {
        let width = schema.fields().iter().map(|field| leaf::width(field.data_type())).sum();
        Self { store, schema, properties, leaves, width }
    }
}

/// A file that is being written. Neither finished nor aborted, it may leave parts in the store.
pub(super) struct File {
    layout: Arc<Layout>,
    path: Path,
    partition: PartitionValues,
    writer: AsyncArrowWriter<Upload>,
    rows: usize,
    /// For each leaf with statistics, whether it holds a NaN.
    has_nan: Vec<bool>,
}

impl File {
    pub(super) fn create(layout: &Arc<Layout>, partition: PartitionValues, number: u64) -> Result<Self, WriteError> {
        // A fresh name each time: no attempt may overwrite a file that an earlier attempt has made visible.
        let name = format!("part-{number:05}-{}-c000.zstd.parquet", Uuid::new_v4());
        let path = path::of(&partition, &name).map_err(object_store::Error::from)?;
        let upload = Upload::new(Arc::clone(&layout.store), path.clone());
        let writer = AsyncArrowWriter::try_new(upload, Arc::clone(&layout.schema), Some(layout.properties.clone()))?;
        let has_nan = vec![false; layout.leaves.len()];
        Ok(Self { layout: Arc::clone(layout), path, partition, writer, rows: 0, has_nan })
    }

    pub(super) async fn write(&mut self, rows: &RecordBatch) -> Result<(), WriteError> {
        self.rows += rows.num_rows();
        for (leaf, has_nan) in self.layout.leaves.iter().zip(&mut self.has_nan) {
            *has_nan = *has_nan || leaf.holds_nan(rows);
        }
        Ok(self.writer.write(rows).await?)
    }

    /// Rows written so far.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// About how many bytes of memory the file takes.
    pub(super) fn memory(&self) -> usize {
        let has_pages = self.rows >= DEFAULT_DATA_PAGE_ROW_COUNT_LIMIT;
        let encoder = if has_pages { COMPRESSOR_BYTES } else { ENCODER_BYTES };
        self.writer.memory_size() + self.layout.width * encoder + Upload::memory(self.writer.bytes_written())
    }

    /// Writes the rest, and returns the action that makes the file visible.
    pub(super) async fn finish(mut self) -> Result<Add, WriteError> {
        let footer = match self.writer.finish().await {
            Ok(footer) => footer,
            Err(error) => {
                self.abort().await;
                return Err(error.into());
            }
        };
        let modified_at = wall_clock::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Add {
            path: self.path.to_string(),
            partition_values: self.partition.into_iter().collect(),
            size: i64::try_from(self.writer.bytes_written()).unwrap_or(i64::MAX),
            modification_time: i64::try_from(modified_at.as_millis()).unwrap_or(i64::MAX),
            data_change: true,
            stats: Some(statistics::json(&footer, &self.layout.leaves, &self.has_nan)),
            tags: None,
            deletion_vector: None,
            base_row_id: None,
            default_row_commit_version: None,
            clustering_provider: None,
        })
    }

    /// Removes what the store has of the file.
    pub(super) async fn abort(self) {
        if let Err(error) = self.writer.into_inner().abort().await {
            warn!(path = %self.path, %error, "cannot abort an upload; its parts stay in the bucket until they are cleaned up");
        }
    }
}
