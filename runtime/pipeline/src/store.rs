//! Where tables lie, by the scheme of their location: folders through delta-rs itself, `s3://` through the conditional PUT
//! of the store (no DynamoDB, no lock table). Knows nothing of tables.
//!
//! A response may be lost, and the client inside repeats requests by itself; that a commit answers "already there" to its
//! own repetition is the ledger's to sort out (`sink/commit.rs`), so nothing here tries to.

use std::sync::{Arc, Once};
use std::time::Duration;

use deltalake::logstore::{
    LogStore, LogStoreFactory, ObjectStoreFactory, ObjectStoreRef, StorageConfig, default_logstore, logstore_factories,
    object_store_factories,
};
use deltalake::{DeltaResult, DeltaTableError};
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{ClientOptions, RetryConfig};
use url::Url;

/// How long the client inside repeats a request that fails before the walk hears of it. Short: the walk has patience, and
/// meanwhile its group must hear of it (`max.poll.interval.ms`).
const RETRY_TIMEOUT: Duration = Duration::from_secs(20);
/// How long one request may take: a row group of a Parquet file over a slow line.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// The URL of a table's location, which is a folder or a URL. A folder that does not exist is made.
pub fn url(location: &str) -> DeltaResult<Url> {
    register_s3();
    deltalake::table::builder::ensure_table_uri(location)
}

/// Makes `scheme` known as a place for tables, served by `stores`.
pub fn register(scheme: &str, stores: Arc<dyn ObjectStoreFactory>) -> DeltaResult<()> {
    let scheme = Url::parse(&format!("{scheme}://"))
        .map_err(|error| DeltaTableError::InvalidTableLocation(format!("{scheme}: {error}")))?;
    object_store_factories().insert(scheme.clone(), stores);
    logstore_factories().insert(scheme, Arc::new(PutIfAbsent));
    Ok(())
}

fn register_s3() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        if let Err(error) = register("s3", Arc::new(S3)) {
            tracing::error!(%error, "tables on s3:// are out of reach");
        }
    });
}

/// A log whose next entry is claimed by a PUT that fails if it is there already.
struct PutIfAbsent;

impl LogStoreFactory for PutIfAbsent {
    fn with_options(
        &self,
        table: ObjectStoreRef,
        root: ObjectStoreRef,
        location: &Url,
        options: &StorageConfig,
    ) -> DeltaResult<Arc<dyn LogStore>> {
        Ok(default_logstore(table, root, location, options))
    }
}

/// Buckets, with endpoint, region and credentials from the environment (`AWS_ENDPOINT_URL`, `AWS_REGION`, …), the
/// container's role or the instance's.
struct S3;

impl ObjectStoreFactory for S3 {
    fn parse_url_opts(&self, url: &Url, _: &StorageConfig) -> DeltaResult<(ObjectStoreRef, Path)> {
        let client = ClientOptions::new()
            .with_timeout(REQUEST_TIMEOUT)
            .with_allow_http(std::env::var("AWS_ENDPOINT_URL").is_ok_and(|endpoint| endpoint.starts_with("http://")));
        let retry = RetryConfig { retry_timeout: RETRY_TIMEOUT, max_retries: 5, ..RetryConfig::default() };
        let store =
            AmazonS3Builder::from_env().with_url(url.as_str()).with_client_options(client).with_retry(retry).build()?;
        Ok((Arc::new(store), Path::from_url_path(url.path())?))
    }
}
