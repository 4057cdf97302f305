//! The archive beside the dead-letter table: what a replay or redrive needs to judge the letters again. Its names begin with
//! an underscore, because readers of Delta tables and `VACUUM` ignore such names. Objects are written once and never changed.
//!
//! - `_transforms/<hex>.wasm`: each transform that ever judged, by its digest, which is checked on reading;
//! - `_redrives/<id>.json`: each redrive's transform and replay context, so that a later run can finish it.

use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, PutPayload};
use sluicebox_sandbox::{Digest, Transform};

use crate::Table;
use crate::archive_error::ArchiveError;

/// The objects beside a dead-letter table.
#[derive(Clone)]
pub struct Archive {
    store: Arc<dyn ObjectStore>,
    location: String,
}

impl Archive {
    /// The archive beside a dead-letter table.
    pub fn beside(table: &Table) -> Self {
        Self { store: table.store(), location: table.location().to_owned() }
    }

    /// Stores a transform, unless the archive has it already.
    pub async fn keep(&self, transform: &Transform) -> Result<(), ArchiveError> {
        let object = transform_object(&transform.digest().to_string());
        self.put(&object, || Bytes::copy_from_slice(transform.wasm())).await
    }

    /// The bytes of the transform with this digest, `sha256:…`.
    pub async fn transform(&self, digest: &str) -> Result<Vec<u8>, ArchiveError> {
        let object = transform_object(digest);
        let advice = "give its component with `--transform`";
        let bytes = self.get(&object, advice).await?;
        let found = Digest::of(&bytes).to_string();
        // A name proves nothing: a copied or cut object would judge the letters by other rules than it claims.
        if found != digest {
            return Err(self.damaged(&object, format!("its digest is {found}")));
        }
        Ok(bytes.into())
    }

    /// Stores a redrive's claim.
    pub async fn keep_redrive(&self, id: &str, json: String) -> Result<(), ArchiveError> {
        self.put(&redrive_object(id), || Bytes::from(json)).await
    }

    /// Reads a redrive's claim.
    pub async fn redrive<T: serde::de::DeserializeOwned>(&self, id: &str) -> Result<T, ArchiveError> {
        let object = redrive_object(id);
        let bytes = self.get(&object, "letters that it claimed cannot be finished without it; put it back").await?;
        serde_json::from_slice(&bytes).map_err(|error| self.damaged(&object, error.to_string()))
    }

    /// Writes an object unless it exists. The write is conditional, so that concurrent writers do not overwrite each other.
    /// It looks for the object first, because a transform is large.
    async fn put(&self, object: &Path, bytes: impl FnOnce() -> Bytes) -> Result<(), ArchiveError> {
        match self.store.head(object).await {
            Ok(_) => return Ok(()),
            Err(object_store::Error::NotFound { .. }) => {}
            Err(source) => return Err(self.failed("looking for", object, source)),
        }
        match self.store.put_opts(object, PutPayload::from_bytes(bytes()), PutMode::Create.into()).await {
            // Another process was first, or this client repeated a request that had succeeded: the name fixes the
            // content.
            Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => Ok(()),
            Err(source) => Err(self.failed("writing", object, source)),
        }
    }

    async fn get(&self, object: &Path, advice: &'static str) -> Result<Bytes, ArchiveError> {
        let read = match self.store.get(object).await {
            Ok(found) => found.bytes().await,
            Err(source) => Err(source),
        };
        read.map_err(|source| match source {
            object_store::Error::NotFound { .. } => {
                ArchiveError::Missing { location: self.location.clone(), object: object.clone(), advice }
            }
            source => self.failed("reading", object, source),
        })
    }

    fn failed(&self, doing: &'static str, object: &Path, source: object_store::Error) -> ArchiveError {
        ArchiveError::Store { location: self.location.clone(), doing, object: object.clone(), source }
    }

    fn damaged(&self, object: &Path, why: String) -> ArchiveError {
        ArchiveError::Damaged { location: self.location.clone(), object: object.clone(), why }
    }
}

/// The name has the hexadecimal digits alone: not every store allows a colon.
fn transform_object(digest: &str) -> Path {
    let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
    Path::from_iter(["_transforms", &format!("{hex}.wasm")])
}

fn redrive_object(id: &str) -> Path {
    Path::from_iter(["_redrives", &format!("{id}.json")])
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    #[tokio::test]
    async fn damaged_and_missing_objects_are_reported() {
        let store = Arc::new(InMemory::new());
        let archive = Archive { store: store.clone(), location: "memory".to_owned() };
        let digest = Digest::of(b"component").to_string();
        let object = transform_object(&digest);
        assert!(matches!(archive.transform(&digest).await, Err(ArchiveError::Missing { .. })));
        store.put(&object, PutPayload::from_static(b"component")).await.expect("writes");
        assert_eq!(archive.transform(&digest).await.expect("reads"), b"component");
        store.put(&object, PutPayload::from_static(b"comp0nent")).await.expect("writes");
        assert!(matches!(archive.transform(&digest).await, Err(ArchiveError::Damaged { .. })));
    }

    #[tokio::test]
    async fn an_existing_object_is_never_overwritten() {
        let store = Arc::new(InMemory::new());
        let archive = Archive { store, location: "memory".to_owned() };
        archive.keep_redrive("id", "1".to_owned()).await.expect("writes");
        archive.keep_redrive("id", "2".to_owned()).await.expect("leaves it");
        assert_eq!(archive.redrive::<u64>("id").await.expect("reads"), 1);
    }
}
