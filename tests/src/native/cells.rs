//! Typed cells as JSON, in the readers' form: days, microseconds, decimals as text, bytes as hexadecimal text.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use sluicebox::column::{Column, Strings, Values};
use sluicebox::description::{DataType, Field};

/// Row `index` of a table's columns, which lie depth first.
pub(super) fn row(fields: &[Field], columns: &[Column], index: usize) -> Result<Map<String, Value>> {
    let mut rest = columns;
    let row = members(fields, &mut rest, index)?;
    if !rest.is_empty() {
        bail!("{} columns more than fields", rest.len());
    }
    Ok(row)
}

fn members(fields: &[Field], columns: &mut &[Column], index: usize) -> Result<Map<String, Value>> {
    fields.iter().map(|field| Ok((field.name.clone(), cells(field, columns, index..index + 1)?.remove(0)))).collect()
}

/// Takes a field's columns off the front, and returns its cells at `slots`.
fn cells(field: &Field, columns: &mut &[Column], slots: std::ops::Range<usize>) -> Result<Vec<Value>> {
    let (column, rest) = columns.split_first().context("fewer columns than fields")?;
    *columns = rest;
    let values = match (&field.data_type, &column.values) {
        (DataType::List(item), Values::List(ends)) => {
            let end = |slot: usize| slot.checked_sub(1).map_or(0, |before| ends[before] as usize);
            let items = cells(item, columns, end(slots.start)..end(slots.end))?;
            let lists = slots.clone().map(|slot| json!(items[end(slot) - end(slots.start)..end(slot + 1) - end(slots.start)]));
            lists.collect()
        }
        (DataType::Struct(fields), Values::Struct(_)) => {
            let mut objects = vec![Map::new(); slots.len()];
            for field in fields {
                let values = cells(field, columns, slots.clone())?;
                objects.iter_mut().zip(values).for_each(|(object, value)| {
                    object.insert(field.name.clone(), value);
                });
            }
            objects.into_iter().map(Value::Object).collect()
        }
        (kind, values) => slots.clone().map(|slot| scalar(kind, values, slot)).collect::<Result<Vec<_>>>()?,
    };
    let is_null = |slot: usize| column.nulls.contains(&(slot as u32));
    Ok(slots.zip(values).map(|(slot, value)| if is_null(slot) { Value::Null } else { value }).collect())
}

fn scalar(kind: &DataType, values: &Values, slot: usize) -> Result<Value> {
    let utf8 = |strings: &Strings| String::from_utf8_lossy(strings.get(slot)).into_owned();
    Ok(match (kind, values) {
        (DataType::Boolean, Values::Boolean(values)) => json!(values[slot] == 1),
        (DataType::Int32, Values::Int32(values)) | (DataType::Date, Values::Date(values)) => json!(values[slot]),
        (DataType::Int64, Values::Int64(values)) | (DataType::Timestamp, Values::Timestamp(values)) => {
            json!(values[slot])
        }
        (DataType::Float32, Values::Float32(values)) => float(values[slot].into()),
        (DataType::Float64, Values::Float64(values)) => float(values[slot]),
        (DataType::Decimal { scale, .. }, Values::Decimal(values)) => {
            let bytes = values.get(16 * slot..16 * slot + 16).context("a decimal is cut short")?;
            json!(decimal(i128::from_le_bytes(bytes.try_into()?), *scale))
        }
        (DataType::Utf8, Values::Utf8(values)) => json!(utf8(values)),
        (DataType::Binary, Values::Binary(values)) => json!(hexadecimal(values.get(slot))),
        _ => bail!("a column of {kind:?} holds other values"),
    })
}

fn float(value: f64) -> Value {
    match value {
        value if value.is_nan() => json!("NaN"),
        f64::INFINITY => json!("Infinity"),
        f64::NEG_INFINITY => json!("-Infinity"),
        value => json!(value),
    }
}

fn decimal(unscaled: i128, scale: u8) -> String {
    let (sign, digits) = (if unscaled < 0 { "-" } else { "" }, unscaled.unsigned_abs().to_string());
    let scale = usize::from(scale);
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// Two digits a byte.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A JSON row, with a null for each column that it leaves out. Only types that JSON itself has.
pub(super) fn typed(fields: &[Field], row: &Value) -> Result<Map<String, Value>> {
    fields
        .iter()
        .map(|field| {
            let value = row.get(&field.name).cloned().unwrap_or_default();
            let value = match (&field.data_type, value) {
                (_, Value::Null) => Value::Null,
                (DataType::Struct(fields), value) => Value::Object(typed(fields, &value)?),
                (DataType::List(item), Value::Array(items)) => items
                    .iter()
                    .map(|value| Ok(typed(std::slice::from_ref(item), &json!({&item.name: value}))?[&item.name].clone()))
                    .collect::<Result<_>>()?,
                (DataType::Date | DataType::Timestamp | DataType::Decimal { .. } | DataType::Binary, _) => {
                    bail!("JSON rows with a column of {:?} are not compared yet", field.data_type)
                }
                (_, value) => value,
            };
            Ok((field.name.clone(), value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_and_nested_columns_become_the_readers_form() {
        assert_eq!(["0.05", "-12.50", "7.00"], [5, -1250, 700].map(|unscaled| decimal(unscaled, 2)).each_ref().map(|s| s.as_str()));
        let field = |name: &str, data_type| Field { name: name.into(), data_type, nullable: true };
        let item = field("item", DataType::Struct(vec![field("n", DataType::Int32)]));
        let fields = [field("list", DataType::List(Box::new(item))), field("last", DataType::Boolean)];
        let column = |values, nulls: &[u32]| Column { values, nulls: nulls.to_vec() };
        let columns = [
            column(Values::List(vec![2, 2, 3]), &[1]),
            column(Values::Struct(3), &[1]),
            column(Values::Int32(vec![10, 0, 12]), &[]),
            column(Values::Boolean(vec![0, 1, 1]), &[2]),
        ];
        let rows: Vec<_> = (0..3).map(|index| Value::Object(row(&fields, &columns, index).expect("a row"))).collect();
        assert_eq!(rows[0], json!({"list": [{"n": 10}, null], "last": false}));
        assert_eq!(rows[1], json!({"list": null, "last": true}));
        assert_eq!(rows[2], json!({"list": [{"n": 12}], "last": null}));
    }
}
