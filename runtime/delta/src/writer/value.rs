//! Partition values as text, as the Delta protocol's "Partition Value Serialization" says, and which values cannot be
//! written so. Pure: knows no paths and no files.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};
use arrow::error::ArrowError;

use super::path::NULL;
use super::{UnwritableValue, calendar, decimal};

const EMPTY: &str = "holds an empty text, which readers of a Delta table take for null";
const NULL_NAME: &str = "holds the text that stands for null in paths, which readers of a Delta table take for null";
const YEAR: &str = "holds a date or time outside the years 1 to 9999, which readers of a Delta table cannot parse";

/// Fails unless columns of this type can partition a table.
pub(super) fn require_type(name: &str, data_type: &DataType) -> Result<(), ArrowError> {
    match data_type {
        DataType::Boolean | DataType::Int32 | DataType::Int64 | DataType::Float32 | DataType::Float64 => Ok(()),
        DataType::Decimal128(..) | DataType::Utf8 | DataType::Date32 => Ok(()),
        DataType::Timestamp(TimeUnit::Microsecond, _) => Ok(()),
        other => Err(ArrowError::SchemaError(format!("partition column `{name}` is {other}, which cannot partition"))),
    }
}

/// The rows that a table with these partition columns cannot hold: each row's index, and one of the reasons.
pub fn unwritable_rows(rows: &RecordBatch, partition_columns: &[String]) -> Vec<(usize, UnwritableValue)> {
    let mut found = Vec::new();
    for column in partition_columns {
        let Some(array) = rows.column_by_name(column) else { continue };
        let refused = (0..array.len()).filter_map(|row| Some((row, refusal(array, row)?)));
        found.extend(refused.map(|(row, reason)| (row, UnwritableValue { column: column.clone(), reason })));
    }
    found.sort_by_key(|&(row, _)| row);
    found.dedup_by_key(|&mut (row, _)| row);
    found
}

/// Why a table cannot hold the value; none if it can.
fn refusal(array: &dyn Array, row: usize) -> Option<&'static str> {
    if array.is_null(row) {
        return None;
    }
    match array.data_type() {
        DataType::Utf8 => match array.as_string::<i32>().value(row) {
            "" => Some(EMPTY),
            NULL => Some(NULL_NAME),
            _ => None,
        },
        DataType::Date32 => {
            let day = array.as_primitive::<Date32Type>().value(row).into();
            (!calendar::has_day(day)).then_some(YEAR)
        }
        DataType::Timestamp(..) => {
            let time = array.as_primitive::<TimestampMicrosecondType>().value(row);
            (!calendar::has_time(time)).then_some(YEAR)
        }
        _ => None,
    }
}

/// The value as text; none for null, and for a value that [`unwritable_rows`] names.
pub(super) fn text(array: &dyn Array, row: usize) -> Option<String> {
    if array.is_null(row) {
        return None;
    }
    match array.data_type() {
        DataType::Boolean => Some(array.as_boolean().value(row).to_string()),
        DataType::Int32 => Some(array.as_primitive::<Int32Type>().value(row).to_string()),
        DataType::Int64 => Some(array.as_primitive::<Int64Type>().value(row).to_string()),
        DataType::Float32 => Some(float(array.as_primitive::<Float32Type>().value(row))),
        DataType::Float64 => Some(float(array.as_primitive::<Float64Type>().value(row))),
        DataType::Decimal128(_, scale) => {
            Some(decimal::text(array.as_primitive::<Decimal128Type>().value(row), *scale))
        }
        DataType::Utf8 => Some(array.as_string::<i32>().value(row).to_owned()),
        DataType::Date32 => calendar::date(array.as_primitive::<Date32Type>().value(row).into()),
        DataType::Timestamp(_, zone) => {
            // Readers take a time with neither `T` nor `Z` for one in their own time zone.
            let format = if zone.is_some() { "%Y-%m-%dT%H:%M:%S%.6fZ" } else { "%Y-%m-%d %H:%M:%S%.6f" };
            let time = calendar::time(array.as_primitive::<TimestampMicrosecondType>().value(row))?;
            Some(time.format(format).to_string())
        }
        _ => None,
    }
}

/// The shortest text that names the float exactly, with Java's words for those that are not numbers.
fn float<F: Into<f64> + Copy + std::fmt::Debug>(value: F) -> String {
    match value.into() {
        wide if wide.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "Infinity".to_owned(),
        f64::NEG_INFINITY => "-Infinity".to_owned(),
        _ => format!("{value:?}"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Date32Array, Float32Array, StringArray, TimestampMicrosecondArray};

    use super::*;

    #[test]
    fn a_row_that_no_table_can_hold_is_named_without_its_value() {
        let text = StringArray::from(vec![Some("a"), Some(""), None, Some(NULL), Some("b")]);
        let days = Date32Array::from(vec![0, i32::MAX, 1, 2, i32::MIN]);
        let rows = RecordBatch::try_from_iter([("p", Arc::new(text) as _), ("d", Arc::new(days) as _)]).expect("rows");
        let columns = ["p".to_owned(), "d".to_owned()];
        let found = unwritable_rows(&rows, &columns);
        let found: Vec<_> = found.iter().map(|(row, value)| (*row, value.column.as_str(), value.reason)).collect();
        assert_eq!(found, [(1, "p", EMPTY), (3, "p", NULL_NAME), (4, "d", YEAR)]);
        assert_eq!(unwritable_rows(&rows, &columns[..0]), []);
    }

    #[test]
    fn values_have_the_protocols_text() {
        let zoned = TimestampMicrosecondArray::from(vec![1]).with_timezone("UTC");
        assert_eq!(text(&zoned, 0).as_deref(), Some("1970-01-01T00:00:00.000001Z"));
        assert_eq!(text(&TimestampMicrosecondArray::from(vec![-1]), 0).as_deref(), Some("1969-12-31 23:59:59.999999"));
        let floats = Float32Array::from(vec![0.1, 1e30, -0.0, f32::NAN, f32::NEG_INFINITY]);
        let texts: Vec<_> = (0..5).filter_map(|row| text(&floats, row)).collect();
        assert_eq!(texts, ["0.1", "1e30", "-0.0", "NaN", "-Infinity"]);
    }
}
