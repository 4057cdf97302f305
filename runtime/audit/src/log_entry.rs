//! Parses one entry of a table's log, as far as the audit needs it. Pure.

use serde::Deserialize;
use sluicebox_delta::log::{Add, DeltaResult, DeltaTableError, Remove};
use sluicebox_ledger::{COMMIT_INFO_KEY, RedriveRecord, TopicPartition};

use super::history::{Commit, FileKey, LoggedFile, LoggedRecord};

/// One line of a log entry; other fields are ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogLine {
    pub(super) add: Option<Add>,
    remove: Option<Remove>,
    pub(super) txn: Option<Txn>,
    pub(super) sidecar: Option<Sidecar>,
    commit_info: Option<serde_json::Map<String, serde_json::Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Txn {
    pub(super) app_id: String,
    pub(super) version: i64,
}

/// A file with more actions of a checkpoint.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sidecar {
    pub(super) path: String,
    pub(super) size_in_bytes: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statistics {
    num_records: Option<u64>,
}

/// Whose ledger a `txn` action belongs to.
pub(super) enum Owner {
    /// The audited pipeline's.
    Ours(TopicPartition),
    /// Another pipeline's.
    Other(TopicPartition),
}

/// Parses the entry of a version.
pub(super) fn parse(entry: &[u8], version: u64, pipeline: &str) -> DeltaResult<Commit> {
    let mut commit = Commit { version, ..Commit::default() };
    for line in serde_json::Deserializer::from_slice(entry).into_iter::<LogLine>() {
        let line = line.map_err(|json_err| {
            let line = format!("line {}, column {}", json_err.line(), json_err.column());
            DeltaTableError::InvalidJsonLog { json_err, line, version }
        })?;
        if let Some(add) = line.add {
            // One action that changes rows is enough.
            commit.changes_data |= add.data_change;
            commit.added.push(added(add));
        }
        if let Some(remove) = line.remove {
            commit.changes_data |= remove.data_change;
            let deletions = remove
                .deletion_vector
                .map(|it| deletions_key(it.storage_type.as_ref(), &it.path_or_inline_dv, it.offset));
            commit.removed.push(FileKey { path: remove.path, deletions });
        }
        if let Some(txn) = line.txn {
            match owner(&txn.app_id, pipeline) {
                Some(Owner::Ours(partition)) => commit.ledger.push((partition, txn.version)),
                Some(Owner::Other(partition)) => commit.of_others.push(partition),
                None => {}
            }
        }
        if let Some(mut info) = line.commit_info {
            let operation = info.get("operation").and_then(serde_json::Value::as_str);
            commit.operation = operation.unwrap_or_default().to_owned();
            commit.record = info.remove(COMMIT_INFO_KEY).map(record);
        }
    }
    Ok(commit)
}

fn record(value: serde_json::Value) -> LoggedRecord {
    let read = match value.get("redrive") {
        None => serde_json::from_value(value).map(LoggedRecord::Flush),
        Some(_) => serde_json::from_value(value).map(|RedriveRecord { pipeline, redrive }| {
            let rows = redrive.partitions.iter().map(|partition| partition.rows).sum();
            LoggedRecord::Redrive { pipeline, rows }
        }),
    };
    read.unwrap_or_else(|error| LoggedRecord::Unreadable(error.to_string()))
}

/// The file that an `add` action names.
pub(super) fn added(add: Add) -> (FileKey, LoggedFile) {
    let deleted = add.deletion_vector.as_ref().map_or(0, |vector| vector.cardinality);
    let rows = add.stats.as_deref().and_then(rows_in);
    let deletions =
        add.deletion_vector.map(|it| deletions_key(it.storage_type.as_ref(), &it.path_or_inline_dv, it.offset));
    (FileKey { path: add.path, deletions }, data_file(add.size, rows, deleted))
}

/// The rows in a file's statistics.
pub(super) fn rows_in(statistics: &str) -> Option<u64> {
    serde_json::from_str::<Statistics>(statistics).ok()?.num_records
}

/// The identity of a deletion vector, as the protocol makes it.
pub(super) fn deletions_key(storage: &str, place: &str, offset: Option<i32>) -> String {
    match offset {
        Some(offset) => format!("{storage}{place}@{offset}"),
        None => format!("{storage}{place}"),
    }
}

/// A file, as its `add` action describes it. The rows that a deletion vector removes do not count.
pub(super) fn data_file(bytes: i64, rows: Option<u64>, deleted: i64) -> LoggedFile {
    let deleted = u64::try_from(deleted).unwrap_or_default();
    LoggedFile { bytes: u64::try_from(bytes).unwrap_or_default(), rows: rows.map(|rows| rows.saturating_sub(deleted)) }
}

/// Whose ledger a `txn` action belongs to; none if to no pipeline's.
pub(super) fn owner(app_id: &str, pipeline: &str) -> Option<Owner> {
    // From the right: neither a topic nor a pipeline's name may hold a slash, so exactly two are left.
    let (place, number) = app_id.strip_prefix("sluicebox/")?.rsplit_once('/')?;
    let (name, topic) = place.rsplit_once('/')?;
    let partition = TopicPartition::new(topic, number.parse().ok()?);
    Some(if name == pipeline { Owner::Ours(partition) } else { Owner::Other(partition) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_has_an_owner_and_a_deletion_vector_takes_rows() {
        assert!(
            matches!(owner("sluicebox/a/orders/3", "a"), Some(Owner::Ours(it)) if it == TopicPartition::new("orders", 3))
        );
        assert!(
            matches!(owner("sluicebox/ab/orders/3", "a"), Some(Owner::Other(it)) if it == TopicPartition::new("orders", 3))
        );
        assert!(owner("sluicebox-topic/a/orders/3", "a").is_none());
        let add = r#"{"add":{"path":"a.parquet","partitionValues":{},"size":9,"modificationTime":0,"dataChange":true,
            "stats":"{\"numRecords\":10}","deletionVector":{"storageType":"u","pathOrInlineDv":"x","offset":1,
            "sizeInBytes":3,"cardinality":4}}}"#;
        let commit = parse(add.as_bytes(), 7, "a").unwrap();
        let (key, file) = &commit.added[0];
        assert_eq!((file.rows, key.deletions.as_deref()), (Some(6), Some("ux@1")));
    }
}
