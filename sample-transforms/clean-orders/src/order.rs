//! The rules for orders, apart from how they run: `orders-with-poison` keeps to the same.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, Error, Visitor};
use sluicebox::prelude::*;

/// An order as it comes in.
#[derive(Debug, Deserialize)]
pub struct Order<'r> {
    #[serde(borrow)]
    id: Cow<'r, str>,
    #[serde(borrow)]
    customer: Cow<'r, str>,
    amount: Decimal<12, 2>,
    #[serde(borrow)]
    currency: Cow<'r, str>,
    #[serde(default = "one")]
    items: u16,
    #[serde(borrow)]
    note: Option<Cow<'r, str>>,
    #[serde(deserialize_with = "moment")]
    placed_at: Timestamp,
    #[serde(default)]
    test: bool,
}

fn one() -> u16 {
    1
}

/// RFC 3339, or milliseconds since 1970 as a browser's clock has them. A shop that sends nanoseconds instead means a day far
/// beyond the year 9999: no table holds it, and the record becomes a dead letter.
fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    struct Moment;

    impl Visitor<'_> for Moment {
        type Value = Timestamp;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a time such as `2024-02-29T12:30:00Z`, or milliseconds since 1970")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Timestamp, E> {
            Timestamp::parse(text).map_err(|reject| E::custom(reject.message()))
        }

        fn visit_u64<E: Error>(self, milliseconds: u64) -> Result<Timestamp, E> {
            Ok(Timestamp::from_milliseconds(milliseconds.try_into().unwrap_or(i64::MAX)))
        }
    }

    deserializer.deserialize_any(Moment)
}

/// An order as the table has it.
#[derive(Debug, PartialEq, Row)]
#[row(table = "orders", partition_by = ["placed_on"], key = ["order_id"], event_time = "placed_at")]
pub struct CleanOrder<'r> {
    order_id: Cow<'r, str>,
    customer: String,
    amount: Decimal<12, 2>,
    currency: &'static str,
    items: u16,
    note: Option<Cow<'r, str>>,
    placed_at: Timestamp,
    placed_on: Date,
}

const CURRENCIES: [&str; 6] = ["EUR", "USD", "GBP", "CHF", "JPY", "SEK"];

/// Cleans one order; orders marked as tests are left out.
pub(crate) fn clean(order: Order<'_>) -> Result<Option<CleanOrder<'_>>, Reject> {
    if order.test {
        return Ok(None);
    }
    if order.amount.is_negative() {
        return Err(Reject::new("negative_amount", "an order's amount is zero or more").at("amount"));
    }
    let order_id = trimmed(order.id);
    if order_id.is_empty() {
        return Err(Reject::new("missing_id", "an order has an id").at("id"));
    }
    Ok(Some(CleanOrder {
        order_id,
        customer: order.customer.trim_ascii().to_ascii_lowercase(),
        amount: order.amount,
        currency: currency(&order.currency)?,
        items: order.items,
        note: order.note.map(trimmed).filter(|note| !note.is_empty()),
        placed_at: order.placed_at,
        placed_on: order.placed_at.date(),
    }))
}

/// The text without white space around it, borrowed where it was.
fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_ascii()),
        Cow::Owned(text) => Cow::Owned(text.trim_ascii().to_owned()),
    }
}

fn currency(code: &str) -> Result<&'static str, Reject> {
    let known = CURRENCIES.into_iter().find(|known| known.eq_ignore_ascii_case(code.trim_ascii()));
    known.ok_or_else(|| Reject::new("unknown_currency", "none of the currencies that the shop takes").at("currency"))
}
