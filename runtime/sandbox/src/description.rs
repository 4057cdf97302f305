//! What a transform says of itself, as a tree and known to be sound: names legal and unique, types within bounds.
//!
//! The flat form that crosses the boundary is read in `describe.rs`; nothing here knows wasm.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a transform says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Its name.
    pub name: String,
    /// Its own version, for people.
    pub version: String,
    /// JSON Schema of its configuration, if it takes one.
    pub configuration_schema: Option<String>,
    /// In which form it returns rows.
    pub row_format: RowFormat,
    /// The tables that it writes; rows name one by its index here.
    pub tables: Vec<Table>,
    /// Name and value, for purposes that came after this version of the world.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<(String, String)>,
}

/// In which form rows cross the boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowFormat {
    /// One JSON object a row; the sink decodes it.
    Json,
    /// Typed columns.
    Columns,
}

/// A table that a transform writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Lower case, digits and `_`, not starting with `_`.
    pub name: String,
    /// The top-level fields; at least one.
    pub fields: Vec<Field>,
    /// Names of top-level fields of primitive type, in order.
    pub partition_columns: Vec<String>,
    /// Names of the top-level fields that together identify a row; none is nullable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key_columns: Vec<String>,
    /// Name of the top-level timestamp field that says when the row's event happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_time_column: Option<String>,
    /// As for a transform.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<(String, String)>,
}

/// A named, typed column, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Unique among its siblings, also where only the case of letters differs.
    pub name: String,
    /// Its type, with what it holds.
    pub data_type: DataType,
    /// Whether a slot may be null.
    pub nullable: bool,
    /// As for a transform.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<(String, String)>,
}

impl Table {
    /// A table without partitions, key, event time and properties.
    pub fn new(name: impl Into<String>, fields: Vec<Field>) -> Table {
        Table {
            name: name.into(),
            fields,
            partition_columns: Vec::new(),
            key_columns: Vec::new(),
            event_time_column: None,
            properties: Vec::new(),
        }
    }

    /// The top-level field of this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Field {
    /// A field without properties.
    pub fn new(name: impl Into<String>, data_type: DataType, nullable: bool) -> Field {
        Field { name: name.into(), data_type, nullable, properties: Vec::new() }
    }

    /// What one slot of its columns takes at least, even if it is null.
    pub(crate) fn slot_bytes(&self) -> usize {
        match &self.data_type {
            DataType::Boolean => 1,
            DataType::Int32 | DataType::Float32 | DataType::Date => 4,
            DataType::Int64 | DataType::Float64 | DataType::Timestamp | DataType::TimestampNtz => 8,
            DataType::Decimal { .. } => 16,
            // Where the value ends.
            DataType::Utf8 | DataType::Binary | DataType::List(_) | DataType::Map { .. } => 4,
            DataType::Struct(members) => members.iter().map(Field::slot_bytes).sum(),
        }
    }

    /// Whether it is the same column as another: properties do not count, at any depth.
    pub fn is_same_column(&self, other: &Field) -> bool {
        let is_same_type = match (&self.data_type, &other.data_type) {
            (DataType::List(item), DataType::List(other)) => item.is_same_column(other),
            (DataType::Struct(members), DataType::Struct(others)) => {
                members.len() == others.len()
                    && members.iter().zip(others).all(|(member, other)| member.is_same_column(other))
            }
            (DataType::Map { key, value }, DataType::Map { key: other_key, value: other_value }) => {
                key.is_same_column(other_key) && value.is_same_column(other_value)
            }
            // Only types without fields are left, or two different kinds. `==` on fields would compare properties too.
            (data_type, other) => data_type == other,
        };
        is_same_type && self.name == other.name && self.nullable == other.nullable
    }
}

/// The type of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataType {
    /// True or false.
    Boolean,
    /// 32 bits, signed.
    Int32,
    /// 64 bits, signed.
    Int64,
    /// 32 bits, IEEE 754.
    Float32,
    /// 64 bits, IEEE 754.
    Float64,
    /// A decimal number.
    Decimal {
        /// Digits in all: 1 to 38.
        precision: u8,
        /// Digits behind the point: 0 to `precision`.
        scale: u8,
    },
    /// Text.
    Utf8,
    /// Bytes.
    Binary,
    /// Days since 1970-01-01.
    Date,
    /// A point in time: microseconds since 1970-01-01T00:00:00Z, UTC.
    Timestamp,
    /// A date and a time of day in an unnamed zone: microseconds since 1970-01-01T00:00:00 there.
    TimestampNtz,
    /// Any number of one item.
    List(Box<Field>),
    /// One of each member; at least one.
    Struct(Vec<Field>),
    /// Values by key.
    Map {
        /// Text, never null.
        key: Box<Field>,
        /// Any type.
        value: Box<Field>,
    },
}

