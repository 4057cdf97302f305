//! The shapes that a pipeline file may have, key by key, as serde reads them. What they mean is `checks`' business.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use sluicebox_sandbox::Limits;

use super::{BatchSettings, BreakerSettings, FlushSettings, LambdaSettings, human};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pipeline {
    pub(super) name: String,
    pub(super) source: Source,
    pub(super) transform: Transform,
    pub(super) tables: BTreeMap<String, Table>,
    pub(super) dead_letters: DeadLetters,
    #[serde(default)]
    pub(super) flush: Flush,
    #[serde(default)]
    pub(super) batch: Batch,
    #[serde(default)]
    pub(super) breaker: Breaker,
    pub(super) http: Option<Http>,
    #[serde(default)]
    pub(super) s3: S3,
    #[serde(default)]
    pub(super) lambda: Lambda,
    #[serde(default = "yes")]
    pub(super) provenance: bool,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Source {
    Kafka(Kafka),
    File(File),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kafka {
    #[serde(deserialize_with = "human::one_or_many")]
    pub(super) brokers: Vec<String>,
    #[serde(default, deserialize_with = "human::one_or_many")]
    pub(super) topics: Vec<String>,
    pub(super) topics_regex: Option<String>,
    pub(super) group: Option<String>,
    #[serde(default)]
    pub(super) start: Start,
    #[serde(default)]
    pub(super) properties: BTreeMap<String, Property>,
    pub(super) authentication: Option<Authentication>,
}

/// `msk_iam`, or the same with what belongs to it.
#[derive(Debug)]
pub(super) enum Authentication {
    MskIam(MskIam),
}

#[derive(Debug, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct MskIam {
    pub(super) region: Option<String>,
}

impl<'de> Deserialize<'de> for Authentication {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AuthenticationVisitor)
    }
}

struct AuthenticationVisitor;

impl<'de> serde::de::Visitor<'de> for AuthenticationVisitor {
    type Value = Authentication;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("`msk_iam`, or `{msk_iam: {region: …}}`")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Authentication, E> {
        match text {
            "msk_iam" => Ok(Authentication::MskIam(MskIam::default())),
            other => Err(E::unknown_variant(other, &["msk_iam"])),
        }
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut entries: A) -> Result<Authentication, A::Error> {
        use serde::de::Error;
        match entries.next_key::<String>()?.as_deref() {
            Some("msk_iam") => Ok(Authentication::MskIam(entries.next_value()?)),
            Some(other) => Err(A::Error::unknown_field(other, &["msk_iam"])),
            None => Err(A::Error::custom("`msk_iam` belongs here")),
        }
    }
}

#[derive(Debug, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub(super) enum Start {
    #[default]
    Earliest,
    Latest,
}

/// A value for librdkafka, or where to find it.
#[derive(Debug)]
pub(super) enum Property {
    Plain(String),
    From(Reference),
}

/// Where a secret lies.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reference {
    Env(String),
    File(String),
}

impl<'de> Deserialize<'de> for Property {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PropertyVisitor)
    }
}

struct PropertyVisitor;

