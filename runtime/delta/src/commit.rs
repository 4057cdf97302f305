//! The only place where the walk commits. What is staged becomes visible together with the ledger, in one atomic commit, made from
//! the very snapshot that the ledger was read from.
//!
//! delta-rs would carry a commit over to a newer snapshot by itself if it sees no conflict; it is told not to
//! (`max_retries = 0`), because only the ledger decides here (docs/adr/0002-ledger.md). Whatever goes wrong, be it a
//! conflict, a lost response or a failed checkpoint after the commit: load the newest snapshot and compare.

use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};
use deltalake::DeltaTableError;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties, FinalizedCommit};
use deltalake::kernel::{Action, Add, Transaction};
use deltalake::protocol::{DeltaOperation, SaveMode};
use sluicebox_ledger::{
    COMMIT_INFO_KEY, CommitCheck, CommitRecord, Entries, Ledger, PartitionStart, Skip, SkipReason, TopicPartition,
    app_id, topic_id_app_id,
};
use tracing::{info, warn};

use super::table::Table;
use crate::{TableError, metrics};

/// So often in a row the ledger may be out of reach after a failed attempt: then it is no conflict, but the store is away,
/// and waiting for that is the walk's business, which says so.
const UNREADABLE_MAX: u32 = 3;

/// What a commit attempt needs besides the snapshot.
struct Prepared {
    actions: Vec<Action>,
    transactions: Vec<Transaction>,
    record: serde_json::Value,
}

impl Table {
    /// Makes visible what is staged. Returns only when it is in the table exactly once (`Ok`), or when another worker
    /// has taken over some of its partitions ([`TableError::Fenced`]), or when the store stays out of reach.
    /// With nothing counted since the last commit there is nothing to do.
    pub async fn commit(&mut self, transform_digest: &str) -> Result<(), TableError> {
        if self.tally.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        let after = self.ledger.after(&self.tally.ranges());
        let adds = self.finish_files().await.map_err(|source| self.error("finishing the data files", source))?;
        let prepared = self.prepare(adds, &after, Vec::new(), transform_digest)?;
        self.commit_prepared(&prepared, &after).await?;
        metrics::committed(&self.name, self.staged_rows, started.elapsed());
        self.tally.clear();
        self.staged_rows = 0;
        self.staging_age.clear();
        Ok(())
    }

    /// Notes in the table where partitions set out from, before they are read: those that it does not know yet, and
    /// those that go over a gap that somebody has accepted. Only with nothing staged.
    pub async fn note_starts(&mut self, starts: &[PartitionStart], transform_digest: &str) -> Result<(), TableError> {
        let mut after = Entries::new();
        let mut skips = Vec::new();
        for start in starts {
            let partition = &start.partition;
            let Some(entry) = start.entry_after(&self.ledger.entry(partition)) else { continue };
            let from = self.ledger.next(partition);
            // A topic that was made anew may begin where the old one stood: that was accepted, too.
            if let Some(to) = entry.next.filter(|_| entry.next != from || start.accepted.is_some()) {
                let why = if from.is_none() { SkipReason::Start } else { start.skip_reason() };
                skips.push(Skip { topic: partition.topic.to_string(), partition: partition.partition, from, to, why });
            }
            after.insert(partition.clone(), entry);
        }
        if after.is_empty() {
            return Ok(());
        }
        let prepared = self.prepare(Vec::new(), &after, skips, transform_digest)?;
        self.commit_prepared(&prepared, &after).await
    }

    fn prepare(
        &self,
        adds: Vec<Add>,
        after: &Entries,
        skips: Vec<Skip>,
        transform_digest: &str,
    ) -> Result<Prepared, TableError> {
        let mut transactions = Vec::new();
        for (partition, entry) in after {
            let before = self.ledger.entry(partition);
            let is_told = |skip: &Skip| skip.partition == partition.partition && *skip.topic == *partition.topic;
            if let Some(next) = entry.next.filter(|_| entry.next != before.next || skips.iter().any(is_told)) {
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
        let record = serde_json::to_value(record)
            .map_err(|error| self.error("describing the commit", DeltaTableError::generic(error.to_string())))?;
        Ok(Prepared { actions: adds.into_iter().map(Action::Add).collect(), transactions, record })
    }

    /// Commits, and moves the ledger on to `after`.
    async fn commit_prepared(&mut self, prepared: &Prepared, after: &Entries) -> Result<(), TableError> {
        let compared_with = self.ledger.clone();
        let mut pauses = pauses();
        let mut unreadable = 0;
        loop {
            self.require_freshness()?;
            let error = match self.attempt(prepared).await {
                Ok(commit) => {
                    info!(table = self.name, version = commit.version, rows = self.staged_rows, "committed");
                    self.snapshot = commit.snapshot;
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
                warn!(table = self.name, %error, "cannot read the ledger, trying again");
                continue;
            }
            unreadable = 0;
            match self.ledger.check_commit(&compared_with, after) {
                CommitCheck::Unchanged => warn!(table = self.name, %error, "commit did not land, trying again"),
                CommitCheck::AlreadyCommitted => {
                    metrics::commit_had_landed(&self.name);
                    info!(table = self.name, "the commit had landed");
                    return Ok(());
                }
                CommitCheck::Fenced => {
                    metrics::commit_fenced(&self.name);
                    return Err(self.fenced(&compared_with, after));
                }
            }
            self.require_lasting_ledger()?;
        }
    }

    // `&mut`, because a writer cannot be shared between threads and the future is to be `Send`.
    async fn attempt(&mut self, prepared: &Prepared) -> Result<FinalizedCommit, DeltaTableError> {
        let properties = CommitProperties::default()
            .with_max_retries(0)
            .with_application_transactions(prepared.transactions.clone())
            .with_metadata([(COMMIT_INFO_KEY.to_owned(), prepared.record.clone())]);
        let partition_columns = self.snapshot.metadata().partition_columns();
        let operation = DeltaOperation::Write {
            mode: SaveMode::Append,
            partition_by: (!partition_columns.is_empty()).then(|| partition_columns.to_vec()),
            predicate: None,
        };
        CommitBuilder::from(properties)
            .with_actions(prepared.actions.clone())
            .build(Some(&self.snapshot), self.log_store.clone(), operation)
            .await
    }

    fn fenced(&self, compared_with: &Ledger, after: &Entries) -> TableError {
        let has_moved = |partition: &&TopicPartition| self.ledger.entry(partition) != compared_with.entry(partition);
        let partition = after.keys().find(has_moved).cloned().unwrap_or_else(|| TopicPartition::new("", -1));
        TableError::Fenced {
            table: self.name.clone(),
            next: self.ledger.next(&partition).unwrap_or_default(),
            partition,
        }
    }
}

/// Many writers on one table take turns: each attempt can lose to any of them, so there are many, with jitter.
pub(super) fn pauses() -> impl Iterator<Item = Duration> + Send {
    ExponentialBuilder::default()
        .with_jitter()
        // Without its `std`, backon jitters alike in every process.
        .with_jitter_seed(fastrand::u64(..))
        .with_min_delay(Duration::from_millis(20))
        .with_factor(1.6)
        .with_max_delay(Duration::from_secs(5))
        .with_max_times(40)
        .build()
}
