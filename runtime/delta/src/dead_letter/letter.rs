//! One dead letter, read back from its table: a summary, which is enough to select and count it, and the whole letter. Pure.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{Int32Type, Int64Type, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use sluicebox_ledger::{Stage, TopicPartition};

/// What has been done about a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Nothing has been done about it.
    Open,
    /// A redrive has claimed it. Its rows may or may not be in the tables already.
    Redriving,
    /// A redrive has judged it again: its rows are in the tables, or it was filtered.
    Redriven,
    /// The operator has marked it as ignored.
    Discarded,
}

impl Status {
    /// All statuses, in the order in which a letter goes through them.
    pub const ALL: [Self; 4] = [Self::Open, Self::Redriving, Self::Redriven, Self::Discarded];

    /// The text in the column `status`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Redriving => "redriving",
            Self::Redriven => "redriven",
            Self::Discarded => "discarded",
        }
    }

    /// Reads the column's text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The part of a dead letter that is enough to select and count it.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The record's partition.
    pub partition: TopicPartition,
    /// The record's offset.
    pub offset: i64,
    /// The stage that rejected it.
    pub stage: Stage,
    /// The code of the reason.
    pub code: String,
    /// The message of the reason.
    pub message: String,
    /// When, in microseconds since 1970-01-01T00:00:00Z.
    pub rejected_at: i64,
    /// What has been done about it.
    pub status: Status,
    /// How often it has been judged.
    pub attempts: i32,
    /// A redrive's id, or the discarder's note.
    pub resolution: Option<String>,
    /// The pipeline that it belongs to.
    pub pipeline: String,
    /// The transform that judged it last.
    pub transform_digest: String,
}

/// Identifies a dead letter for good. The position alone does not: a recreated topic has the same positions again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LetterKey {
    partition: TopicPartition,
    offset: i64,
    rejected_at: i64,
}

impl Summary {
    /// The columns that a summary is read from.
    pub const COLUMNS: [&'static str; 12] = [
        "topic",
        "partition",
        "offset",
        "stage",
        "code",
        "message",
        "rejected_at",
        "status",
        "attempts",
        "resolution",
        "pipeline",
        "transform_digest",
    ];

    /// `topic/partition@offset`.
    pub fn position(&self) -> String {
        format!("{}@{}", self.partition, self.offset)
    }

    /// What identifies the letter.
    pub fn key(&self) -> LetterKey {
        LetterKey { partition: self.partition.clone(), offset: self.offset, rejected_at: self.rejected_at }
    }
}

/// A record's headers, in order, as a dead letter keeps them.
pub type Headers = Vec<(String, Option<Vec<u8>>)>;

/// A whole dead letter.
#[derive(Clone, Debug, PartialEq)]
pub struct Letter {
    /// Position, reason and status.
    pub summary: Summary,
    /// The record's timestamp, in microseconds since 1970-01-01T00:00:00Z, if it has one.
    pub timestamp: Option<i64>,
    /// The record's key.
    pub key: Option<Vec<u8>>,
    /// The record's value.
    pub value: Option<Vec<u8>>,
    /// The record's headers.
    pub headers: Headers,
    /// The path within the record, if the reason names one.
    pub path: Option<String>,
    /// The guest's backtrace, if it trapped.
    pub backtrace: Option<String>,
    /// The name of the transform that judged it last.
    pub transform_name: String,
    /// The version of that transform.
    pub transform_version: String,
    /// [`ReplayContext`](super::ReplayContext), as JSON.
    pub replay_context: String,
    /// The record's trace id, or its position.
    pub correlation_id: String,
    /// When it left the status `open`, in microseconds since 1970-01-01T00:00:00Z.
    pub resolved_at: Option<i64>,
}

impl Letter {
    /// The bytes of key, value and headers.
    pub fn bytes(&self) -> usize {
        let headers = self.headers.iter().map(|(name, value)| name.len() + length(value));
        length(&self.key) + length(&self.value) + headers.sum::<usize>()
    }
}

fn length(bytes: &Option<Vec<u8>>) -> usize {
    bytes.as_ref().map_or(0, Vec::len)
}

/// The columns of dead letters in the table's own types; another writer may have rewritten a file with others.
pub(super) struct LetterColumns(RecordBatch);

impl LetterColumns {
    /// Converts `batch` to `schema`, the table's own.
    pub(super) fn new(batch: &RecordBatch, schema: &SchemaRef) -> Result<Self, ArrowError> {
        Ok(Self(conformed(batch, schema)?))
    }

