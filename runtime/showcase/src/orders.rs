//! The orders of the demo: always the same ones, most of them good, some wrong in every way that orders go wrong, and a
//! few that attack the transform itself.

use serde_json::json;

/// What has to become of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Row,
    Filtered,
    DeadLetter,
}

/// A record, and what has to become of it.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) key: String,
    pub(crate) value: Vec<u8>,
    pub(crate) fate: Fate,
}

/// `count` orders.
pub(crate) fn generate(count: usize) -> impl Iterator<Item = Order> {
    (0..count).map(move |index| order(index, count))
}

fn order(index: usize, count: usize) -> Order {
    let (value, fate) = match poison(index, count) {
        Some(poison) => (edited(index, "poison", json!(poison)), Fate::DeadLetter),
        None => ordinary(index),
    };
    Order { key: format!("customer-{}", random(index) % 1000), value, fate }
}

/// The attacks, spread over the stream and over its partitions: an endless loop, one that eats all memory, two panics.
fn poison(index: usize, count: usize) -> Option<&'static str> {
    let attacks = [(17, 0, "panic"), (44, 1, "loop"), (66, 2, "memory"), (83, 11, "panic")];
    let found = attacks.into_iter().find(|(percent, shift, _)| index == count * percent / 100 + shift);
    found.map(|(_, _, attack)| attack)
}

/// One order in a hundred is wrong, two are tests that the transform leaves out.
fn ordinary(index: usize) -> (Vec<u8>, Fate) {
    match index % 1000 {
        7 => (b"{\"id\": \"o-7\", \"amount\": ".to_vec(), Fate::DeadLetter),
        107 => (edited(index, "items", json!("two")), Fate::DeadLetter),
        207 => (edited(index, "amount", json!(-1)), Fate::DeadLetter),
        307 => (edited(index, "currency", json!("XXX")), Fate::DeadLetter),
        407 => (edited(index, "placed_at", json!("2024-02-30T12:00:00Z")), Fate::DeadLetter),
        507 => (without(index, "customer"), Fate::DeadLetter),
        607 => (b"\xff\xfe not UTF-8".to_vec(), Fate::DeadLetter),
        707 => (Vec::new(), Fate::DeadLetter),
        807 => (edited(index, "amount", json!(1e300)), Fate::DeadLetter),
        907 => (edited(index, "id", json!("  ")), Fate::DeadLetter),
        // Twenty in a thousand, and none of the wrong ones above, which all end in 7.
        other if other % 50 == 3 => (edited(index, "test", json!(true)), Fate::Filtered),
        _ => (good(index), Fate::Row),
    }
}

/// The text of an order with nothing wrong.
pub(crate) fn good(index: usize) -> Vec<u8> {
    text(&proper(index))
}

/// An order with nothing wrong.
pub(crate) fn good_order(index: usize) -> Order {
    Order { key: format!("customer-{}", random(index) % 1000), value: good(index), fate: Fate::Row }
}

fn proper(index: usize) -> serde_json::Value {
    const CURRENCIES: [&str; 6] = ["EUR", "usd", "GBP", "chf", "JPY", "SEK"];
    let random = random(index);
    let currency = CURRENCIES.get(random as usize % CURRENCIES.len());
    json!({
        "id": format!("o-{index:08}"),
        "customer": format!("Customer.{}@Example.com ", random % 1000),
        "amount": (random % 100_000) as f64 / 100.0,
        "currency": currency,
        "items": random % 9 + 1,
        "note": "please ring twice, the bell is quiet",
        "placed_at": format!("2024-03-{:02}T{:02}:{:02}:00Z", random % 28 + 1, random / 28 % 24, random / 672 % 60),
    })
}

fn edited(index: usize, key: &str, value: serde_json::Value) -> Vec<u8> {
    let mut order = proper(index);
    order[key] = value;
    text(&order)
}

fn without(index: usize, key: &str) -> Vec<u8> {
    let mut order = proper(index);
    if let Some(order) = order.as_object_mut() {
        order.remove(key);
    }
    text(&order)
}

fn text(order: &serde_json::Value) -> Vec<u8> {
    order.to_string().into_bytes()
}

/// A number that looks random and is always the same: SplitMix64.
fn random(index: usize) -> u64 {
    let state = (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_orders_are_always_the_same_and_of_every_fate() {
        let orders: Vec<Order> = generate(10_000).collect();
        let again: Vec<Order> = generate(10_000).collect();
        assert!(orders.iter().zip(&again).all(|(left, right)| left.value == right.value));
        let count = |fate| orders.iter().filter(|order| order.fate == fate).count();
        assert_eq!(count(Fate::DeadLetter), 100 + 4);
        assert_eq!(count(Fate::Filtered), 200);
        assert_eq!(count(Fate::Row), 10_000 - 304);
        let bytes: usize = orders.iter().map(|order| order.value.len()).sum();
        assert!((150..260).contains(&(bytes / orders.len())), "{} bytes an order", bytes / orders.len());
    }
}
