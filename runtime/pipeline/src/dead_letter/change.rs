//! What becomes of a dead letter later, as new columns of its row. Pure.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray, new_null_array,
};
use arrow::datatypes::{Int32Type, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;

use super::layout::Letterhead;
use super::letter::{Status, conformed};
use super::reason::Reason;

/// A change of one dead letter.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// Where it is in its life now.
    pub(crate) status: Status,
    /// A redrive's id, or the discarder's note.
    pub(crate) resolution: Option<String>,
    /// When it was resolved, if it is, in microseconds since 1970-01-01T00:00:00Z.
    pub(crate) resolved_at: Option<i64>,
    /// Whether it has been judged once more.
    pub(crate) judged_again: bool,
    /// Why it was rejected again, if it was.
    pub(crate) rejected: Option<RejectedAgain>,
}

/// A new reason, and who gave it.
#[derive(Clone, Debug)]
pub(crate) struct RejectedAgain {
    pub(crate) reason: Reason,
    pub(crate) head: Arc<Letterhead>,
    /// In microseconds since 1970-01-01T00:00:00Z.
    pub(crate) at: i64,
}

/// Rows of a dead-letter table with these changes, one entry a row, in the table's own schema.
pub(crate) fn amended(
    batch: &RecordBatch,
    changes: &[Option<&Change>],
    schema: &SchemaRef,
) -> Result<RecordBatch, ArrowError> {
    let batch = conformed(batch, schema)?;
    let columns = schema.fields().iter().map(|field| {
        let old = batch.column_by_name(field.name()).cloned();
        let old = old.unwrap_or_else(|| new_null_array(field.data_type(), batch.num_rows()));
        column(field.name(), old, changes)
    });
    RecordBatch::try_new(schema.clone(), columns.collect())
}

fn column(name: &str, old: ArrayRef, changes: &[Option<&Change>]) -> ArrayRef {
    let text = |new: fn(&Change) -> Option<&str>| texts(&old, changes, |change| Some(new(change)));
    let reason =
        |new: fn(&RejectedAgain) -> Option<&str>| texts(&old, changes, |change| change.rejected.as_ref().map(new));
    match name {
        "status" => text(|change| Some(change.status.as_str())),
        "resolution" => text(|change| change.resolution.as_deref()),
        "resolved_at" => times(&old, changes, |change| Some(change.resolved_at)),
        "attempts" => {
            let old = old.as_primitive::<Int32Type>();
            let more = |(row, change): (usize, &Option<&Change>)| {
                old.value(row) + i32::from(change.is_some_and(|change| change.judged_again))
            };
            Arc::new(changes.iter().enumerate().map(more).collect::<Int32Array>())
        }
        "stage" => reason(|again| Some(again.reason.stage.as_str())),
        "code" => reason(|again| Some(&again.reason.code)),
        "message" => reason(|again| Some(&again.reason.message)),
        "path" => reason(|again| again.reason.path.as_deref()),
        "backtrace" => reason(|again| again.reason.backtrace.as_deref()),
        "transform_name" => reason(|again| Some(&again.head.transform_name)),
        "transform_version" => reason(|again| Some(&again.head.transform_version)),
        "transform_digest" => reason(|again| Some(&again.head.transform_digest)),
        "judged_under" => reason(|again| Some(&again.head.judged_under)),
        "rejected_at" => times(&old, changes, |change| change.rejected.as_ref().map(|again| Some(again.at))),
        _ => old,
    }
}

/// `new` says the new value of a row that changes; none if this column keeps its own.
fn texts<'a>(
    old: &ArrayRef,
    changes: &[Option<&'a Change>],
    new: impl Fn(&'a Change) -> Option<Option<&'a str>>,
) -> ArrayRef {
    let old = old.as_string::<i32>();
    let value = |(row, change): (usize, &Option<&'a Change>)| match change.and_then(&new) {
        Some(value) => value.map(str::to_owned),
        None => old.is_valid(row).then(|| old.value(row).to_owned()),
    };
    Arc::new(changes.iter().enumerate().map(value).collect::<StringArray>())
}

fn times(old: &ArrayRef, changes: &[Option<&Change>], new: impl Fn(&Change) -> Option<Option<i64>>) -> ArrayRef {
    let old = old.as_primitive::<TimestampMicrosecondType>();
    let value = |(row, change): (usize, &Option<&Change>)| match change.and_then(&new) {
        Some(value) => value,
        None => old.is_valid(row).then(|| old.value(row)),
    };
    let times: TimestampMicrosecondArray = changes.iter().enumerate().map(value).collect();
    Arc::new(times.with_timezone("UTC"))
}
