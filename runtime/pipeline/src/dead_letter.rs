//! Rejected records, with all that is needed to understand and replay them: raw bytes, position, reason, and the exact
//! transform that judged. The dead-letter table is a Delta table like any other, with its own ledger, so that a replay
//! buries nothing twice.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use arrow::array::{
    ArrayRef, BinaryBuilder, Int32Array, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
    StructBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType as ArrowType, Field};
use arrow::error::ArrowError;
use deltalake::kernel::{ArrayType, DataType, StructField, StructType};
use sluicebox_sandbox::{Batch, Record, Transform};

use crate::error::PipelineError;
use crate::ledger::Departure;
use crate::position::TopicPartition;
use crate::sink::decode::timestamps;
use crate::sink::{Shape, Table};
use crate::tables::Judged;

/// The header of the W3C trace context.
const TRACEPARENT: &[u8] = b"traceparent";

/// Where a record was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The transform said so.
    Transform,
    /// The transform trapped, exceeded a limit, or returned something malformed.
    Sandbox,
    /// A row does not fit its table.
    Schema,
}

impl Stage {
    fn as_str(self) -> &'static str {
        match self {
            Self::Transform => "transform",
            Self::Sandbox => "sandbox",
            Self::Schema => "schema",
        }
    }
}

/// Why one record of a batch is a dead letter.
#[derive(Clone, Debug)]
pub struct Reason {
    /// The record's index in its batch.
    pub record: usize,
    /// Where it was rejected.
    pub stage: Stage,
    /// Short and stable, for grouping.
    pub code: String,
    /// For a person.
    pub message: String,
    /// Where in the record, if it matters.
    pub path: Option<String>,
    /// Where in the guest, if it trapped.
    pub backtrace: Option<String>,
}

impl From<sluicebox_sandbox::Rejection> for Reason {
    fn from(rejection: sluicebox_sandbox::Rejection) -> Self {
        Self {
            record: rejection.record,
            stage: match rejection.stage {
                sluicebox_sandbox::Stage::Transform => Stage::Transform,
                sluicebox_sandbox::Stage::Sandbox => Stage::Sandbox,
            },
            code: rejection.code,
            message: rejection.message,
            path: rejection.path,
            backtrace: rejection.backtrace,
        }
    }
}

/// The dead-letter table of a pipeline.
pub struct DeadLetters {
    /// The table itself.
    pub table: Table,
    pipeline: String,
    transform_name: String,
    transform_version: String,
    transform_digest: String,
}

impl DeadLetters {
    /// Opens or creates the dead-letter table at `location`.
    pub async fn open(pipeline: &str, location: &str, transform: &Transform) -> Result<Self, PipelineError> {
        let description = transform.description();
        Ok(Self {
            table: Table::open(pipeline, "dead_letters", location, &shape()).await?,
            pipeline: pipeline.to_owned(),
            transform_name: description.name.clone(),
            transform_version: description.version.clone(),
            transform_digest: transform.digest().to_string(),
        })
    }

    /// Checks an existing dead-letter table without creating or changing anything.
    pub async fn check(location: &str) -> Result<(), PipelineError> {
        Table::check("dead_letters", location, &shape()).await
    }

    /// Lays out rejected records of `batch` that the table does not have yet; [`Self::bury`] makes them durable.
    pub async fn stage(&mut self, batch: &Batch, judged: &Judged) -> Result<(), PipelineError> {
        let partition = TopicPartition::new(batch.topic.clone(), batch.partition);
        self.table.account(&partition, &batch.offsets[..judged.verdicts.len()], &judged.verdicts);
        let ledger = self.table.ledger();
        let new: Vec<&Reason> =
            judged.reasons.iter().filter(|reason| !ledger.has(&partition, batch.offsets[reason.record])).collect();
        if new.is_empty() {
            return Ok(());
        }
        let rows = self.rows(batch, &new).map_err(|error| self.table.arrow_error("laying out dead letters", error))?;
        self.table.stage(rows).await
    }

    /// Notes where partitions set out from; see [`Table::depart`].
    pub async fn depart(&mut self, departures: &[Departure]) -> Result<(), PipelineError> {
        self.table.depart(departures, &self.transform_digest).await
    }

    /// Makes durable what was laid out.
    pub async fn bury(&mut self) -> Result<(), PipelineError> {
        self.table.commit(&self.transform_digest).await
    }

    fn rows(&self, batch: &Batch, reasons: &[&Reason]) -> Result<RecordBatch, ArrowError> {
        let schema = self.table.schema().clone();
        let columns = schema.fields().iter().map(|field| self.column(field, batch, reasons));
        RecordBatch::try_new(schema.clone(), columns.collect::<Result<_, _>>()?)
    }

