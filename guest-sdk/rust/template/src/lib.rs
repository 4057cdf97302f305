//! What this transform does, in a sentence.

use sluicebox::prelude::*;

/// The value of a record, read from JSON.
#[derive(Deserialize)]
pub struct Order {
    id: String,
    amount: f64,
}

/// A row of the table `orders`.
#[derive(Row)]
#[row(table = "orders")]
pub struct CleanOrder {
    id: String,
    amount: f64,
}

/// Takes one order; a negative amount goes to the dead letters with this reason.
#[transform]
pub fn clean(order: Json<Order>) -> Result<CleanOrder, Reject> {
    let Json(Order { id, amount }) = order;
    if amount < 0.0 {
        return Err(Reject::new("negative_amount", "an order's amount is zero or more").at("amount"));
    }
    Ok(CleanOrder { id: id.trim().to_owned(), amount })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use sluicebox::testing::{Runner, check_cases, rejected, row};

    #[test]
    fn an_order_becomes_a_row_without_spaces_around_its_id() {
        let verdict = Runner::<clean>::new().run(r#"{"id": " a ", "amount": 1.5}"#);
        assert_eq!(verdict, row("orders", json!({"id": "a", "amount": 1.5})));
    }

    #[test]
    fn negative_amounts_are_rejected() {
        let verdict = Runner::<clean>::new().run(r#"{"id": "a", "amount": -1}"#);
        assert_eq!(verdict, rejected("negative_amount", "amount"));
    }

    #[test]
    fn the_cases_have_their_expected_verdicts() {
        check_cases::<clean>(concat!(env!("CARGO_MANIFEST_DIR"), "/cases"));
    }
}
