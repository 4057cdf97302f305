//! A real S3 store on the loopback interface: SeaweedFS, one process, with conditional PUT and signatures checked. Knows
//! nothing of Sluicebox.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use object_store::aws::AmazonS3Builder;
use object_store::{ObjectStoreExt as _, PutPayload, RetryConfig};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::lifeline::Lifeline;
use crate::{place, ports};

/// The bucket that all tests share, each with a prefix of its own.
pub const BUCKET: &str = "tables";
const ACCESS_KEY: &str = "tests";
const SECRET_KEY: &str = "not-a-secret";
const START_DURATION_MAX: Duration = Duration::from_secs(60);

/// A store with one bucket. Dropped, it is killed and its data removed.
pub struct S3 {
    address: String,
    _process: Lifeline,
    // Last: fields drop in order, and the folder goes when the process is gone.
    _folder: Lifeline,
}

impl S3 {
    /// The store that all tests of this binary share; started by the first to ask.
    pub fn shared() -> Result<&'static Self> {
        static SHARED: LazyLock<Result<S3>> = LazyLock::new(S3::start);
        SHARED.as_ref().map_err(|error| anyhow!("the shared S3 store did not start: {error:#}"))
    }

    /// Starts a store of its own. Takes about five seconds.
    pub fn start() -> Result<Self> {
        let folder = fresh_folder()?;
        let lifeline = Lifeline::folder(&folder)?;
        let ports = ports::free(8)?;
        let log = folder.join("log");
        let process = Lifeline::start(&place::seaweedfs()?.to_string_lossy(), arguments(&folder, &ports)?, &log)?;
        let s3_port = ports.first().context("no port")?;
        let store = Self { address: format!("127.0.0.1:{s3_port}"), _process: process, _folder: lifeline };
        store.make_bucket(BUCKET).with_context(|| last_lines(&log))?;
        Ok(store)
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What a client must have in its environment.
    pub fn environment(&self) -> Vec<(String, String)> {
        environment(&self.address)
    }

    /// A bucket comes to be with the first object in it. At the start, the parts of the store look for each other until then.
    ///
    /// # Errors
    /// If the store does not answer.
    pub fn make_bucket(&self, name: &str) -> Result<()> {
        let runtime = Runtime::new()?;
        let started = Instant::now();
        let retry = RetryConfig { max_retries: 0, ..Default::default() };
        let store = AmazonS3Builder::new()
            .with_endpoint(format!("http://{}", self.address))
            .with_allow_http(true)
            .with_region("us-east-1")
            .with_access_key_id(ACCESS_KEY)
            .with_secret_access_key(SECRET_KEY)
            .with_bucket_name(name)
            .with_retry(retry)
            .build()?;
        loop {
            match runtime.block_on(store.put(&"first".into(), PutPayload::from_static(b"object"))) {
                Ok(_) => return Ok(()),
                Err(_) if started.elapsed() < START_DURATION_MAX => std::thread::sleep(Duration::from_millis(200)),
                Err(error) => bail!("SeaweedFS was not up after {START_DURATION_MAX:?}: {error}"),
            }
        }
    }
}

/// What a client of the store, or of a proxy before it, must have in its environment.
pub fn environment(address: &str) -> Vec<(String, String)> {
    let variables = [
        ("AWS_ENDPOINT_URL", format!("http://{address}")),
        ("AWS_ALLOW_HTTP", "true".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
    ];
    variables.map(|(name, value)| (name.to_owned(), value)).to_vec()
}

fn fresh_folder() -> Result<PathBuf> {
    let parent = place::target()?.join("s3");
    fs::create_dir_all(&parent)?;
    Ok(tempfile::Builder::new().prefix("store-").tempdir_in(parent)?.keep())
}

fn arguments(folder: &Path, ports: &[u16]) -> Result<Vec<String>> {
    let credentials = json!({"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY});
    let users = json!({"identities": [{"name": "tests", "credentials": [credentials], "actions": ["Admin"]}]});
    let users_file = folder.join("users.json");
    fs::write(&users_file, users.to_string())?;
    let listeners = [
        "s3.port",
        "s3.port.grpc",
        "master.port",
        "master.port.grpc",
        "volume.port",
        "volume.port.grpc",
        "filer.port",
        "filer.port.grpc",
    ];
    let mut arguments =
        vec!["server".to_owned(), format!("-dir={}", folder.display()), format!("-s3.config={}", users_file.display())];
    arguments.extend(listeners.iter().zip(ports).map(|(listener, port)| format!("-{listener}={port}")));
    let fixed = [
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-s3",
        "-s3.iam=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-master.telemetry=false",
        "-master.volumePreallocate=false",
        "-master.volumeSizeLimitMB=1024",
        "-volume.max=100",
    ];
    arguments.extend(fixed.map(str::to_owned));
    Ok(arguments)
}

fn last_lines(log: &Path) -> String {
    let said = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = said.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}
