//! One object on its way into the store: in one request if it is small, else in parts while it is still being written.
//! Knows nothing of Parquet but the trait by which its writer hands over bytes.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt as _, PutPayloadMut};
use parquet::arrow::async_writer::AsyncFileWriter;
use parquet::errors::{ParquetError, Result};
use tokio::task::{JoinError, JoinSet};

/// Parts are all of this size, the last one aside: some stores insist.
const PART_BYTES: usize = 8 << 20;
/// Parts that wait for the store's answer at one time.
const PARTS_IN_FLIGHT: usize = 4;

/// An object that is being written. Neither completed nor aborted, it leaves its parts in the store.
pub(super) struct Upload {
    store: Arc<dyn ObjectStore>,
    path: Path,
    buffer: PutPayloadMut,
    /// Begins with the first part.
    parts: Option<Box<dyn MultipartUpload>>,
    in_flight: JoinSet<object_store::Result<()>>,
}

impl Upload {
    /// Sends nothing yet.
    pub(super) fn new(store: Arc<dyn ObjectStore>, path: Path) -> Self {
        Self { store, path, buffer: PutPayloadMut::new(), parts: None, in_flight: JoinSet::new() }
    }

    /// The most bytes that `written` bytes of the object take up in memory.
    pub(super) fn memory(written: usize) -> usize {
        written.min(PART_BYTES * (1 + PARTS_IN_FLIGHT))
    }

    async fn push(&mut self, mut bytes: Bytes) -> Result<()> {
        while self.buffer.content_length() + bytes.len() >= PART_BYTES {
            let rest = bytes.split_off(PART_BYTES - self.buffer.content_length());
            self.buffer.push(bytes);
            bytes = rest;
            self.send_part().await?;
        }
        self.buffer.push(bytes);
        Ok(())
    }

    async fn send_part(&mut self) -> Result<()> {
        let parts = match &mut self.parts {
            Some(parts) => parts,
            none => none.insert(self.store.put_multipart(&self.path).await.map_err(external)?),
        };
        while self.in_flight.len() >= PARTS_IN_FLIGHT {
            settle(self.in_flight.join_next().await)?;
        }
        self.in_flight.spawn(parts.put_part(std::mem::take(&mut self.buffer).freeze()));
        Ok(())
    }

    async fn complete_object(&mut self) -> Result<()> {
        if self.parts.is_none() {
            let bytes = std::mem::take(&mut self.buffer).freeze();
            return self.store.put(&self.path, bytes).await.map(drop).map_err(external);
        }
        if self.buffer.content_length() > 0 {
            self.send_part().await?;
        }
        while !self.in_flight.is_empty() {
            settle(self.in_flight.join_next().await)?;
        }
        match &mut self.parts {
            Some(parts) => parts.complete().await.map(drop).map_err(external),
            None => Ok(()),
        }
    }

    /// Removes the parts that the store has already.
    pub(super) async fn abort(&mut self) -> object_store::Result<()> {
        self.in_flight.shutdown().await;
        match &mut self.parts {
            Some(parts) => parts.abort().await,
            None => Ok(()),
        }
    }
}

impl AsyncFileWriter for Upload {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.push(bytes))
    }

    fn complete(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.complete_object())
    }
}

fn settle(ended: Option<std::result::Result<object_store::Result<()>, JoinError>>) -> Result<()> {
    match ended {
        Some(Ok(sent)) => sent.map_err(external),
        Some(Err(error)) => Err(ParquetError::External(Box::new(error))),
        None => Ok(()),
    }
}

fn external(error: object_store::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}