impl DataType {
    /// Whether it holds no other field.
    pub fn is_primitive(&self) -> bool {
        !matches!(self, DataType::List(_) | DataType::Struct(_) | DataType::Map { .. })
    }

    /// Whether a table can be partitioned by it.
    pub fn can_partition(&self) -> bool {
        self.is_primitive() && *self != DataType::Binary
    }

    /// Whether rows can be told apart by it. Floats cannot: NaN equals nothing, and -0 equals 0.
    pub fn can_be_key(&self) -> bool {
        self.is_primitive() && !matches!(self, DataType::Float32 | DataType::Float64)
    }

    /// Whether it says when something happened. A time in an unnamed zone does not.
    pub fn is_point_in_time(&self) -> bool {
        *self == DataType::Timestamp
    }
}

impl fmt::Display for DataType {
    /// `decimal(12, 2)`, `list<struct<sku: utf8, n: int64>>`, `map<utf8, date>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DataType::Boolean => f.write_str("boolean"),
            DataType::Int32 => f.write_str("int32"),
            DataType::Int64 => f.write_str("int64"),
            DataType::Float32 => f.write_str("float32"),
            DataType::Float64 => f.write_str("float64"),
            DataType::Decimal { precision, scale } => write!(f, "decimal({precision}, {scale})"),
            DataType::Utf8 => f.write_str("utf8"),
            DataType::Binary => f.write_str("binary"),
            DataType::Date => f.write_str("date"),
            DataType::Timestamp => f.write_str("timestamp"),
            DataType::TimestampNtz => f.write_str("timestamp_ntz"),
            DataType::List(item) => write!(f, "list<{}>", item.data_type),
            DataType::Struct(members) => {
                let members = members.iter().map(|member| format!("{}: {}", member.name, member.data_type));
                write!(f, "struct<{}>", members.collect::<Vec<_>>().join(", "))
            }
            DataType::Map { key, value } => write!(f, "map<{}, {}>", key.data_type, value.data_type),
        }
    }
}

impl fmt::Display for Field {
    /// `decimal(12, 2), may be null`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.data_type, if self.nullable { ", may be null" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_types_are_written_out() {
        let field = |name: &str, data_type| Field::new(name, data_type, true);
        let item = field("item", DataType::Struct(vec![field("sku", DataType::Utf8), field("n", DataType::Int64)]));
        let list = field("items", DataType::List(Box::new(item)));
        assert_eq!(list.to_string(), "list<struct<sku: utf8, n: int64>>, may be null");
        assert_eq!(DataType::Decimal { precision: 12, scale: 2 }.to_string(), "decimal(12, 2)");
        let (key, value) = (Box::new(field("key", DataType::Utf8)), Box::new(list));
        let map = DataType::Map { key, value };
        assert_eq!(map.to_string(), "map<utf8, list<struct<sku: utf8, n: int64>>>");
    }

    #[test]
    fn properties_make_no_other_column() {
        let item = |nullable| Field::new("item", DataType::Int64, nullable);
        let list = |item| Field::new("list", DataType::List(Box::new(item)), false);
        let mut noted = item(true);
        noted.properties.push(("comment".to_owned(), "counted".to_owned()));
        assert!(list(noted.clone()).is_same_column(&list(item(true))));
        assert!(!list(noted).is_same_column(&list(item(false))));
    }

    #[test]
    fn a_description_without_the_newer_parts_is_read() {
        let text = r#"{"name": "orders", "fields": [{"name": "id", "data_type": "utf8", "nullable": false}],
            "partition_columns": []}"#;
        let table: Table = serde_json::from_str(text).unwrap();
        assert_eq!(table, Table::new("orders", vec![Field::new("id", DataType::Utf8, false)]));
        assert_eq!(serde_json::from_str::<Table>(&serde_json::to_string(&table).unwrap()).unwrap(), table);
    }
}
