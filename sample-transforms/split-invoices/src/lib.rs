//! Invoices with their lines, to two tables: one row an invoice, one row a line. A tombstone (the invoice was withdrawn)
//! makes no rows; an invoice whose lines do not add up is rejected.

use std::borrow::Cow;

use sluicebox::prelude::*;

/// An amount of money.
type Money = Decimal<18, 2>;

/// An invoice as it comes in. Its number is the record's key.
#[derive(Debug, Deserialize)]
pub struct Invoice<'r> {
    #[serde(borrow)]
    customer: Cow<'r, str>,
    issued_on: Date,
    total: Money,
    #[serde(borrow)]
    lines: Vec<Line<'r>>,
}

#[derive(Debug, Deserialize)]
struct Line<'r> {
    #[serde(borrow)]
    article: Cow<'r, str>,
    quantity: i32,
    unit_price: Money,
}

/// One invoice.
#[derive(Debug, Row)]
#[row(table = "invoices", partition_by = ["issued_on"], key = ["number"])]
pub struct InvoiceRow<'r> {
    number: &'r str,
    customer: Cow<'r, str>,
    issued_on: Date,
    total: Money,
    lines: i32,
    source: Option<&'r str>,
}

/// One line of an invoice.
#[derive(Debug, Row)]
#[row(table = "invoice_lines", key = ["invoice_number", "position"])]
pub struct LineRow<'r> {
    invoice_number: &'r str,
    position: i32,
    article: Cow<'r, str>,
    quantity: i32,
    unit_price: Money,
    price: Money,
}

/// Splits one invoice; its source is the header `source`.
#[transform]
pub fn split<'r>(
    record: Record<'r>,
    invoice: Option<Json<Invoice<'r>>>,
) -> Result<Option<(InvoiceRow<'r>, Vec<LineRow<'r>>)>, Reject> {
    let Some(Json(invoice)) = invoice else { return Ok(None) };
    let number =
        std::str::from_utf8(record.key().ok_or_else(|| Reject::new("missing_key", "an invoice's key is its number"))?)?;
    let source = record.header("source").map(std::str::from_utf8).transpose()?;

    let mut sum = Money::ZERO;
    let mut lines = Vec::with_capacity(invoice.lines.len());
    for (position, line) in (0..).zip(invoice.lines) {
        let overflow =
            || Reject::new("amount_too_large", "the amount has too many digits").at(format!("lines[{position}]"));
        let price = line.unit_price.checked_mul(line.quantity.into()).ok_or_else(overflow)?;
        sum = sum.checked_add(price).ok_or_else(overflow)?;
        let Line { article, quantity, unit_price } = line;
        lines.push(LineRow { invoice_number: number, position, article, quantity, unit_price, price });
    }
    if sum != invoice.total {
        return Err(Reject::new("total_mismatch", "the lines do not add up to the total").at("total"));
    }
    let Invoice { customer, issued_on, total, .. } = invoice;
    let count = i32::try_from(lines.len()).unwrap_or(i32::MAX);
    Ok(Some((InvoiceRow { number, customer, issued_on, total, lines: count, source }, lines)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sluicebox::testing::{Input, Runner, check_cases, filtered, rejected, rows};

    use super::split;

    const INVOICE: &str = r#"{"customer": "Ada", "issued_on": "2024-02-29", "total": "25.00",
        "lines": [{"article": "pen", "quantity": 10, "unit_price": 1.5}, {"article": "ink", "quantity": 2, "unit_price": 5}]}"#;

    #[test]
    fn an_invoice_makes_rows_of_two_tables() {
        let invoice = json!({
            "number": "i-7", "customer": "Ada", "issued_on": "2024-02-29", "total": "25.00", "lines": 2, "source": "shop",
        });
        let line = |position, article, quantity, unit_price, price| {
            (
                "invoice_lines",
                json!({
                    "invoice_number": "i-7", "position": position, "article": article, "quantity": quantity,
                    "unit_price": unit_price, "price": price,
                }),
            )
        };
        let input = Input::value(INVOICE).key("i-7").header("source", "mail").header("source", "shop");
        let expected =
            rows([("invoices", invoice), line(0, "pen", 10, "1.50", "15.00"), line(1, "ink", 2, "5.00", "10.00")]);
        assert_eq!(Runner::<split>::new().run(input), expected);
    }

    #[test]
    fn what_does_not_add_up_is_rejected() {
        let runner = Runner::<split>::new();
        let wrong = INVOICE.replace("25.00", "25.01");
        assert_eq!(runner.run(Input::value(wrong).key("i-7")), rejected("total_mismatch", "total"));
        let large = INVOICE.replace("\"unit_price\": 5", "\"unit_price\": 9999999999999999.99");
        assert_eq!(runner.run(Input::value(large).key("i-7")), rejected("amount_too_large", "lines[1]"));
        assert_eq!(runner.run(INVOICE), rejected("missing_key", ""));
    }

    #[test]
    fn a_withdrawn_invoice_makes_no_rows() {
        assert_eq!(Runner::<split>::new().run(Input::tombstone().key("i-7")), filtered());
    }

    #[test]
    fn the_cases_come_out_as_expected() {
        check_cases::<split>(concat!(env!("CARGO_MANIFEST_DIR"), "/cases"));
    }
}
