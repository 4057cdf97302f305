//! The rows of a table's Parquet files as lines of text, and the lines that a record must make.

use std::sync::Arc;

use anyhow::{Context, Result};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use futures::FutureExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{GetOptions, ObjectStore};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sluicebox_ledger::TopicPartition;

use super::super::script::Record;
use super::super::worker::DEAD_LETTERS;

/// The line of a row.
pub(super) fn row(partition: &TopicPartition, record: &Record, token: &str, row: usize) -> String {
    format!("{partition}@{} time {:?} token {token} row {row}", record.offset, time(record.timestamp))
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

/// The lines of all rows of `files`.
pub(super) fn rows(objects: &Arc<InMemory>, table: &str, files: &[String]) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for file in files {
        let path = Path::parse(format!("{table}/{file}"))?;
        let object = objects.get_opts(&path, GetOptions::default()).now_or_never().context("memory does not answer")?;
        let bytes = object?.bytes().now_or_never().context("memory does not answer")??;
        for batch in ParquetRecordBatchReaderBuilder::try_new(bytes)?.build()? {
            let batch = batch?;
            for index in 0..batch.num_rows() {
                lines.push(if table == DEAD_LETTERS { dead_line(&batch, index)? } else { line(&batch, index)? });
            }
        }
    }
    Ok(lines)
}

fn line(batch: &RecordBatch, index: usize) -> Result<String> {
    let row = Row { batch, index };
    Ok(format!(
        "{}/{}@{} time {:?} token {} row {}",
        row.text("_kafka_topic")?,
        row.column("_kafka_partition")?.as_primitive::<Int32Type>().value(index),
        row.long("_kafka_offset")?,
        row.time("_kafka_timestamp")?,
        row.text("token")?,
        row.long("row")?,
    ))
}

fn dead_line(batch: &RecordBatch, index: usize) -> Result<String> {
    let row = Row { batch, index };
    let headers = row.column("headers")?.as_list::<i32>().value(index);
    let headers = headers.as_struct();
    let (names, values) = (headers.column(0).as_string::<i32>(), headers.column(1).as_binary::<i32>());
    let headers: Vec<_> =
        (0..headers.len()).map(|at| (names.value(at), values.is_valid(at).then(|| values.value(at)))).collect();
    Ok(format!(
        "{}/{}@{} time {:?} key {:?} value {:?} headers {headers:?} {} {}",
        row.text("topic")?,
        row.column("partition")?.as_primitive::<Int32Type>().value(index),
        row.long("offset")?,
        row.time("timestamp")?,
        row.bytes("key")?,
        row.bytes("value")?,
        row.text("stage")?,
        row.text("code")?,
    ))
}

/// One row of a batch.
struct Row<'a> {
    batch: &'a RecordBatch,
    index: usize,
}

impl<'a> Row<'a> {
    fn column(&self, name: &str) -> Result<&'a dyn Array> {
        let column = self.batch.column_by_name(name).with_context(|| format!("there is no column {name}"))?;
        Ok(column.as_ref())
    }

    fn text(&self, name: &str) -> Result<&'a str> {
        Ok(self.column(name)?.as_string::<i32>().value(self.index))
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
