//! What the walk has taken in since the last flush: counts and offsets, no rows.

use std::collections::BTreeMap;
use std::time::Duration;

use sluicebox_ledger::{Judged, Offsets, Stage, TopicPartition};
use sluicebox_sandbox::Batch;
use tokio::time::Instant;

use crate::metrics;
use crate::progress::Progress;

/// Records that are staged, and not visible yet.
#[derive(Default)]
pub(super) struct Unflushed {
    since: Option<Instant>,
    bytes: u64,
    offsets: Offsets,
    progress: Progress,
    rejected: BTreeMap<Stage, u64>,
    /// The timestamp of the oldest record, as far as the first record of each batch says.
    oldest_millis: Option<i64>,
}

impl Unflushed {
    pub(super) fn is_empty(&self) -> bool {
        self.since.is_none()
    }

    /// How long the oldest of it is staged.
    pub(super) fn age(&self) -> Option<Duration> {
        self.since.map(|since| since.elapsed())
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next offset of each partition.
    pub(super) fn offsets(&self) -> &Offsets {
        &self.offsets
    }

    /// The offset after the last one taken in of a partition.
    pub(super) fn next_offset(&self, partition: &TopicPartition) -> Option<i64> {
        self.offsets.get(partition).copied()
    }

    /// The partitions that something was taken in of.
    pub(super) fn partitions(&self) -> impl Iterator<Item = &TopicPartition> {
        self.offsets.keys()
    }

    pub(super) fn progress(&self) -> &Progress {
        &self.progress
    }

    pub(super) fn rejected(&self) -> &BTreeMap<Stage, u64> {
        &self.rejected
    }

    pub(super) fn count(&mut self, batch: &Batch, judged: &Judged) {
        let verdicts = &judged.verdicts;
        self.since.get_or_insert_with(Instant::now);
        // By share: a batch does not know the bytes of its single records, and a turn may have judged a part only.
        self.bytes += (batch.bytes() * verdicts.len() / batch.len()) as u64;
        self.progress.count(verdicts);
        for reason in &judged.reasons {
            *self.rejected.entry(reason.stage).or_default() += 1;
        }
        // A record without a timestamp has −1.
        if let Some(&first) = batch.timestamps.first().filter(|&&millis| millis >= 0) {
            self.oldest_millis = Some(self.oldest_millis.map_or(first, |oldest| oldest.min(first)));
        }
        // The verdicts may cover the first records only.
        if let Some(last) = batch.offsets.get(verdicts.len() - 1) {
            self.offsets.insert(TopicPartition::new(batch.topic.clone(), batch.partition), last + 1);
        }
    }

    /// No record of the partition has an offset from its next one up to `to`.
    pub(super) fn pass_over(&mut self, partition: &TopicPartition, to: i64) {
        self.since.get_or_insert_with(Instant::now);
        self.offsets.insert(partition.clone(), to);
    }

    /// Shows what is staged; the tables count their rows.
    pub(super) fn show(&self, staged_rows: u64) {
        metrics::staged(staged_rows, self.bytes, self.oldest_millis);
    }
}
