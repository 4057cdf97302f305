//! Kafka's records as the JSON of an event, in the two kinds that Lambda sends: of MSK, and of brokers of one's own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::feed::Placed;
use crate::kafka::Message;

/// Lambda's limit for a synchronous payload.
pub const PAYLOAD_BYTES_MAX: usize = 6 << 20;

/// An event of these records, all of one topic.
pub fn event<'a>(topic: &str, records: impl IntoIterator<Item = &'a Placed>) -> Vec<u8> {
    let mut lists = Map::new();
    for placed in records {
        let list = lists.entry(format!("{topic}-{}", placed.message.partition)).or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(record(topic, placed));
        }
    }
    let event = json!({
        "eventSource": "aws:kafka",
        "eventSourceArn": "arn:aws:kafka:us-east-1:123456789012:cluster/tests/751d2973-a626-431c-9d4e-d7975eb44dd7-2",
        "bootstrapServers": "b-2.tests.c1.kafka.us-east-1.amazonaws.com:9092",
        "records": lists,
    });
    event.to_string().into_bytes()
}

/// About how long a record is in an event.
pub fn bytes(record: &Message) -> usize {
    let length = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
    let headers: usize = record.headers.iter().map(|(name, value)| name.len() + 5 * length(value)).sum();
    200 + (length(&record.key) + length(&record.value)) * 4 / 3 + headers
}

/// Header bytes are sometimes printed signed, as Java has them.
fn record(topic: &str, Placed { offset, message }: &Placed) -> Value {
    let byte = |byte: &u8| if offset % 2 == 0 { json!(byte) } else { json!(i8::from_ne_bytes([*byte])) };
    let headers = message.headers.iter().map(|(name, value)| {
        let value = value.as_ref().map(|bytes| bytes.iter().map(byte).collect::<Vec<_>>());
        let mut header = Map::new();
        header.insert(name.clone(), json!(value));
        Value::Object(header)
    });
    let mut record = json!({
        "topic": topic,
        "partition": message.partition,
        "offset": offset,
        "timestamp": message.timestamp,
        "timestampType": "CREATE_TIME",
        "headers": headers.collect::<Vec<_>>(),
    });
    for (name, bytes) in [("key", &message.key), ("value", &message.value)] {
        if let Some(bytes) = bytes {
            record[name] = json!(STANDARD.encode(bytes));
        }
    }
    record
}
