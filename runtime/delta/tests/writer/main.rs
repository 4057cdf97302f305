//! The writer against delta-rs, which reads back what it wrote.

mod bounds;
mod limits;
mod partitions;
mod rows;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use deltalake::DeltaTable;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel as _;
use deltalake::kernel::transaction::CommitBuilder;
use deltalake::kernel::{Action, Add, StructField};
use deltalake::protocol::{DeltaOperation, SaveMode};
use object_store::ObjectStoreExt as _;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sluicebox_delta::Writer;

/// A table in a folder of its own.
pub struct Fixture {
    folder: Option<tempfile::TempDir>,
    table: DeltaTable,
    /// Writes into the table.
    pub writer: Writer,
}

impl Fixture {
    /// A table with these columns and properties.
    pub async fn new(schema: SchemaRef, partition_columns: &[&str], properties: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let fixture = Self::at(folder.path(), schema, partition_columns, properties).await;
        Self { folder: Some(folder), ..fixture }
    }

    /// The same at a place that stays.
    pub async fn at(folder: &Path, schema: SchemaRef, partition_columns: &[&str], properties: &[(&str, &str)]) -> Self {
        std::fs::create_dir_all(folder).expect("a folder");
        let location = folder.to_str().expect("UTF-8");
        let partition_columns: Vec<String> = partition_columns.iter().map(|&name| name.to_owned()).collect();
        let properties: HashMap<String, String> =
            properties.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let table = DeltaTable::try_from_url(deltalake::ensure_table_uri(location).expect("a URL"))
            .await
            .expect("a table")
            .create()
            .with_columns(
                schema.fields().iter().map(|f| -> StructField { f.as_ref().try_into_kernel().expect("a type") }),
            )
            .with_partition_columns(partition_columns.clone())
            .with_configuration(properties.iter().map(|(name, value)| (name.clone(), Some(value.clone()))))
            .await
            .expect("creates");
        let writer = Writer::new(schema, partition_columns, &properties, table.object_store()).expect("a writer");
        Self { folder: None, table, writer }
    }

    /// Makes files visible, and returns the table as delta-rs sees it then.
    pub async fn commit(&mut self, adds: Vec<Add>) -> &DeltaTable {
        let operation = DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
        let state = self.table.snapshot().expect("loaded");
        CommitBuilder::default()
            .with_actions(adds.into_iter().map(Action::Add).collect())
            .build(Some(state), self.table.log_store(), operation)
            .await
            .expect("commits");
        self.table.load().await.expect("loads");
        &self.table
    }

    /// The file at `path`.
    pub async fn file(&self, path: &str) -> Bytes {
        let path = object_store::path::Path::parse(path).expect("a path");
        self.table.object_store().get(&path).await.expect("a file").bytes().await.expect("its bytes")
    }

    /// The rows of the file at `path`.
    pub async fn read(&self, path: &str) -> RecordBatch {
        let builder = ParquetRecordBatchReaderBuilder::try_new(self.file(path).await).expect("Parquet");
        let schema = builder.schema().clone();
        let batches: Vec<_> = builder.build().expect("reads").collect::<Result<_, _>>().expect("rows");
        concat_batches(&schema, &batches).expect("one schema")
    }

    /// Files in the table's own folder, those of unfinished uploads included.
    pub fn files_on_disk(&self) -> usize {
        let folder = self.folder.as_ref().expect("a folder of its own").path();
        let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
        entries.filter(|entry| entry.file_type().expect("a type").is_file()).count()
    }
}

/// Runs a story on a runtime of its own.
pub fn block_on<T>(story: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("starts").block_on(story)
}

/// The file's statistics.
pub fn stats(add: &Add) -> serde_json::Value {
    serde_json::from_str(add.stats.as_deref().expect("statistics")).expect("JSON")
}

/// A batch with one column.
pub fn one_column(name: &str, array: impl arrow::array::Array + 'static) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable([(name, Arc::new(array) as _, true)]).expect("rows")
}
