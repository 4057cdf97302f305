//! Whether what the log says of a file's rows is true: the count of rows and of nulls to the number, and bounds that no value
//! exceeds. Reads the text of the log itself, because a JSON library would round its numbers.

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type};
use serde_json::{Deserializer, Value};

/// Columns whose bounds and counts of nulls are checked, where a file has them.
const COLUMNS: [&str; 10] =
    ["token", "row", "small", "ratio", "share", "amount", "note", "at", "local", "_kafka_offset"];
/// The scale of `amount`.
const SCALE: i32 = 18;

/// What is wrong about the statistics of a file with these rows.
pub(super) fn wrong(statistics: &str, batches: &[RecordBatch]) -> Option<String> {
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    if raw(statistics, "numRecords").is_none_or(|said| said.parse() != Ok(rows)) {
        return Some(format!("{rows} rows, and the log says {statistics}"));
    }
    COLUMNS.iter().find_map(|column| wrong_of(statistics, column, batches))
}

fn wrong_of(statistics: &str, column: &str, batches: &[RecordBatch]) -> Option<String> {
    let arrays: Vec<&dyn Array> =
        batches.iter().filter_map(|batch| Some(batch.column_by_name(column)?.as_ref())).collect();
    if arrays.is_empty() {
        return None;
    }
    let nulls: usize = arrays.iter().map(|array| array.null_count()).sum();
    if let Some(said) = section(statistics, "nullCount").and_then(|section| raw(section, column))
        && said.parse() != Ok(nulls)
    {
        return Some(format!("{nulls} nulls in `{column}`, and the log says {said}"));
    }
    let bound = |name| section(statistics, name).and_then(|section| raw(section, column));
    let (min, max) = (bound("minValues"), bound("maxValues"));
    let outside = arrays.iter().find_map(|array| outside(*array, min, max))?;
    Some(format!("`{column}` holds {outside}, and the log says {min:?} to {max:?}"))
}

/// A value outside of the bounds. A bound that is absent holds; a NaN is above all numbers.
fn outside(array: &dyn Array, min: Option<&str>, max: Option<&str>) -> Option<String> {
    match array.data_type() {
        DataType::Utf8 => texts_outside(array.as_string(), text(min), text(max)),
        DataType::Timestamp(..) => {
            let texts = cast(array, &DataType::Utf8).ok()?;
            let times: StringArray = texts.as_string::<i32>().iter().map(|time| time.map(bare)).collect();
            let [min, max] = [min, max].map(|bound| text(bound).map(|time| bare(&time).to_owned()));
            texts_outside(&times, min, max)
        }
        DataType::Decimal128(..) => {
            let [min, max] = [min, max].map(|bound| bound.map(unscaled));
            let mut values = array.as_primitive::<Decimal128Type>().iter().flatten();
            let value = values.find(|value| min.is_some_and(|min| *value < min) || max.is_some_and(|max| *value > max));
            value.map(|value| value.to_string())
        }
        DataType::Float32 | DataType::Float64 => {
            let wide = cast(array, &DataType::Float64).ok()?;
            let [min, max] = [min, max].map(|bound| bound.map(|text| text.parse::<f64>().unwrap_or(f64::NAN)));
            let is_outside = |value: &f64| {
                min.is_some_and(|min| value.is_nan() || *value < min)
                    || max.is_some_and(|max| value.is_nan() || *value > max)
            };
            wide.as_primitive::<Float64Type>().iter().flatten().find(is_outside).map(|value| value.to_string())
        }
        _ => {
            let wide = cast(array, &DataType::Int64).ok()?;
            let [min, max] = [min, max].map(|bound| bound.and_then(|text| text.parse::<i64>().ok()));
            let mut values = wide.as_primitive::<Int64Type>().iter().flatten();
            let value = values.find(|value| min.is_some_and(|min| *value < min) || max.is_some_and(|max| *value > max));
            value.map(|value| value.to_string())
        }
    }
}

