//! Tables of such values, written as the walk writes them: decoder, misfits, staged files, commits. Beside each table lies
//! what it must hold.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};
use sluicebox_delta::{RowDecoder, Shape, Table};
use sluicebox_ledger::TopicPartition;
use sluicebox_sandbox::{
    self as sandbox, Batch, Column, DataType, Field, NO_HEADERS, Rows, Strings, TableRows, Values, Verdict,
};

use super::cell::{self, Cell};
use super::edges;

/// Few, so that a table has many files with bounds of their own.
const RECORDS_A_FLUSH: usize = 16;

/// In which form rows cross the boundary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Form {
    Columns,
    Json,
}

/// A row: its id, and what its one column holds.
#[derive(Clone)]
struct Row {
    id: i64,
    column: &'static str,
    cell: Option<Cell>,
}

/// A table with each type as a plain column, in a list, in a struct and in a map. Returns the file that says what it holds.
pub(super) fn plain(location: &str, form: Form, folder: &Path) -> Result<PathBuf> {
    let types = edges::types();
    let nullable = |name: &str, data_type: &DataType| Box::new(Field::new(name, data_type.clone(), true));
    let mut fields = vec![Field::new("id", DataType::Int64, false)];
    for (name, data_type, _) in &types {
        let key = Box::new(Field::new("key", DataType::Utf8, false));
        let map = DataType::Map { key, value: nullable("value", data_type) };
        fields.push(Field::new(*name, data_type.clone(), true));
        fields.push(Field::new(format!("{name}_list"), DataType::List(nullable("element", data_type)), true));
        fields.push(Field::new(format!("{name}_struct"), DataType::Struct(vec![*nullable("v", data_type)]), true));
        fields.push(Field::new(format!("{name}_map"), map, true));
    }
    let mut rows = Vec::new();
    for (name, _, cells) in &types {
        rows.extend(cells.iter().map(|cell| (*name, Some(cell.clone()))));
        rows.push((*name, None));
    }
    // Neighbours are of one type, so that the files differ in their bounds; these come to all.
    let rows: Vec<Row> = rows.into_iter().zip(0..).map(|((column, cell), id)| Row { id, column, cell }).collect();
    write(location, sandbox::Table::new("plain", fields), form, &rows, Cell::fits, folder)
}

/// A table that is partitioned by the type's values.
pub(super) fn by_partition(location: &str, name: &'static str, form: Form, folder: &Path) -> Result<PathBuf> {
    let (_, data_type, cells) = edges::types().into_iter().find(|(known, ..)| *known == name).context("a type")?;
    let fields = vec![Field::new("id", DataType::Int64, false), Field::new(name, data_type, true)];
    let mut table = sandbox::Table::new("parted", fields);
    table.partition_columns = vec![name.to_owned()];
    let cells = cells.into_iter().map(Some).chain([None]).collect::<Vec<_>>();
    let twice = cells.iter().chain(&cells).zip(0..);
    let rows: Vec<Row> = twice.map(|(cell, id)| Row { id, column: name, cell: cell.clone() }).collect();
    write(location, table, form, &rows, Cell::partitions, folder)
}

fn write(
    location: &str,
    table: sandbox::Table,
    form: Form,
    rows: &[Row],
    fits: fn(&Cell) -> bool,
    folder: &Path,
) -> Result<PathBuf> {
    tokio::runtime::Runtime::new()?.block_on(write_all(location, &table, form, rows, fits))?;
    let mut lines = vec![json!({"table": location}).to_string()];
    for row in rows.iter().filter(|row| row.cell.as_ref().is_none_or(fits)) {
        lines.push(json!({"id": row.id, "columns": expected(row, &table)}).to_string());
    }
    let file = folder.join(format!("{}.expected", location.rsplit('/').next().unwrap_or_default()));
    fs::write(&file, lines.join("\n"))?;
    Ok(file)
}