    /// By name: an existing table may have the columns in another order, or more of them.
    fn column(&self, field: &Field, batch: &Batch, reasons: &[&Reason]) -> Result<ArrayRef, ArrowError> {
        let count = reasons.len();
        let records = || reasons.iter().map(|reason| batch.record(reason.record));
        let texts = |text: fn(&Reason) -> Option<&str>| -> ArrayRef {
            Arc::new(reasons.iter().map(|reason| text(reason)).collect::<StringArray>())
        };
        let constant = |text: &str| -> ArrayRef { Arc::new(StringArray::new_repeated(text, count)) };
        Ok(match field.name().as_str() {
            "topic" => constant(&batch.topic),
            "partition" => Arc::new(Int32Array::from_value(batch.partition, count)),
            "offset" => Arc::new(Int64Array::from_iter_values(records().map(|record| record.offset))),
            "timestamp" => Arc::new(timestamps(records().map(|record| record.timestamp))),
            "key" => binary(records().map(|record| record.key)),
            "value" => binary(records().map(|record| record.value)),
            "headers" => headers(field, records())?,
            "stage" => texts(|reason| Some(reason.stage.as_str())),
            "code" => texts(|reason| Some(&reason.code)),
            "message" => texts(|reason| Some(&reason.message)),
            "path" => texts(|reason| reason.path.as_deref()),
            "backtrace" => texts(|reason| reason.backtrace.as_deref()),
            "transform_name" => constant(&self.transform_name),
            "transform_version" => constant(&self.transform_version),
            "transform_digest" => constant(&self.transform_digest),
            "correlation_id" => {
                Arc::new(records().map(|record| Some(correlation_id(batch, &record))).collect::<StringArray>())
            }
            "pipeline" => constant(&self.pipeline),
            "rejected_at" => Arc::new(TimestampMicrosecondArray::from_value(now_micros(), count).with_timezone("UTC")),
            _ => arrow::array::new_null_array(field.data_type(), count),
        })
    }
}

/// The columns of a dead-letter table.
pub fn shape() -> Shape {
    let header = [StructField::not_null("name", DataType::STRING), StructField::nullable("value", DataType::BINARY)];
    let headers = ArrayType::new(StructType::new_unchecked(header), false);
    let text = |name: &str| StructField::not_null(name, DataType::STRING);
    let optional_text = |name: &str| StructField::nullable(name, DataType::STRING);
    let columns = vec![
        text("topic"),
        StructField::not_null("partition", DataType::INTEGER),
        StructField::not_null("offset", DataType::LONG),
        StructField::nullable("timestamp", DataType::TIMESTAMP),
        StructField::nullable("key", DataType::BINARY),
        StructField::nullable("value", DataType::BINARY),
        StructField::not_null("headers", headers),
        text("stage"),
        text("code"),
        text("message"),
        optional_text("path"),
        optional_text("backtrace"),
        text("transform_name"),
        text("transform_version"),
        text("transform_digest"),
        text("correlation_id"),
        text("pipeline"),
        StructField::not_null("rejected_at", DataType::TIMESTAMP),
    ];
    Shape { columns, partition_columns: Vec::new() }
}

fn binary<'a>(values: impl Iterator<Item = Option<&'a [u8]>>) -> ArrayRef {
    let mut builder = BinaryBuilder::new();
    values.for_each(|value| builder.append_option(value));
    Arc::new(builder.finish())
}

fn headers<'a>(field: &Field, records: impl Iterator<Item = Record<'a>>) -> Result<ArrayRef, ArrowError> {
    let ArrowType::List(item) = field.data_type() else {
        return Err(ArrowError::SchemaError("the column `headers` is no list".to_owned()));
    };
    let ArrowType::Struct(members) = item.data_type() else {
        return Err(ArrowError::SchemaError("the items of the column `headers` are no structs".to_owned()));
    };
    let header =
        StructBuilder::new(members.clone(), vec![Box::<StringBuilder>::default(), Box::<BinaryBuilder>::default()]);
    let mut lists = ListBuilder::new(header).with_field(item.clone());
    for record in records {
        for (name, value) in record.headers() {
            let header = lists.values();
            if let Some(names) = header.field_builder::<StringBuilder>(0) {
                names.append_value(String::from_utf8_lossy(name));
            }
            if let Some(values) = header.field_builder::<BinaryBuilder>(1) {
                values.append_option(value);
            }
            header.append(true);
        }
        lists.append(true);
    }
    Ok(Arc::new(lists.finish()))
}

/// The trace id of the record's `traceparent` header, or else a name made of its position: either way the same on a
/// replay.
fn correlation_id(batch: &Batch, record: &Record<'_>) -> String {
    let traceparent =
        record.headers().find(|(name, _)| name.eq_ignore_ascii_case(TRACEPARENT)).and_then(|(_, value)| value);
    traceparent.and_then(trace_id).unwrap_or_else(|| format!("{}/{}@{}", batch.topic, batch.partition, record.offset))
}

/// `version-traceid-parentid-flags`, <https://www.w3.org/TR/trace-context/#traceparent-header>.
fn trace_id(traceparent: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(traceparent).ok()?;
    let id = text.split('-').nth(1)?;
    let is_legal =
        id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) && id.bytes().any(|byte| byte != b'0');
    is_legal.then(|| id.to_ascii_lowercase())
}

/// For people only: no decision rests on it.
fn now_micros() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_ids_come_from_a_legal_traceparent_only() {
        let legal = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(trace_id(legal).as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        for bad in [&b"00-4bf9-1-01"[..], b"", b"\xff", b"00-00000000000000000000000000000000-00f067aa0ba902b7-01"] {
            assert_eq!(trace_id(bad), None);
        }
    }
}
