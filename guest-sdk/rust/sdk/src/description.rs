//! What a transform says of itself: its name and the tables that it writes. Follows from types, never written by hand.

use crate::{Row, cell::Cell};

/// The answer to the host's first question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The transform's name; by default that of its package.
    pub name: String,
    /// The transform's version; by default that of its package.
    pub version: String,
    /// JSON Schema of the configuration, where the configuration's type has one.
    pub configuration_schema: Option<String>,
    /// How rows cross; the same for all tables.
    pub row_format: RowFormat,
    /// Rows name a table by its index here.
    pub tables: Vec<Table>,
    /// Name and value; `wit/README.md` lists the names that a host knows.
    pub properties: Vec<(String, String)>,
}

impl Description {
    /// The same with a property more.
    #[must_use]
    pub fn property(mut self, name: &str, value: &str) -> Self {
        self.properties.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// In which form rows cross the boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowFormat {
    /// One JSON object a row.
    Json,
    /// Typed columns.
    Columns,
}

/// A table that a transform writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// By this name the pipeline file gives the table a place.
    pub name: String,
    /// Its columns.
    pub fields: Vec<Field>,
    /// Names of the columns that it is partitioned by, in order.
    pub partition_columns: Vec<String>,
    /// Names of the columns that together identify a row.
    pub key_columns: Vec<String>,
    /// Name of the column that says when the row's event happened.
    pub event_time_column: Option<String>,
    /// As for a transform.
    pub properties: Vec<(String, String)>,
    /// How its rows cross; `describe` refuses tables that differ.
    pub row_format: RowFormat,
}

impl Table {
    /// The table of a row type.
    #[must_use]
    pub fn of<R: Row>() -> Self {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let properties = R::PROPERTIES.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            name: R::TABLE.to_owned(),
            fields: R::fields(),
            partition_columns: names(R::PARTITION_BY),
            key_columns: names(R::KEY),
            event_time_column: R::EVENT_TIME.map(str::to_owned),
            properties: properties.collect(),
            row_format: <R::Writer as crate::row::RowWriter>::FORMAT,
        }
    }
}

/// A column, with what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The column's name; `item` in a list, `key` and `value` in a map.
    pub name: String,
    /// What it holds.
    pub data_type: DataType,
    /// Whether a slot may be null.
    pub nullable: bool,
    /// As for a transform.
    pub properties: Vec<(String, String)>,
}

impl Field {
    /// The column that values of a cell type make.
    #[must_use]
    pub fn of<C: Cell + ?Sized>(name: &str) -> Self {
        Self { name: name.to_owned(), data_type: C::data_type(), nullable: C::NULLABLE, properties: Vec::new() }
    }

    /// The same with a property more.
    #[must_use]
    pub fn property(mut self, name: &str, value: &str) -> Self {
        self.properties.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataType {
    /// `true` or `false`
    Boolean,
    /// 32 bits, signed
    Int32,
    /// 64 bits, signed
    Int64,
    /// IEEE 754, 32 bits
    Float32,
    /// IEEE 754, 64 bits
    Float64,
    /// Exact; at most 38 digits.
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// Text
    Utf8,
    /// Bytes
    Binary,
    /// Days since 1970-01-01
    Date,
    /// Microseconds since 1970-01-01T00:00:00Z
    Timestamp,
    /// Microseconds since 1970-01-01T00:00:00 in an unnamed zone
    TimestampNtz,
    /// Any number of one kind of item
    List(Box<Field>),
    /// Named members
    Struct(Vec<Field>),
    /// Values by key
    Map {
        /// Text, never null
        key: Box<Field>,
        /// Any type
        value: Box<Field>,
    },
}
