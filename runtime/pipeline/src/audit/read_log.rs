//! Reads a table's [`History`] from its store: the log entries that are still there, the oldest checkpoint that goes with
//! them, and the newest snapshot as the pipeline itself would see it. Judges nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arrow::array::{Array as _, AsArray as _, StructArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use bytes::Bytes;
use deltalake::kernel::{Add, Remove};
use deltalake::logstore::LogStoreRef;
use deltalake::{DeltaResult, DeltaTable, DeltaTableError, Path};
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::{ObjectStore as _, ObjectStoreExt as _};
use serde::Deserialize;

use super::history::{Before, Commit, DataFile, History, Holds, Record};
use super::parquet_file::ParquetFile;
use crate::ledger::app_id;
use crate::position::TopicPartition;
use crate::sink::COMMIT_INFO_KEY;

/// Log entries that are read at a time.
const ENTRIES_AT_A_TIME: usize = 16;

/// Reads the history of a table that has been loaded.
pub(super) async fn read(table: &DeltaTable, name: &str, holds: Holds, pipeline: &str) -> DeltaResult<History> {
    let store = table.log_store();
    let snapshot = table.snapshot()?;
    let version = snapshot.version();
    let listing = Listing::read(&store, version).await?;
    let first = listing.first(version);
    let commits: Vec<Commit> = futures::stream::iter(first..=version)
        .map(|version| commit(&store, version, pipeline))
        .buffered(ENTRIES_AT_A_TIME)
        .try_collect()
        .await?;
    let before = before(&store, &listing, first, &commits, pipeline).await?;
    let known = commits.iter().flat_map(partitions_of).chain(before.ledger.keys().cloned());
    let mut ledger = BTreeMap::new();
    for partition in known.collect::<BTreeSet<_>>() {
        let next = snapshot.transaction_version(store.as_ref(), app_id(pipeline, &partition)).await?;
        ledger.extend(next.map(|next| (partition, next)));
    }
    let log_data = snapshot.log_data();
    let files = log_data.iter().map(|file| {
        let size = u64::try_from(file.size()).unwrap_or_default();
        let deletions = file.deletion_vector_descriptor().map(|vector| vector.cardinality);
        let rows = file.num_records().map(|rows| rows as u64);
        (file.path().into_owned(), data_file(size, rows, deletions))
    });
    Ok(History {
        table: name.to_owned(),
        holds,
        version,
        first,
        before,
        files: files.collect(),
        commits,
        ledger,
        properties: snapshot.metadata().configuration().clone(),
    })
}

fn partitions_of(commit: &Commit) -> Vec<TopicPartition> {
    let mut partitions: Vec<_> = commit.ledger.iter().map(|(partition, _)| partition.clone()).collect();
    if let Some(Record::Flush(record)) = &commit.record {
        partitions.extend(record.partitions.iter().map(|it| TopicPartition::new(it.topic.as_str(), it.partition)));
        partitions.extend(record.skips.iter().map(|it| TopicPartition::new(it.topic.as_str(), it.partition)));
    }
    partitions
}

/// What lies in a table's log folder.
#[derive(Default)]
struct Listing {
    entries: BTreeSet<u64>,
    checkpoints: BTreeMap<u64, Vec<(Path, u64)>>,
}

impl Listing {
    async fn read(store: &LogStoreRef, newest: u64) -> DeltaResult<Self> {
        let mut listing = Self::default();
        let objects = store.object_store(None);
        let objects: Vec<_> = objects.list(Some(store.log_path())).try_collect().await?;
        for object in objects {
            let Some(name) = object.location.filename() else { continue };
            let Some((version, rest)) = name.split_once('.') else { continue };
            let Some(version) = (version.len() == 20).then(|| version.parse::<u64>().ok()).flatten() else { continue };
            if version > newest {
                continue;
            }
            if rest == "json" {
                listing.entries.insert(version);
            } else if rest.starts_with("checkpoint.") {
                listing.checkpoints.entry(version).or_default().push((object.location.clone(), object.size));
            }
        }
        Ok(listing)
    }

    /// The oldest version from which on no entry is missing; above `newest` if even that is gone.
    fn first(&self, newest: u64) -> u64 {
        let mut first = newest + 1;
        while first > 0 && self.entries.contains(&(first - 1)) {
            first -= 1;
        }
        first
    }
}

