//! From the flat form in which a description crosses the boundary to the tree, with every rule checked on the way.

use std::collections::HashSet;

use crate::bindings::sluicebox::transform::description as wire;
use crate::description::{DataType, Description, Field, RowFormat, Table};

/// Deeper nesting serves nobody, and the host recurses over it.
const NESTING_MAX: usize = 32;
const TABLES_MAX: usize = 100;
const FIELDS_MAX: usize = 10_000;
const NAME_BYTES_MAX: usize = 200;

/// What the transform says of itself, or the first rule that it breaks.
pub(crate) fn read(description: wire::Description) -> Result<Description, String> {
    if description.name.is_empty() || description.name.len() > NAME_BYTES_MAX {
        return Err(format!("`name` must have 1 to {NAME_BYTES_MAX} bytes"));
    }
    if description.tables.is_empty() || description.tables.len() > TABLES_MAX {
        return Err(format!("{} tables; 1 to {TABLES_MAX} are possible", description.tables.len()));
    }
    let mut tables: Vec<Table> = Vec::new();
    for described in description.tables {
        let table = table(described)?;
        if tables.iter().any(|earlier| earlier.name == table.name) {
            return Err(format!("table `{}` is described twice", table.name));
        }
        tables.push(table);
    }
    Ok(Description {
        name: description.name,
        version: description.version,
        configuration_schema: description.configuration_schema,
        row_format: match description.row_format {
            wire::RowFormat::Json => RowFormat::Json,
            wire::RowFormat::Columns => RowFormat::Columns,
        },
        tables,
    })
}

fn table(table: wire::Table) -> Result<Table, String> {
    if !is_table_name(&table.name) {
        let name = table.name;
        return Err(format!(
            "`{name}` cannot name a table: lower case, digits and `_`, at most {NAME_BYTES_MAX}, not starting with `_` or a digit"
        ));
    }
    let at = |what: String| format!("table `{}`: {what}", table.name);
    let fields = fields(table.fields).map_err(at)?;
    for (index, name) in table.partition_columns.iter().enumerate() {
        let Some(field) = fields.iter().find(|field| field.name == *name) else {
            return Err(at(format!("partition column `{name}` is no top-level field")));
        };
        if !field.data_type.is_primitive() || field.data_type == DataType::Binary {
            return Err(at(format!(
                "partition column `{name}` is {:?}; text, numbers and dates can partition",
                field.data_type
            )));
        }
        if table.partition_columns[..index].contains(name) {
            return Err(at(format!("partition column `{name}` is named twice")));
        }
    }
    if fields.len() == table.partition_columns.len() {
        return Err(at("all fields are partition columns; a table needs one that is not".to_owned()));
    }
    Ok(Table { name: table.name, fields, partition_columns: table.partition_columns })
}

fn is_table_name(name: &str) -> bool {
    let first = name.bytes().next().unwrap_or(b'_');
    first.is_ascii_lowercase()
        && name.len() <= NAME_BYTES_MAX
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// The top-level fields of a flat, depth-first list.
fn fields(flat: Vec<wire::Field>) -> Result<Vec<Field>, String> {
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
        return Err("the list of fields ends where a list's item or a struct's member must follow".to_owned());
    };
    let at = |what: String| format!("field `{}`: {what}", next.name);
    if next.name.is_empty() || next.name.len() > NAME_BYTES_MAX || next.name.chars().any(is_illegal) {
        return Err(at(format!("a name has 1 to {NAME_BYTES_MAX} bytes, and none of ` ,;{{}}()=.\\t\\n`")));
    }
    if depth > NESTING_MAX {
        return Err(at(format!("nested deeper than {NESTING_MAX}")));
    }
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
    };
    Ok(Field { name: next.name, data_type, nullable: next.nullable })
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
