//! The only place that commits. What is staged becomes visible together with the ledger, in one atomic commit, made from
//! the very snapshot that the ledger was read from.
//!
//! delta-rs would carry a commit over to a newer snapshot by itself if it sees no conflict; it is told not to
//! (`max_retries = 0`), because only the ledger decides here (docs/adr/0002-ledger.md). Whatever goes wrong, be it a
//! conflict, a lost response or a failed checkpoint after the commit: load the newest snapshot and compare.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use deltalake::DeltaTableError;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties, FinalizedCommit};
use deltalake::kernel::{Action, Transaction};
use deltalake::protocol::{DeltaOperation, SaveMode};
use tracing::{info, warn};

use super::table::Table;
use super::tally::{COMMIT_INFO_KEY, CommitRecord};
use crate::error::PipelineError;
use crate::ledger::{Ledger, Ranges, Standing, app_id};
use crate::position::TopicPartition;

/// What a commit attempt needs besides the snapshot.
struct Prepared {
    actions: Vec<Action>,
    transactions: Vec<Transaction>,
    record: serde_json::Value,
}

impl Table {
    /// Makes visible what is staged. Returns only when it is in the table exactly once (`Ok`), or when another worker
    /// has taken over some of its partitions ([`PipelineError::Fenced`]), or when the store stays out of reach.
    /// With nothing counted since the last commit there is nothing to do.
    pub async fn commit(&mut self, transform_digest: &str) -> Result<(), PipelineError> {
        if self.tally.is_empty() {
            return Ok(());
        }
        let ranges = self.tally.ranges();
        let prepared = self.prepare(&ranges, transform_digest).await?;
        self.commit_prepared(&prepared, &ranges).await?;
        self.ledger.advance(&ranges);
        self.tally.clear();
        self.staged_rows = 0;
        Ok(())
    }

    async fn prepare(&mut self, ranges: &Ranges, transform_digest: &str) -> Result<Prepared, PipelineError> {
        let adds = self.finish_files().await.map_err(|source| self.error("finishing the data files", source))?;
        let record = CommitRecord {
            pipeline: self.pipeline.clone(),
            transform_digest: transform_digest.to_owned(),
            rows: self.staged_rows,
            partitions: self.tally.partitions(),
            skips: Vec::new(),
        };
        let transactions = ranges
            .iter()
            .map(|(partition, range)| Transaction::new(app_id(&self.pipeline, partition), range.to))
            .collect();
        let record = serde_json::to_value(record)
            .map_err(|error| self.error("describing the commit", DeltaTableError::generic(error.to_string())))?;
        Ok(Prepared { actions: adds.into_iter().map(Action::Add).collect(), transactions, record })
    }

    async fn commit_prepared(&mut self, prepared: &Prepared, ranges: &Ranges) -> Result<(), PipelineError> {
        let partitions: Vec<TopicPartition> = ranges.keys().cloned().collect();
        let compared_with = self.ledger.clone();
        let mut pauses = pauses();
        loop {
            let error = match self.attempt(prepared).await {
                Ok(commit) => {
                    info!(table = self.name, version = commit.version, rows = self.staged_rows, "committed");
                    self.snapshot = commit.snapshot;
                    return Ok(());
                }
                Err(error) => error,
            };
            let Some(pause) = pauses.next() else {
                return Err(self.error("committing", error));
            };
            tokio::time::sleep(pause).await;
            if let Err(error) = self.refresh(&[]).await {
                warn!(table = self.name, %error, "cannot read the ledger, trying again");
                continue;
            }
            match self.ledger.standing(&compared_with, ranges) {
                Standing::Open => warn!(table = self.name, %error, "commit did not land, trying again"),
                Standing::Covered => {
                    info!(table = self.name, "the commit had landed");
                    return Ok(());
                }
                Standing::Fenced => return Err(self.fenced(&compared_with, &partitions)),
            }
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

    fn fenced(&self, compared_with: &Ledger, partitions: &[TopicPartition]) -> PipelineError {
        let moved = partitions.iter().find(|partition| self.ledger.next(partition) != compared_with.next(partition));
        let partition = moved.or(partitions.first()).cloned().unwrap_or_else(|| TopicPartition::new("", -1));
        PipelineError::Fenced {
            table: self.name.clone(),
            next: self.ledger.next(&partition).unwrap_or_default(),
            partition,
        }
    }
}

/// Many writers on one table take turns: each attempt can lose to any of them, so there are many, with jitter.
fn pauses() -> impl Iterator<Item = Duration> + Send {
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
