//! What the tables must hold: the transform's own function, run natively on one record at a time, without sandbox,
//! batches or pipeline. Rows and dead letters come out as the independent readers print them.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow, ensure};
use serde_json::{Value, json};
use sluicebox::batch::Batch;
use sluicebox::description::Description;
use sluicebox::testing::{Verdict, verdicts};
use sluicebox::{Bytes, Timestamp, Transform};

use crate::feed::{Feed, Placed};
use crate::tables;

/// What becomes of the records of a feed.
#[derive(Debug, Default)]
pub struct Expected {
    /// Rows by table, with provenance.
    pub tables: BTreeMap<String, Vec<Value>>,
    /// Position, bytes and reason of each dead letter.
    pub dead_letters: Vec<Value>,
    /// How many records make no row and are no dead letter.
    pub filtered: usize,
}

impl Expected {
    /// Runs the transform on every record.
    pub fn of<T: Transform>(configuration: &Value, feeds: &[&Feed]) -> Result<Self> {
        let description = T::describe();
        let transform = T::configure(&configuration.to_string()).map_err(|error| anyhow!("{error}"))?;
        let tables = description.tables.iter().map(|table| (table.name.clone(), Vec::new())).collect();
        let mut expected = Self { tables, ..Self::default() };
        for feed in feeds {
            for record in &feed.records {
                let outcome = transform.process(&batch_of_one(feed, record));
                for verdict in verdicts(&description, &outcome) {
                    expected.note(&description, feed, record, verdict);
                }
            }
        }
        Ok(expected)
    }

    fn note(&mut self, description: &Description, feed: &Feed, record: &Placed, verdict: Verdict) {
        match verdict {
            Verdict::Filtered(_) => self.filtered += 1,
            Verdict::Rejected { code, path } => {
                self.dead_letters.push(dead_letter(feed, record, &code, path.as_deref()))
            }
            Verdict::Rows(made) => {
                for (table, rows) in made {
                    let fields = description.tables.iter().find(|known| known.name == table).map(|table| &table.fields);
                    let complete = rows.into_iter().map(|row| {
                        let mut complete = provenance(feed, record);
                        for field in fields.into_iter().flatten() {
                            complete[&field.name] = row.get(&field.name).cloned().unwrap_or_default();
                        }
                        complete
                    });
                    self.tables.entry(table).or_default().extend(complete);
                }
            }
        }
    }
}

/// Those columns of a dead letter that do not depend on the run: position, raw bytes, reason.
pub fn timeless(dead_letter: &Value) -> Value {
    let names = ["topic", "partition", "offset", "timestamp", "key", "value", "headers", "stage", "code", "path"];
    names.iter().map(|&name| (name.to_owned(), dead_letter.get(name).cloned().unwrap_or_default())).collect()
}

/// Fails at the first row that differs. The order of rows does not count: a table has none.
pub fn ensure_same(what: &str, found: &[Value], expected: &[Value]) -> Result<()> {
    let [found, expected] = [found, expected].map(sorted);
    ensure!(found == expected, "{what}: found, expected: {}", tables::first_difference(&found, &expected));
    Ok(())
}

fn sorted(rows: &[Value]) -> Vec<Value> {
    let mut rows = rows.to_vec();
    rows.iter_mut().for_each(Value::sort_all_objects);
    rows.sort_by_cached_key(Value::to_string);
    rows
}

fn batch_of_one(feed: &Feed, Placed { offset, message }: &Placed) -> Batch {
    let mut batch = Batch::new(&*feed.topic, message.partition);
    let headers = message.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_deref()));
    batch.push(*offset, message.timestamp.unwrap_or(-1), message.key.as_deref(), message.value.as_deref(), headers);
    batch
}

fn provenance(feed: &Feed, Placed { offset, message }: &Placed) -> Value {
    json!({
        "_kafka_topic": feed.topic,
        "_kafka_partition": message.partition,
        "_kafka_offset": offset,
        "_kafka_timestamp": message.timestamp.map(Timestamp::from_milliseconds),
    })
}

fn dead_letter(feed: &Feed, Placed { offset, message }: &Placed, code: &str, path: Option<&str>) -> Value {
    let headers = message.headers.iter();
    json!({
        "topic": feed.topic,
        "partition": message.partition,
        "offset": offset,
        "timestamp": message.timestamp.map(Timestamp::from_milliseconds),
        "key": message.key.as_deref().map(Bytes),
        "value": message.value.as_deref().map(Bytes),
        "headers": headers.map(|(name, value)| json!({"name": name, "value": value.as_deref().map(Bytes)})).collect::<Vec<_>>(),
        "stage": if code == "schema_misfit" { "schema" } else { "transform" },
        "code": code,
        "path": path,
    })
}
