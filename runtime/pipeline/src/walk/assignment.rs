//! How the walk takes partitions over, gives them up, and goes back: always through the ledger, and never with anything
//! staged that was compared with an older one. The walk does not read a partition whose records and ledger do not join.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sluicebox_ledger::{
    ErrorKind, Ledger, Loss, LossCause, OffsetBounds, OffsetRange, Offsets, PartitionBounds, PartitionStart,
    TopicPartition, examine,
};
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::error::PipelineError;
use crate::metrics;
use crate::source::Source;
use crate::walk::unflushed::Unflushed;
use crate::walk::{Walk, report};

impl<S: Source> Walk<S> {
    /// Reads the ledgers of partitions that await their start, and starts each at the smallest. Every table notes where a
    /// partition starts before the walk reads its first record: a crash before the first flush skips nothing.
    pub(super) async fn take_over(&mut self) -> Result<(), PipelineError> {
        if !self.partitions.is_any_awaiting() {
            return Ok(());
        }
        if self.report.is_paused() {
            return self.take_over_unread().await;
        }
        self.flush().await?;
        self.partitions.examine_stopped_again();
        let awaiting = self.partitions.awaiting();
        // After the flush: what is staged was compared with the older ledgers.
        self.tables.read_ledgers(&awaiting).await?;
        self.dead_letters.table.read_ledger(&awaiting).await?;
        // After the ledgers: the end of a topic only grows, so bounds that are newer than a ledger never make it look
        // ahead.
        let mut bounds = self.source.bounds(&awaiting).await?;
        let others = self.welcome(&mut bounds).await?;
        let (starts, losses) = self.starts_and_losses(&bounds);
        let offsets = self.note_starts(starts, others).await?;
        let unanswered: Vec<TopicPartition> = awaiting.into_iter().filter(|it| !bounds.contains_key(it)).collect();
        let stopped: Vec<TopicPartition> = losses.keys().chain(&unanswered).cloned().collect();
        // Before `start`, which answers the group: a partition that is not read must not be fetched either.
        self.source.pause(&stopped)?;
        self.source.start(&offsets).await?;
        for partition in self.partitions.set_aside(unanswered, Instant::now()) {
            warn!(%partition, "{}; the other partitions are read", report::UNANSWERED);
        }
        self.partitions.start(losses);
        // A commit of advisory offsets may have been lost in the rebalance; an idle partition would show a lag for
        // ever.
        self.source.ack(&offsets);
        Ok(())
    }

    /// Answers the group, but reads nothing: an operator has to decide first.
    async fn take_over_unread(&mut self) -> Result<(), PipelineError> {
        let awaiting = self.partitions.awaiting();
        self.source.pause(&awaiting)?;
        if let Some(why) = self.report.pause_reason() {
            awaiting.iter().for_each(|partition| self.source.note_stopped(partition, why));
        }
        self.source.start(&Offsets::new()).await?;
        self.partitions.pause();
        Ok(())
    }

    /// Where each partition starts, and which ones would skip records.
    fn starts_and_losses(&mut self, bounds: &PartitionBounds) -> (Vec<PartitionStart>, BTreeMap<TopicPartition, Loss>) {
        let mut starts = Vec::new();
        let mut losses = BTreeMap::new();
        for (partition, bounds) in bounds {
            let known_loss = self.partitions.loss(partition);
            match self.start(partition, bounds) {
                Ok(start) => {
                    if known_loss.is_some() {
                        info!(%partition, "resumed: its records join the ledger again");
                    }
                    starts.push(start);
                }
                Err(loss) => {
                    if known_loss != Some(&loss) {
                        error!("{loss}");
                    }
                    self.source.note_stopped(partition, &loss.to_string());
                    losses.insert(partition.clone(), loss);
                }
            }
        }
        (starts, losses)
    }

