//! The shape of a pipeline file as serde reads it, where it differs from what the program gets.
//!
//! What both share is in [`crate::sections`]. What the values mean together is up to [`crate::checks`].

mod breaker;
mod kafka;
mod limits;

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

pub(super) use breaker::Breaker;
pub(super) use kafka::{Authentication, Kafka, MskIam, Property, Reference};

use super::{
    BatchSettings, DeadLetterSettings, FlushSettings, HttpSettings, LambdaSettings, RecordFormat, S3Settings,
    TableSettings, human,
};
use limits::LimitSettings;

/// How often a running pipeline looks at its channel.
pub(super) const POLL_INTERVAL: Duration = Duration::from_secs(30);

/// One pipeline: a source, a transform, its tables and its dead letters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Pipeline {
    /// The pipeline's name: letters, digits, `.`, `_` and `-`. The tables' ledgers know the pipeline by it, so it must be
    /// unique among the pipelines that write to the same tables.
    pub(super) name: String,
    pub(super) source: Source,
    pub(super) transform: Transform,
    /// Where the rows go: one entry for each table that the transform describes, by the table's name.
    pub(super) tables: BTreeMap<String, TableSettings>,
    pub(super) dead_letters: DeadLetterSettings,
    #[serde(default)]
    pub(super) flush: FlushSettings,
    #[serde(default)]
    pub(super) batch: BatchSettings,
    #[serde(default)]
    pub(super) breaker: Breaker,
    pub(super) http: Option<HttpSettings>,
    #[serde(default)]
    pub(super) s3: S3Settings,
    #[serde(default)]
    pub(super) lambda: LambdaSettings,
    /// Whether rows carry the columns `_kafka_topic`, `_kafka_partition`, `_kafka_offset` and `_kafka_timestamp`.
    #[serde(default = "yes")]
    pub(super) provenance: bool,
}

fn yes() -> bool {
    true
}

/// Where records come from: exactly one of the keys below.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("examples" = [{"kafka": {"brokers": "localhost:9092", "topics": ["orders"]}}]))]
pub(super) enum Source {
    Kafka(Kafka),
    File(File),
}

/// A file of records, read once from its beginning to its end.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{"path": "sample.jsonl"}]))]
pub(super) struct File {
    /// A file, a folder whose files are read in the order of their names, or `-` for standard input.
    pub(super) path: String,
    /// `jsonl`: each line is a JSON object with a record's key, value, headers and position. `lines`: each line is a
    /// record's value.
    #[serde(default)]
    pub(super) format: RecordFormat,
    /// The topic of lines that name none.
    #[schemars(extend("x-default" = "the pipeline's `name`"))]
    pub(super) topic: Option<String>,
}

/// What happens to each record: a component in a file (`wasm`), or in a registry (`artifact`).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{"wasm": "orders.wasm"}]))]
pub(super) struct Transform {
    /// The component's file. Exactly one of `wasm` and `artifact` is required.
    pub(super) wasm: Option<String>,
    /// An artifact in a registry: `orders@prod` follows a channel, `orders@sha256:…` stays at one digest.
    pub(super) artifact: Option<String>,
    /// The registry of the artifact: a folder, a `file://` URL or an `s3://` URL. Required with `artifact`.
    pub(super) registry: Option<String>,
    /// Public ed25519 keys, one of which must have signed the artifact. Without `keys`, the pipeline ignores signatures.
    #[serde(default, deserialize_with = "human::maybe_many")]
    #[schemars(with = "human::Texts")]
    pub(super) keys: Option<Vec<String>>,
    /// How often a running pipeline checks whether its channel points to another transform.
    #[serde(default, deserialize_with = "human::maybe_duration")]
    #[schemars(with = "human::Time", extend("default" = humantime::format_duration(POLL_INTERVAL).to_string(), "x-minimum" = "1ms"))]
    pub(super) poll_interval: Option<Duration>,
    /// A JSON object that the transform's `configure` gets; the transform says which keys it knows.
    #[serde(default)]
    pub(super) configuration: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    pub(super) limits: LimitSettings,
}
