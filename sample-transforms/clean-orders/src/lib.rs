//! Orders as a web shop sends them, to a typed table: names trimmed, currencies checked, money exact, days to partition
//! by. What cannot be right is rejected with a reason.

mod order;

use sluicebox::prelude::*;

use order::{CleanOrder, Order};

/// Cleans one order.
#[transform]
pub fn clean<'r>(order: Json<Order<'r>>) -> Result<Option<CleanOrder<'r>>, Reject> {
    order::clean(order.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sluicebox::testing::{Runner, check_cases, filtered, rejected, row};

    use crate::clean;

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
