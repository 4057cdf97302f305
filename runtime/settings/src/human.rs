//! Sizes, durations, addresses and lists as people write them: `128MiB`, `10s`, one value or a list of them.
//!
//! Each form says here how serde reads it, how a default is shown, and how the JSON Schema describes it.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::Serializer;

/// A size in bytes: a number, or a number with a unit.
pub(crate) fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    deserializer.deserialize_any(Bytes)
}

/// A duration: a number with a unit.
pub(crate) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    deserializer.deserialize_any(Time)
}

/// A duration that a file may leave out.
pub(crate) fn maybe_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}

/// One text, or a list of texts.
pub(crate) fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    deserializer.deserialize_seq(Texts)
}

/// The same, where a file may leave them out.
pub(crate) fn maybe_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    one_or_many(deserializer).map(Some)
}

/// An address and a port.
pub(crate) fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| {
        let forms = "write `127.0.0.1:9090`, or `0.0.0.0:9090` for all interfaces";
        de::Error::custom(format!("not an address and a port: `{text}`; {forms}"))
    })
}

/// A size with the largest unit that gives a whole number.
pub(crate) fn write_bytes<S: Serializer>(bytes: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    // Zero is a multiple of everything, and `0GiB` would look odd.
    match UNITS.iter().find(|(_, size)| *bytes > 0 && bytes.is_multiple_of(*size)) {
        Some((unit, size)) => serializer.collect_str(&format_args!("{}{unit}", bytes / size)),
        None => serializer.collect_str(&format_args!("{bytes}B")),
    }
}

/// A duration with its units.
pub(crate) fn write_duration<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_duration(*duration))
}

/// Reads a size.
pub(crate) struct Bytes;

impl Visitor<'_> for Bytes {
    type Value = u64;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a size such as `128MiB`")
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<u64, E> {
        u64::try_from(value).map_err(|_| E::custom("a size cannot be negative"))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<u64, E> {
        Ok(value)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
        let size: bytesize::ByteSize = text.parse().map_err(|_| {
            E::custom(format!("not a size: `{text}`; write a number and a unit, such as `64KiB` or `128MiB`"))
        })?;
        Ok(size.as_u64())
    }
}

impl JsonSchema for Bytes {
    fn schema_name() -> Cow<'static, str> {
        "size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "size",
            "type": ["integer", "string"],
            "minimum": 0,
            "pattern": "^ *[0-9]+(\\.[0-9]+)? *([kKmMgGtTpPeE]([iI]?[bB])?|[bB])?$",
        })
    }
}

/// Reads a duration.
pub(crate) struct Time;

impl Visitor<'_> for Time {
    type Value = Duration;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a duration with its unit, such as `10s`, `500ms` or `1m`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
        humantime::parse_duration(text).map_err(|_| {
            E::custom(format!("not a duration: `{text}`; write a number and a unit, such as `10s`, `500ms` or `1m`"))
        })
    }
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // humantime's units.
        let unit = "(nanos|nsec|ns|micros|usec|us|µs|millis|msec|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|\
                    days?|d|weeks?|wks?|w|months?|M|years?|yrs?|y)";
        let pattern = format!("^(0|( *[0-9]+ *{unit})+) *$");
        json_schema!({"title": "duration", "type": "string", "pattern": pattern})
    }
}

/// Reads one text, or a list of texts.
pub(crate) struct Texts;

impl<'de> Visitor<'de> for Texts {
    type Value = Vec<String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("text, or a list of texts")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<String>, E> {
        Ok(vec![text.to_owned()])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<String>, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = items.next_element()? {
            texts.push(text);
        }
        Ok(texts)
    }
}

impl JsonSchema for Texts {
    fn schema_name() -> Cow<'static, str> {
        "texts".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"title": "text or list of texts", "type": ["string", "array"], "items": {"type": "string"}})
    }
}
