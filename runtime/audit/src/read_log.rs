//! Reads a table's [`History`] from its store: the log entries that still exist, the oldest checkpoint that belongs to them,
//! and the newest snapshot as the pipeline would read it. Judges nothing.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _};
use sluicebox_delta::log::{DeltaResult, DeltaTable, DeltaTableError, LogStoreRef};
use sluicebox_ledger::{TopicPartition, app_id};

use super::checkpoint::before;
use super::history::{Commit, History, Holds};
use super::listing::Listing;
use super::log_entry::{data_file, parse};

/// How many requests run concurrently.
const READS_MAX: usize = 16;

/// Reads the history of a loaded table.
pub(super) async fn read(table: &DeltaTable, name: &str, holds: Holds, pipeline: &str) -> DeltaResult<History> {
    let store = table.log_store();
    let snapshot = table.snapshot()?;
    let version = snapshot.version();
    let listing = Listing::read(&store, version).await?;
    let first = listing.first(version);
    let commits: Vec<Commit> = futures::stream::iter(first..=version)
        .map(|version| commit(&store, version, pipeline))
        .buffered(READS_MAX)
        .try_collect()
        .await?;
    let before = before(&store, &listing, first, &commits, pipeline).await?;
    let known = commits.iter().flat_map(Commit::partitions).chain(before.ledger.keys().cloned());
    let known: BTreeSet<TopicPartition> = known.collect();
    let entries: Vec<(TopicPartition, Option<i64>)> = futures::stream::iter(known)
        .map(|partition| async {
            let next = snapshot.transaction_version(store.as_ref(), app_id(pipeline, &partition)).await;
            next.map(|next| (partition, next))
        })
        .buffered(READS_MAX)
        .try_collect()
        .await?;
    let ledger: BTreeMap<_, _> = entries.into_iter().filter_map(|(it, next)| Some((it, next?))).collect();
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

async fn commit(store: &LogStoreRef, version: u64, pipeline: &str) -> DeltaResult<Commit> {
    let entry = store.read_commit_entry(version).await?;
    let entry =
        entry.ok_or_else(|| DeltaTableError::generic(format!("log entry {version} was deleted during the audit")))?;
    parse(&entry, version, pipeline)
}
