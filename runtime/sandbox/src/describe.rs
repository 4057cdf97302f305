//! From the flat form in which a description crosses the boundary to the tree, with every rule checked on the way.

use crate::bindings::wire;
use crate::description::{Description, Field, RowFormat, Table};

mod fields;

/// More tables than any transform needs; a bound for what the host holds of one.
const TABLES_MAX: usize = 100;
const NAME_BYTES_MAX: usize = 200;
const PROPERTIES_MAX: usize = 1_000;
const PROPERTY_BYTES_MAX: usize = 64 << 10;
const SCHEMA_BYTES_MAX: usize = 256 << 10;

/// How the name of a property begins that a host must know, or else refuse the transform.
const REQUIRED_PREFIX: &str = "require-";

/// What the transform says of itself, or the first rule that it breaks.
pub(crate) fn read(description: wire::Description) -> Result<Description, String> {
    if description.name.is_empty() {
        return Err("`name` is empty".to_owned());
    }
    check_title("name", &description.name)?;
    check_title("version", &description.version)?;
    let schema_bytes = description.configuration_schema.as_ref().map_or(0, String::len);
    if schema_bytes > SCHEMA_BYTES_MAX {
        return Err(format!(
            "`configuration-schema` has {schema_bytes} bytes; at most {SCHEMA_BYTES_MAX} are possible"
        ));
    }
    if !description.input_fields.is_empty() {
        return Err("it wants the record's value in columns (`input-fields`), which this version does not decode: \
                    read the bytes in the transform"
            .to_owned());
    }
    if description.tables.is_empty() || description.tables.len() > TABLES_MAX {
        return Err(format!("{} tables; 1 to {TABLES_MAX} are possible", description.tables.len()));
    }
    check_properties(&description.properties)?;
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
        properties: description.properties,
    })
}

/// A name or a version stands in log lines, in each dead letter and on terminals.
fn check_title(field: &str, title: &str) -> Result<(), String> {
    if title.len() > NAME_BYTES_MAX || title.chars().any(char::is_control) {
        return Err(format!("`{field}` must have at most {NAME_BYTES_MAX} bytes, and no control characters"));
    }
    Ok(())
}

fn table(table: wire::Table) -> Result<Table, String> {
    if !is_table_name(&table.name) {
        let name = table.name;
        return Err(format!(
            "`{name}` cannot name a table: lower case, digits and `_`, at most {NAME_BYTES_MAX}, not starting with `_` or a digit"
        ));
    }
    let at = |what: String| format!("table `{}`: {what}", table.name);
    let fields = fields::read(table.fields).map_err(at)?;
    check_partition_columns(&table.partition_columns, &fields).map_err(at)?;
    check_key_columns(&table.key_columns, &fields).map_err(at)?;
    if let Some(name) = &table.event_time_column {
        check_event_time(name, &fields).map_err(at)?;
    }
    if table.write_mode == wire::WriteMode::Keyed {
        return Err(at(
            "its write mode is `keyed`, and this version only appends rows: describe it as `append`".to_owned()
        ));
    }
    check_properties(&table.properties).map_err(at)?;
    Ok(Table {
        name: table.name,
        fields,
        partition_columns: table.partition_columns,
        key_columns: table.key_columns,
        event_time_column: table.event_time_column,
        properties: table.properties,
    })
}

fn is_table_name(name: &str) -> bool {
    // An empty name gets a first character that the next line refuses.
    let first = name.bytes().next().unwrap_or(b'_');
    first.is_ascii_lowercase()
        && name.len() <= NAME_BYTES_MAX
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn check_partition_columns(names: &[String], fields: &[Field]) -> Result<(), String> {
    for (index, name) in names.iter().enumerate() {
        let data_type = &column(fields, "partition column", name, &names[..index])?.data_type;
        if !data_type.can_partition() {
            return Err(format!("partition column `{name}` is {data_type}; text, numbers and dates can partition"));
        }
    }
    // Each name is a field and comes once (see above), so equal counts mean that no field is left.
    match fields.len() == names.len() {
        true => Err("all fields are partition columns; a table needs one that is not".to_owned()),
        false => Ok(()),
    }
}

fn check_key_columns(names: &[String], fields: &[Field]) -> Result<(), String> {
    for (index, name) in names.iter().enumerate() {
        let field = column(fields, "key column", name, &names[..index])?;
        if !field.data_type.can_be_key() {
            let data_type = &field.data_type;
            return Err(format!("key column `{name}` is {data_type}; floats, lists, structs and maps cannot be keys"));
        }
        if field.nullable {
            return Err(format!("key column `{name}` may be null, and null equals no other key: make it required"));
        }
    }
    Ok(())
}

fn check_event_time(name: &str, fields: &[Field]) -> Result<(), String> {
    let data_type = &column(fields, "event-time column", name, &[])?.data_type;
    match data_type.is_point_in_time() {
        true => Ok(()),
        false => Err(format!("event-time column `{name}` is {data_type}; it must be timestamp, a point in time")),
    }
}

/// The top-level field that a list of columns names; `earlier` are the names before it in the list.
fn column<'f>(fields: &'f [Field], role: &str, name: &str, earlier: &[String]) -> Result<&'f Field, String> {
    if earlier.iter().any(|earlier| earlier == name) {
        return Err(format!("{role} `{name}` is named twice"));
    }
    let field = fields.iter().find(|field| field.name == *name);
    field.ok_or_else(|| format!("{role} `{name}` is not a top-level field"))
}

/// Names are unique, and none must be known that this version does not know: it knows none.
fn check_properties(properties: &[(String, String)]) -> Result<(), String> {
    if properties.len() > PROPERTIES_MAX {
        return Err(format!("{} properties; at most {PROPERTIES_MAX} are possible", properties.len()));
    }
    for (index, (name, value)) in properties.iter().enumerate() {
        if name.is_empty() || name.len() > NAME_BYTES_MAX || value.len() > PROPERTY_BYTES_MAX {
            return Err(format!(
                "properties[{index}]: a name has 1 to {NAME_BYTES_MAX} bytes, a value at most {PROPERTY_BYTES_MAX}"
            ));
        }
        if properties[..index].iter().any(|(earlier, _)| earlier == name) {
            return Err(format!("property `{name}` comes twice"));
        }
        if name.starts_with(REQUIRED_PREFIX) {
            return Err(format!("it needs a host that knows the property `{name}`; this version does not"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
