//! The world's three functions.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Line, deed};

wit_bindgen::generate!({ path: "../../../wit", world: "transform" });

use sluicebox::transform::columns::{ByteStrings, Column, Strings, Values};
use sluicebox::transform::description::{RowFormat, Table, WriteMode};
use sluicebox::transform::log;
use sluicebox::transform::output::{Rejections, Rows, TableRows};
use sluicebox::transform::types::{DataType, DecimalType, Field};

struct Scripted;
export!(Scripted);

/// Whether this instance has trapped before.
static HAUNTED: AtomicBool = AtomicBool::new(false);

impl Guest for Scripted {
    fn describe() -> Description {
        Description {
            name: "scripted".to_owned(),
            version: "1.0.0".to_owned(),
            configuration_schema: None,
            input_fields: Vec::new(),
            row_format: RowFormat::Columns,
            tables: vec![lines(), totals()],
            properties: Vec::new(),
        }
    }

    fn configure(_configuration: String, _limits: Limits) -> Result<(), String> {
        Ok(())
    }

    fn process(batch: Batch) -> Outcome {
        let mut draft = Draft::default();
        for (index, value) in values(&batch.values).enumerate() {
            draft.work(index as u32, value);
        }
        draft.finish()
    }
}

fn lines() -> Table {
    let nullable = |name, data_type| Field { nullable: true, ..field(name, data_type) };
    let mut fields = vec![
        field("token", DataType::Utf8),
        field("row", DataType::Int64),
        nullable("region", DataType::Utf8),
        nullable("day", DataType::Date),
        nullable("flag", DataType::Boolean),
        nullable("small", DataType::Int32),
        nullable("ratio", DataType::Float32),
        nullable("share", DataType::Float64),
        nullable("amount", DataType::Decimal(DecimalType { precision: 38, scale: 18 })),
        nullable("note", DataType::Utf8),
        nullable("payload", DataType::Binary),
        nullable("at", DataType::Timestamp),
        nullable("local", DataType::TimestampNtz),
    ];
    fields.extend([nullable("tags", DataType::ListOf), field("item", DataType::Int64)]);
    fields.extend([
        nullable("place", DataType::StructOf(2)),
        field("x", DataType::Int64),
        nullable("y", DataType::Utf8),
    ]);
    fields.extend([
        nullable("marks", DataType::MapOf),
        field("key", DataType::Utf8),
        field("value", DataType::Float64),
    ]);
    table("lines", fields, &["region", "day"])
}

fn totals() -> Table {
    table("totals", vec![field("token", DataType::Utf8), field("row", DataType::Int64)], &[])
}

fn table(name: &str, fields: Vec<Field>, partition_columns: &[&str]) -> Table {
    Table {
        name: name.to_owned(),
        fields,
        partition_columns: partition_columns.iter().map(|column| (*column).to_owned()).collect(),
        key_columns: Vec::new(),
        event_time_column: None,
        write_mode: WriteMode::Append,
        properties: Vec::new(),
    }
}

fn field(name: &str, data_type: DataType) -> Field {
    Field { name: name.to_owned(), data_type, nullable: false, properties: Vec::new() }
}

fn values(values: &ByteStrings) -> impl Iterator<Item = &[u8]> {
    let starts = std::iter::once(0).chain(values.ends.iter().copied());
    starts.zip(&values.ends).map(|(start, &end)| &values.data[start as usize..end as usize])
}

/// Rows of one table, in the making.
#[derive(Default)]
struct Drafted {
    records: Vec<u32>,
    tokens: Vec<String>,
    numbers: Vec<i64>,
    /// Of the table `lines` only.
    lines: Vec<Line>,
}

/// An outcome in the making.
#[derive(Default)]
struct Draft {
    verdicts: Vec<u8>,
    tables: [Drafted; 2],
    rejected: Vec<(u32, &'static str)>,
}

impl Draft {
    fn work(&mut self, record: u32, value: &[u8]) {
        let Ok(text) = std::str::from_utf8(value) else {
            return self.reject(record, "not_text");
        };
        let words: Vec<&str> = text.split(' ').collect();
        match words[..] {
            [""] => self.verdicts.push(0),
            [deed::REJECT, ..] => self.reject(record, "unwanted"),
            [deed::CONFESS, ..] => trap(Some(record)),
            [deed::TRAP, ..] => trap(None),
            [word @ (deed::EMIT | deed::MISFIT), lines, totals, token] => {
                let counts = [lines, totals].map(|count| count.parse().unwrap_or(0));
                self.emit(record, counts, token, word == deed::MISFIT);
            }
            _ => self.reject(record, "not_a_script"),
        }
    }

    fn emit(&mut self, record: u32, counts: [usize; 2], token: &str, misfit: bool) {
        let ghost = if HAUNTED.load(Ordering::Relaxed) { " haunted" } else { "" };
        for (table, count) in counts.into_iter().enumerate() {
            let drafted = &mut self.tables[table];
            for row in 0..count {
                drafted.records.push(record);
                drafted.tokens.push(format!("{token}{ghost}"));
                drafted.numbers.push(row as i64);
                if table == 0 {
                    let is_misfit = misfit && row + 1 == count;
                    drafted.lines.push(if is_misfit { Line::misfit(token, row) } else { Line::of(token, row) });
                }
            }
        }
        self.verdicts.push(u8::from(counts != [0, 0]));
    }

