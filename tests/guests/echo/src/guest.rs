//! The world's three functions.

wit_bindgen::generate!({ path: "../../../wit", world: "transform" });

use sluicebox::transform::columns::{ByteStrings, Strings};
use sluicebox::transform::description::{RowFormat, Table, WriteMode};
use sluicebox::transform::output::{Rejections, Rows, TableRows};
use sluicebox::transform::types::{DataType, DecimalType, Field};

/// The tables, and the column that each is partitioned by.
const TABLES: [(&str, Option<&str>); 3] = [("plain", None), ("by_text", Some("text")), ("by_at", Some("at"))];

struct Echo;
export!(Echo);

impl Guest for Echo {
    fn describe() -> Description {
        Description {
            name: "echo".to_owned(),
            version: "1.0.0".to_owned(),
            configuration_schema: None,
            input_fields: Vec::new(),
            row_format: RowFormat::Json,
            tables: TABLES.map(|(name, partition)| table(name, partition)).to_vec(),
            properties: Vec::new(),
        }
    }

    fn configure(_configuration: String, _limits: Limits) -> Result<(), String> {
        Ok(())
    }

    fn process(batch: Batch) -> Outcome {
        let mut verdicts = Vec::new();
        let mut rows: [(Vec<u32>, ByteStrings); 3] = Default::default();
        let mut rejected = Vec::new();
        let mut start = 0;
        for (record, &end) in (0..).zip(&batch.values.ends) {
            let value = &batch.values.data[start as usize..end as usize];
            start = end;
            match read(value) {
                Some((table, row)) => {
                    let (records, texts) = &mut rows[table];
                    records.push(record);
                    texts.data.extend_from_slice(row.as_bytes());
                    texts.ends.push(texts.data.len() as u32);
                    verdicts.push(1);
                }
                None => {
                    rejected.push(record);
                    verdicts.push(2);
                }
            }
        }
        let texts = |text: &str| strings(&rejected, text);
        let rejections = Rejections {
            codes: texts("not_a_row"),
            messages: texts("not a row"),
            paths: texts(""),
            records: rejected.clone(),
        };
        let rows = (0..).zip(rows).map(|(table, (records, texts))| TableRows {
            table,
            records,
            operations: Vec::new(),
            rows: Rows::Json(texts),
        });
        Outcome { verdicts, rows: rows.collect(), rejections }
    }
}

impl Default for ByteStrings {
    fn default() -> Self {
        Self { data: Vec::new(), ends: Vec::new(), nulls: Vec::new() }
    }
}

fn read(value: &[u8]) -> Option<(usize, &str)> {
    let (name, row) = std::str::from_utf8(value).ok()?.split_once(' ')?;
    Some((TABLES.iter().position(|(table, _)| *table == name)?, row))
}

fn strings(records: &[u32], text: &str) -> Strings {
    let ends = (1..=records.len()).map(|count| (count * text.len()) as u32);
    Strings { data: text.repeat(records.len()).into_bytes(), ends: ends.collect() }
}

fn table(name: &str, partition: Option<&str>) -> Table {
    let mut fields = vec![Field { nullable: false, ..field("id", DataType::Int64) }];
    let decimal = |precision, scale| DataType::Decimal(DecimalType { precision, scale });
    fields.extend([
        field("boolean", DataType::Boolean),
        field("int32", DataType::Int32),
        field("int64", DataType::Int64),
        field("float32", DataType::Float32),
        field("float64", DataType::Float64),
        field("text", DataType::Utf8),
        field("bytes", DataType::Binary),
        field("day", DataType::Date),
        field("at", DataType::Timestamp),
        field("local", DataType::TimestampNtz),
        field("d9_2", decimal(9, 2)),
        field("d18_4", decimal(18, 4)),
        field("d38_0", decimal(38, 0)),
        field("d38_38", decimal(38, 38)),
    ]);
    Table {
        name: name.to_owned(),
        fields,
        partition_columns: partition.map(str::to_owned).into_iter().collect(),
        key_columns: Vec::new(),
        event_time_column: None,
        write_mode: WriteMode::Append,
        properties: Vec::new(),
    }
}

fn field(name: &str, data_type: DataType) -> Field {
    Field { name: name.to_owned(), data_type, nullable: true, properties: Vec::new() }
}
