//! Dead letters as rows: the columns of their table, and rejected records encoded in them. Pure.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use arrow::array::{
    ArrayRef, BinaryBuilder, Int32Array, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
    StructBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType as ArrowType, Field, SchemaRef};
use arrow::error::ArrowError;
use deltalake::kernel::{ArrayType, DataType, StructField, StructType};
use sluicebox_ledger::Reason;
use sluicebox_sandbox::{Batch, Record, Transform};
use sluicebox_settings::Settings;

use super::correlation::correlation_id;
use super::letter::Status;
use super::replay_context::ReplayContext;
use crate::decode::timestamps;
use crate::{Shape, TableError, wall_clock};

/// Who judged: what all dead letters of one run have in common.
#[derive(Clone, Debug)]
pub struct JudgedBy {
    /// The pipeline's name.
    pub pipeline: String,
    /// The transform's name.
    pub transform_name: String,
    /// The transform's version.
    pub transform_version: String,
    /// The digest of the transform's component, `sha256:…`.
    pub transform_digest: String,
    /// [`ReplayContext`](super::ReplayContext) as JSON.
    pub replay_context: String,
}

/// The columns of a dead-letter table.
pub fn shape() -> Shape {
    let header = [StructField::not_null("name", DataType::STRING), StructField::nullable("value", DataType::BINARY)];
    let headers = ArrayType::new(StructType::new_unchecked(header), false);
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
        text("replay_context"),
        text("correlation_id"),
        text("pipeline"),
        StructField::not_null("rejected_at", DataType::TIMESTAMP),
        text("status"),
        StructField::not_null("attempts", DataType::INTEGER),
        StructField::nullable("resolved_at", DataType::TIMESTAMP),
        optional_text("resolution"),
    ];
    Shape { columns, partition_columns: Vec::new() }
}

fn text(name: &str) -> StructField {
    StructField::not_null(name, DataType::STRING)
}

fn optional_text(name: &str) -> StructField {
    StructField::nullable(name, DataType::STRING)
}

impl JudgedBy {
    /// For dead letters of `transform`, run with these settings.
    pub fn of(settings: &Settings, transform: &Transform) -> Result<Self, TableError> {
        let description = transform.description();
        Ok(Self {
            pipeline: settings.name.clone(),
            transform_name: description.name.clone(),
            transform_version: description.version.clone(),
            transform_digest: transform.digest().to_string(),
            replay_context: ReplayContext::of(settings).to_json()?,
        })
    }

    /// The records of `batch` that `reasons` name, as rows of a table with this schema.
    pub(super) fn rows(
        &self,
        schema: &SchemaRef,
        batch: &Batch,
        reasons: &[&Reason],
    ) -> Result<RecordBatch, ArrowError> {
        let columns = schema.fields().iter().map(|field| self.column(field, batch, reasons));
        RecordBatch::try_new(schema.clone(), columns.collect::<Result<_, _>>()?)
    }

    /// One column, found by name: an existing table may have the columns in another order, or more of them.
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
            "replay_context" => constant(&self.replay_context),
            "correlation_id" => {
                Arc::new(records().map(|record| Some(correlation_id(batch, &record))).collect::<StringArray>())
            }
            "pipeline" => constant(&self.pipeline),
            "rejected_at" => Arc::new(TimestampMicrosecondArray::from_value(now_micros(), count).with_timezone("UTC")),
            "status" => constant(Status::Open.as_str()),
            // The judgement that rejected the record counts as the first attempt.
            "attempts" => Arc::new(Int32Array::from_value(1, count)),
            _ => arrow::array::new_null_array(field.data_type(), count),
        })
    }
}

fn binary<'a>(values: impl Iterator<Item = Option<&'a [u8]>>) -> ArrayRef {
    let mut builder = BinaryBuilder::new();
    values.for_each(|value| builder.append_option(value));
    Arc::new(builder.finish())
}

fn headers<'a>(field: &Field, records: impl Iterator<Item = Record<'a>>) -> Result<ArrayRef, ArrowError> {
    let ArrowType::List(item) = field.data_type() else {
        return Err(ArrowError::SchemaError("the column `headers` is not a list".to_owned()));
    };
    let ArrowType::Struct(members) = item.data_type() else {
        return Err(ArrowError::SchemaError("the items of the column `headers` are not structs".to_owned()));
    };
    let header =
        StructBuilder::new(members.clone(), vec![Box::<StringBuilder>::default(), Box::<BinaryBuilder>::default()]);
    let mut lists = ListBuilder::new(header).with_field(item.clone());
    for record in records {
        for (name, value) in record.headers() {
            let header = lists.values();
            if let Some(names) = header.field_builder::<StringBuilder>(0) {
                // Kafka does not promise that a header's name is UTF-8; a table's STRING does.
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

/// Microseconds since 1970-01-01T00:00:00Z.
pub fn now_micros() -> i64 {
    wall_clock::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
}
