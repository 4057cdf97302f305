//! A Parquet file in an object store, as the `parquet` crate's reader wants it. Knows nothing of tables.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use deltalake::{ObjectStoreError, Path};
use futures::future::{BoxFuture, FutureExt as _, TryFutureExt as _};
use object_store::{ObjectStore, ObjectStoreExt as _};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::{AsyncFileReader, ParquetRecordBatchStream};
use parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

/// How much of a file's end the first request reads; it contains the footer.
const FOOTER_BYTES: usize = 64 << 10;

/// A file and the store that holds it.
pub struct ParquetFile {
    store: Arc<dyn ObjectStore>,
    path: Path,
    bytes: u64,
}

impl ParquetFile {
    /// The file at `path`, which is `bytes` long.
    pub fn new(store: Arc<dyn ObjectStore>, path: Path, bytes: u64) -> Self {
        Self { store, path, bytes }
    }

    /// The file's rows, with those of `columns` that it has.
    pub async fn read(self, columns: &[&str]) -> Result<ParquetRecordBatchStream<Self>> {
        let builder = ParquetRecordBatchStreamBuilder::new(self).await?;
        let projection = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
        builder.with_projection(projection).build()
    }
}

/// Whether a file cannot be read because it does not exist.
pub fn is_missing(error: &ParquetError) -> bool {
    let ParquetError::External(source) = error else { return false };
    matches!(source.downcast_ref(), Some(ObjectStoreError::NotFound { .. }))
}

impl AsyncFileReader for ParquetFile {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes>> {
        self.store.get_range(&self.path, range).map_err(external).boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>>> {
        async move { self.store.get_ranges(&self.path, &ranges).await.map_err(external) }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>>> {
        let bytes = self.bytes;
        let reader =
            ParquetMetaDataReader::new().with_prefetch_hint(Some(FOOTER_BYTES)).with_arrow_reader_options(options);
        async move { Ok(Arc::new(reader.load_and_finish(self, bytes).await?)) }.boxed()
    }
}

fn external(error: ObjectStoreError) -> ParquetError {
    ParquetError::External(Box::new(error))
}
