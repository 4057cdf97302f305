//! The stores that hold tables, by the scheme of a location: folders through [`folder`](crate::folder), `s3://` through the store's
//! conditional PUT (no DynamoDB, no lock table). Knows nothing of tables, and of AWS only how buckets are addressed. A
//! caller that has credentials from elsewhere than the environment passes them to [`reach_s3`].
//!
//! A response may be lost, and then the S3 client repeats the request by itself. A commit may therefore get "already
//! exists" in answer to its own repetition. `commit.rs` resolves that with the ledger; nothing here tries to.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::{Arc, LazyLock, Mutex, Once, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use deltalake::logstore::{
    LogStore, LogStoreFactory, ObjectStoreFactory, ObjectStoreRef, StorageConfig, default_logstore, logstore_factories,
    object_store_factories,
};
use deltalake::{DeltaResult, DeltaTableError};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsCredentialProvider};
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt as _, RetryConfig};
use sluicebox_settings::{S3Settings, is_endpoint};
use url::Url;

use crate::folder::Folders;
use crate::store_refusal::BadAccess;

/// How long the S3 client repeats a failing request before it returns the error. Short: the walk has a backoff of its own,
/// and has to poll its consumer group meanwhile (`max.poll.interval.ms`).
const RETRY_TIMEOUT: Duration = Duration::from_secs(20);
/// How long one request may take: enough for a row group of a Parquet file over a slow connection.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// The URL of a table's location, which is a folder or a URL. Creates a folder that does not exist.
pub fn url(location: &str) -> DeltaResult<Url> {
    register_stores();
    if !location.contains("://") {
        create_folder(location)?;
    }
    deltalake::table::builder::ensure_table_uri(location)
}

/// delta-rs would create it as well, and lose the reason if that fails.
pub(crate) fn create_folder(location: &str) -> DeltaResult<()> {
    std::fs::create_dir_all(location).map_err(|error| {
        let reason = match error.kind() {
            // Of a folder that is missing this would not be said: some file systems take none, such as `/proc`.
            ErrorKind::NotFound => {
                std::io::Error::new(ErrorKind::PermissionDenied, "the file system takes no folder here")
            }
            ErrorKind::AlreadyExists => ErrorKind::NotADirectory.into(),
            _ => error,
        };
        DeltaTableError::Io { source: reason }
    })
}

/// A folder or a bucket's prefix as an object store, for objects that are not a table. Creates a folder that does not
/// exist.
pub fn objects(location: &str) -> DeltaResult<Arc<dyn ObjectStore>> {
    let url = url(location)?;
    let scheme = Url::parse(&format!("{}://", url.scheme()))
        .map_err(|error| DeltaTableError::InvalidTableLocation(format!("{location}: {error}")))?;
    let stores = object_store_factories().get(&scheme).map(|stores| Arc::clone(&stores));
    let stores = stores.ok_or_else(|| DeltaTableError::InvalidTableLocation(location.to_owned()))?;
    let (store, prefix) = stores.parse_url_opts(&url, &StorageConfig::default())?;
    Ok(Arc::new(PrefixStore::new(store, prefix)))
}

/// The bucket and the key of an `s3://` URL, as every request addresses them; none of another location.
pub fn bucket_and_key(location: &str) -> Option<(String, Path)> {
    let url = Url::parse(location).ok().filter(|url| url.scheme() == "s3")?;
    Some((url.host_str()?.to_owned(), Path::from_url_path(url.path()).ok()?))
}

/// The object at an `s3://` URL.
pub async fn read(location: &str) -> DeltaResult<Bytes> {
    let url =
        Url::parse(location).map_err(|error| DeltaTableError::InvalidTableLocation(format!("{location}: {error}")))?;
    let (store, path) = S3.parse_url_opts(&url, &StorageConfig::default())?;
    Ok(store.get(&path).await?.bytes().await?)
}

/// Registers `scheme` for tables; `stores` opens its object stores.
pub fn register(scheme: &str, stores: Arc<dyn ObjectStoreFactory>) -> DeltaResult<()> {
    let scheme = Url::parse(&format!("{scheme}://"))
        .map_err(|error| DeltaTableError::InvalidTableLocation(format!("{scheme}: {error}")))?;
    object_store_factories().insert(scheme.clone(), stores);
    logstore_factories().insert(scheme, Arc::new(PutIfAbsent));
    Ok(())
}

fn register_stores() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        if let Err(error) = register("file", Arc::new(Folders)) {
            tracing::error!(%error, "folders not registered; their writes may not survive a power loss");
        }
        if let Err(error) = register("s3", Arc::new(S3)) {
            tracing::error!(%error, "s3:// not registered; tables and registries on S3 will fail to open");
        }
    });
}

