//! The world's three functions.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::{deeds, lies};

wit_bindgen::generate!({ path: "../../../wit", world: "transform" });

pub(crate) use sluicebox::transform::columns::{ByteStrings, Column, Strings, Values};
pub(crate) use sluicebox::transform::log;
pub(crate) use sluicebox::transform::output::{Rejections, Rows, TableRows};

use sluicebox::transform::description::{RowFormat, Table, WriteMode};
use sluicebox::transform::types::{DataType, DecimalType, Field};

struct Misbehaving;
export!(Misbehaving);

/// Whether whole batches are handed back.
static ECHO: AtomicBool = AtomicBool::new(false);

/// The record that is being worked on, for last words.
static CURRENT: AtomicU32 = AtomicU32::new(0);

impl Guest for Misbehaving {
    fn describe() -> Description {
        let fields = vec![
            field("offset", DataType::Int64, false),
            field("value", DataType::Binary, true),
            field("text", DataType::Utf8, false),
            field("flag", DataType::Boolean, true),
            field("price", DataType::Decimal(DecimalType { precision: 4, scale: 2 }), true),
            field("ratio", DataType::Float64, true),
            field("labels", DataType::MapOf, true),
            field("key", DataType::Utf8, false),
            field("value", DataType::TimestampNtz, true),
        ];
        let echoed = vec![field("value", DataType::Binary, true)];
        Description {
            name: "misbehaving".to_owned(),
            version: "1.0.0".to_owned(),
            configuration_schema: None,
            input_fields: Vec::new(),
            row_format: RowFormat::Columns,
            tables: vec![table("rows", fields), table("echo", echoed)],
            properties: Vec::new(),
        }
    }

    fn configure(configuration: String, limits: Limits) -> Result<(), String> {
        if configuration.contains("refuse") {
            return Err("`mode` must not be `refuse`".to_owned());
        }
        if configuration.contains("limits") {
            return Err(format!("{limits:?}"));
        }
        assert!(!configuration.contains("panic"), "cannot be configured");
        ECHO.store(configuration.contains("echo"), Ordering::Relaxed);
        std::panic::set_hook(Box::new(|panic| {
            log::last_words(&panic.to_string(), Some(CURRENT.load(Ordering::Relaxed)));
        }));
        Ok(())
    }

    fn process(batch: Batch) -> Outcome {
        if ECHO.load(Ordering::Relaxed) {
            return echo(batch);
        }
        let mut draft = Draft::default();
        for (index, value) in values(&batch.values).enumerate() {
            CURRENT.store(index as u32, Ordering::Relaxed);
            draft.offset = batch.offsets[index];
            draft.source.clone_from(&batch.source);
            draft.position = position(&batch.positions, index).to_vec();
            deeds::work(&mut draft, index as u32, value);
        }
        let mut outcome = draft.finish();
        for (index, value) in values(&batch.values).enumerate() {
            lies::spoil(&mut outcome, index, std::str::from_utf8(value).unwrap_or_default());
        }
        outcome
    }
}

fn table(name: &str, fields: Vec<Field>) -> Table {
    Table {
        name: name.to_owned(),
        fields,
        partition_columns: Vec::new(),
        key_columns: Vec::new(),
        event_time_column: None,
        write_mode: WriteMode::Append,
        properties: Vec::new(),
    }
}

fn field(name: &str, data_type: DataType, nullable: bool) -> Field {
    Field { name: name.to_owned(), data_type, nullable, properties: Vec::new() }
}

/// The source's own position of a record; nothing where the offset is the position.
fn position(positions: &Strings, index: usize) -> &[u8] {
    let Some(end) = positions.ends.get(index) else { return &[] };
    let start = if index == 0 { 0 } else { positions.ends[index - 1] };
    &positions.data[start as usize..*end as usize]
}

/// What came as values goes back as a column.
fn echo(batch: Batch) -> Outcome {
    let records = batch.offsets.len() as u32;
    let values = Values::Binary(Strings { data: batch.values.data, ends: batch.values.ends });
    let rows = Rows::Columns(vec![Column { values, nulls: batch.values.nulls }]);
    Outcome {
        verdicts: vec![1; records as usize],
        rows: vec![TableRows { table: 1, records: (0..records).collect(), operations: Vec::new(), rows }],
        rejections: Rejections { records: vec![], codes: strings(), messages: strings(), paths: strings() },
    }
}

fn values(values: &ByteStrings) -> impl Iterator<Item = &[u8]> {
    let starts = std::iter::once(0).chain(values.ends.iter().copied());
    starts.zip(&values.ends).map(|(start, &end)| &values.data[start as usize..end as usize])
}

pub(crate) fn strings() -> Strings {
    Strings { data: Vec::new(), ends: Vec::new() }
}

pub(crate) fn push(strings: &mut Strings, value: &[u8]) {
    strings.data.extend_from_slice(value);
    strings.ends.push(strings.data.len() as u32);
}

/// An honest outcome in the making.
#[derive(Default)]
pub(crate) struct Draft {
    source: String,
    position: Vec<u8>,
    offset: i64,
    verdicts: Vec<u8>,
    records: Vec<u32>,
    offsets: Vec<i64>,
    values: Vec<Vec<u8>>,
    ratios: Vec<f64>,
    rejected: Vec<(u32, String)>,
}

impl Draft {
    pub(crate) fn emit(&mut self, record: u32, value: &[u8], ratio: f64, rows: usize) {
        self.verdicts.push(1);
        for _ in 0..rows {
            self.records.push(record);
            self.offsets.push(self.offset);
            self.values.push(value.to_vec());
            self.ratios.push(ratio);
        }
    }

    /// Source and position of the record that is being worked on.
    pub(crate) fn whereabouts(&self) -> Vec<u8> {
        [self.source.as_bytes(), b"/", &self.position].concat()
    }

    pub(crate) fn filter(&mut self) {
        self.verdicts.push(0);
    }

    pub(crate) fn reject(&mut self, record: u32, code: &str) {
        self.verdicts.push(2);
        self.rejected.push((record, code.to_owned()));
    }

    fn finish(self) -> Outcome {
        let rows = self.records.len();
        let mut value = strings();
        let mut text = strings();
        let mut key = strings();
        for bytes in &self.values {
            push(&mut value, bytes);
            push(&mut text, "é".as_bytes());
            push(&mut key, b"k");
        }
        let column = |values| Column { values, nulls: Vec::new() };
        let columns = vec![
            column(Values::Int64(self.offsets)),
            column(Values::Binary(value)),
            column(Values::Utf8(text)),
            column(Values::Boolean(vec![1; rows])),
            column(Values::Decimal(vec![0; 16 * rows])),
            column(Values::Float64(self.ratios)),
            column(Values::MapOf((1..=rows as u32).collect())),
            column(Values::Utf8(key)),
            column(Values::TimestampNtz(vec![0; rows])),
        ];
        let mut rejections = Rejections { records: vec![], codes: strings(), messages: strings(), paths: strings() };
        for (record, code) in self.rejected {
            rejections.records.push(record);
            push(&mut rejections.codes, code.as_bytes());
            push(&mut rejections.messages, b"not wanted");
            push(&mut rejections.paths, b"items[3].price");
        }
        let rows = TableRows { table: 0, records: self.records, operations: Vec::new(), rows: Rows::Columns(columns) };
        Outcome { verdicts: self.verdicts, rows: vec![rows], rejections }
    }
}
