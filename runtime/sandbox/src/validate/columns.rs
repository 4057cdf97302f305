//! Whether columns are of the described fields, depth first.

use crate::bindings::wire;
use crate::description::{DataType, Field};
use crate::outcome::{Column, Strings, Values};

use super::layout::{check_ends, check_nulls, check_text, check_unique_keys};

/// The bytes in which a column crossed the boundary.
pub(super) fn bytes(column: &wire::Column) -> usize {
    let values = match &column.values {
        wire::Values::Boolean(values) | wire::Values::Decimal(values) => values.len(),
        wire::Values::Int32(values) | wire::Values::Date(values) => 4 * values.len(),
        wire::Values::Int64(values) | wire::Values::Timestamp(values) | wire::Values::TimestampNtz(values) => {
            8 * values.len()
        }
        wire::Values::Float32(values) => 4 * values.len(),
        wire::Values::Float64(values) => 8 * values.len(),
        wire::Values::Utf8(strings) | wire::Values::Binary(strings) => strings.data.len() + 4 * strings.ends.len(),
        wire::Values::ListOf(ends) | wire::Values::MapOf(ends) => 4 * ends.len(),
        wire::Values::StructOf(_) => 0,
    };
    values + 4 * column.nulls.len()
}

/// Checks the columns of a table with `rows` rows.
pub(super) fn check(columns: Vec<wire::Column>, fields: &[Field], rows: usize) -> Result<Vec<Column>, String> {
    let mut reader = Reader { checked: Vec::with_capacity(columns.len()), columns: columns.into_iter() };
    for field in fields {
        reader.field(field, &field.name, rows, &[])?;
    }
    match reader.columns.len() {
        0 => Ok(reader.checked),
        more => Err(format!("{more} more columns than fields")),
    }
}

struct Reader {
    columns: std::vec::IntoIter<wire::Column>,
    checked: Vec<Column>,
}

impl Reader {
    /// Checks the columns of one field and of all that it holds. `excused` are the null slots of the parent struct.
    fn field(&mut self, field: &Field, path: &str, slots: usize, excused: &[u32]) -> Result<(), String> {
        let at = |what: String| format!("column `{path}`: {what}");
        let column = self.columns.next().ok_or_else(|| at("missing".to_owned()))?;
        check_nulls(&column.nulls, slots).map_err(at)?;
        if !field.nullable {
            let unexcused = column.nulls.iter().find(|null| excused.binary_search(null).is_err());
            if let Some(slot) = unexcused {
                return Err(at(format!("slot {slot} is null, but the field is not nullable")));
            }
        }
        let values = values(column.values, &field.data_type, slots).map_err(at)?;
        let below = below(&values, slots);
        // A copy: the column moves into the list, and the members of a struct are excused by its nulls.
        let nulls = column.nulls.clone();
        let place = self.checked.len();
        self.checked.push(Column { values, nulls: column.nulls });
        match &field.data_type {
            DataType::List(item) => self.field(item, &format!("{path}[]"), below, &[]),
            DataType::Struct(members) => members
                .iter()
                .try_for_each(|member| self.field(member, &format!("{path}.{}", member.name), below, &nulls)),
            DataType::Map { key, value } => {
                self.field(key, &format!("{path}.{}", key.name), below, &[])?;
                // After the keys, which have to be valid text for this, and before the values, whose error would hide
                // it.
                self.keys_are_unique(place).map_err(at)?;
                self.field(value, &format!("{path}.{}", value.name), below, &[])
            }
            _ => Ok(()),
        }
    }

    /// The map at this place, whose keys were checked just now, holds no key twice.
    fn keys_are_unique(&self, place: usize) -> Result<(), String> {
        match &self.checked[place..] {
            [Column { values: Values::Map(ends), .. }, Column { values: Values::Utf8(keys), .. }] => {
                check_unique_keys(ends, keys)
            }
            _ => Err("a map's keys are text".to_owned()),
        }
    }
}

/// The slots of what a column holds.
fn below(values: &Values, slots: usize) -> usize {
    match values {
        Values::List(ends) | Values::Map(ends) => ends.last().map_or(0, |&end| end as usize),
        _ => slots,
    }
}

