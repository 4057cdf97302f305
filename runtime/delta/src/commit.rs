//! The only place where the walk commits. Staged rows become visible together with the ledger, in one atomic commit that is
//! made from the same version that the ledger was read from.
//!
//! An attempt writes the entry after that version, and fails if it exists. A conflict and a lost response have one answer:
//! read the newest version and compare the ledgers, because only the ledger decides here (docs/adr/0002-ledger.md). An
//! attempt costs the same however old the table is (docs/adr/0013-commit-path.md).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use deltalake::DeltaTableError;
use deltalake::kernel::{Add, Transaction};
use futures::StreamExt as _;
use object_store::ObjectStoreExt as _;
use sluicebox_ledger::{
    CommitCheck, CommitRecord, Entries, Ledger, PartitionStart, Skip, SkipReason, TopicPartition, app_id,
    topic_id_app_id,
};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::entry::Entry;
use crate::error::FINISHING;
use crate::store_refusal::refusal;
use crate::{Table, TableError, metrics};

/// How many files are looked for concurrently.
const LOOKUPS: usize = 16;
/// After a failed attempt the ledger may be unreadable this many times in a row. Then the store is unavailable, and the walk
/// waits for it and says so.
const UNREADABLE_MAX: u32 = 3;

impl Table {
    /// Finishes the files of the staged rows, ahead of their commit: a row that cannot be encoded must show before anything of
    /// the flush is visible, its dead letters included.
    pub async fn finish(&mut self) -> Result<(), TableError> {
        let adds = self.finish_files().await.map_err(|source| self.error(FINISHING, source))?;
        self.finished.extend(adds);
        Ok(())
    }

    /// Makes the staged rows visible. Returns `Ok` when they are in the table exactly once, [`TableError::Fenced`] when
    /// another worker has taken over some of their partitions, and another error when the store stays unavailable. Does
    /// nothing if no record was counted since the last commit.
    pub async fn commit(&mut self, transform_digest: &str) -> Result<(), TableError> {
        if self.tally.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        // From the tally, not from the files: filtered records make no file, and the ledger has to pass them all the
        // same.
        let after = self.ledger.after(&self.tally.ranges());
        self.finish().await?;
        let adds = std::mem::take(&mut self.finished);
        let entry = self.prepare(adds, &after, Vec::new(), transform_digest)?;
        self.commit_prepared(&entry, &after).await?;
        metrics::committed(&self.name, self.staged_rows, started.elapsed());
        // Only after success: the walk abandons a flush that failed as a whole.
        self.tally.clear();
        self.staged_rows = 0;
        self.staging_age.clear();
        Ok(())
    }

    /// Records in the table where partitions start, before they are read: partitions that the table does not know yet, and
    /// partitions that skip a gap which the operator has accepted. Call it only with nothing staged.
    pub async fn note_starts(&mut self, starts: &[PartitionStart], transform_digest: &str) -> Result<(), TableError> {
        let mut after = Entries::new();
        let mut skips = Vec::new();
        for start in starts {
            let partition = &start.partition;
            let Some(entry) = start.entry_after(&self.ledger.entry(partition)) else { continue };
            let from = self.ledger.next(partition);
            // A recreated topic may start at the offset where the old one stopped: the operator accepted that too, so
            // it is recorded although the offset does not change.
            if let Some(to) = entry.next.filter(|_| entry.next != from || start.accepted.is_some()) {
                let why = if from.is_none() { SkipReason::Start } else { start.skip_reason() };
                skips.push(Skip { topic: partition.topic.to_string(), partition: partition.partition, from, to, why });
            }
            after.insert(partition.clone(), entry);
        }
        if after.is_empty() {
            return Ok(());
        }
        let entry = self.prepare(Vec::new(), &after, skips, transform_digest)?;
        self.commit_prepared(&entry, &after).await
    }

    fn prepare(
        &self,
        adds: Vec<Add>,
        after: &Entries,
        skips: Vec<Skip>,
        transform_digest: &str,
    ) -> Result<Entry, TableError> {
        let mut transactions = Vec::new();
        let skipped: BTreeSet<(&str, i32)> = skips.iter().map(|skip| (&*skip.topic, skip.partition)).collect();
        for (partition, entry) in after {
            let before = self.ledger.entry(partition);
            let is_skipped = skipped.contains(&(&*partition.topic, partition.partition));
            // A skip needs its `txn` action even if the offset stays, so that it fences older writers.
            if let Some(next) = entry.next.filter(|_| entry.next != before.next || is_skipped) {
                transactions.push(Transaction::new(app_id(&self.pipeline, partition), next));
            }
            if let Some(topic_id) = entry.topic_id.filter(|_| entry.topic_id != before.topic_id) {
                transactions.push(Transaction::new(topic_id_app_id(&self.pipeline, partition), topic_id));
            }
        }
        let record = CommitRecord {
            pipeline: self.pipeline.clone(),
            transform_digest: transform_digest.to_owned(),
            rows: self.staged_rows,
            partitions: self.tally.partitions(),
            skips,
        };
        Entry::append(adds, transactions, &record).map_err(|error| self.error("describing the commit", error))
    }