/// A table log whose next entry is written by a PUT that fails if the entry exists.
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

/// How this process reaches buckets.
#[derive(Clone, Debug, Default)]
pub struct S3Access {
    /// Endpoint, region and form of address. The environment fills in what they leave out.
    pub settings: S3Settings,
    /// Provides the credentials; none: the environment, the container's role or the instance's role.
    pub credentials: Option<AwsCredentialProvider>,
}

/// How buckets are reached, and one client per bucket that was opened so far: tables of one bucket share connections, and
/// the CA certificates are read once.
#[derive(Default)]
struct Buckets {
    access: S3Access,
    clients: BTreeMap<String, ObjectStoreRef>,
}

/// One for the whole process, as delta-rs' registry of stores is: a process runs one pipeline.
static BUCKETS: LazyLock<Mutex<Buckets>> = LazyLock::new(Mutex::default);

/// Sets how tables that are opened from now on reach their buckets.
pub fn reach_s3(access: S3Access) {
    *BUCKETS.lock().unwrap_or_else(PoisonError::into_inner) = Buckets { access, clients: BTreeMap::new() };
}

/// Opens buckets as [`reach_s3`] has set; without it, as the environment says (`AWS_ENDPOINT_URL`, `AWS_REGION`, …).
struct S3;

impl ObjectStoreFactory for S3 {
    fn parse_url_opts(&self, url: &Url, _: &StorageConfig) -> DeltaResult<(ObjectStoreRef, Path)> {
        // Held while a client is built: two tables that open one bucket at once would otherwise build two. Building
        // waits for no network, and a panic in between leaves the map whole.
        let mut buckets = BUCKETS.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = url.host_str().unwrap_or_default();
        let store = match buckets.clients.get(bucket) {
            Some(client) => Arc::clone(client),
            None => {
                let client = client(url, &buckets.access)?;
                buckets.clients.insert(bucket.to_owned(), Arc::clone(&client));
                client
            }
        };
        Ok((store, Path::from_url_path(url.path())?))
    }
}

/// A client for the bucket of `url`.
fn client(url: &Url, access: &S3Access) -> DeltaResult<ObjectStoreRef> {
    let variables = std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
    let mut builder = addressed(from_environment(variables)?, url, &access.settings);
    if let Some(credentials) = &access.credentials {
        builder = builder.with_credentials(Arc::clone(credentials));
    }
    let client = ClientOptions::new().with_timeout(REQUEST_TIMEOUT).with_allow_http(is_plain_http(&builder));
    let retry = RetryConfig { retry_timeout: RETRY_TIMEOUT, max_retries: 5, ..RetryConfig::default() };
    Ok(Arc::new(builder.with_client_options(client).with_retry(retry).build()?))
}

/// What the environment says. A variable that is empty counts as unset; one that the client could not use is refused here, by
/// name, because the client would panic.
fn from_environment(variables: impl Iterator<Item = (String, String)>) -> DeltaResult<AmazonS3Builder> {
    let mut builder = AmazonS3Builder::new();
    for (name, value) in variables.filter(|(name, _)| name.starts_with("AWS_")) {
        let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() else { continue };
        let value = value.trim();
        if value.is_empty() {
            continue;
        }
        if let Some(why) = flaw(key, value) {
            let name = format!("the environment variable {name}");
            return Err(DeltaTableError::GenericError { source: Box::new(BadAccess { name, why }) });
        }
        builder = builder.with_config(key, value);
    }
    Ok(builder)
}

/// What keeps a value from being used.
fn flaw(key: AmazonS3ConfigKey, value: &str) -> Option<&'static str> {
    use AmazonS3ConfigKey::{DefaultRegion, Endpoint, Region, S3Endpoint};
    match key {
        Endpoint | S3Endpoint if !is_endpoint(value) => {
            Some("is not the URL of a store, such as `https://minio.example.org:9000`, without a bucket")
        }
        Region | DefaultRegion if !value.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') => {
            Some("is not a region, such as `eu-central-1`")
        }
        _ if value.contains(|c: char| c.is_control() || !c.is_ascii()) => Some("has a character that none may have"),
        _ => None,
    }
}

/// Addresses the bucket of `url`. The settings take precedence over what `builder` has from the environment.
fn addressed(builder: AmazonS3Builder, url: &Url, settings: &S3Settings) -> AmazonS3Builder {
    let mut builder = builder.with_url(url.as_str());
    if let Some(region) = &settings.region {
        builder = builder.with_region(region);
    }
    if let Some(endpoint) = &settings.endpoint {
        // The S3-specific key takes precedence over the general one, so the environment cannot override the settings.
        builder = builder.with_config(AmazonS3ConfigKey::S3Endpoint, endpoint);
    }
    let Some(path_style) = settings.path_style else { return builder };
    if !path_style
        && let Some(endpoint) = endpoint(&builder)
        && let Some(endpoint) = with_bucket(&endpoint, url.host_str().unwrap_or_default())
    {
        builder = builder.with_config(AmazonS3ConfigKey::S3Endpoint, endpoint);
    }
    builder.with_virtual_hosted_style_request(!path_style)
}

