//! Reads a table's [`History`] from its store: the log entries that are still there, the oldest checkpoint that goes with
//! them, and the newest snapshot as the pipeline itself would see it. Judges nothing.

use std::collections::{BTreeMap, BTreeSet};

use deltalake::logstore::LogStoreRef;
use deltalake::{DeltaResult, DeltaTable, DeltaTableError, Path};
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::ObjectStore as _;

use super::checkpoint::before;
use super::history::{Commit, History, Holds};
use super::log_entry::{data_file, parse};
use crate::ledger::app_id;
use crate::position::TopicPartition;

/// Requests that are under way at a time.
const AT_A_TIME: usize = 16;

/// Reads the history of a table that has been loaded.
pub(super) async fn read(table: &DeltaTable, name: &str, holds: Holds, pipeline: &str) -> DeltaResult<History> {
    let store = table.log_store();
    let snapshot = table.snapshot()?;
    let version = snapshot.version();
    let listing = Listing::read(&store, version).await?;
    let first = listing.first(version);
    let commits: Vec<Commit> = futures::stream::iter(first..=version)
        .map(|version| commit(&store, version, pipeline))
        .buffered(AT_A_TIME)
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
        .buffered(AT_A_TIME)
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

/// What lies in a table's log folder.
#[derive(Default)]
pub(super) struct Listing {
    entries: BTreeSet<u64>,
    /// With the paths and sizes of their files.
    pub(super) checkpoints: BTreeMap<u64, Vec<(Path, u64)>>,
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

async fn commit(store: &LogStoreRef, version: u64, pipeline: &str) -> DeltaResult<Commit> {
    let entry = store.read_commit_entry(version).await?;
    let entry = entry.ok_or_else(|| DeltaTableError::generic(format!("log entry {version} has vanished meanwhile")))?;
    parse(&entry, version, pipeline)
}