    pub(super) fn summary(&self, row: usize) -> Result<Summary, ArrowError> {
        let stage = self.text("stage", row)?;
        let status = self.text("status", row)?;
        Ok(Summary {
            partition: TopicPartition::new(self.text("topic", row)?, self.int("partition", row)?),
            offset: self.array("offset")?.as_primitive::<Int64Type>().value(row),
            stage: Stage::parse(stage).ok_or_else(|| unknown("stage", stage))?,
            code: self.text("code", row)?.to_owned(),
            message: self.text("message", row)?.to_owned(),
            rejected_at: self.time("rejected_at", row)?.unwrap_or_default(),
            status: Status::parse(status).ok_or_else(|| unknown("status", status))?,
            attempts: self.int("attempts", row)?,
            resolution: self.optional_text("resolution", row)?,
            pipeline: self.text("pipeline", row)?.to_owned(),
            transform_digest: self.text("transform_digest", row)?.to_owned(),
        })
    }

    pub(super) fn letter(&self, row: usize) -> Result<Letter, ArrowError> {
        Ok(Letter {
            summary: self.summary(row)?,
            timestamp: self.time("timestamp", row)?,
            key: self.bytes("key", row)?,
            value: self.bytes("value", row)?,
            headers: self.headers(row)?,
            path: self.optional_text("path", row)?,
            backtrace: self.optional_text("backtrace", row)?,
            transform_name: self.text("transform_name", row)?.to_owned(),
            transform_version: self.text("transform_version", row)?.to_owned(),
            replay_context: self.text("replay_context", row)?.to_owned(),
            correlation_id: self.text("correlation_id", row)?.to_owned(),
            resolved_at: self.time("resolved_at", row)?,
        })
    }

    fn array(&self, name: &str) -> Result<&Arc<dyn arrow::array::Array>, ArrowError> {
        self.0
            .column_by_name(name)
            .ok_or_else(|| ArrowError::SchemaError(format!("a file of the table has no column `{name}`")))
    }

    fn text(&self, name: &str, row: usize) -> Result<&str, ArrowError> {
        Ok(self.array(name)?.as_string::<i32>().value(row))
    }

    fn optional_text(&self, name: &str, row: usize) -> Result<Option<String>, ArrowError> {
        let array = self.array(name)?.as_string::<i32>();
        Ok(array.is_valid(row).then(|| array.value(row).to_owned()))
    }

    fn int(&self, name: &str, row: usize) -> Result<i32, ArrowError> {
        Ok(self.array(name)?.as_primitive::<Int32Type>().value(row))
    }

    fn time(&self, name: &str, row: usize) -> Result<Option<i64>, ArrowError> {
        let array = self.array(name)?.as_primitive::<TimestampMicrosecondType>();
        Ok(array.is_valid(row).then(|| array.value(row)))
    }

    fn bytes(&self, name: &str, row: usize) -> Result<Option<Vec<u8>>, ArrowError> {
        let array = self.array(name)?.as_binary::<i32>();
        Ok(array.is_valid(row).then(|| array.value(row).to_owned()))
    }

    fn headers(&self, row: usize) -> Result<Headers, ArrowError> {
        let headers = self.array("headers")?.as_list::<i32>().value(row);
        let headers = headers.as_struct();
        let (names, values) = (headers.column(0).as_string::<i32>(), headers.column(1).as_binary::<i32>());
        let headers = (0..headers.len()).map(|header| {
            let value = values.is_valid(header).then(|| values.value(header).to_owned());
            (names.value(header).to_owned(), value)
        });
        Ok(headers.collect())
    }
}

/// The columns of `batch` in the types of `schema`, in the order of the batch. Other writers may have rewritten the file.
pub(super) fn conformed(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let mut fields = Vec::new();
    let mut arrays = Vec::new();
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
        let wanted = schema.fields().find(field.name()).map_or(field, |(_, wanted)| wanted);
        let same = wanted.data_type() == array.data_type();
        arrays.push(if same { Arc::clone(array) } else { cast(array, wanted.data_type())? });
        fields.push(Arc::clone(wanted));
    }
    RecordBatch::try_new(Arc::new(arrow::datatypes::Schema::new(fields)), arrays)
}

fn unknown(column: &str, text: &str) -> ArrowError {
    ArrowError::ParseError(format!("column `{column}`: `{text}` is not known to this version of Sluicebox"))
}
