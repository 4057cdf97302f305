//! Reads a table's log from its store: the log entries that still exist, one by one, the oldest checkpoint that belongs to
//! them, and the newest one. Judges nothing, and keeps no entry.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::{Stream, StreamExt as _, TryStreamExt as _};
use sluicebox_delta::log::{DeltaResult, DeltaTableError, LogStoreRef};
use sluicebox_delta::table::TableLog;
use sluicebox_ledger::TopicPartition;

use super::checkpoint::{read_files, read_ledgers};
use super::history::{Before, Commit, LiveFiles};
use super::listing::Listing;
use super::log_entry::{Owner, owner, parse};

/// How many requests run concurrently.
const READS_MAX: usize = 16;

/// A table's log.
pub(super) struct Log {
    store: LogStoreRef,
    pipeline: Arc<str>,
    pub(super) version: u64,
    /// The oldest version whose entry exists.
    pub(super) first: u64,
    pub(super) before: Before,
    /// The ledger and the files of the newest checkpoint, as any reader begins with. Later entries move them.
    newest: Newest,
}

/// What the newest checkpoint and the entries after it say.
#[derive(Default)]
pub(super) struct Newest {
    /// The version of the checkpoint.
    since: Option<u64>,
    pub(super) ledger: BTreeMap<TopicPartition, i64>,
    pub(super) files: LiveFiles,
}

impl Log {
    /// Lists the log and reads its checkpoints.
    pub(super) async fn open(table: &TableLog, pipeline: &str) -> DeltaResult<Self> {
        let (store, version) = (table.store.clone(), table.version);
        let listing = Listing::read(&store, version).await?;
        let first = listing.first(version);
        let (before, newest) = (Before::default(), Newest::default());
        let mut log = Self { store, pipeline: pipeline.into(), version, first, before, newest };
        log.before = log.before(&listing).await?;
        if let Some((version, parts)) = listing.newest_checkpoint() {
            let ledger = &mut log.newest.ledger;
            read_ledgers(&log.store, parts, |app_id, next| {
                if let Some(Owner::Ours(partition)) = owner(app_id, pipeline) {
                    ledger.insert(partition, next);
                }
            })
            .await?;
            log.newest.files = read_files(&log.store, parts).await?;
            log.newest.since = Some(version);
        }
        Ok(log)
    }

    /// The commits from the oldest entry on, in order.
    pub(super) fn commits(&self) -> impl Stream<Item = DeltaResult<Commit>> + Unpin + use<> {
        self.commits_until(self.version)
    }

    fn commits_until(&self, last: u64) -> impl Stream<Item = DeltaResult<Commit>> + Unpin + use<> {
        let (store, pipeline) = (self.store.clone(), Arc::clone(&self.pipeline));
        futures::stream::iter(self.first..=last)
            .map(move |version| read(store.clone(), Arc::clone(&pipeline), version))
            .buffered(READS_MAX)
            .boxed()
    }

    /// Moves ledger and files as a commit does. Call it for each commit, in order.
    pub(super) fn follow(&mut self, commit: &Commit) {
        // The checkpoint has these already.
        if self.newest.since.is_some_and(|version| commit.version <= version) {
            return;
        }
        self.newest.ledger.extend(commit.ledger.iter().cloned());
        for key in &commit.removed {
            self.newest.files.remove(key);
        }
        self.newest.files.extend(commit.added.iter().cloned());
    }

    /// The ledger and the files after all commits that were followed.
    pub(super) fn newest(self) -> Newest {
        self.newest
    }

    /// What the oldest checkpoint that belongs to the existing entries tells of the time before them.
    async fn before(&self, listing: &Listing) -> DeltaResult<Before> {
        let Some(last_gone) = self.first.checked_sub(1) else { return Ok(Before::default()) };
        // Without a checkpoint nothing is known of old files, at any version.
        let mut before = Before { files_from: u64::MAX, ..Before::default() };
        let checkpoint = listing.checkpoint_from(last_gone);
        let until = checkpoint.map_or(self.version, |(version, _)| version);
        // Existing entries up to the checkpoint have moved these partitions, so the checkpoint does not have their old
        // ledger.
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
        let files = read_files(&self.store, parts).await?;
        before.files = files.into_iter().filter(|(key, _)| !added.contains(key)).collect();
        // From there on, each file that a commit can remove is in the checkpoint or in an entry.
        before.files_from = until + 1;
        Ok(before)
    }
}

async fn read(store: LogStoreRef, pipeline: Arc<str>, version: u64) -> DeltaResult<Commit> {
    let entry = store.read_commit_entry(version).await?;
    let entry =
        entry.ok_or_else(|| DeltaTableError::generic(format!("log entry {version} was deleted during the audit")))?;
    parse(&entry, version, &pipeline)
}
