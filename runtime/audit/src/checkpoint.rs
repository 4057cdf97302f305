//! Reads the ledger in a table's checkpoints: what is known from before the oldest existing log entry. Judges nothing.

use arrow::array::{Array as _, AsArray as _, StructArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use futures::TryStreamExt as _;
use object_store::ObjectStoreExt as _;
use sluicebox_delta::log::{DeltaResult, DeltaTableError, LogStoreRef, Path};
use sluicebox_delta::parquet_file::ParquetFile;
use sluicebox_ledger::TopicPartition;

use super::history::{Before, Commit};
use super::listing::Listing;
use super::log_entry::{LogLine, partition_of};

/// The ledger before the oldest entry, from the oldest checkpoint that covers it.
pub(super) async fn before(
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
    // Existing entries up to the checkpoint have moved these partitions, so the checkpoint does not have their old ledger.
    let moved = commits.iter().filter(|commit| commit.version <= until);
    before.unknown = moved.flat_map(Commit::partitions).collect();
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
        for line in serde_json::Deserializer::from_slice(&text).into_iter::<LogLine>() {
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
