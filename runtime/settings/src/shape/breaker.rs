//! `breaker`: `off`, or its limits.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

use crate::BreakerSettings;

/// `off`, or the breaker's limits.
#[derive(Debug)]
pub(crate) enum Breaker {
    Off,
    On(BreakerSettings),
}

impl Default for Breaker {
    fn default() -> Self {
        Breaker::On(BreakerSettings::default())
    }
}

impl From<Breaker> for Option<BreakerSettings> {
    fn from(breaker: Breaker) -> Self {
        match breaker {
            Breaker::Off => None,
            Breaker::On(limits) => Some(limits),
        }
    }
}

impl<'de> Deserialize<'de> for Breaker {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BreakerVisitor)
    }
}

struct BreakerVisitor;

impl<'de> Visitor<'de> for BreakerVisitor {
    type Value = Breaker;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("`off`, or a map")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Breaker, E> {
        match text {
            // A variable of the environment is always text.
            "off" | "false" => Ok(Breaker::Off),
            "true" => Ok(Breaker::default()),
            other => Err(E::unknown_variant(other, &["off"])),
        }
    }

    /// YAML 1.1 reads `off` as `false`, and so do programs that write YAML.
    fn visit_bool<E: de::Error>(self, is_on: bool) -> Result<Breaker, E> {
        Ok(if is_on { Breaker::default() } else { Breaker::Off })
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Breaker, A::Error> {
        BreakerSettings::deserialize(MapAccessDeserializer::new(entries)).map(Breaker::On)
    }
}

impl JsonSchema for Breaker {
    fn schema_name() -> Cow<'static, str> {
        "breaker".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut limits = generator.subschema_for::<BreakerSettings>();
        // It moves to the whole, or the page of settings would show it for one of the alternatives only.
        let description = limits.remove("description");
        json_schema!({"description": description, "anyOf": [limits, {"enum": ["off", true, false]}]})
    }
}
