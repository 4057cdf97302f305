//! The sections of a pipeline file that need no translation: what the file says is what the program gets.
//!
//! Each field carries its type, default, limits and meaning. The reader, the JSON Schema and `docs/settings.md` take
//! them from here. [`crate::checks`] enforces the limits.

use std::net::SocketAddr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::human;

/// When staged rows become visible: as soon as one of these limits is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FlushSettings {
    /// Staged rows and dead letters that trigger a commit.
    #[schemars(range(min = 1), extend("x-unit" = "rows"))]
    pub rows_max: usize,
    /// Bytes of records read since the last commit that trigger the next one.
    #[serde(deserialize_with = "human::bytes", serialize_with = "human::write_bytes")]
    #[schemars(with = "human::Bytes", extend("x-minimum" = "1B"))]
    pub bytes_max: u64,
    /// Age of the oldest staged record that triggers a commit. `sluicebox clean` takes files that wait for longer than
    /// the maximum for left behind.
    #[serde(deserialize_with = "human::duration", serialize_with = "human::write_duration")]
    #[schemars(with = "human::Time", extend("x-minimum" = "1ms", "x-maximum" = "30m"))]
    pub interval: Duration,
}

impl Default for FlushSettings {
    fn default() -> Self {
        FlushSettings { rows_max: 1_000_000, bytes_max: 128 << 20, interval: Duration::from_secs(10) }
    }
}

/// How much one call of the transform gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BatchSettings {
    /// Records in one call.
    #[schemars(range(min = 1), extend("x-unit" = "records"))]
    pub records_max: usize,
    /// Bytes of keys, values and headers in one call.
    #[serde(deserialize_with = "human::bytes", serialize_with = "human::write_bytes")]
    #[schemars(with = "human::Bytes", extend("x-minimum" = "1B"))]
    pub bytes_max: u64,
}

impl Default for BatchSettings {
    fn default() -> Self {
        BatchSettings { records_max: 1000, bytes_max: 1 << 20 }
    }
}

/// When a transform that rejects too much pauses the pipeline. `breaker: off` lets it reject everything.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BreakerSettings {
    /// How many of the last records the breaker looks at.
    #[schemars(range(min = 1), extend("x-unit" = "records"))]
    pub window_records: u64,
    /// The share of them that the transform may reject: 0.5 is half of them. Write `breaker: off` for no limit.
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    pub rejected_share_max: f64,
}

impl BreakerSettings {
    /// How many of the last records the transform may reject.
    pub fn rejected_max(&self) -> u64 {
        (self.rejected_share_max * self.window_records as f64).floor() as u64
    }
}

impl Default for BreakerSettings {
    fn default() -> Self {
        BreakerSettings { window_records: 10_000, rejected_share_max: 0.5 }
    }
}

/// Where a Delta table lies.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{"path": "tables/orders"}]))]
pub struct TableSettings {
    /// The table's folder, a `file://` URL or an `s3://` URL. A relative path starts at the folder of the pipeline file.
    pub path: String,
}

/// Where rejected records go.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{"path": "tables/dead_letters"}]))]
pub struct DeadLetterSettings {
    /// The dead-letter table's folder, a `file://` URL or an `s3://` URL.
    pub path: String,
    /// A Kafka topic that gets a copy of each dead letter, on the brokers of `source.kafka`. The source must not read it.
    pub topic: Option<DeadLetterTopic>,
}

/// A topic for dead letters.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct DeadLetterTopic {
    /// Its name.
    pub name: String,
}

/// Where the process answers `/live`, `/ready`, `/status` and `/metrics`. Without this section it listens nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{"listen": "127.0.0.1:9090"}]))]
pub struct HttpSettings {
    /// Address and port; `0.0.0.0` listens on all interfaces, and port 0 lets the system choose.
    #[serde(deserialize_with = "human::address")]
    #[schemars(with = "String", extend("examples" = ["127.0.0.1:9090"]))]
    pub listen: SocketAddr,
}

/// How the process reaches buckets. The environment (`AWS_ENDPOINT_URL`, `AWS_REGION`, …) says what this section leaves
/// out. Credentials never stand here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct S3Settings {
    /// The URL of a store that is not Amazon's, without a bucket. The process uses plain HTTP only for `http://`.
    #[schemars(extend("examples" = ["https://minio.example.org:9000"]))]
    pub endpoint: Option<String>,
    /// The region of the buckets.
    #[schemars(extend("examples" = ["eu-central-1"]))]
    pub region: Option<String>,
    /// Whether the bucket's name stands in the URL's path (`true`) or in its host name (`false`).
    #[schemars(extend("x-default" = "`true`"))]
    pub path_style: Option<bool>,
}

/// How a pipeline runs as an AWS Lambda function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LambdaSettings {
    /// What the function does if offsets are missing between the tables and an event.
    pub gaps: Gaps,
    /// Whether the event source mapping reports batch item failures. If not, one open partition fails the whole
    /// invocation.
    pub partial_responses: bool,
    /// How long before the deadline the function stops reading records; at most half of the time that it has.
    #[serde(deserialize_with = "human::duration", serialize_with = "human::write_duration")]
    #[schemars(with = "human::Time")]
    pub flush_reserve: Duration,
    /// How long an invocation may take if its deadline is unknown.
    #[serde(deserialize_with = "human::duration", serialize_with = "human::write_duration")]
    #[schemars(with = "human::Time", extend("x-minimum" = "1ms"))]
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

/// What a function does if offsets are missing between the tables and an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Gaps {
    /// Asks Kafka whether there are records. If there are, or if Kafka does not answer, it refuses the partition.
    #[default]
    Verify,
    /// Goes on, and notes in the tables' logs what it skipped.
    Accept,
}
