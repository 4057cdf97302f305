//! Parses one entry of a table's log, as far as the audit needs it. Pure.

use std::collections::HashMap;

use serde::Deserialize;
use sluicebox_delta::log::{Add, DeltaResult, DeltaTableError, Remove};
use sluicebox_ledger::{COMMIT_INFO_KEY, RedriveRecord, TopicPartition};

use super::history::{Commit, LoggedFile, LoggedRecord};

/// One line of a log entry; other fields are ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogLine {
    add: Option<Add>,
    remove: Option<Remove>,
    pub(super) txn: Option<Txn>,
    commit_info: Option<HashMap<String, serde_json::Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Txn {
    pub(super) app_id: String,
    pub(super) version: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statistics {
    num_records: Option<u64>,
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
            commit.changes_data |= add.data_change;
            commit.added.push((add.path.clone(), added(&add)));
        }
        if let Some(remove) = line.remove {
            commit.changes_data |= remove.data_change;
            commit.removed.push(remove.path);
        }
        if let Some(txn) = line.txn {
            commit.ledger.extend(partition_of(&txn.app_id, pipeline).map(|partition| (partition, txn.version)));
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

fn added(add: &Add) -> LoggedFile {
    let statistics = add.stats.as_deref().and_then(|stats| serde_json::from_str::<Statistics>(stats).ok());
    let deletions = add.deletion_vector.as_ref().map(|vector| vector.cardinality);
    let rows = statistics.and_then(|statistics| statistics.num_records);
    data_file(u64::try_from(add.size).unwrap_or_default(), rows, deletions)
}

/// A file, as its `add` action describes it.
pub(super) fn data_file(bytes: u64, rows: Option<u64>, deletions: Option<i64>) -> LoggedFile {
    let deleted = deletions.and_then(|rows| u64::try_from(rows).ok()).unwrap_or_default();
    LoggedFile { bytes, rows: rows.map(|rows| rows.saturating_sub(deleted)), has_deletions: deletions.is_some() }
}

/// The partition of a `txn` action, if it belongs to the pipeline's ledger.
pub(super) fn partition_of(app_id: &str, pipeline: &str) -> Option<TopicPartition> {
    let (topic, partition) =
        app_id.strip_prefix("sluicebox/")?.strip_prefix(pipeline)?.strip_prefix('/')?.rsplit_once('/')?;
    Some(TopicPartition::new(topic, partition.parse().ok()?))
}
