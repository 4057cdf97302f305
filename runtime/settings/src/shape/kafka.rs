//! `source.kafka`: how the file says where the brokers are, what to read and who the client is.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use crate::reader::AS_WRITTEN;
use crate::{Start, human};

/// A Kafka consumer group.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{"brokers": "localhost:9092", "topics": ["orders"]}]))]
pub(crate) struct Kafka {
    /// `host:port` of one or more brokers, as a list or separated by commas.
    #[serde(deserialize_with = "human::one_or_many")]
    #[schemars(with = "human::Texts", extend("examples" = ["localhost:9092"]))]
    pub(crate) brokers: Vec<String>,
    /// The topics to read. Exactly one of `topics` and `topics_regex` is required.
    #[serde(default, deserialize_with = "human::one_or_many")]
    #[schemars(with = "human::Texts")]
    pub(crate) topics: Vec<String>,
    /// Read all topics whose name matches this regular expression (the dialect of Rust's `regex`), which begins with `^`.
    /// Internal topics (`__…`) never match: name them in `topics`.
    pub(crate) topics_regex: Option<String>,
    /// The consumer group.
    #[schemars(extend("x-default" = "`sluicebox-` and the pipeline's `name`"))]
    pub(crate) group: Option<String>,
    /// Where a partition starts that is in no ledger: at the oldest record (`earliest`), or at the end (`latest`).
    /// A partition that joins a known topic later starts at its oldest record.
    #[serde(default)]
    pub(crate) start: Start,
    /// Properties of librdkafka, by their names: text, a number, a boolean, or where a secret lies: `{env: NAME}` or
    /// `{file: path}`. `fetch.wait.max.ms` is 50 unless it is given here: more saves requests on idle topics (20 a second and
    /// broker at most), less saves nothing.
    #[serde(default)]
    pub(crate) properties: BTreeMap<String, Property>,
    /// How the client proves its identity, unless `properties` do: `msk_iam`, or `{msk_iam: {region: eu-central-1}}`.
    pub(crate) authentication: Option<Authentication>,
}

/// `msk_iam`, or the same with its own settings.
#[derive(Debug)]
pub(crate) enum Authentication {
    MskIam(MskIam),
}

/// As an AWS identity, by a signed token: Amazon MSK with IAM access control.
#[derive(Debug, serde::Deserialize, Default, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MskIam {
    /// The cluster's region.
    #[schemars(extend("x-default" = "taken from the brokers' names or the environment"))]
    pub(crate) region: Option<String>,
}

impl<'de> Deserialize<'de> for Authentication {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AuthenticationVisitor)
    }
}

struct AuthenticationVisitor;

impl<'de> Visitor<'de> for AuthenticationVisitor {
    type Value = Authentication;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("`msk_iam`, or `{msk_iam: {region: …}}`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Authentication, E> {
        match text {
            "msk_iam" => Ok(Authentication::MskIam(MskIam::default())),
            other => Err(E::unknown_variant(other, &["msk_iam"])),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Authentication, A::Error> {
        match entries.next_key::<String>()?.as_deref() {
            Some("msk_iam") => Ok(Authentication::MskIam(entries.next_value()?)),
            Some(other) => Err(A::Error::unknown_field(other, &["msk_iam"])),
            None => Err(A::Error::custom("expected `msk_iam`")),
        }
    }
}

impl JsonSchema for Authentication {
    fn schema_name() -> Cow<'static, str> {
        "authentication".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let msk_iam = generator.subschema_for::<MskIam>();
        json_schema!({
            "anyOf": [
                {"enum": ["msk_iam"]},
                {
                    "type": "object",
                    "properties": {"msk_iam": msk_iam},
                    "required": ["msk_iam"],
                    "additionalProperties": false,
                },
            ],
        })
    }
}

/// A value for librdkafka, or where to find it.
#[derive(Debug)]
pub(crate) enum Property {
    Plain(String),
    From(Reference),
}

/// Where a secret lies.
#[derive(Debug)]
pub(crate) enum Reference {
    Env(String),
    File(String),
}

impl<'de> Deserialize<'de> for Property {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(AS_WRITTEN, PropertyVisitor)
    }
}

struct PropertyVisitor;

impl<'de> Visitor<'de> for PropertyVisitor {
    type Value = Property;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
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

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Property, A::Error> {
        let reference = match entries.next_key::<String>()?.as_deref() {
            Some("env") => Reference::Env(entries.next_value()?),
            Some("file") => Reference::File(entries.next_value()?),
            Some(other) => return Err(A::Error::unknown_field(other, &["env", "file"])),
            None => return Err(A::Error::custom("expected `{env: NAME}` or `{file: path}`")),
        };
        // Read to the end: serde would not miss a second key, and `env` and `file` would silently be one of them.
        match entries.next_key::<String>()? {
            None => Ok(Property::From(reference)),
            Some(_) => Err(A::Error::custom("expected only one of `env`, `file`")),
        }
    }
}

impl JsonSchema for Property {
    fn schema_name() -> Cow<'static, str> {
        "property".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let reference = |key: &str| {
            json_schema!({
                "type": "object",
                "properties": {key: {"type": "string"}},
                "required": [key],
                "additionalProperties": false,
            })
        };
        let plain = json_schema!({"type": ["string", "number", "boolean"]});
        json_schema!({"anyOf": [plain, reference("env"), reference("file")]})
    }
}
