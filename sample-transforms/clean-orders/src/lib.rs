//! Orders as a web shop sends them, to a typed table: names trimmed, currencies checked, money exact, days to partition
//! by. What cannot be right is rejected with a reason.

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
#[row(table = "orders", partition_by = ["placed_on"])]
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
#[transform]
pub fn clean<'r>(order: Json<Order<'r>>) -> Result<Option<CleanOrder<'r>>, Reject> {
    let Json(order) = order;
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

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sluicebox::testing::{Runner, check_cases, filtered, rejected, row};

    use super::clean;

    #[test]
    fn an_order_becomes_a_row() {
        let order = json!({
            "id": " o-1 ", "customer": "Ada@Example.com ", "amount": 19.9, "currency": "eur", "note": " ",
            "placed_at": "2024-03-01T00:30:00+01:00",
        });
        let expected = json!({
            "order_id": "o-1", "customer": "ada@example.com", "amount": "19.90", "currency": "EUR", "items": 1, "note": null,
            "placed_at": "2024-02-29T23:30:00Z", "placed_on": "2024-02-29",
        });
        assert_eq!(Runner::<clean>::new().run(order), row("orders", expected));
    }

    #[test]
    fn what_cannot_be_right_is_rejected_and_tests_are_left_out() {
        let order = |key: &str, value: serde_json::Value| {
            let mut order = json!({
                "id": "o-1", "customer": "ada", "amount": 1, "currency": "EUR", "placed_at": "2024-03-01T00:30:00Z",
            });
            order[key] = value;
            Runner::<clean>::new().run(order)
        };
        assert_eq!(order("test", json!(true)), filtered());
        assert_eq!(order("amount", json!(-0.01)), rejected("negative_amount", "amount"));
        assert_eq!(order("amount", json!(0.001)), rejected("invalid_record", "amount"));
        assert_eq!(order("currency", json!("XXX")), rejected("unknown_currency", "currency"));
        assert_eq!(order("id", json!("  ")), rejected("missing_id", "id"));
        assert_eq!(order("placed_at", json!("2024-02-30T00:00:00Z")), rejected("invalid_record", "placed_at"));
    }

    #[test]
    fn the_cases_come_out_as_expected() {
        check_cases::<clean>(concat!(env!("CARGO_MANIFEST_DIR"), "/cases"));
    }
}