/// One line of a log entry; what it says besides is not ours to judge.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    add: Option<Add>,
    remove: Option<Remove>,
    txn: Option<Txn>,
    commit_info: Option<HashMap<String, serde_json::Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Txn {
    app_id: String,
    version: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statistics {
    num_records: Option<u64>,
}

async fn commit(store: &LogStoreRef, version: u64, pipeline: &str) -> DeltaResult<Commit> {
    let entry = store.read_commit_entry(version).await?;
    let entry = entry.ok_or_else(|| DeltaTableError::generic(format!("log entry {version} has vanished meanwhile")))?;
    parse(&entry, version, pipeline)
}

fn parse(entry: &Bytes, version: u64, pipeline: &str) -> DeltaResult<Commit> {
    let mut commit = Commit { version, ..Commit::default() };
    for line in serde_json::Deserializer::from_slice(entry).into_iter::<Line>() {
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

/// A step of a redrive, as far as it matters here.
#[derive(Deserialize)]
struct RedriveRecord {
    pipeline: String,
    redrive: Redrive,
}

#[derive(Deserialize)]
struct Redrive {
    phase: String,
    partitions: Vec<RedrivePartition>,
}

#[derive(Deserialize)]
struct RedrivePartition {
    rows: u64,
}

fn record(value: serde_json::Value) -> Record {
    let read = match value.get("redrive") {
        None => serde_json::from_value(value).map(Record::Flush),
        Some(_) => serde_json::from_value(value).map(|RedriveRecord { pipeline, redrive }| {
            // Only this step adds rows; the others rewrite dead letters.
            let is_apply = redrive.phase == "apply";
            let rows = redrive.partitions.iter().filter(|_| is_apply).map(|partition| partition.rows).sum();
            Record::Redrive { pipeline, rows }
        }),
    };
    read.unwrap_or_else(|error| Record::Unreadable(error.to_string()))
}

fn added(add: &Add) -> DataFile {
    let statistics = add.stats.as_deref().and_then(|stats| serde_json::from_str::<Statistics>(stats).ok());
    let deletions = add.deletion_vector.as_ref().map(|vector| vector.cardinality);
    let rows = statistics.and_then(|statistics| statistics.num_records);
    data_file(u64::try_from(add.size).unwrap_or_default(), rows, deletions)
}

fn data_file(bytes: u64, rows: Option<u64>, deletions: Option<i64>) -> DataFile {
    let deleted = deletions.and_then(|rows| u64::try_from(rows).ok()).unwrap_or_default();
    DataFile { bytes, rows: rows.map(|rows| rows.saturating_sub(deleted)), has_deletions: deletions.is_some() }
}

/// The partition that an entry of the pipeline's ledger stands for.
fn partition_of(app_id: &str, pipeline: &str) -> Option<TopicPartition> {
    let (topic, partition) =
        app_id.strip_prefix("sluicebox/")?.strip_prefix(pipeline)?.strip_prefix('/')?.rsplit_once('/')?;
    Some(TopicPartition::new(topic, partition.parse().ok()?))
}

/// The ledger before the oldest entry, from the oldest checkpoint that is not older than that.
async fn before(
    store: &LogStoreRef,
    listing: &Listing,
    first: u64,
    commits: &[Commit],
    pipeline: &str,
) -> DeltaResult<Before> {
    let Some(last_gone) = first.checked_sub(1) else { return Ok(Before::default()) };
    let mut before = Before::default();
    let checkpoint = listing.checkpoints.range(last_gone..).next();
    let until = checkpoint.map_or(u64::MAX, |(version, _)| *version);
    // What the checkpoint says of these is the work of commits that we have.
    let moved = commits.iter().filter(|commit| commit.version <= until);
    before.unknown = moved.flat_map(partitions_of).collect();
    for (path, size) in checkpoint.into_iter().flat_map(|(_, files)| files) {
        for (partition, next) in ledger_of_checkpoint(store, path, *size, pipeline).await? {
            if !before.unknown.contains(&partition) {
                before.ledger.insert(partition, next);
            }
        }
    }
    Ok(before)
}

async fn ledger_of_checkpoint(
    store: &LogStoreRef,
    path: &Path,
    size: u64,
    pipeline: &str,
) -> DeltaResult<Vec<(TopicPartition, i64)>> {
    let store = store.object_store(None);
    let mut ledger = Vec::new();
    let mut enter =
        |app_id: &str, version| ledger.extend(partition_of(app_id, pipeline).map(|partition| (partition, version)));
    if path.extension() == Some("json") {
        let text = store.get(path).await?.bytes().await?;
        for line in serde_json::Deserializer::from_slice(&text).into_iter::<Line>() {
            let line = line.map_err(|error| DeltaTableError::generic(format!("{path}: {error}")))?;
            line.txn.iter().for_each(|txn| enter(&txn.app_id, txn.version));
        }
        return Ok(ledger);
    }
    let mut batches = ParquetFile::new(store, path.clone(), size).read(&["txn"]).await?;
    while let Some(batch) = batches.try_next().await? {
        let Some(transactions) = batch.column_by_name("txn").and_then(|column| column.as_struct_opt()) else {
            continue;
        };
        let app_ids = member(transactions, "appId", &DataType::Utf8)?;
        let versions = member(transactions, "version", &DataType::Int64)?;
        let (app_ids, versions) = (app_ids.as_string::<i32>(), versions.as_primitive::<Int64Type>());
        for row in (0..transactions.len()).filter(|row| transactions.is_valid(*row) && app_ids.is_valid(*row)) {
            enter(app_ids.value(row), versions.value(row));
        }
    }
    Ok(ledger)
}

fn member(column: &StructArray, name: &str, data_type: &DataType) -> DeltaResult<arrow::array::ArrayRef> {
    let member = column.column_by_name(name);
    let member = member.ok_or_else(|| DeltaTableError::generic(format!("a checkpoint's `txn` has no `{name}`")))?;
    Ok(cast(member, data_type)?)
}
