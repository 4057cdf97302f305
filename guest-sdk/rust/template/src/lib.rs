//! What this transform does, in a sentence.

use sluicebox::prelude::*;

/// A record's value, read from JSON.
#[derive(Deserialize)]
struct Order {
    id: String,
    amount: f64,
}

/// A row of the table `orders`.
#[derive(Row)]
#[row(table = "orders")]
struct CleanOrder {
    id: String,
    amount: f64,
}

#[transform]
fn clean(order: Json<Order>) -> Result<CleanOrder, Reject> {
    let Json(Order { id, amount }) = order;
    if amount < 0.0 {
        return Err(Reject::new("negative_amount", "an order's amount is zero or more").at("amount"));
    }
    Ok(CleanOrder { id: id.trim().to_owned(), amount })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicebox::testing::{Runner, check_cases, rejected};

    #[test]
    fn negative_amounts_are_rejected() {
        let verdict = Runner::<clean>::new().run(r#"{"id": "a", "amount": -1}"#);
        assert_eq!(verdict, rejected("negative_amount", "amount"));
    }

    #[test]
    fn the_cases_come_out_as_expected() {
        check_cases::<clean>(concat!(env!("CARGO_MANIFEST_DIR"), "/cases"));
    }
}