fn values(values: wire::Values, data_type: &DataType, slots: usize) -> Result<Values, String> {
    Ok(match (values, data_type) {
        (wire::Values::Boolean(values), DataType::Boolean) => {
            check_length(values.len(), slots)?;
            match values.iter().position(|&value| value > 1) {
                Some(slot) => return Err(format!("slot {slot} is {}, neither 0 nor 1", values[slot])),
                None => Values::Boolean(values),
            }
        }
        (wire::Values::Int32(values), DataType::Int32) => {
            check_length(values.len(), slots).map(|()| Values::Int32(values))?
        }
        (wire::Values::Int64(values), DataType::Int64) => {
            check_length(values.len(), slots).map(|()| Values::Int64(values))?
        }
        (wire::Values::Float32(values), DataType::Float32) => {
            check_length(values.len(), slots).map(|()| Values::Float32(values))?
        }
        (wire::Values::Float64(values), DataType::Float64) => {
            check_length(values.len(), slots).map(|()| Values::Float64(values))?
        }
        (wire::Values::Date(values), DataType::Date) => {
            check_length(values.len(), slots).map(|()| Values::Date(values))?
        }
        (wire::Values::Timestamp(values), DataType::Timestamp) => {
            check_length(values.len(), slots).map(|()| Values::Timestamp(values))?
        }
        (wire::Values::TimestampNtz(values), DataType::TimestampNtz) => {
            check_length(values.len(), slots).map(|()| Values::TimestampNtz(values))?
        }
        (wire::Values::Decimal(values), &DataType::Decimal { precision, .. }) => {
            check_decimals(&values, precision, slots).map(|()| Values::Decimal(values))?
        }
        (wire::Values::Utf8(strings), DataType::Utf8) => {
            check_ends(&strings.ends, slots, strings.data.len())?;
            check_text(&strings.data, &strings.ends)?;
            Values::Utf8(Strings { data: strings.data, ends: strings.ends })
        }
        (wire::Values::Binary(strings), DataType::Binary) => {
            check_ends(&strings.ends, slots, strings.data.len())?;
            Values::Binary(Strings { data: strings.data, ends: strings.ends })
        }
        (wire::Values::ListOf(ends), DataType::List(_)) => {
            let items = ends.last().map_or(0, |&end| end as usize);
            check_ends(&ends, slots, items).map(|()| Values::List(ends))?
        }
        (wire::Values::StructOf(count), DataType::Struct(_)) => {
            check_length(count as usize, slots).map(|()| Values::Struct(count))?
        }
        (wire::Values::MapOf(ends), DataType::Map { .. }) => {
            let entries = ends.last().map_or(0, |&end| end as usize);
            check_ends(&ends, slots, entries).map(|()| Values::Map(ends))?
        }
        (values, data_type) => return Err(format!("is {}, but the field is {data_type}", type_name(&values))),
    })
}

fn check_length(values: usize, slots: usize) -> Result<(), String> {
    if values == slots { Ok(()) } else { Err(format!("{values} values for {slots} slots")) }
}

/// 16 bytes a slot, and no more digits than the precision.
fn check_decimals(bytes: &[u8], precision: u8, slots: usize) -> Result<(), String> {
    let (values, rest) = bytes.as_chunks::<16>();
    // Both: the last bytes may be too few for a value, which the number of values does not show.
    if values.len() != slots || !rest.is_empty() {
        return Err(format!("{} bytes for {slots} slots of 16 bytes each", bytes.len()));
    }
    let bound = 10u128.saturating_pow(u32::from(precision));
    // `unsigned_abs`, because `abs` overflows on the least number, which a guest may send.
    match values.iter().position(|&value| i128::from_le_bytes(value).unsigned_abs() >= bound) {
        Some(slot) => Err(format!("slot {slot} has more than {precision} digits")),
        None => Ok(()),
    }
}

fn type_name(values: &wire::Values) -> &'static str {
    match values {
        wire::Values::Boolean(_) => "boolean",
        wire::Values::Int32(_) => "int32",
        wire::Values::Int64(_) => "int64",
        wire::Values::Float32(_) => "float32",
        wire::Values::Float64(_) => "float64",
        wire::Values::Decimal(_) => "decimal",
        wire::Values::Utf8(_) => "utf8",
        wire::Values::Binary(_) => "binary",
        wire::Values::Date(_) => "date",
        wire::Values::Timestamp(_) => "timestamp",
        wire::Values::TimestampNtz(_) => "timestamp-ntz",
        wire::Values::ListOf(_) => "list-of",
        wire::Values::StructOf(_) => "struct-of",
        wire::Values::MapOf(_) => "map-of",
    }
}
