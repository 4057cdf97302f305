//! Typed columns as JSON text, row by row, for people and for expected results.
//!
//! Decimals and 64-bit numbers keep all their digits (decimals as text), dates and timestamps are ISO 8601, bytes are
//! base64. Columns keep the transform's order, which a map of parsed JSON would not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, NaiveDate, TimeDelta};
use sluicebox_sandbox::{Column, DataType, Field, Rows, Table, Values};

/// The rows of one table, each a JSON object.
pub(crate) fn rows_as_json(table: &Table, rows: &Rows, count: usize) -> Vec<String> {
    match rows {
        Rows::Json(texts) => (0..count).map(|row| String::from_utf8_lossy(texts.get(row)).into_owned()).collect(),
        Rows::Columns(columns) => {
            let mut rest = columns.as_slice();
            let trees: Vec<Tree<'_>> = table.fields.iter().filter_map(|field| Tree::take(field, &mut rest)).collect();
            (0..count).map(|row| object(&trees, row)).collect()
        }
    }
}

/// A column with the columns below it, taken from the depth-first list.
struct Tree<'a> {
    field: &'a Field,
    column: &'a Column,
    below: Vec<Tree<'a>>,
}

impl<'a> Tree<'a> {
    fn take(field: &'a Field, rest: &mut &'a [Column]) -> Option<Tree<'a>> {
        let (column, tail) = rest.split_first()?;
        // Before the children are taken: the list is depth first, so theirs come next.
        *rest = tail;
        let below = match &field.data_type {
            DataType::List(item) => vec![Tree::take(item, rest)?],
            DataType::Map { key, value } => vec![Tree::take(key, rest)?, Tree::take(value, rest)?],
            DataType::Struct(members) => {
                members.iter().map(|member| Tree::take(member, rest)).collect::<Option<_>>()?
            }
            _ => Vec::new(),
        };
        Some(Tree { field, column, below })
    }

    fn cell(&self, slot: usize) -> String {
        if self.column.nulls.binary_search(&(slot as u32)).is_ok() {
            return "null".to_owned();
        }
        self.value(slot).unwrap_or_else(|| "null".to_owned())
    }

    /// None if there is no such slot, which the sandbox has ruled out.
    fn value(&self, slot: usize) -> Option<String> {
        Some(match &self.column.values {
            Values::Boolean(values) => (*values.get(slot)? != 0).to_string(),
            Values::Int32(values) => values.get(slot)?.to_string(),
            Values::Int64(values) => values.get(slot)?.to_string(),
            Values::Float32(values) => number(*values.get(slot)?, f32::is_finite),
            Values::Float64(values) => number(*values.get(slot)?, f64::is_finite),
            Values::Decimal(bytes) => self.decimal(bytes.get(slot * 16..slot * 16 + 16)?)?,
            Values::Utf8(texts) => quoted(&String::from_utf8_lossy(texts.get(slot))),
            Values::Binary(texts) => quoted(&STANDARD.encode(texts.get(slot))),
            Values::Date(days) => date(*days.get(slot)?),
            Values::Timestamp(micros) => timestamp(*micros.get(slot)?),
            // No zone is named, so none is shown.
            Values::TimestampNtz(micros) => timestamp(*micros.get(slot)?).replace('Z', ""),
            Values::List(ends) => {
                let start = if slot == 0 { 0 } else { *ends.get(slot - 1)? };
                let item = self.below.first()?;
                let items: Vec<String> = (start..*ends.get(slot)?).map(|index| item.cell(index as usize)).collect();
                format!("[{}]", items.join(","))
            }
            Values::Map(ends) => {
                let start = if slot == 0 { 0 } else { *ends.get(slot - 1)? };
                let (key, value) = (self.below.first()?, self.below.get(1)?);
                let entries: Vec<String> = (start..*ends.get(slot)?)
                    .map(|index: u32| format!("{}:{}", key.cell(index as usize), value.cell(index as usize)))
                    .collect();
                format!("{{{}}}", entries.join(","))
            }
            Values::Struct(_) => object(&self.below, slot),
        })
    }

    fn decimal(&self, bytes: &[u8]) -> Option<String> {
        let DataType::Decimal { scale, .. } = self.field.data_type else { return None };
        let unscaled = i128::from_le_bytes(bytes.try_into().ok()?);
        // Filled up with zeros, so that a digit stands before the point: 0.05 has the unscaled value 5.
        let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = usize::from(scale) + 1);
        let (whole, fraction) = digits.split_at(digits.len() - usize::from(scale));
        let sign = if unscaled < 0 { "-" } else { "" };
        let point = if fraction.is_empty() { "" } else { "." };
        Some(quoted(&format!("{sign}{whole}{point}{fraction}")))
    }
}

