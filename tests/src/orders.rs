//! Orders to feed the sample `clean-orders` with, some of them bad; about 200 bytes each.

use serde_json::{Value, json};

use crate::feed::Feed;
use crate::kafka::Message;

/// How many partitions a feed of orders has.
pub const PARTITIONS: i32 = 4;
/// 2026-01-01T00:00:00Z, in milliseconds.
const EPOCH: i64 = 1_767_225_600_000;

/// Orders over four partitions: of a hundred, one is a test (filtered) and four are bad in different ways.
pub fn feed(topic: &str, count: usize) -> Feed {
    let mut feed = Feed::new(topic);
    feed.extend((0..count).map(order));
    feed
}

/// One of those orders.
pub fn order(number: usize) -> Message {
    let value = match number % 100 {
        13 => with("test", "true"),
        37 => with("amount", &format!("-{number}")),
        38 => with("currency", "\"EUX\""),
        39 => "no order at all".to_owned(),
        40 => with("amount", "\"much\""),
        _ => good(number).to_string(),
    };
    Message {
        partition: number as i32 % PARTITIONS,
        key: Some(format!("customer-{}", number % 1_000).into_bytes()),
        value: Some(value.into_bytes()),
        headers: vec![("traceparent".into(), Some(format!("00-{number:032x}-{number:016x}-01").into_bytes()))],
        timestamp: Some(EPOCH + number as i64),
    }
}

/// An order's JSON with one field set to a piece of JSON text, which need not be legal.
pub fn with(field: &str, json: &str) -> String {
    let mut order = good(7);
    order[field] = json!("\u{1}");
    order.to_string().replace(r#""\u0001""#, json)
}

fn good(number: usize) -> Value {
    let currency = ["EUR", "usd", " GBP "][number % 3];
    json!({
        "id": format!(" order-{number}"),
        "customer": format!("Customer.{}@Example.com", number % 1_000),
        "amount": (number as f64) / 100.0,
        "currency": currency,
        "items": number % 7,
        "note": if number.is_multiple_of(5) { Value::Null } else { json!(format!("ring twice, \u{e9}tage {}", number % 9)) },
        "placed_at": format!("2026-01-{:02}T{:02}:00:00Z", 1 + number % 3, number % 24),
    })
}