impl<'de> serde::de::Visitor<'de> for PropertyVisitor {
    type Value = Property;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("text, a number, a boolean, `{env: NAME}` or `{file: path}`")
    }

    fn visit_str<E>(self, text: &str) -> Result<Property, E> {
        Ok(Property::Plain(text.to_owned()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Property, E> {
        Ok(Property::Plain(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Property, E> {
        Ok(Property::Plain(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Property, E> {
        Ok(Property::Plain(value.to_string()))
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut entries: A) -> Result<Property, A::Error> {
        use serde::de::Error;
        let reference = match entries.next_key::<String>()?.as_deref() {
            Some("env") => Reference::Env(entries.next_value()?),
            Some("file") => Reference::File(entries.next_value()?),
            Some(other) => return Err(A::Error::unknown_field(other, &["env", "file"])),
            None => return Err(A::Error::custom("`{env: NAME}` or `{file: path}` belongs here")),
        };
        match entries.next_key::<String>()? {
            None => Ok(Property::From(reference)),
            Some(_) => Err(A::Error::custom("only one of `env`, `file` can stand here")),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) path: String,
    #[serde(default)]
    pub(super) format: Format,
    pub(super) topic: Option<String>,
}

#[derive(Debug, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub(super) enum Format {
    #[default]
    Jsonl,
    Lines,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Transform {
    pub(super) wasm: Option<String>,
    pub(super) artifact: Option<String>,
    pub(super) registry: Option<String>,
    #[serde(default, deserialize_with = "human::maybe_many")]
    pub(super) keys: Option<Vec<String>>,
    #[serde(default, deserialize_with = "human::maybe_duration")]
    pub(super) poll_interval: Option<Duration>,
    #[serde(default)]
    pub(super) configuration: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    pub(super) limits: Limits,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    pub(super) path: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeadLetters {
    pub(super) path: String,
    pub(super) topic: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Flush {
    pub(super) rows_max: usize,
    #[serde(deserialize_with = "human::bytes")]
    pub(super) bytes_max: u64,
    #[serde(deserialize_with = "human::duration")]
    pub(super) interval: Duration,
}

impl Default for Flush {
    fn default() -> Self {
        let FlushSettings { rows_max, bytes_max, interval } = FlushSettings::default();
        Flush { rows_max, bytes_max, interval }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Batch {
    pub(super) records_max: usize,
    #[serde(deserialize_with = "human::bytes")]
    pub(super) bytes_max: u64,
}

impl Default for Batch {
    fn default() -> Self {
        let BatchSettings { records_max, bytes_max } = BatchSettings::default();
        Batch { records_max, bytes_max }
    }
}

/// `off`, or its limits.
#[derive(Debug)]
pub(super) enum Breaker {
    Off,
    On(BreakerLimits),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct BreakerLimits {
    pub(super) window_records: u64,
    pub(super) rejected_share_max: f64,
}

impl Default for BreakerLimits {
    fn default() -> Self {
        let BreakerSettings { window_records, rejected_share_max } = BreakerSettings::default();
        BreakerLimits { window_records, rejected_share_max }
    }
}

impl Default for Breaker {
    fn default() -> Self {
        Breaker::On(BreakerLimits::default())
    }
}

impl<'de> Deserialize<'de> for Breaker {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BreakerVisitor)
    }
}

struct BreakerVisitor;

impl<'de> serde::de::Visitor<'de> for BreakerVisitor {
    type Value = Breaker;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("`off`, or a map")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Breaker, E> {
        match text {
            "off" => Ok(Breaker::Off),
            other => Err(E::unknown_variant(other, &["off"])),
        }
    }

    /// YAML 1.1 reads `off` as `false`, and so do programs that write YAML.
    fn visit_bool<E: serde::de::Error>(self, is_on: bool) -> Result<Breaker, E> {
        Ok(if is_on { Breaker::default() } else { Breaker::Off })
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, entries: A) -> Result<Breaker, A::Error> {
        BreakerLimits::deserialize(serde::de::value::MapAccessDeserializer::new(entries)).map(Breaker::On)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Http {
    pub(super) listen: String,
}

#[derive(Debug, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct S3 {
    pub(super) endpoint: Option<String>,
    pub(super) region: Option<String>,
    pub(super) path_style: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Lambda {
    pub(super) gaps: Gaps,
    pub(super) partial_responses: bool,
    #[serde(deserialize_with = "human::duration")]
    pub(super) flush_reserve: Duration,
    #[serde(deserialize_with = "human::duration")]
    pub(super) timeout: Duration,
}

impl Default for Lambda {
    fn default() -> Self {
        let LambdaSettings { partial_responses, flush_reserve, timeout, .. } = LambdaSettings::default();
        Lambda { gaps: Gaps::default(), partial_responses, flush_reserve, timeout }
    }
}

#[derive(Debug, Clone, Copy, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub(super) enum Gaps {
    #[default]
    Verify,
    Accept,
}

impl From<Gaps> for super::Gaps {
    fn from(gaps: Gaps) -> Self {
        match gaps {
            Gaps::Verify => Self::Verify,
            Gaps::Accept => Self::Accept,
        }
    }
}