fn object(members: &[Tree<'_>], slot: usize) -> String {
    let members: Vec<String> =
        members.iter().map(|member| format!("{}:{}", quoted(&member.field.name), member.cell(slot))).collect();
    format!("{{{}}}", members.join(","))
}

/// JSON has no NaN and no infinity: they become text.
fn number<F: Copy + serde::Serialize + std::fmt::Display>(value: F, is_finite: fn(F) -> bool) -> String {
    if is_finite(value) { serde_json::to_string(&value).unwrap_or_default() } else { quoted(&value.to_string()) }
}

pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn date(days: i32) -> String {
    let date = NaiveDate::default().checked_add_signed(TimeDelta::days(days.into()));
    date.map_or_else(|| days.to_string(), |date| quoted(&date.to_string()))
}

fn timestamp(micros: i64) -> String {
    let time = DateTime::from_timestamp_micros(micros);
    time.map_or_else(|| micros.to_string(), |time| quoted(&time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicebox_sandbox::Strings;

    fn field(name: &str, data_type: DataType) -> Field {
        Field::new(name, data_type, true)
    }

    fn column(values: Values, nulls: &[u32]) -> Column {
        Column { values, nulls: nulls.to_vec() }
    }

    #[test]
    fn every_type_has_its_text() {
        let table = Table::new(
            "all",
            vec![
                field("b", DataType::Boolean),
                field("f", DataType::Float64),
                field("d", DataType::Decimal { precision: 5, scale: 2 }),
                field("day", DataType::Date),
                field("at", DataType::Timestamp),
                field("raw", DataType::Binary),
                field(
                    "list",
                    DataType::List(Box::new(field("item", DataType::Struct(vec![field("n", DataType::Int32)])))),
                ),
            ],
        );
        let decimals: Vec<u8> = [-5i128, 1234].iter().flat_map(|unscaled| unscaled.to_le_bytes()).collect();
        let rows = Rows::Columns(vec![
            column(Values::Boolean(vec![1, 0]), &[]),
            column(Values::Float64(vec![0.1, f64::NAN]), &[]),
            column(Values::Decimal(decimals), &[]),
            column(Values::Date(vec![-1, 19_723]), &[]),
            column(Values::Timestamp(vec![1_500_000, 0]), &[1]),
            column(Values::Binary(Strings { data: vec![0xff], ends: vec![1, 1] }), &[]),
            column(Values::List(vec![2, 2]), &[]),
            column(Values::Struct(2), &[]),
            column(Values::Int32(vec![7, 0]), &[1]),
        ]);
        assert_eq!(
            rows_as_json(&table, &rows, 2),
            [
                r#"{"b":true,"f":0.1,"d":"-0.05","day":"1969-12-31","at":"1970-01-01T00:00:01.500Z","raw":"/w==","list":[{"n":7},{"n":null}]}"#,
                r#"{"b":false,"f":"NaN","d":"12.34","day":"2024-01-01","at":null,"raw":"","list":[]}"#,
            ]
        );
    }
}