    /// Commits, and advances the ledger to `after`.
    async fn commit_prepared(&mut self, entry: &Entry, after: &Entries) -> Result<(), TableError> {
        // A copy, because `refresh` below replaces the ledger that the rows were staged against.
        let compared_with = self.ledger.clone();
        let mut pauses = pauses();
        let mut unreadable = 0;
        loop {
            self.require_freshness()?;
            // Any error may hide a success: the store may have written the entry and lost the answer. So no kind of
            // error is told from another here.
            let error = match self.attempt(entry).await {
                Ok(()) => {
                    info!(table = self.name, version = self.head.version, rows = self.staged_rows, "committed");
                    self.ledger.advance(after);
                    return Ok(());
                }
                Err(error) => error,
            };
            metrics::commit_attempt_failed(&self.name);
            let Some(pause) = pauses.next() else {
                return Err(self.error("committing", error));
            };
            tokio::time::sleep(pause).await;
            if let Err(error) = self.refresh(&[]).await {
                unreadable += 1;
                if unreadable == UNREADABLE_MAX {
                    return Err(self.error("reading the ledger after a failed commit", error));
                }
                warn!(table = self.name, %error, "ledger unreadable; trying again");
                continue;
            }
            unreadable = 0;
            match self.ledger.check_commit(&compared_with, after) {
                // It may take minutes to try all pauses, and what is refused stays refused.
                CommitCheck::Unchanged if refusal(&error).is_some() => return Err(self.error("committing", error)),
                CommitCheck::Unchanged => {
                    warn!(table = self.name, %error, "commit failed: the ledger is unchanged; trying again");
                }
                CommitCheck::AlreadyCommitted => {
                    metrics::commit_had_landed(&self.name);
                    info!(table = self.name, "commit landed: the ledger has it, the response was lost");
                    return Ok(());
                }
                CommitCheck::Fenced => {
                    metrics::commit_fenced(&self.name);
                    return Err(self.fenced(&compared_with, after));
                }
            }
            // Only after the ledger was compared: a commit that has landed counts, even if the table must not be
            // written to any more.
            self.require_lasting_ledger()?;
            self.require_unchanged()?;
            self.require_files(entry).await?;
        }
    }

    /// Writes the entry after the version that this worker holds. Refuses to, like a conflict, if the log may have moved on in
    /// a way that the store would not notice.
    pub(super) async fn attempt(&mut self, entry: &Entry) -> Result<(), DeltaTableError> {
        // `put_next` alone does not notice a gap: the store only knows whether that one name is taken.
        if self.head.is_old() || !self.head.is_in(&self.log_store).await? {
            return Err(DeltaTableError::generic("the log has to be read again before a commit"));
        }
        let written = self.head.put_next(&self.log_store, entry.bytes()).await?;
        // The store has the entry. A failure from here on would make the caller doubt a commit that has landed.
        self.head.step(entry.transactions(), written);
        self.upkeep.after_commit(&self.name, &self.head, &self.log_store).await;
        Ok(())
    }

    /// Refuses to commit files that another tool has deleted: no version mentions them yet, so a VACUUM takes them for
    /// leftovers.
    // `&mut self` although nothing changes: the writer is not `Sync`, so a future that holds `&self` would not be
    // `Send`.
    pub(super) async fn require_files(&mut self, entry: &Entry) -> Result<(), TableError> {
        let store = self.store();
        let mut lookups = futures::stream::iter(entry.files())
            .map(|file| {
                let store = Arc::clone(&store);
                async move { store.head(&file).await }
            })
            .buffer_unordered(LOOKUPS);
        while let Some(found) = lookups.next().await {
            match found {
                Ok(_) => {}
                Err(object_store::Error::NotFound { .. }) => {
                    return Err(TableError::FilesGone { table: self.name.clone() });
                }
                Err(error) => return Err(self.error("looking for the data files", error.into())),
            }
        }
        Ok(())
    }

    fn fenced(&self, compared_with: &Ledger, after: &Entries) -> TableError {
        let mut moved = after.keys().filter(|partition| self.ledger.entry(partition) != compared_with.entry(partition));
        let partition = moved.next().cloned().unwrap_or_else(|| TopicPartition::new("", -1));
        TableError::Fenced {
            table: self.name.clone(),
            next: self.ledger.next(&partition).unwrap_or_default(),
            partition,
        }
    }
}

/// The pauses between commit attempts. Many, with jitter: each attempt can lose to any other writer of the table.
pub(super) fn pauses() -> impl Iterator<Item = Duration> + Send {
    ExponentialBuilder::default()
        .with_jitter()
        // Without its `std` feature, backon uses the same jitter in every process.
        .with_jitter_seed(fastrand::u64(..))
        .with_min_delay(Duration::from_millis(20))
        .with_factor(1.6)
        .with_max_delay(Duration::from_secs(5))
        .with_max_times(40)
        .build()
}
