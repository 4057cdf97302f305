//! The registry's objects: reads them whole, within a bound, writes them once, lists them. Knows bytes and names only.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt as _, PutMode, PutPayload};
use sluicebox_delta::store;

use crate::error::RegistryError;

/// How often to try a write that the store refuses although the object does not exist: S3 answers 409 to one of two
/// concurrent writes.
const CREATE_ATTEMPTS_MAX: usize = 5;

/// The object store of a registry.
#[derive(Clone)]
pub(crate) struct Objects {
    store: Arc<dyn ObjectStore>,
    location: Arc<str>,
}

/// The result of a write that must not replace an object.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Created {
    /// The object was created.
    New,
    /// The object exists with the same bytes.
    Same,
    /// The object exists with other bytes, which stay.
    Taken,
}

impl Objects {
    pub(crate) fn open(location: &str) -> Result<Objects, RegistryError> {
        let fail = |reason: String| RegistryError::Location { location: location.to_owned(), reason };
        if location.is_empty() {
            return Err(fail("it is empty".to_owned()));
        }
        let store = store::objects(location).map_err(|error| fail(error.to_string()))?;
        Ok(Objects { store, location: location.into() })
    }

    pub(crate) fn location(&self) -> &str {
        &self.location
    }

    /// The object's bytes; none if it does not exist, an error if it has more than `bytes_max`.
    pub(crate) async fn get(&self, object: &Path, bytes_max: u64) -> Result<Option<Bytes>, RegistryError> {
        let found = match self.store.get(object).await {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(source) => return Err(self.failed("reading", object, source)),
        };
        // Before the body is read: a huge object must not fill the memory.
        if found.meta.size > bytes_max {
            let why = format!("it has {} bytes, but at most {bytes_max} are allowed", found.meta.size);
            return Err(self.damaged(object, why));
        }
        found.bytes().await.map(Some).map_err(|source| self.failed("reading", object, source))
    }

    /// Creates an object; never replaces one. A lost response does no harm: the existing bytes are compared.
    pub(crate) async fn create(&self, object: &Path, bytes: &Bytes) -> Result<Created, RegistryError> {
        for _ in 0..CREATE_ATTEMPTS_MAX {
            let payload = PutPayload::from_bytes(bytes.clone());
            // Not returned at once: the response of a write that succeeded may be lost. What is stored now decides.
            let failure = match self.store.put_opts(object, payload, PutMode::Create.into()).await {
                Ok(_) => return Ok(Created::New),
                Err(Error::AlreadyExists { .. }) => None,
                Err(source) => Some(self.failed("writing", object, source)),
            };
            match (self.get(object, u64::MAX).await?, failure) {
                (Some(found), _) if found == *bytes => return Ok(Created::Same),
                (Some(_), _) => return Ok(Created::Taken),
                (None, Some(failure)) => return Err(failure),
                // The other writer has not finished yet, or has failed.
                (None, None) => tokio::time::sleep(Duration::from_millis(fastrand::u64(20..200))).await,
            }
        }
        Err(self.damaged(object, "the store says that it exists, but does not find it".to_owned()))
    }

    /// The names below a folder, at any depth.
    pub(crate) async fn list(&self, folder: &Path) -> Result<Vec<Path>, RegistryError> {
        let names = self.store.list(Some(folder)).map_ok(|meta| meta.location).try_collect();
        names.await.map_err(|source| self.failed("listing", folder, source))
    }

    /// The folders in a folder, or in the registry's root.
    pub(crate) async fn folders(&self, folder: Option<&Path>) -> Result<Vec<String>, RegistryError> {
        let listed = self.store.list_with_delimiter(folder).await;
        let listed = listed.map_err(|source| self.failed("listing", folder.unwrap_or(&Path::default()), source))?;
        Ok(listed.common_prefixes.iter().filter_map(|path| path.filename().map(str::to_owned)).collect())
    }

    pub(crate) fn damaged(&self, object: &Path, why: impl Into<String>) -> RegistryError {
        RegistryError::Damaged { location: self.location.to_string(), object: object.to_string(), why: why.into() }
    }

    pub(crate) fn missing(&self, what: String, advice: &'static str) -> RegistryError {
        RegistryError::Missing { location: self.location.to_string(), what, advice }
    }

    pub(crate) fn unsigned(&self, object: &Path, why: impl Into<String>) -> RegistryError {
        RegistryError::Unsigned { location: self.location.to_string(), object: object.to_string(), why: why.into() }
    }

    fn failed(&self, doing: &'static str, object: &Path, source: Error) -> RegistryError {
        let (location, object) = (self.location.to_string(), object.to_string());
        RegistryError::Store { location, doing, object, source: Box::new(source) }
    }
}