fn texts_outside(texts: &StringArray, min: Option<String>, max: Option<String>) -> Option<String> {
    let is_outside =
        |value: &&str| min.as_deref().is_some_and(|min| *value < min) || max.as_deref().is_some_and(|max| *value > max);
    texts.iter().flatten().find(is_outside).map(str::to_owned)
}

/// A time without its zone and its last zeroes: such texts are in the order of their times.
fn bare(time: &str) -> &str {
    let time = time.trim_end_matches('Z');
    if time.contains('.') { time.trim_end_matches('0').trim_end_matches('.') } else { time }
}

fn text(bound: Option<&str>) -> Option<String> {
    serde_json::from_str(bound?).ok()
}

/// A decimal without its point.
fn unscaled(text: &str) -> i128 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    match format!("{whole}{fraction:0<18}").parse() {
        Ok(value) if fraction.len() <= SCALE as usize => value,
        _ => (text.parse::<f64>().unwrap_or(f64::NAN) * 10_f64.powi(SCALE)) as i128,
    }
}

/// The members of an object in the statistics.
fn section<'a>(statistics: &'a str, name: &str) -> Option<&'a str> {
    Some(statistics.split_once(&format!("\"{name}\":{{"))?.1)
}

/// The text of a member's value.
fn raw<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    // The members of this object end where the next section begins.
    let object =
        object.split_once("},\"maxValues\"").or(object.split_once("},\"nullCount\"")).map_or(object, |it| it.0);
    let rest = object.split_once(&format!("\"{name}\":"))?.1;
    match rest.starts_with('"') {
        true => {
            let mut values = Deserializer::from_str(rest).into_iter::<Value>();
            values.next()?.ok()?;
            Some(&rest[..values.byte_offset()])
        }
        false => Some(rest.split([',', '}']).next().unwrap_or(rest)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Decimal128Array, Float64Array, Int32Array, TimestampMicrosecondArray};

    use super::*;

    fn verdict(statistics: &str) -> Option<String> {
        let amounts = Decimal128Array::from(vec![Some(10_i128.pow(37)), None]).with_precision_and_scale(38, 18);
        let columns = RecordBatch::try_from_iter([
            ("small", Arc::new(Int32Array::from(vec![Some(-3), Some(7)])) as Arc<dyn Array>),
            ("share", Arc::new(Float64Array::from(vec![f64::NAN, 1.0]))),
            ("local", Arc::new(TimestampMicrosecondArray::from(vec![0, 123_456]))),
            ("amount", Arc::new(amounts.expect("a decimal"))),
            ("note", Arc::new(StringArray::from(vec!["a", "b,}é"]))),
        ]);
        wrong(statistics, &[columns.expect("rows")])
    }

    #[test]
    fn true_statistics_pass_and_each_false_one_is_found() {
        assert_eq!(verdict(r#"{"numRecords":2}"#), None);
        let fine = r#"{"numRecords":2,"minValues":{"amount":10000000000000000000.000000000000000000,"local":"1970-01-01T00:00:00.000","note":"a","small":-3},"maxValues":{"amount":10000000000000000000.000000000000000000,"local":"1970-01-01T00:00:00.124","note":"b,}é","small":7},"nullCount":{"amount":1,"note":0,"small":0}}"#;
        assert_eq!(verdict(fine), None);
        for (was, is) in [
            ("\"numRecords\":2", "\"numRecords\":3"),
            ("\"small\":-3", "\"small\":-2"),
            ("\"small\":7}", "\"small\":6}"),
            ("\"note\":\"b,}é\"", "\"note\":\"b\""),
            ("00.124", "00.123"),
            ("\"amount\":1,", "\"amount\":0,"),
            ("\"maxValues\":{\"amount\":10000000000000000000.0", "\"maxValues\":{\"amount\":9223372036854775807.0"),
            ("\"maxValues\":{", "\"maxValues\":{\"share\":1.0,"),
        ] {
            assert!(fine.contains(was), "{was}");
            assert!(verdict(&fine.replace(was, is)).is_some(), "{is}");
        }
    }
}
