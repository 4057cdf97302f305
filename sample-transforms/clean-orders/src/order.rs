//! The rules for orders, apart from how they run: `orders-with-poison` keeps to the same.

use std::borrow::Cow;

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
    placed_at: Timestamp,
    #[serde(default)]
    test: bool,
}

fn one() -> u16 {
    1
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
