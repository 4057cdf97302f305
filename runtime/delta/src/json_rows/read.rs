//! Reads JSON values into columns. Each type takes one form of JSON, and takes it whole or not at all.

use std::collections::HashSet;

use super::column::{Column, Members, Values};
use super::cursor::{Cursor, Kind, is_number};
use super::ends::Bytes;
use super::misfit::Misfit;
use super::{number, time};

/// Reads one row. What it read before it failed stays in the columns.
pub(super) fn row(cursor: &mut Cursor<'_>, members: &mut Members, row: usize) -> Result<(), Misfit> {
    match cursor.kind() {
        Ok(Kind::Object) => {}
        _ => return Err(Misfit::new("the row is not exactly one JSON object")),
    }
    object(cursor, members, row)?;
    cursor.end()
}

/// Reads an object into the slots number `slot`.
fn object(cursor: &mut Cursor<'_>, members: &mut Members, slot: usize) -> Result<(), Misfit> {
    cursor.enter();
    let mut fields = 0;
    let mut likely = 0;
    while cursor.advance(b'}', fields == 0)? {
        fields += 1;
        // Its name may be a value: a guest may make names of what its record holds.
        let unknown = || Misfit::new(format!("the table does not have field {fields} of the object"));
        let position = members.position(cursor.text()?, likely).ok_or_else(unknown)?;
        cursor.colon()?;
        let column = &mut members.columns[position];
        let read = match column.len() > slot {
            true => Err(Misfit::new("the object has the field twice")),
            false => value(cursor, column),
        };
        read.map_err(|misfit| misfit.within(members.columns[position].name()))?;
        likely = position + 1;
    }
    for column in members.columns.iter_mut().filter(|column| column.len() == slot) {
        let filled = column.push_null("the field is missing, and the column is not nullable");
        filled.map_err(|misfit| misfit.within(column.name()))?;
    }
    Ok(())
}

fn value(cursor: &mut Cursor<'_>, column: &mut Column) -> Result<(), Misfit> {
    let kind = cursor.kind()?;
    let slot = column.len();
    match (&mut column.values, kind) {
        (_, Kind::Null) => {
            cursor.null()?;
            return column.push_null("the value is null, and the column is not nullable");
        }
        (Values::Boolean(values), Kind::Boolean) => values.append(cursor.boolean()?),
        (Values::Int32(values), Kind::Number) => values.push(number::integer(cursor.number()?)?),
        (Values::Int64(values), Kind::Number) => values.push(number::integer(cursor.number()?)?),
        (Values::Float32(values), Kind::Number) => values.push(number::float32(cursor.number()?)?),
        (Values::Float64(values), Kind::Number) => values.push(number::float64(cursor.number()?)?),
        (Values::Float32(values), Kind::Text) => values.push(named_float(cursor.text()?)? as f32),
        (Values::Float64(values), Kind::Text) => values.push(named_float(cursor.text()?)?),
        (Values::Decimal { unscaled, end, scale }, Kind::Number) => {
            unscaled.push(number::unscaled(cursor.number()?, *end, *scale)?);
        }
        (Values::Decimal { unscaled, end, scale }, Kind::Text) => {
            let text = cursor.text()?;
            if !is_number(text) {
                return Err(Misfit::new("the text is not a decimal number"));
            }
            unscaled.push(number::unscaled(text, *end, *scale)?);
        }
        (Values::Text(bytes), Kind::Text) => bytes.push(cursor.text()?.as_bytes()),
        (Values::Binary(bytes), Kind::Text) => hexadecimal(cursor.text()?, bytes)?,
        (Values::Date(values), Kind::Text) => values.push(time::date(cursor.text()?)?),
        (Values::Timestamp(values), Kind::Text) => values.push(time::timestamp(cursor.text()?)?),
        (Values::LocalTime(values), Kind::Text) => values.push(time::local_time(cursor.text()?)?),
        (Values::List(ends, items), Kind::Array) => {
            list(cursor, items)?;
            ends.push(items.len());
        }
        (Values::Struct(members), Kind::Object) => object(cursor, members, slot)?,
        (Values::Map { ends, keys, values }, Kind::Object) => {
            map(cursor, keys, values)?;
            ends.push(keys.len());
        }
        (values, kind) => return Err(Misfit::new(format!("the value is {}, not {}", found(kind), wanted(values)))),
    }
    column.close();
    Ok(())
}

fn list(cursor: &mut Cursor<'_>, items: &mut Column) -> Result<(), Misfit> {
    cursor.enter();
    let mut is_first = true;
    while cursor.advance(b']', is_first)? {
        is_first = false;
        value(cursor, items).map_err(|misfit| misfit.within(items.name()))?;
    }
    Ok(())
}

fn map(cursor: &mut Cursor<'_>, keys: &mut Column, values: &mut Column) -> Result<(), Misfit> {
    let first = keys.len();
    cursor.enter();
    while cursor.advance(b'}', keys.len() == first)? {
        let Values::Text(bytes) = &mut keys.values else { return Err(Misfit::new("the map's keys are not text")) };
        bytes.push(cursor.text()?.as_bytes());
        keys.close();
        cursor.colon()?;
        value(cursor, values).map_err(|misfit| misfit.within(values.name()))?;
    }
    let Values::Text(bytes) = &keys.values else { return Ok(()) };
    let mut seen = HashSet::new();
    match (first..keys.len()).all(|slot| seen.insert(bytes.slot(slot))) {
        true => Ok(()),
        false => Err(Misfit::new("the object has a key twice")),
    }
}

/// What JSON numbers cannot say.
fn named_float(text: &str) -> Result<f64, Misfit> {
    match text {
        "NaN" => Ok(f64::NAN),
        "Infinity" => Ok(f64::INFINITY),
        "-Infinity" => Ok(f64::NEG_INFINITY),
        _ => Err(Misfit::new("the value is text, not a number, `NaN`, `Infinity` or `-Infinity`")),
    }
}

/// Two digits a byte.
fn hexadecimal(text: &str, bytes: &mut Bytes) -> Result<(), Misfit> {
    let invalid = || Misfit::new("the text is not hexadecimal digits, two a byte");
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return Err(invalid());
    }
    for pair in pairs {
        let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
        bytes.data.push((high.ok_or_else(invalid)? << 4 | low.ok_or_else(invalid)?) as u8);
    }
    bytes.close();
    Ok(())
}

fn found(kind: Kind) -> &'static str {
    match kind {
        Kind::Null => "null",
        Kind::Boolean => "a boolean",
        Kind::Number => "a number",
        Kind::Text => "text",
        Kind::Array => "an array",
        Kind::Object => "an object",
    }
}

fn wanted(values: &Values) -> &'static str {
    match values {
        Values::Boolean(_) => "a boolean",
        Values::Int32(_) | Values::Int64(_) | Values::Float32(_) | Values::Float64(_) => "a number",
        Values::Decimal { .. } => "a decimal number",
        Values::Text(_) => "text",
        Values::Binary(_) => "hexadecimal text",
        Values::Date(_) => "a date such as `2024-02-29`",
        Values::Timestamp(_) => "a time such as `2024-02-29T12:30:00Z`",
        Values::LocalTime(_) => "a time without zone such as `2024-02-29T12:30:00`",
        Values::List(..) => "an array",
        Values::Struct(_) | Values::Map { .. } => "an object",
    }
}
