//! The world's three functions.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::deed;

wit_bindgen::generate!({ path: "../../../wit", world: "transform" });

use sluicebox::transform::columns::{ByteStrings, Strings};
use sluicebox::transform::description::{RowFormat, Table, WriteMode};
use sluicebox::transform::log;
use sluicebox::transform::output::{Rejections, Rows, TableRows};
use sluicebox::transform::types::{DataType, Field};

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
            row_format: RowFormat::Json,
            tables: vec![table("lines"), table("totals")],
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

fn table(name: &str) -> Table {
    Table {
        name: name.to_owned(),
        fields: vec![field("token", DataType::Utf8), field("row", DataType::Int64)],
        partition_columns: Vec::new(),
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

/// An outcome in the making.
#[derive(Default)]
struct Draft {
    verdicts: Vec<u8>,
    tables: [(Vec<u32>, Vec<String>); 2],
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
            let (records, rows) = &mut self.tables[table];
            for row in 0..count {
                records.push(record);
                let is_last = row + 1 == count && (table == 1 || counts[1] == 0);
                rows.push(match misfit && is_last {
                    true => format!(r#"{{"row":{row}}}"#),
                    false => format!(r#"{{"token":"{token}{ghost}","row":{row}}}"#),
                });
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
        for (table, (records, texts)) in (0..).zip(self.tables) {
            let strings = strings(texts.iter().map(String::as_str));
            let texts = ByteStrings { data: strings.data, ends: strings.ends, nulls: Vec::new() };
            rows.push(TableRows { table, records, operations: Vec::new(), rows: Rows::Json(texts) });
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
