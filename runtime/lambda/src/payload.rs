//! Reads an invocation's payload: records from Kafka (MSK or self-managed), or the request to drain. Ignores unknown fields,
//! and accepts that optional fields are missing. Errors name the field, never its value.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, Visitor};
use sluicebox_kafka::event::EventRecord;
use sluicebox_ledger::TopicPartition;

/// Accepts leftover bits in the last character: some encoders write them, also in AWS's own samples.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The detail type of EventBridge's schedules.
const SCHEDULED: &str = "Scheduled Event";

/// Records by partition.
pub(crate) type Records = BTreeMap<TopicPartition, Vec<EventRecord>>;

/// What the invocation asks for.
#[derive(Debug)]
pub(crate) enum Payload {
    /// Take in these records.
    Records(Records),
    /// Read from Kafka while there is time.
    Drain,
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = PayloadFields::deserialize(deserializer)?;
        if let Some(records) = fields.records {
            return Ok(Payload::Records(records.0));
        }
        match (fields.mode, fields.detail_type) {
            (Some(mode), _) if mode == "drain" => Ok(Payload::Drain),
            (None, Some(kind)) if kind == SCHEDULED => Ok(Payload::Drain),
            _ => Err(de::Error::custom(
                "this is neither an event of Kafka (`records` by partition), nor an EventBridge schedule, nor \
                 `{\"mode\": \"drain\"}`",
            )),
        }
    }
}

#[derive(Deserialize)]
struct PayloadFields {
    #[serde(default)]
    records: Option<WireRecords>,
    #[serde(default)]
    mode: Option<String>,
    #[serde(default, rename = "detail-type")]
    detail_type: Option<String>,
}

/// Lists of records under `topic-partition`. The keys are ignored: each record names its own topic and partition.
struct WireRecords(Records);

impl<'de> Deserialize<'de> for WireRecords {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Lists;
        impl<'de> Visitor<'de> for Lists {
            type Value = WireRecords;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("lists of records by partition")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut lists: A) -> Result<WireRecords, A::Error> {
                let mut records = Records::new();
                while let Some(IgnoredAny) = lists.next_key()? {
                    for wire in lists.next_value::<Vec<WireRecord>>()? {
                        let partition = TopicPartition::new(wire.topic.as_str(), wire.partition);
                        records.entry(partition).or_default().push(wire.into());
                    }
                }
                Ok(WireRecords(records))
            }
        }
        deserializer.deserialize_map(Lists)
    }
}

#[derive(Deserialize)]
struct WireRecord {
    topic: String,
    partition: i32,
    offset: i64,
    #[serde(default)]
    timestamp: Option<i64>,
    #[serde(default, deserialize_with = "silently")]
    key: Option<Encoded>,
    #[serde(default, deserialize_with = "silently")]
    value: Option<Encoded>,
    #[serde(default, deserialize_with = "silently")]
    headers: Option<Vec<BTreeMap<String, Option<Vec<HeaderByte>>>>>,
}

impl From<WireRecord> for EventRecord {
    fn from(wire: WireRecord) -> Self {
        let headers = wire.headers.into_iter().flatten().flatten();
        EventRecord {
            offset: wire.offset,
            timestamp: wire.timestamp.unwrap_or(-1),
            key: wire.key.map(|key| key.0),
            value: wire.value.map(|value| value.0),
            headers: headers
                .map(|(name, value)| (name.into_bytes(), value.map(|bytes| bytes.iter().map(|byte| byte.0).collect())))
                .collect(),
        }
    }
}

/// Deserializes with an error that does not quote the value.
fn silently<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    let wrong = "a key, value or header is not as Lambda writes it: base64, and headers as lists of `{name: [bytes]}`";
    T::deserialize(deserializer).map_err(|_| de::Error::custom(wrong))
}

/// Bytes in base64.
struct Encoded(Vec<u8>);

impl<'de> Deserialize<'de> for Encoded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Base64;
        impl Visitor<'_> for Base64 {
            type Value = Encoded;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("bytes in base64")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Encoded, E> {
                BASE64.decode(text).map(Encoded).map_err(|_| E::custom("this is not base64"))
            }
        }
        deserializer.deserialize_str(Base64)
    }
}

/// One byte of a header: a number from 0 to 255, or from -128 to 127 as in Java.
struct HeaderByte(u8);

impl<'de> Deserialize<'de> for HeaderByte {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i16::deserialize(deserializer)?;
        let byte = u8::try_from(number).or_else(|_| i8::try_from(number).map(|signed| signed.to_ne_bytes()[0]));
        byte.map(HeaderByte).map_err(|_| de::Error::custom("this is not a byte"))
    }
}

#[cfg(test)]
mod tests;
