//! An outcome's columns read back as rows: by the declared types, as the host does. What the host would refuse fails
//! the test.

use serde_json::{Map, Value, json};

use super::{
    base64, fit,
    verdict::{Verdict, filtered, rejected, rows},
};
use crate::{
    Date, NaiveTimestamp, Timestamp,
    column::{Column, Strings, Values},
    description::{DataType, Description, Field},
    outcome::{Outcome, Rows},
};

/// The verdict on every record.
///
/// # Panics
/// Where the outcome does not fit the description.
#[must_use]
pub fn verdicts(description: &Description, outcome: &Outcome) -> Vec<Verdict> {
    let mut made: Vec<Vec<(&str, Value)>> = vec![Vec::new(); outcome.verdicts.len()];
    let mut fits = vec![true; outcome.verdicts.len()];
    for part in &outcome.rows {
        let table = &description.tables[part.table as usize];
        for (&record, row) in part.records.iter().zip(read_rows(&table.fields, &part.rows, part.records.len())) {
            fits[record as usize] &= fit::fits(&table.fields, &row);
            made[record as usize].push((&table.name, row));
        }
    }

    let mut reasons = (0..outcome.rejections.records.len()).map(|index| {
        let text = |strings: &Strings| String::from_utf8_lossy(strings.get(index)).into_owned();
        (
            outcome.rejections.records[index] as usize,
            rejected(&text(&outcome.rejections.codes), &text(&outcome.rejections.paths)),
        )
    });
    let verdicts = outcome.verdicts.iter().zip(made).enumerate().map(|(record, (verdict, made))| match verdict {
        0 => filtered(),
        1 if !fits[record] => rejected(fit::CODE, ""),
        1 => rows(made),
        _ => match reasons.next() {
            Some((rejected, reason)) if rejected == record => reason,
            other => unfounded(record, other),
        },
    });
    verdicts.collect()
}

#[expect(clippy::panic, reason = "it can only be a defect of this crate")]
fn unfounded(record: usize, next: Option<(usize, Verdict)>) -> ! {
    panic!("record {record} is rejected, but the next reason is {next:?}")
}

fn read_rows(fields: &[Field], rows: &Rows, len: usize) -> Vec<Value> {
    match rows {
        Rows::Json(objects) => {
            (0..len).map(|index| serde_json::from_slice(objects.get(index)).expect("a row is a JSON object")).collect()
        }
        Rows::Columns(columns) => {
            let mut columns = columns.iter();
            let members: Vec<_> = fields.iter().map(|field| (field, read_column(field, &mut columns))).collect();
            assert_eq!(columns.count(), 0, "columns beyond the declared ones");
            (0..len).map(|slot| object(&members, slot)).collect()
        }
    }
}

fn object(members: &[(&Field, Vec<Value>)], slot: usize) -> Value {
    let member = |(field, values): &(&Field, Vec<Value>)| (field.name.clone(), values[slot].clone());
    Value::Object(members.iter().map(member).collect::<Map<_, _>>())
}

/// The column's values slot by slot, those of the columns that it consists of within them.
#[expect(clippy::panic, reason = "a column of another type than declared can only be a defect of this crate")]
fn read_column<'c>(field: &Field, columns: &mut impl Iterator<Item = &'c Column>) -> Vec<Value> {
    let column = columns.next().expect("a column for every declared field");
    let mut values: Vec<Value> = match (&field.data_type, &column.values) {
        (DataType::Boolean, Values::Boolean(values)) => values.iter().map(|value| json!(*value == 1)).collect(),
        (DataType::Int32, Values::Int32(values)) => values.iter().map(|value| json!(value)).collect(),
        (DataType::Int64, Values::Int64(values)) => values.iter().map(|value| json!(value)).collect(),
        (DataType::Float32, Values::Float32(values)) => values.iter().map(|value| float(json!(value), value)).collect(),
        (DataType::Float64, Values::Float64(values)) => values.iter().map(|value| float(json!(value), value)).collect(),
        (DataType::Decimal { scale, .. }, Values::Decimal(bytes)) => {
            bytes.as_chunks().0.iter().map(|unscaled| json!(decimal(i128::from_le_bytes(*unscaled), *scale))).collect()
        }
        (DataType::Utf8, Values::Utf8(strings)) => {
            each(strings).map(|bytes| json!(std::str::from_utf8(bytes).expect("text is UTF-8"))).collect()
        }
        (DataType::Binary, Values::Binary(strings)) => {
            each(strings).map(|bytes| json!(base64::encode(bytes))).collect()
        }
        (DataType::Date, Values::Date(days)) => days.iter().map(|days| json!(Date::from_days(*days))).collect(),
        (DataType::Timestamp, Values::Timestamp(times)) => {
            times.iter().map(|microseconds| json!(Timestamp::from_microseconds(*microseconds))).collect()
        }
        (DataType::TimestampNtz, Values::TimestampNtz(times)) => {
            times.iter().map(|microseconds| json!(NaiveTimestamp::from_microseconds(*microseconds))).collect()
        }
        (DataType::List(item), Values::List(ends)) => {
            let mut items = read_column(item, columns).into_iter();
            lengths(ends).map(|length| items.by_ref().take(length).collect()).collect()
        }
        (DataType::Map { key, value }, Values::Map(ends)) => {
            let keys = read_column(key, columns).into_iter();
            let keys = keys.map(|key| key.as_str().expect("a key is text").to_owned());
            let mut entries = keys.zip(read_column(value, columns));
            lengths(ends).map(|length| map(entries.by_ref().take(length), length)).collect()
        }
        (DataType::Struct(fields), Values::Struct(slots)) => {
            let members: Vec<_> = fields.iter().map(|field| (field, read_column(field, columns))).collect();
            (0..*slots as usize).map(|slot| object(&members, slot)).collect()
        }
        (declared, found) => panic!("column `{}` is declared as {declared:?}, but holds {found:?}", field.name),
    };
    assert!(field.nullable || column.nulls.is_empty(), "column `{}` is not nullable", field.name);
    for &null in &column.nulls {
        values[null as usize] = Value::Null;
    }
    values
}

/// How many items or entries each slot has.
fn lengths(ends: &[u32]) -> impl Iterator<Item = usize> {
    std::iter::once(&0).chain(ends).zip(ends).map(|(start, end)| (end - start) as usize)
}

fn map(entries: impl Iterator<Item = (String, Value)>, length: usize) -> Value {
    let map: Map<_, _> = entries.collect();
    assert_eq!(map.len(), length, "a map holds no key twice");
    Value::Object(map)
}

fn each(strings: &Strings) -> impl Iterator<Item = &[u8]> {
    (0..strings.ends.len()).map(|index| strings.get(index))
}

/// JSON has no NaN and no infinity: they become text.
fn float(number: Value, written: impl ToString) -> Value {
    if number.is_null() { Value::from(written.to_string()) } else { number }
}

/// `(1250, 2)` → `12.50`
fn decimal(unscaled: i128, scale: u8) -> String {
    let (sign, width) = (if unscaled < 0 { "-" } else { "" }, usize::from(scale) + 1);
    let mut digits = format!("{:0width$}", unscaled.unsigned_abs());
    if scale > 0 {
        digits.insert(digits.len() - usize::from(scale), '.');
    }
    format!("{sign}{digits}")
}