async fn write_all(
    location: &str,
    described: &sandbox::Table,
    form: Form,
    rows: &[Row],
    fits: fn(&Cell) -> bool,
) -> Result<()> {
    let shape = Shape::of(described, false)?;
    let mut table = Table::open("values", &described.name, location, &shape).await?;
    let partition = TopicPartition::new("values", 0);
    table.read_ledger(std::slice::from_ref(&partition)).await?;
    let names: Vec<String> = described.fields.iter().map(|field| field.name.clone()).collect();
    let decoder = RowDecoder::new(table.schema().clone(), &names, &described.partition_columns)?;
    for rows in rows.chunks(RECORDS_A_FLUSH) {
        let mut batch = Batch::new("values", 0);
        rows.iter().for_each(|row| batch.push(row.id, -1, None, None, NO_HEADERS));
        let output = match form {
            Form::Columns => Rows::Columns(columns(rows, described)),
            Form::Json => Rows::Json(texts(rows, described)),
        };
        let records = (0..rows.len() as u32).collect();
        let mut decoded = decoder.decode(TableRows { table: 0, records, rows: output }, &batch)?;
        let misfits: BTreeSet<u32> = decoded.misfits.iter().map(|&(record, _)| record).collect();
        let unfit = rows.iter().zip(0..).filter(|(row, _)| row.cell.as_ref().is_some_and(|cell| !fits(cell)));
        let unfit: BTreeSet<u32> = unfit.map(|(_, record)| record).collect();
        ensure!(misfits == unfit, "{location}: misfits {:?}, expected {unfit:?}", decoded.misfits);
        decoded.retain(|record| !misfits.contains(&record))?;
        table.stage(decoded.rows).await?;
        let verdict = |record| if misfits.contains(&record) { Verdict::Rejected } else { Verdict::Emitted };
        let verdicts: Vec<Verdict> = (0..rows.len() as u32).map(verdict).collect();
        table.account(&partition, &batch.offsets, &verdicts);
        table.commit("sha256:values").await?;
    }
    Ok(())
}

/// The columns of a row by name, each with what `wrap` makes of its place (plain, list, struct, map) and value.
fn expected(row: &Row, table: &sandbox::Table) -> Value {
    let Some(cell) = &row.cell else { return json!({}) };
    let (value, name) = (cell.tagged(), row.column);
    let mut columns = Map::from_iter([(name.to_owned(), value.clone())]);
    if table.partition_columns.is_empty() {
        columns.insert(format!("{name}_list"), json!([value, null]));
        columns.insert(format!("{name}_struct"), json!({"v": value}));
        columns.insert(format!("{name}_map"), json!([["k", value], ["", null]]));
    }
    Value::Object(columns)
}

/// The rows as JSON.
fn texts(rows: &[Row], table: &sandbox::Table) -> Strings {
    let mut texts = Strings::default();
    for row in rows {
        let mut object = json!({"id": row.id});
        if let Some(value) = row.cell.as_ref().map(Cell::json) {
            let name = row.column;
            if table.partition_columns.is_empty() {
                object[format!("{name}_list")] = json!([value, null]);
                object[format!("{name}_struct")] = json!({"v": value});
                object[format!("{name}_map")] = json!({"k": value, "": null});
            }
            object[name] = value;
        }
        texts.data.extend(object.to_string().into_bytes());
        texts.ends.push(texts.data.len() as u32);
    }
    texts
}

/// The rows as typed columns, depth first.
fn columns(rows: &[Row], table: &sandbox::Table) -> Vec<Column> {
    let ids = Column { values: Values::Int64(rows.iter().map(|row| row.id).collect()), nulls: vec![] };
    let mut columns = vec![ids];
    for (name, _, cells) in edges::types() {
        if table.field(name).is_none() {
            continue;
        }
        let like = &cells[0];
        let here: Vec<Option<&Cell>> =
            rows.iter().map(|row| row.cell.as_ref().filter(|_| row.column == name)).collect();
        columns.push(cell::column(&here, like));
        if table.partition_columns.is_empty() {
            nested(&mut columns, &here, like);
        }
    }
    columns
}

/// A list with the value and a null, a struct with the value, a map with the value and a null; all null where it is not there.
fn nested(columns: &mut Vec<Column>, here: &[Option<&Cell>], like: &Cell) {
    let is_null = || cell::nulls(here.iter().map(Option::is_some));
    let mut end = 0;
    let ends: Vec<u32> = here
        .iter()
        .map(|cell| {
            end += if cell.is_some() { 2 } else { 0 };
            end
        })
        .collect();
    let entries: Vec<Option<&Cell>> = here.iter().flatten().flat_map(|&cell| [Some(cell), None]).collect();
    let key = |slot: usize| Cell::Text(if slot.is_multiple_of(2) { "k" } else { "" }.to_owned());
    let keys: Vec<Cell> = (0..entries.len()).map(key).collect();
    let keys: Vec<Option<&Cell>> = keys.iter().map(Some).collect();
    columns.push(Column { values: Values::List(ends.clone()), nulls: is_null() });
    columns.push(cell::column(&entries, like));
    columns.push(Column { values: Values::Struct(here.len() as u32), nulls: is_null() });
    columns.push(cell::column(here, like));
    columns.push(Column { values: Values::Map(ends), nulls: is_null() });
    columns.push(cell::column(&keys, &Cell::Text(String::new())));
    columns.push(cell::column(&entries, like));
}
