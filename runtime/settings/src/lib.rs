//! The settings of one pipeline: what its YAML file may say, and what the rest of the program gets to see.
//!
//! A file is read in four steps, each in its own module:
//!
//! 1. [`tree`]: text → a tree of values in which every value knows its place in the text;
//! 2. [`overrides`]: environment variables replace leaves of that tree (never text: there is no interpolation);
//! 3. [`reader`] and [`shape`]: the tree → the shapes that the file may have, unknown keys refused;
//! 4. [`checks`]: the shapes → [`Settings`], with the defaults filled in and the senseless refused.
//!
//! Whatever fails is a [`Diagnostic`]: a code, a place, and what to do. [`Settings`] itself knows nothing of YAML and
//! opens nothing but the files that secrets are read from.

mod artifact;
mod checks;
mod diagnostic;
mod human;
mod load;
mod names;
mod overrides;
mod reader;
mod secret;
mod shape;
mod tree;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use artifact::{ArtifactReference, ArtifactSettings, MalformedReference, Pick, is_artifact_name};
pub use diagnostic::{Diagnostic, SettingsError, did_you_mean};
pub use load::Document;
pub use secret::Secret;
use sluicebox_sandbox::Limits;


/// One pipeline: a source, a transform, its tables and its dead letters. All paths are absolute.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Unique among the pipelines that write to the same tables: it names the ledger's entries.
    pub name: String,
    /// Where records come from.
    pub source: SourceSettings,
    /// What happens to each of them.
    pub transform: TransformSettings,
    /// Where the rows go: one entry for each table that the transform describes.
    pub tables: BTreeMap<String, TableSettings>,
    /// Where rejected records go.
    pub dead_letters: DeadLetterSettings,
    /// When staged rows become visible.
    pub flush: FlushSettings,
    /// How many records cross into the sandbox at once.
    pub batch: BatchSettings,
    /// When a transform that rejects too much pauses the pipeline; none: never.
    pub breaker: Option<BreakerSettings>,
    /// Where the process answers for its health; none: nowhere.
    pub http: Option<HttpSettings>,
    /// How buckets are reached; see [`sluicebox_delta::store::reach_s3`].
    pub s3: S3Settings,
    /// How it runs as an AWS Lambda function; it need not.
    pub lambda: LambdaSettings,
    /// Whether rows carry the columns `_kafka_topic`, `_kafka_partition`, `_kafka_offset` and `_kafka_timestamp`.
    pub provenance: bool,
}

/// Where records come from.
#[derive(Debug, Clone)]
pub enum SourceSettings {
    /// A Kafka consumer group.
    Kafka(KafkaSettings),
    /// A file of records, read once.
    File(FileSettings),
}

/// A Kafka consumer group.
#[derive(Debug, Clone)]
pub struct KafkaSettings {
    /// `host:port`, comma-separated, as librdkafka takes it.
    pub brokers: String,
    /// What to subscribe to.
    pub topics: Topics,
    /// The consumer group; `sluicebox-<name>` unless the file says otherwise.
    pub group: String,
    /// Where a partition starts that no ledger knows.
    pub start: Start,
    /// Passed to librdkafka as they are; none of those that Sluicebox sets itself.
    pub properties: BTreeMap<String, Secret>,
    /// How the brokers are told who we are, unless `properties` say it.
    pub authentication: Option<Authentication>,
}

/// How the brokers are told who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication {
    /// As an AWS identity, by a signed token: Amazon MSK with IAM access control.
    MskIam {
        /// The cluster's region; none: as the brokers' names or the surroundings say.
        region: Option<String>,
    },
}

/// What a Kafka source subscribes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topics {
    /// These topics.
    Named(Vec<String>),
    /// All topics whose name matches; librdkafka's syntax, so it begins with `^`.
    Matching(String),
}

impl Topics {
    /// Whether a topic of this name is among them.
    pub fn take_in(&self, topic: &str) -> bool {
        match self {
            Topics::Named(names) => names.iter().any(|name| name == topic),
            Topics::Matching(pattern) => regex::Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(topic)),
        }
    }

    /// What librdkafka's `subscribe` takes.
    pub fn subscription(&self) -> Vec<&str> {
        match self {
            Topics::Named(names) => names.iter().map(String::as_str).collect(),
            Topics::Matching(pattern) => vec![pattern],
        }
    }
}

/// Where a partition starts that no ledger knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// At the oldest record that the broker still has.
    #[default]
    Earliest,
    /// At the end: only what is produced from now on.
    Latest,
}

