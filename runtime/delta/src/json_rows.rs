//! Decodes JSON rows from the sandbox into an Arrow record batch, through `arrow-json`. A row that does not fit the table's
//! columns is its record's failure: it is reported, and the other rows go through.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::json::ReaderBuilder;
use arrow::json::reader::Decoder;
use sluicebox_sandbox::Strings;

/// Why a row is not in the batch.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RowMisfit {
    /// The row's index in the input.
    pub(super) row: usize,
    /// What does not fit, naming the column.
    pub(super) message: String,
}

/// Decodes all rows at once. Only if that fails, decodes them one by one, to learn which do not fit.
pub(super) fn decode(rows: &Strings, schema: &SchemaRef) -> Result<(RecordBatch, Vec<RowMisfit>), ArrowError> {
    if let Ok(Some(batch)) = decode_together(rows, schema) {
        return Ok((batch, Vec::new()));
    }
    let mut batches = Vec::with_capacity(rows.ends.len());
    let mut misfits = Vec::new();
    for (row, text) in each_row(rows).enumerate() {
        match decode_one(text, schema) {
            Ok(batch) => batches.push(batch),
            Err(error) => misfits.push(RowMisfit { row, message: without_values(&error) }),
        }
    }
    Ok((concat_batches(schema, &batches)?, misfits))
}

/// None if a row is not exactly one object.
fn decode_together(rows: &Strings, schema: &SchemaRef) -> Result<Option<RecordBatch>, ArrowError> {
    let mut decoder = decoder(schema, rows.ends.len())?;
    for (row, text) in each_row(rows).enumerate() {
        decoder.decode(text)?;
        // The decoder reads a stream and knows no rows: half an object would join with the next row, two in one row
        // would count as two.
        if decoder.has_partial_record() || decoder.len() != row + 1 {
            return Ok(None);
        }
    }
    Ok(Some(decoder.flush()?.unwrap_or_else(|| RecordBatch::new_empty(schema.clone()))))
}

fn decode_one(text: &[u8], schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    // Room for a second object, so that it is seen and refused.
    let mut decoder = decoder(schema, 2)?;
    decoder.decode(text)?;
    if decoder.has_partial_record() || decoder.len() != 1 {
        return Err(ArrowError::JsonError("the row is not exactly one JSON object".to_owned()));
    }
    decoder.flush()?.ok_or_else(|| ArrowError::JsonError("the row is empty".to_owned()))
}

fn decoder(schema: &SchemaRef, rows: usize) -> Result<Decoder, ArrowError> {
    // Strict: a field that the table does not have would vanish silently.
    ReaderBuilder::new(schema.clone()).with_strict_mode(true).with_batch_size(rows + 1).build_decoder()
}

fn each_row(rows: &Strings) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    rows.ends.iter().map(move |&end| {
        let text = &rows.data[start..end as usize];
        start = end as usize;
        text
    })
}

/// arrow-json quotes the offending value (`failed to parse "…"`, `got "…"`), but a message must not contain payloads.
fn without_values(error: &ArrowError) -> String {
    let text = error.to_string();
    let mut cleaned = String::with_capacity(text.len());
    for (index, piece) in text.split('"').enumerate() {
        cleaned.push_str(if index % 2 == 0 { piece } else { "…" });
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![
            Field::new("id", DataType::Utf8, false),
            Field::new("amount", DataType::Int64, true),
        ]))
    }

    fn rows(texts: &[&str]) -> Strings {
        let mut rows = Strings { data: Vec::new(), ends: Vec::new() };
        for text in texts {
            rows.data.extend_from_slice(text.as_bytes());
            rows.ends.push(rows.data.len() as u32);
        }
        rows
    }

    #[test]
    fn rows_that_fit_come_in_order() {
        let (batch, misfits) =
            decode(&rows(&[r#"{"id":"a","amount":1}"#, r#"{"id":"b"}"#]), &schema()).expect("decodes");
        assert_eq!((batch.num_rows(), misfits.len()), (2, 0));
    }

    #[test]
    fn a_misfit_does_not_take_its_neighbours_along() {
        let texts = [
            r#"{"id":"a"}"#,
            r#"{"id":"b","amount":"many"}"#,
            r#"{"amount":1}"#,
            r#"{"id":"c","colour":"red"}"#,
            r#"{"id":"d"}{"id":"e"}"#,
            "",
            r#"{"id":"f"}"#,
        ];
        let (batch, misfits) = decode(&rows(&texts), &schema()).expect("decodes");
        assert_eq!(batch.num_rows(), 2);
        assert_eq!(misfits.iter().map(|misfit| misfit.row).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_row_that_borrows_from_its_neighbour_is_refused() {
        let (batch, misfits) = decode(&rows(&[r#"{"id":"a"}{"id":"b"}"#, ""]), &schema()).expect("decodes");
        assert_eq!((batch.num_rows(), misfits.len()), (0, 2));
    }

    #[test]
    fn messages_do_not_quote_payloads() {
        let (_, misfits) = decode(&rows(&[r#"{"id":"a","amount":"secret"}"#]), &schema()).expect("decodes");
        assert!(!misfits[0].message.contains("secret"), "{}", misfits[0].message);
    }
}
