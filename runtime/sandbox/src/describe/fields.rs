//! The fields of a table: names legal and unique, types within bounds, what a field holds right behind it.

use std::collections::HashSet;

use super::{NAME_BYTES_MAX, check_properties};
use crate::bindings::wire;
use crate::description::{DataType, Field};

/// Deeper than any real schema; the host recurses over it.
const NESTING_MAX: usize = 32;
const FIELDS_MAX: usize = 10_000;

/// The top-level fields of a flat, depth-first list.
pub(super) fn read(flat: Vec<wire::Field>) -> Result<Vec<Field>, String> {
    if flat.is_empty() || flat.len() > FIELDS_MAX {
        return Err(format!("{} fields; 1 to {FIELDS_MAX} are possible", flat.len()));
    }
    let mut flat = flat.into_iter();
    let mut fields = Vec::new();
    while flat.len() > 0 {
        fields.push(field(&mut flat, 0)?);
    }
    check_names(&fields)?;
    match fields.iter().find(|field| field.name.to_ascii_lowercase().starts_with("_kafka_")) {
        Some(field) => Err(format!("field `{}`: names that start with `_kafka_` are the host's own", field.name)),
        None => Ok(fields),
    }
}

/// The next field, with all that it holds.
fn field(flat: &mut std::vec::IntoIter<wire::Field>, depth: usize) -> Result<Field, String> {
    let Some(next) = flat.next() else {
        return Err(
            "the list of fields ends where a list's item, a struct's member or a map's key and value must follow"
                .to_owned(),
        );
    };
    let at = |what: String| format!("field `{}`: {what}", next.name);
    if next.name.is_empty() || next.name.len() > NAME_BYTES_MAX || next.name.chars().any(is_illegal) {
        return Err(at(format!("a name has 1 to {NAME_BYTES_MAX} bytes, and none of ` ,;{{}}()=.\\t\\n`")));
    }
    if depth > NESTING_MAX {
        return Err(at(format!("nested deeper than {NESTING_MAX}")));
    }
    check_properties(&next.properties).map_err(at)?;
    let data_type = match next.data_type {
        wire::DataType::Boolean => DataType::Boolean,
        wire::DataType::Int32 => DataType::Int32,
        wire::DataType::Int64 => DataType::Int64,
        wire::DataType::Float32 => DataType::Float32,
        wire::DataType::Float64 => DataType::Float64,
        wire::DataType::Utf8 => DataType::Utf8,
        wire::DataType::Binary => DataType::Binary,
        wire::DataType::Date => DataType::Date,
        wire::DataType::Timestamp => DataType::Timestamp,
        wire::DataType::TimestampNtz => DataType::TimestampNtz,
        wire::DataType::Decimal(wire::DecimalType { precision, scale }) => {
            if !(1..=38).contains(&precision) || scale > precision {
                return Err(at(format!("decimal({precision}, {scale}): precision is 1 to 38, scale 0 to precision")));
            }
            DataType::Decimal { precision, scale }
        }
        wire::DataType::ListOf => DataType::List(Box::new(field(flat, depth + 1)?)),
        wire::DataType::StructOf(members) => {
            if members == 0 || members as usize > flat.len() {
                return Err(at(format!("a struct of {members} members, but {} fields follow", flat.len())));
            }
            let members: Vec<Field> = (0..members).map(|_| field(flat, depth + 1)).collect::<Result<_, _>>()?;
            check_names(&members).map_err(at)?;
            DataType::Struct(members)
        }
        wire::DataType::MapOf => {
            let key = field(flat, depth + 1)?;
            if key.data_type != DataType::Utf8 || key.nullable {
                return Err(at(format!("its key is {key}; the key of a map is utf8 and not nullable")));
            }
            let value = field(flat, depth + 1)?;
            DataType::Map { key: Box::new(key), value: Box::new(value) }
        }
    };
    Ok(Field { name: next.name, data_type, nullable: next.nullable, properties: next.properties })
}

/// Delta tells columns apart without regard to case.
fn check_names(siblings: &[Field]) -> Result<(), String> {
    let mut names = HashSet::new();
    match siblings.iter().find(|field| !names.insert(field.name.to_lowercase())) {
        Some(field) => Err(format!("field `{}` comes twice (the case of letters does not count)", field.name)),
        None => Ok(()),
    }
}

/// What Parquet and Delta do not allow in a name, and what would be ambiguous in a path.
fn is_illegal(character: char) -> bool {
    character.is_control() || " ,;{}()=.".contains(character)
}
