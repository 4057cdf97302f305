//! What the tables must hold: the transform's own function, run natively on one record at a time, without sandbox,
//! batches or pipeline. Rows and dead letters come out as the independent readers print them.

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};
use sluicebox::Transform;
use sluicebox::batch::Batch;
use sluicebox::description::Description;
use sluicebox::outcome::{Outcome, Rows, TableRows};

use crate::feed::{Feed, Placed};

mod cells;

/// What becomes of the records of a feed.
#[derive(Debug, Default)]
pub struct Expected {
    /// Rows by table, with provenance.
    pub tables: Map<String, Value>,
    /// Position, bytes and reason of each dead letter.
    pub dead_letters: Vec<Value>,
    /// How many records make no row and are no dead letter.
    pub filtered: usize,
}

impl Expected {
    /// Runs the transform on every record.
    pub fn of<T: Transform>(configuration: &str, feeds: &[&Feed]) -> Result<Self> {
        let description = T::describe();
        let transform = T::configure(configuration).map_err(|error| anyhow::anyhow!("{error}"))?;
        let mut expected = Self::default();
        for table in &description.tables {
            expected.tables.insert(table.name.clone(), json!([]));
        }
        for feed in feeds {
            for record in &feed.records {
                let outcome = transform.process(&batch_of_one(feed, record));
                expected.note(&description, feed, record, &outcome)?;
            }
        }
        Ok(expected)
    }

    /// The rows of one table.
    pub fn rows(&self, table: &str) -> &[Value] {
        self.tables.get(table).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    fn note(&mut self, description: &Description, feed: &Feed, record: &Placed, outcome: &Outcome) -> Result<()> {
        match outcome.verdicts.as_slice() {
            [0] => self.filtered += 1,
            [1] => {
                for rows in &outcome.rows {
                    self.note_rows(description, feed, record, rows)?;
                }
            }
            [2] => self.dead_letters.push(dead_letter(feed, record, outcome)),
            other => anyhow::bail!("one record has the verdicts {other:?}"),
        }
        Ok(())
    }

    fn note_rows(&mut self, description: &Description, feed: &Feed, record: &Placed, rows: &TableRows) -> Result<()> {
        let table = description.tables.get(rows.table as usize).context("rows of a table that is not described")?;
        let noted = self.tables.get_mut(&table.name).and_then(Value::as_array_mut).context("a table is missing")?;
        for index in 0..rows.records.len() {
            let mut row = match &rows.rows {
                Rows::Json(rows) => cells::typed(&table.fields, &serde_json::from_slice(rows.get(index))?)?,
                Rows::Columns(columns) => cells::row(&table.fields, columns, index)?,
            };
            row.insert("_kafka_topic".into(), json!(feed.topic));
            row.insert("_kafka_partition".into(), json!(record.message.partition));
            row.insert("_kafka_offset".into(), json!(record.offset));
            row.insert("_kafka_timestamp".into(), json!(record.message.timestamp.map(|millis| millis * 1000)));
            noted.push(Value::Object(row));
        }
        Ok(())
    }
}

/// Those columns of a dead letter that do not depend on the run: position, raw bytes, reason.
pub fn timeless(dead_letter: &Value) -> Value {
    let names = ["topic", "partition", "offset", "timestamp", "key", "value", "headers", "stage", "code", "path"];
    names.iter().map(|&name| (name.to_owned(), dead_letter.get(name).cloned().unwrap_or_default())).collect()
}

fn batch_of_one(feed: &Feed, Placed { offset, message }: &Placed) -> Batch {
    let mut batch = Batch::new(&*feed.topic, message.partition);
    let headers = message.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_deref()));
    batch.push(*offset, message.timestamp.unwrap_or(-1), message.key.as_deref(), message.value.as_deref(), headers);
    batch
}

fn dead_letter(feed: &Feed, Placed { offset, message }: &Placed, outcome: &Outcome) -> Value {
    let text = |strings: &sluicebox::column::Strings| String::from_utf8_lossy(strings.get(0)).into_owned();
    let path = Some(text(&outcome.rejections.paths)).filter(|path| !path.is_empty());
    let headers = message
        .headers
        .iter()
        .map(|(name, value)| json!({"name": name, "value": value.as_deref().map(cells::hexadecimal)}));
    json!({
        "topic": feed.topic,
        "partition": message.partition,
        "offset": offset,
        "timestamp": message.timestamp.map(|millis| millis * 1000),
        "key": message.key.as_deref().map(cells::hexadecimal),
        "value": message.value.as_deref().map(cells::hexadecimal),
        "headers": headers.collect::<Vec<_>>(),
        "stage": "transform",
        "code": text(&outcome.rejections.codes),
        "path": path,
    })
}

/// Fails at the first row that differs. The order of rows does not count: a table has none.
pub fn ensure_same(what: &str, found: &[Value], expected: &[Value]) -> Result<()> {
    let [found, expected] = [found, expected].map(sorted);
    ensure!(found == expected, "{what}: found, expected: {}", crate::tables::first_difference(&found, &expected));
    Ok(())
}

fn sorted(rows: &[Value]) -> Vec<Value> {
    let mut rows = rows.to_vec();
    rows.iter_mut().for_each(Value::sort_all_objects);
    rows.sort_by_cached_key(Value::to_string);
    rows
}
