//! Reads a table's log from its store: the log entries that still exist, one by one, the oldest checkpoint that belongs to
//! them, and the newest one. Judges nothing, and keeps no entry.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::{Stream, StreamExt as _, TryStreamExt as _};
use sluicebox_delta::log::{DeltaResult, DeltaTable, DeltaTableError, LogStoreRef};
use sluicebox_ledger::TopicPartition;

use super::checkpoint::{read_files, read_ledgers};
use super::history::{Before, Commit, FileKey, LiveFiles};
use super::listing::Listing;
use super::log_entry::{Owner, data_file, deletions_key, owner, parse};

/// How many requests run concurrently.
const READS_MAX: usize = 16;

/// The log of a loaded table.
pub(super) struct Log {
    store: LogStoreRef,
    pipeline: Arc<str>,
    pub(super) version: u64,
    /// The oldest version whose entry exists.
    pub(super) first: u64,
    pub(super) before: Before,
    /// The ledger of the newest checkpoint; later entries move it.
    ledger: BTreeMap<TopicPartition, i64>,
    /// The version of the newest checkpoint.
    ledger_at: Option<u64>,
}

impl Log {
    /// Lists the log and reads its checkpoints.
    pub(super) async fn open(table: &DeltaTable, pipeline: &str) -> DeltaResult<Self> {
        let store = table.log_store();
        let version = table.snapshot()?.version();
        let listing = Listing::read(&store, version).await?;
        let first = listing.first(version);
        let mut log = Self {
            store,
            pipeline: pipeline.into(),
            version,
            first,
            before: Before::default(),
            ledger: BTreeMap::new(),
            ledger_at: None,
        };
        log.before = log.before(&listing).await?;
        if let Some((version, parts)) = listing.newest_checkpoint() {
            let ledger = &mut log.ledger;
            read_ledgers(&log.store, parts, |app_id, next| {
                if let Some(Owner::Ours(partition)) = owner(app_id, pipeline) {
                    ledger.insert(partition, next);
                }
            })
            .await?;
            log.ledger_at = Some(version);
        }
        Ok(log)
    }

    /// The commits from the oldest entry on, in order.
    pub(super) fn commits(&self) -> impl Stream<Item = DeltaResult<Commit>> + Unpin + use<> {
        self.commits_until(self.version)
    }

    fn commits_until(&self, last: u64) -> impl Stream<Item = DeltaResult<Commit>> + Unpin + use<> {
        let (store, pipeline) = (self.store.clone(), Arc::clone(&self.pipeline));
        let read = move |version| read(store.clone(), Arc::clone(&pipeline), version);
        futures::stream::iter(self.first..=last).map(read).buffered(READS_MAX).boxed()
    }

    /// Moves the ledger as a commit does. Call it for each commit, in order.
    pub(super) fn follow(&mut self, commit: &Commit) {
        if self.ledger_at.is_none_or(|version| commit.version > version) {
            self.ledger.extend(commit.ledger.iter().cloned());
        }
    }

    /// The ledger after all commits that were followed.
    pub(super) fn ledger(&self) -> &BTreeMap<TopicPartition, i64> {
        &self.ledger
    }

    /// What the oldest checkpoint that belongs to the existing entries tells of the time before them.
    async fn before(&self, listing: &Listing) -> DeltaResult<Before> {
        let Some(last_gone) = self.first.checked_sub(1) else { return Ok(Before::default()) };
        let mut before = Before { files_from: u64::MAX, ..Before::default() };
        let checkpoint = listing.checkpoint_from(last_gone);
        let until = checkpoint.map_or(self.version, |(version, _)| version);
        // Existing entries up to the checkpoint have moved these partitions, so the checkpoint does not have their old ledger.
        let mut added = BTreeSet::new();
        let mut commits = self.commits_until(until);
        while let Some(commit) = commits.try_next().await? {
            if commit.flush_of(&self.pipeline).is_some() {
                before.unknown.extend(commit.recorded_partitions());
            }
            before.unknown.extend(commit.ledger.into_iter().map(|(partition, _)| partition));
            added.extend(commit.added.into_iter().map(|(key, _)| key));
        }
        let Some((_, parts)) = checkpoint else { return Ok(before) };
        read_ledgers(&self.store, parts, |app_id, next| match owner(app_id, &self.pipeline) {
            Some(Owner::Ours(partition)) if !before.unknown.contains(&partition) => {
                before.ledger.insert(partition, next);
            }
            Some(Owner::Other(partition)) => drop(before.of_others.insert(partition)),
            Some(Owner::Ours(_)) | None => {}
        })
        .await?;
        if let Some(files) = read_files(&self.store, parts).await? {
            before.files = files.into_iter().filter(|(key, _)| !added.contains(key)).collect();
            before.files_from = until + 1;
        }
        Ok(before)
    }
}

/// The files of a loaded table.
pub(super) fn live_files(table: &DeltaTable) -> DeltaResult<LiveFiles> {
    let log_data = table.snapshot()?.log_data();
    let files = log_data.iter().map(|file| {
        let vector = file.deletion_vector_descriptor();
        let deleted = vector.as_ref().map_or(0, |it| it.cardinality);
        let deletions = vector.map(|it| deletions_key(it.storage_type.as_ref(), &it.path_or_inline_dv, it.offset));
        let rows = file.num_records().map(|rows| rows as u64);
        (FileKey { path: file.path().into_owned(), deletions }, data_file(file.size(), rows, deleted))
    });
    Ok(files.collect())
}

async fn read(store: LogStoreRef, pipeline: Arc<str>, version: u64) -> DeltaResult<Commit> {
    let entry = store.read_commit_entry(version).await?;
    let entry =
        entry.ok_or_else(|| DeltaTableError::generic(format!("log entry {version} was deleted during the audit")))?;
    parse(&entry, version, &pipeline)
}