    fn reject(&mut self, record: u32, code: &'static str) {
        self.verdicts.push(2);
        self.rejected.push((record, code));
    }

    fn finish(self) -> Outcome {
        let mut rows = Vec::new();
        for (table, drafted) in (0..).zip(self.tables) {
            let Drafted { records, tokens, numbers, lines } = drafted;
            let mut columns =
                vec![whole(Values::Utf8(strings(tokens.iter().map(String::as_str)))), whole(Values::Int64(numbers))];
            if table == 0 {
                columns.extend(columns_of(&lines));
            }
            rows.push(TableRows { table, records, operations: Vec::new(), rows: Rows::Columns(columns) });
        }
        let rejections = Rejections {
            records: self.rejected.iter().map(|(record, _)| *record).collect(),
            codes: strings(self.rejected.iter().map(|(_, code)| *code)),
            messages: strings(self.rejected.iter().map(|_| "the script says so")),
            paths: strings(self.rejected.iter().map(|_| "")),
        };
        Outcome { verdicts: self.verdicts, rows, rejections }
    }
}

/// A column without nulls.
fn whole(values: Values) -> Column {
    Column { values, nulls: Vec::new() }
}

/// A column of values that may be null.
fn column<T>(lines: &[Line], value: impl Fn(&Line) -> Option<T>, values: impl FnOnce(Vec<T>) -> Values) -> Column
where
    T: Default,
{
    let nulls = (0..).zip(lines).filter(|(_, line)| value(line).is_none()).map(|(slot, _)| slot).collect();
    Column { values: values(lines.iter().map(|line| value(line).unwrap_or_default()).collect()), nulls }
}

fn texts(texts: Vec<String>) -> Values {
    Values::Utf8(strings(texts.iter().map(String::as_str)))
}

fn bytes(texts: Vec<Vec<u8>>) -> Values {
    let ends = ends(texts.iter().map(Vec::len));
    Values::Binary(Strings { data: texts.concat(), ends })
}

fn ends(lengths: impl Iterator<Item = usize>) -> Vec<u32> {
    lengths
        .scan(0, |end, length| {
            *end += length as u32;
            Some(*end)
        })
        .collect()
}

/// The columns of `lines` after the first two, depth first.
fn columns_of(lines: &[Line]) -> Vec<Column> {
    let decimals = |values: Vec<i128>| Values::Decimal(values.into_iter().flat_map(i128::to_le_bytes).collect());
    let mut columns = vec![
        column(lines, |line| line.region.clone(), texts),
        column(lines, |line| line.day, Values::Date),
        column(lines, |line| line.flag.map(u8::from), Values::Boolean),
        column(lines, |line| line.small, Values::Int32),
        column(lines, |line| line.ratio, Values::Float32),
        column(lines, |line| line.share, Values::Float64),
        column(lines, |line| line.amount, decimals),
        column(lines, |line| line.note.clone(), texts),
        column(lines, |line| line.payload.clone(), bytes),
        column(lines, |line| line.at, Values::Timestamp),
        column(lines, |line| line.local, Values::TimestampNtz),
    ];
    let list_ends = |lists: Vec<usize>| Values::ListOf(ends(lists.into_iter()));
    columns.push(column(lines, |line| line.tags.as_ref().map(Vec::len), list_ends));
    columns.push(whole(Values::Int64(lines.iter().flat_map(|line| line.tags.clone().unwrap_or_default()).collect())));
    let slots = Values::StructOf(lines.len() as u32);
    columns.push(column(lines, |line| line.place.as_ref().map(drop), |_| slots));
    let x = |line: &Line| line.place.as_ref().map_or(0, |place| place.0);
    columns.push(whole(Values::Int64(lines.iter().map(x).collect())));
    columns.push(column(lines, |line| line.place.clone().and_then(|place| place.1), texts));
    let map_ends = |lists: Vec<usize>| Values::MapOf(ends(lists.into_iter()));
    columns.push(column(lines, |line| line.marks.as_ref().map(Vec::len), map_ends));
    let marks: Vec<(String, f64)> = lines.iter().flat_map(|line| line.marks.clone().unwrap_or_default()).collect();
    columns.push(whole(Values::Utf8(strings(marks.iter().map(|(key, _)| key.as_str())))));
    columns.push(whole(Values::Float64(marks.into_iter().map(|(_, value)| value).collect())));
    columns
}

fn strings<'a>(texts: impl Iterator<Item = &'a str>) -> Strings {
    let mut strings = Strings { data: Vec::new(), ends: Vec::new() };
    for text in texts {
        strings.data.extend_from_slice(text.as_bytes());
        strings.ends.push(strings.data.len() as u32);
    }
    strings
}

fn trap(confession: Option<u32>) -> ! {
    HAUNTED.store(true, Ordering::Relaxed);
    if confession.is_some() {
        log::last_words("the script says so", confession);
    }
    core::arch::wasm32::unreachable()
}