    fn start(&self, partition: &TopicPartition, bounds: &OffsetBounds) -> Result<PartitionStart, Loss> {
        let start = |to: i64, accepted: Option<Loss>| PartitionStart {
            partition: partition.clone(),
            to,
            topic_id: bounds.topic_id,
            accepted,
        };
        // Not consumed unless there is a loss, so that the last line can speak of the gaps that were not needed.
        let mut accepted = self.accepted_gaps.iter().filter(|gap| gap.partition == *partition);
        let next = match examine(partition, bounds, self.ledgers()) {
            Ok(next) => next,
            Err(loss) if accepted.any(|gap| *gap == loss.gap()) => {
                warn!("accepted: {loss}");
                return Ok(start(loss.gap().to, Some(loss)));
            }
            Err(loss) => {
                let others = self.accepted_gaps.iter().filter(|gap| gap.partition == *partition);
                others.for_each(|gap| warn!("--accept-gap {gap} is not what is missing: {}", loss.gap()));
                return Err(loss);
            }
        };
        if let Some(to) = self.source.accepted_up_to(partition).filter(|to| next < *to) {
            let missing = OffsetRange { from: next, to };
            let loss = Loss { partition: partition.clone(), cause: LossCause::Undelivered { missing, first: None } };
            warn!("accepted: {loss}");
            return Ok(start(to, Some(loss)));
        }
        accepted.for_each(|gap| info!("--accept-gap {gap}: nothing is missing there, or not any more"));
        Ok(start(next, None))
    }

    pub(super) fn ledgers(&self) -> impl Iterator<Item = &Ledger> + Clone {
        self.tables.ledgers().chain([self.dead_letters.table.ledger()])
    }

    /// The smallest ledger: the next offset that some table still lacks. None if a table does not know the partition:
    /// `None` is the least of all.
    pub(super) fn next_offset(&self, partition: &TopicPartition) -> Option<i64> {
        self.ledgers().map(|ledger| ledger.next(partition)).min().flatten()
    }

    /// Requires that what was read since the last flush is of the topics that the ledgers know. A recreated topic goes on
    /// under its old name, at the offset that the old one had reached.
    pub(super) async fn require_same_topics(&mut self) -> Result<(), PipelineError> {
        let topics: BTreeSet<Arc<str>> = self.unflushed.partitions().map(|partition| partition.topic.clone()).collect();
        let topic_ids = self.source.topic_ids(&topics).await?;
        let mut of_another = self.unflushed.partitions().filter(|partition| {
            topic_ids.get(&partition.topic).is_some_and(|now| {
                self.ledgers().filter_map(|ledger| ledger.topic_id(partition)).any(|then| then != *now)
            })
        });
        match of_another.next() {
            Some(partition) => Err(PipelineError::TopicRecreated(partition.clone())),
            None => Ok(()),
        }
    }

    /// Finishes what is in flight before the group gives `partitions` to another worker. If the partitions are lost
    /// already, or the flush fails, the walk drops everything staged: the ledger would refuse it.
    pub(super) async fn give_up(&mut self, partitions: &[TopicPartition], lost: bool) -> Result<(), PipelineError> {
        // Lost partitions may have a new owner already; the ledger would refuse the commit, so it is not tried.
        let flushed = if lost { Ok(()) } else { self.flush().await };
        let has_more = lost || flushed.is_err() || !self.intake.is_empty();
        self.partitions.revoke(partitions);
        self.tables.forget(partitions);
        self.dead_letters.table.forget(partitions);
        metrics::forget(partitions);
        self.bare.retain(|partition, _| !partitions.contains(partition));
        // Its error waits until the walk has dropped what is staged.
        let unassigned = self.source.unassign(partitions);
        if has_more {
            // Records that were not taken in yet may be of the partitions that are gone.
            self.rewind();
        }
        unassigned?;
        match flushed {
            Err(error) if matches!(error.kind(), ErrorKind::Configuration | ErrorKind::Stop) => Err(error),
            Err(error) => {
                warn!(%error, "flush before a rebalance failed: the worker that takes over starts at the ledger");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Drops what is staged. All partitions start again from their ledgers, which are read again.
    pub(super) fn rewind(&mut self) {
        self.tables.abandon();
        self.dead_letters.table.abandon();
        self.intake.clear();
        self.unflushed = Unflushed::default();
        self.judges.rewind();
        self.partitions.rewind(self.source.partitions());
    }
}