fn endpoint(builder: &AmazonS3Builder) -> Option<String> {
    let keys = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint];
    keys.iter().find_map(|key| builder.get_config_value(key))
}

/// The endpoint of one bucket, in the form that the client expects for virtual-hosted requests.
fn with_bucket(endpoint: &str, bucket: &str) -> Option<String> {
    let mut url = Url::parse(endpoint).ok()?;
    let host = format!("{bucket}.{}", url.host_str()?);
    url.set_host(Some(&host)).ok()?;
    Some(url.as_str().trim_end_matches('/').to_owned())
}

/// Whether the endpoint is plain HTTP, which the client accepts only if it is told to.
fn is_plain_http(builder: &AmazonS3Builder) -> bool {
    endpoint(builder).is_some_and(|endpoint| endpoint.starts_with("http://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(environment: &[(AmazonS3ConfigKey, &str)], settings: &S3Settings) -> AmazonS3Builder {
        let from_environment =
            environment.iter().fold(AmazonS3Builder::new(), |it, (key, value)| it.with_config(*key, *value));
        addressed(from_environment, &Url::parse("s3://lake/orders").unwrap(), settings)
    }

    #[test]
    fn the_file_goes_before_the_environment() {
        let environment = [
            (AmazonS3ConfigKey::Endpoint, "http://general:1"),
            (AmazonS3ConfigKey::S3Endpoint, "http://specific:1"),
            (AmazonS3ConfigKey::Region, "us-west-1"),
        ];
        let silent = built(&environment, &S3Settings::default());
        assert_eq!(endpoint(&silent).as_deref(), Some("http://specific:1"));
        assert_eq!(silent.get_config_value(&AmazonS3ConfigKey::Region).as_deref(), Some("us-west-1"));
        assert!(is_plain_http(&silent));

        let settings = S3Settings {
            endpoint: Some("https://store.example.org".to_owned()),
            region: Some("eu-central-1".to_owned()),
            path_style: None,
        };
        let told = built(&environment, &settings);
        assert_eq!(endpoint(&told).as_deref(), Some("https://store.example.org"));
        assert_eq!(told.get_config_value(&AmazonS3ConfigKey::Region).as_deref(), Some("eu-central-1"));
        assert!(!is_plain_http(&told));
    }

    #[test]
    fn a_variable_that_makes_no_sense_is_named_and_not_quoted() {
        let read = |name: &str, value: &str| from_environment([(name.to_owned(), value.to_owned())].into_iter());
        for (name, value) in [
            ("AWS_ENDPOINT_URL", "localhost:9000"),
            ("AWS_ENDPOINT_URL", "http://localhost:99999"),
            ("AWS_ENDPOINT_URL_S3", "http://local host"),
            ("AWS_ENDPOINT", "http://localhost;x"),
            ("AWS_ENDPOINT_URL", "http://localhost/bucket"),
            ("AWS_REGION", "eu central"),
            ("AWS_ACCESS_KEY_ID", "te\nsts"),
            ("AWS_SECRET_ACCESS_KEY", "schlüssel"),
        ] {
            let said = read(name, value).expect_err(name).to_string();
            assert!(said.contains(name) && !said.contains(value), "{said}");
        }
        for value in ["", " ", "http://localhost:9000\n", " http://localhost:9000", "http://host_name:9000/"] {
            let builder = read("AWS_ENDPOINT_URL", value).unwrap();
            assert_eq!(endpoint(&builder).as_deref(), Some(value.trim()).filter(|value| !value.is_empty()));
        }
        let key = read("AWS_ACCESS_KEY_ID", "tests\n").unwrap();
        assert_eq!(key.get_config_value(&AmazonS3ConfigKey::AccessKeyId).as_deref(), Some("tests"));
    }

    #[test]
    fn a_bucket_is_named_in_the_path_or_in_the_host() {
        let endpoint_of = |path_style| {
            let settings =
                S3Settings { endpoint: Some("https://store.example.org:9000".to_owned()), region: None, path_style };
            endpoint(&built(&[], &settings)).unwrap_or_default()
        };
        assert_eq!(endpoint_of(None), "https://store.example.org:9000");
        assert_eq!(endpoint_of(Some(true)), "https://store.example.org:9000");
        assert_eq!(endpoint_of(Some(false)), "https://lake.store.example.org:9000");
    }
}