/// A file of records, read once from its beginning to its end.
#[derive(Debug, Clone)]
pub struct FileSettings {
    /// Where the bytes are.
    pub path: FilePath,
    /// How a line becomes a record.
    pub format: RecordFormat,
    /// The topic that the records count as; the pipeline's name unless the file says otherwise.
    pub topic: String,
}

/// Where the bytes of a file source are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilePath {
    /// Standard input, written `-`.
    Stdin,
    /// A file, or a folder whose files are read in the order of their names.
    Path(PathBuf),
}

/// How a line of a file becomes a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RecordFormat {
    /// Each line is a JSON object with the record's key, value, headers and position.
    #[default]
    JsonLines,
    /// Each line is a record's value.
    Lines,
}

/// What happens to each record.
#[derive(Debug, Clone)]
pub struct TransformSettings {
    /// Where it comes from.
    pub origin: TransformOrigin,
    /// Handed to the transform's `configure` as a JSON object.
    pub configuration: serde_json::Value,
    /// What the transform may use up.
    pub limits: Limits,
}

/// Where a transform comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransformOrigin {
    /// A component in a file.
    File(PathBuf),
    /// An artifact in a registry.
    Artifact(ArtifactSettings),
}

/// Where a Delta table lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSettings {
    /// An absolute path or a URL.
    pub path: String,
}

/// Where rejected records go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterSettings {
    /// An absolute path or a URL.
    pub path: String,
    /// The topic that they are sent to as well; only of a Kafka source, to the same brokers.
    pub topic: Option<DeadLetterTopic>,
}

/// A topic for dead letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterTopic {
    /// Its name.
    pub name: String,
}

/// When staged rows become visible: at whichever of these comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlushSettings {
    /// Rows and dead letters staged.
    pub rows_max: usize,
    /// Bytes of records taken in since the last flush.
    pub bytes_max: u64,
    /// Age of the oldest staged record.
    pub interval: Duration,
}

impl Default for FlushSettings {
    fn default() -> Self {
        FlushSettings { rows_max: 1_000_000, bytes_max: 128 << 20, interval: Duration::from_secs(10) }
    }
}

/// How many records cross into the sandbox at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchSettings {
    /// Records.
    pub records_max: usize,
    /// Bytes of keys, values and headers.
    pub bytes_max: u64,
}

impl Default for BatchSettings {
    fn default() -> Self {
        BatchSettings { records_max: 1000, bytes_max: 1 << 20 }
    }
}

/// When a transform that rejects too much pauses the pipeline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BreakerSettings {
    /// How many of the last records are looked at.
    pub window_records: u64,
    /// The share of them that may be rejected; at least 0, less than 1.
    pub rejected_share_max: f64,
}

impl BreakerSettings {
    /// How many of the last records may be rejected.
    pub fn rejected_max(&self) -> u64 {
        (self.rejected_share_max * self.window_records as f64).floor() as u64
    }
}

impl Default for BreakerSettings {
    fn default() -> Self {
        BreakerSettings { window_records: 10_000, rejected_share_max: 0.5 }
    }
}

/// How buckets are reached. What is not said here is taken from the environment (`AWS_ENDPOINT_URL`, `AWS_REGION`, …);
/// credentials never stand here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct S3Settings {
    /// The URL of a store that is not Amazon's; plain `http://` only if it is written so.
    pub endpoint: Option<String>,
    /// The buckets' region.
    pub region: Option<String>,
    /// Whether the bucket is named in the path (the default) or in the host name.
    pub path_style: Option<bool>,
}

/// Where the process answers for its health: `/live`, `/ready`, `/status`, `/metrics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpSettings {
    /// Address and port; port 0 lets the system choose.
    pub listen: SocketAddr,
}

/// How a pipeline runs as an AWS Lambda function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LambdaSettings {
    /// What to do if offsets are missing between the tables and an event.
    pub gaps: Gaps,
    /// Whether the event source honours `batchItemFailures`: if not, one open partition fails the whole invocation.
    pub partial_responses: bool,
    /// How long before the deadline no more records are taken in, at least; never more than half of the time there is.
    pub flush_reserve: Duration,
    /// How long an invocation may take whose deadline is not known.
    pub timeout: Duration,
}

impl Default for LambdaSettings {
    fn default() -> Self {
        LambdaSettings {
            gaps: Gaps::default(),
            partial_responses: true,
            flush_reserve: Duration::from_secs(5),
            timeout: Duration::from_secs(60),
        }
    }
}

/// What to do if offsets are missing between the tables and an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Gaps {
    /// Ask Kafka whether there are records; if so, or if it cannot be asked, refuse the partition.
    #[default]
    Verify,
    /// Go on, and note in the tables' logs what was skipped.
    Accept,
}
