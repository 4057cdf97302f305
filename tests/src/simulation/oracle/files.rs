//! The rows of a table's Parquet files as lines of text, and the lines that a record must make.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use futures::FutureExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{GetOptions, ObjectStore};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use scripted::Line;
use sluicebox_ledger::TopicPartition;

use super::super::script::{Record, TABLES};
use super::super::worker::DEAD_LETTERS;

/// A data file, as the log has it.
#[derive(Clone, Debug, Default)]
pub struct DataFile {
    /// Its path in the table's folder, in the log's words.
    pub path: String,
    /// Its partition's values.
    pub partition: BTreeMap<String, Option<String>>,
    /// What the log says of its rows.
    pub statistics: Option<String>,
}

impl DataFile {
    /// Where the store keeps it.
    pub fn object(&self, table: &str) -> Result<Path> {
        Ok(Path::from_url_path(format!("{table}/{}", self.path))?)
    }

    /// Its rows, without the partition columns.
    pub fn read(&self, objects: &Arc<InMemory>, table: &str) -> Result<Vec<RecordBatch>> {
        let path = self.object(table)?;
        let object = objects.get_opts(&path, GetOptions::default()).now_or_never().context("memory does not answer")?;
        let bytes = object?.bytes().now_or_never().context("memory does not answer")??;
        Ok(ParquetRecordBatchReaderBuilder::try_new(bytes)?.build()?.collect::<Result<_, _>>()?)
    }

    /// A partition's value as readers take it: an empty text is null.
    fn value(&self, column: &str) -> Option<&str> {
        self.partition.get(column)?.as_deref().filter(|text| !text.is_empty())
    }
}

/// The line of a row.
pub(super) fn row(table: &str, partition: &TopicPartition, record: &Record, token: &str, row: usize) -> String {
    let line = (table == TABLES[0]).then(|| Line::of(token, row));
    format!("{partition}@{} time {:?} token {token} row {row} {line:?}", record.offset, time(record.timestamp))
}

/// The line of a dead letter.
pub(super) fn dead_letter(partition: &TopicPartition, record: &Record, stage: &str, code: &str) -> String {
    let headers: Vec<_> = record.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
    let (key, value) = (record.key.as_deref(), record.value.as_deref());
    format!(
        "{partition}@{} time {:?} key {key:?} value {value:?} headers {headers:?} {stage} {code}",
        record.offset,
        time(record.timestamp)
    )
}

/// Microseconds; none where the record has no timestamp.
fn time(milliseconds: i64) -> Option<i64> {
    (milliseconds >= 0).then_some(milliseconds * 1_000)
}

/// The lines of all rows of a file.
pub(super) fn lines(table: &str, file: &DataFile, batches: &[RecordBatch]) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for batch in batches {
        for index in 0..batch.num_rows() {
            let row = Row { batch, index };
            lines.push(if table == DEAD_LETTERS { row.dead_line()? } else { row.line(table, file)? });
        }
    }
    Ok(lines)
}

/// One row of a batch.
struct Row<'a> {
    batch: &'a RecordBatch,
    index: usize,
}

impl<'a> Row<'a> {
    fn line(&self, table: &str, file: &DataFile) -> Result<String> {
        let line = if table == TABLES[0] { Some(self.columns(file)?) } else { None };
        Ok(format!(
            "{}/{}@{} time {:?} token {} row {} {line:?}",
            self.text("_kafka_topic")?.unwrap_or_default(),
            self.column("_kafka_partition")?.as_primitive::<Int32Type>().value(self.index),
            self.long("_kafka_offset")?,
            self.time("_kafka_timestamp")?,
            self.text("token")?.unwrap_or_default(),
            self.long("row")?,
        ))
    }

    fn columns(&self, file: &DataFile) -> Result<Line> {
        let at = self.index;
        macro_rules! primitive {
            ($name:literal, $kind:ty) => {{
                let column = self.column($name)?.as_primitive::<$kind>();
                column.is_valid(at).then(|| column.value(at))
            }};
        }
        let day = match file.value("day") {
            None => None,
            Some("0001-01-01") => Some(-719_162),
            Some("9999-12-31") => Some(2_932_896),
            Some(other) => bail!("the day is {other}"),
        };
        let flag = self.column("flag")?.as_boolean();
        let tags = self.column("tags")?.as_list::<i32>();
        let tags = tags.is_valid(at).then(|| tags.value(at).as_primitive::<Int64Type>().values().to_vec());
        let place = self.column("place")?.as_struct();
        let place = place.is_valid(at).then(|| {
            let (x, y) = (place.column(0).as_primitive::<Int64Type>(), place.column(1).as_string::<i32>());
            (x.value(at), y.is_valid(at).then(|| y.value(at).to_owned()))
        });
        let marks = self.column("marks")?.as_map();
        let marks = marks.is_valid(at).then(|| {
            let entries = marks.value(at);
            let (keys, values) =
                (entries.column(0).as_string::<i32>(), entries.column(1).as_primitive::<Float64Type>());
            (0..entries.len()).map(|entry| (keys.value(entry).to_owned(), values.value(entry))).collect()
        });
        Ok(Line {
            region: file.value("region").map(str::to_owned),
            day,
            flag: flag.is_valid(at).then(|| flag.value(at)),
            small: primitive!("small", Int32Type),
            ratio: primitive!("ratio", Float32Type),
            share: primitive!("share", Float64Type),
            amount: primitive!("amount", Decimal128Type),
            note: self.text("note")?.map(str::to_owned),
            payload: self.bytes("payload")?.map(<[u8]>::to_vec),
            at: self.time("at")?,
            local: self.time("local")?,
            tags,
            place,
            marks,
        })
    }

    fn dead_line(&self) -> Result<String> {
        let headers = self.column("headers")?.as_list::<i32>().value(self.index);
        let headers = headers.as_struct();
        let (names, values) = (headers.column(0).as_string::<i32>(), headers.column(1).as_binary::<i32>());
        let headers: Vec<_> =
            (0..headers.len()).map(|at| (names.value(at), values.is_valid(at).then(|| values.value(at)))).collect();
        Ok(format!(
            "{}/{}@{} time {:?} key {:?} value {:?} headers {headers:?} {} {}",
            self.text("topic")?.unwrap_or_default(),
            self.column("partition")?.as_primitive::<Int32Type>().value(self.index),
            self.long("offset")?,
            self.time("timestamp")?,
            self.bytes("key")?,
            self.bytes("value")?,
            self.text("stage")?.unwrap_or_default(),
            self.text("code")?.unwrap_or_default(),
        ))
    }

    fn column(&self, name: &str) -> Result<&'a dyn Array> {
        let column = self.batch.column_by_name(name).with_context(|| format!("there is no column {name}"))?;
        Ok(column.as_ref())
    }

    fn text(&self, name: &str) -> Result<Option<&'a str>> {
        let column = self.column(name)?.as_string::<i32>();
        Ok(column.is_valid(self.index).then(|| column.value(self.index)))
    }

    fn long(&self, name: &str) -> Result<i64> {
        Ok(self.column(name)?.as_primitive::<Int64Type>().value(self.index))
    }

    fn time(&self, name: &str) -> Result<Option<i64>> {
        let column = self.column(name)?.as_primitive::<TimestampMicrosecondType>();
        Ok(column.is_valid(self.index).then(|| column.value(self.index)))
    }

    fn bytes(&self, name: &str) -> Result<Option<&'a [u8]>> {
        let column = self.column(name)?.as_binary::<i32>();
        Ok(column.is_valid(self.index).then(|| column.value(self.index)))
    }
}
