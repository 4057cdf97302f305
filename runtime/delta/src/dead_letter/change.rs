//! Later changes of a dead letter, as new column values of its row. Pure.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray, new_null_array,
};
use arrow::datatypes::{Int32Type, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use sluicebox_ledger::Reason;

use super::columns::JudgedBy;
use super::letter::{Status, conformed};

/// A change of one dead letter.
#[derive(Clone, Debug)]
pub struct LetterChange {
    /// The new status.
    pub status: Status,
    /// A redrive's id, or the discarder's note.
    pub resolution: Option<String>,
    /// When it was resolved, in microseconds since 1970-01-01T00:00:00Z; none if it is not.
    pub resolved_at: Option<i64>,
    /// Whether it was judged once more.
    pub judged_again: bool,
    /// The new reason, if it was rejected again.
    pub rejected: Option<RejectedAgain>,
}

/// A new reason, and the transform that gave it.
#[derive(Clone, Debug)]
pub struct RejectedAgain {
    /// The new reason.
    pub reason: Reason,
    /// The transform that rejected it again.
    pub judged_by: Arc<JudgedBy>,
    /// When, in microseconds since 1970-01-01T00:00:00Z.
    pub at: i64,
}

/// Rows of a dead-letter table with `changes` applied, one entry per row, in the table's own schema.
pub fn amended(
    batch: &RecordBatch,
    changes: &[Option<&LetterChange>],
    schema: &SchemaRef,
) -> Result<RecordBatch, ArrowError> {
    let batch = conformed(batch, schema)?;
    let columns = schema.fields().iter().map(|field| {
        let old = batch.column_by_name(field.name()).cloned();
        // A file may be older than a column that another tool has added to the table.
        let old = old.unwrap_or_else(|| new_null_array(field.data_type(), batch.num_rows()));
        column(field.name(), old, changes)
    });
    RecordBatch::try_new(schema.clone(), columns.collect())
}

fn column(name: &str, old: ArrayRef, changes: &[Option<&LetterChange>]) -> ArrayRef {
    let text = |new: fn(&LetterChange) -> Option<&str>| texts(&old, changes, |change| Some(new(change)));
    let reason =
        |new: fn(&RejectedAgain) -> Option<&str>| texts(&old, changes, |change| change.rejected.as_ref().map(new));
    match name {
        "status" => text(|change| Some(change.status.as_str())),
        "resolution" => text(|change| change.resolution.as_deref()),
        "resolved_at" => times(&old, changes, |change| Some(change.resolved_at)),
        "attempts" => {
            let old = old.as_primitive::<Int32Type>();
            let attempts = changes
                .iter()
                .enumerate()
                .map(|(row, change)| old.value(row) + i32::from(change.is_some_and(|change| change.judged_again)));
            Arc::new(attempts.collect::<Int32Array>())
        }
        "stage" => reason(|again| Some(again.reason.stage.as_str())),
        "code" => reason(|again| Some(&again.reason.code)),
        "message" => reason(|again| Some(&again.reason.message)),
        "path" => reason(|again| again.reason.path.as_deref()),
        "backtrace" => reason(|again| again.reason.backtrace.as_deref()),
        "transform_name" => reason(|again| Some(&again.judged_by.transform_name)),
        "transform_version" => reason(|again| Some(&again.judged_by.transform_version)),
        "transform_digest" => reason(|again| Some(&again.judged_by.transform_digest)),
        "replay_context" => reason(|again| Some(&again.judged_by.replay_context)),
        "rejected_at" => times(&old, changes, |change| change.rejected.as_ref().map(|again| Some(again.at))),
        _ => old,
    }
}

/// The column with new values in the rows that change. `new` returns a row's new value; none if the row keeps its old one.
fn texts<'a>(
    old: &ArrayRef,
    changes: &[Option<&'a LetterChange>],
    new: impl Fn(&'a LetterChange) -> Option<Option<&'a str>>,
) -> ArrayRef {
    let old = old.as_string::<i32>();
    let values = changes.iter().enumerate().map(|(row, change)| match change.and_then(&new) {
        Some(value) => value.map(str::to_owned),
        None => old.is_valid(row).then(|| old.value(row).to_owned()),
    });
    Arc::new(values.collect::<StringArray>())
}

fn times(
    old: &ArrayRef,
    changes: &[Option<&LetterChange>],
    new: impl Fn(&LetterChange) -> Option<Option<i64>>,
) -> ArrayRef {
    let old = old.as_primitive::<TimestampMicrosecondType>();
    let times = changes.iter().enumerate().map(|(row, change)| match change.and_then(&new) {
        Some(value) => value,
        None => old.is_valid(row).then(|| old.value(row)),
    });
    let times: TimestampMicrosecondArray = times.collect();
    Arc::new(times.with_timezone("UTC"))
}

#[cfg(test)]
mod tests {
    use sluicebox_ledger::Stage;
    use sluicebox_sandbox::{Batch, NO_HEADERS};

    use super::super::columns::shape;
    use super::super::letter::LetterColumns;
    use super::*;

    fn judged_by(name: &str) -> JudgedBy {
        JudgedBy {
            pipeline: "p".to_owned(),
            transform_name: name.to_owned(),
            transform_version: "1".to_owned(),
            transform_digest: format!("sha256:{name}"),
            replay_context: "{}".to_owned(),
        }
    }

    fn reason(record: usize, code: &str) -> Reason {
        let message = format!("because of {code}");
        Reason { record, stage: Stage::Transform, code: code.to_owned(), message, path: None, backtrace: None }
    }

    #[test]
    fn only_what_changes_changes() {
        let schema = shape().arrow_schema().expect("a schema");
        let mut batch = Batch::new("orders", 3);
        for offset in 0..3 {
            batch.push(offset, 1_000, Some(b"key"), Some(b"value"), NO_HEADERS);
        }
        let reasons = [reason(0, "a"), reason(1, "b"), reason(2, "c")];
        let rows = judged_by("old").rows(&schema, &batch, &reasons.iter().collect::<Vec<_>>()).expect("rows");
        let claimed = LetterChange {
            status: Status::Redriving,
            resolution: Some("id".to_owned()),
            resolved_at: None,
            judged_again: true,
            rejected: None,
        };
        let rejected = RejectedAgain { reason: reason(0, "again"), judged_by: Arc::new(judged_by("new")), at: 7 };
        let open = LetterChange {
            status: Status::Open,
            resolution: None,
            resolved_at: None,
            judged_again: true,
            rejected: Some(rejected),
        };
        let changed = amended(&rows, &[None, Some(&claimed), Some(&open)], &schema).expect("rows");
        let letters = |rows: &RecordBatch| -> Vec<super::super::Letter> {
            let columns = LetterColumns::new(rows, &schema).expect("columns");
            (0..3).map(|row| columns.letter(row).expect("a letter")).collect()
        };
        let (old, new) = (letters(&rows), letters(&changed));
        assert_eq!(old[0], new[0]);
        let mut expected = old[1].clone();
        expected.summary.status = Status::Redriving;
        expected.summary.attempts = 2;
        expected.summary.resolution = Some("id".to_owned());
        assert_eq!(new[1], expected);
        let summary = &new[2].summary;
        assert_eq!((summary.status, summary.attempts, summary.code.as_str()), (Status::Open, 2, "again"));
        assert_eq!((summary.rejected_at, summary.transform_digest.as_str()), (7, "sha256:new"));
        assert_eq!((&new[2].value, &new[2].key, new[2].timestamp), (&old[2].value, &old[2].key, Some(1_000_000)));
    }
}
