//! Rows and what a transform may return: a row, none, many, rows of several tables, or a reason to reject.

use serde::Serialize;

use crate::{
    column::Strings,
    description::{Field, RowFormat, Table},
    outcome::{self, TableRows},
    writer::Members,
};

mod returned;

pub use returned::IntoRows;

/// A struct whose values are rows of one table. Derive it:
///
/// ```
/// # use sluicebox::prelude::*;
/// #[derive(Row)]
/// #[row(table = "orders", partition_by = ["day"], key = ["order_id"], event_time = "placed_at")]
/// struct Order {
///     #[row(rename = "order_id")]
///     id: String,
///     amount: Decimal<12, 2>,
///     note: Option<String>,
///     placed_at: Timestamp,
///     day: Date,
/// }
/// ```
///
/// - `table`: the name by which the pipeline file gives the table a place; by default the struct's, in snake case.
/// - `partition_by`: names of columns that the Delta table is partitioned by.
/// - `key`: names of columns that together identify a row; text, whole numbers, decimals, booleans, bytes, dates or times.
/// - `event_time`: the name of the `Timestamp` column that says when the row's event happened.
/// - `properties = [("name", "value")]`: what later versions of a host may ask for; also on a field.
/// - `format = "json"`: rows cross as JSON objects (the struct then also derives `Serialize`) instead of typed columns:
///   slower, and rarely wanted. All tables of a transform share one format. JSON has no NaN and no infinities: serde_json
///   writes null for them.
///
/// A field may be any [`Cell`](crate::cell::Cell): also another struct that derives `Row`, which makes a struct column.
#[diagnostic::on_unimplemented(message = "`{Self}` is not a row", note = "add `#[derive(Row)]` to it")]
pub trait Row {
    /// The table's name.
    const TABLE: &'static str;
    /// Names of the columns that the table is partitioned by.
    const PARTITION_BY: &'static [&'static str];
    /// Names of the columns that together identify a row.
    const KEY: &'static [&'static str] = &[];
    /// Name of the column that says when the row's event happened.
    const EVENT_TIME: Option<&'static str> = None;
    /// Name and value.
    const PROPERTIES: &'static [(&'static str, &'static str)] = &[];
    /// One writer a field.
    type Columns: Members;
    /// Takes rows in the format that they cross in.
    type Writer: RowWriter;

    /// The table's columns.
    fn fields() -> Vec<Field>;

    /// Appends the row to the columns.
    fn write(&self, columns: &mut Self::Columns);
}

/// Takes the rows of one table, in one of the two formats.
pub trait RowWriter: Default {
    /// The format.
    const FORMAT: RowFormat;

    /// Makes room for that many rows.
    fn reserve(&mut self, rows: usize);

    /// Hands over the rows.
    fn finish(self) -> outcome::Rows;
}

/// Appends a row of type `R`.
pub trait Take<R> {
    /// Appends the row.
    fn take(&mut self, row: &R);
}

/// Takes rows as typed columns.
#[derive(Debug, Default)]
pub struct TypedRows<C> {
    columns: C,
}

impl<C: Members> RowWriter for TypedRows<C> {
    const FORMAT: RowFormat = RowFormat::Columns;

    fn reserve(&mut self, rows: usize) {
        self.columns.reserve(rows);
    }

    fn finish(self) -> outcome::Rows {
        let mut columns = Vec::new();
        self.columns.finish(&mut columns);
        outcome::Rows::Columns(columns)
    }
}

impl<C: Members, R: Row<Columns = C>> Take<R> for TypedRows<C> {
    #[inline]
    fn take(&mut self, row: &R) {
        row.write(&mut self.columns);
    }
}

/// Takes rows as JSON objects.
#[derive(Debug, Default)]
pub struct JsonRows {
    objects: Strings,
}

impl RowWriter for JsonRows {
    const FORMAT: RowFormat = RowFormat::Json;

    fn reserve(&mut self, rows: usize) {
        self.objects.ends.reserve(rows);
    }

    fn finish(self) -> outcome::Rows {
        outcome::Rows::Json(self.objects)
    }
}

impl<R: Serialize> Take<R> for JsonRows {
    /// # Panics
    /// Where the row's own `Serialize` fails, which derived ones do not. The host then rejects the record.
    fn take(&mut self, row: &R) {
        serde_json::to_writer(&mut self.objects.data, row).expect("a row serialises to JSON");
        self.objects.close();
    }
}

/// Takes the rows of one table, and remembers which record each comes from.
#[derive(Debug, Default)]
pub struct TableWriter<W> {
    records: Vec<u32>,
    rows: W,
}

impl<W: RowWriter> TableWriter<W> {
    /// Appends a row that comes from `record`; one row more.
    #[inline]
    pub fn push<R>(&mut self, row: &R, record: u32) -> usize
    where
        W: Take<R>,
    {
        self.records.push(record);
        self.rows.take(row);
        1
    }
}

/// The tables that a transform writes.
pub trait Tables: Default {
    /// Makes room for one row a record in every table.
    fn reserve(&mut self, records: usize);

    /// Hands over the rows. `table` counts the tables passed, those without rows included.
    fn finish(self, table: &mut u32, rows: &mut Vec<TableRows>);
}

impl<W: RowWriter> Tables for TableWriter<W> {
    fn reserve(&mut self, records: usize) {
        self.records.reserve(records);
        self.rows.reserve(records);
    }

    fn finish(self, table: &mut u32, rows: &mut Vec<TableRows>) {
        if !self.records.is_empty() {
            rows.push(TableRows { table: *table, records: self.records, rows: self.rows.finish() });
        }
        *table += 1;
    }
}

/// Rows that a record makes: a [`Row`], `Option` or `Vec` of rows, a tuple of them for several tables, or an enum that
/// derives `Rows`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a row, nor rows",
    note = "return a struct with `#[derive(Row)]`, an enum with `#[derive(Rows)]`, or an `Option`, `Vec` or tuple of them"
)]
pub trait Rows: Sized {
    /// Takes them.
    type Tables: Tables;

    /// Appends the tables that they are for.
    fn describe(tables: &mut Vec<Table>);

    /// Appends the rows, which come from `record`; how many there were.
    fn write(self, tables: &mut Self::Tables, record: u32) -> usize;
}

impl<R: Rows> Rows for Option<R> {
    type Tables = R::Tables;

    fn describe(tables: &mut Vec<Table>) {
        R::describe(tables);
    }

    #[inline]
    fn write(self, tables: &mut Self::Tables, record: u32) -> usize {
        self.map_or(0, |rows| rows.write(tables, record))
    }
}

impl<R: Rows> Rows for Vec<R> {
    type Tables = R::Tables;

    fn describe(tables: &mut Vec<Table>) {
        R::describe(tables);
    }

    #[inline]
    fn write(self, tables: &mut Self::Tables, record: u32) -> usize {
        self.into_iter().map(|rows| rows.write(tables, record)).sum()
    }
}
