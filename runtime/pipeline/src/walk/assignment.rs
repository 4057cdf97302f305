//! How the walk takes partitions over, gives them up, and goes back: always through the ledger, and never with anything
//! staged that was compared with an older one. A partition whose records and ledger do not join is not read.

use std::collections::BTreeSet;
use std::sync::Arc;

use sluicebox_sandbox::planted::{Bug, planted};
use tracing::{error, info, warn};

use crate::rollout::candidate::Candidate;
use crate::error::PipelineError;
use sluicebox_ledger::ErrorKind;
use sluicebox_ledger::{PartitionStart, Ledger};
use sluicebox_ledger::{OffsetBounds, PartitionBounds, Loss, LossCause, examine};
use sluicebox_ledger::{OffsetRange, Offsets, TopicPartition};
use crate::source::Source;
use crate::metrics;
use crate::walk::{Unflushed, Walk};

impl<S: Source> Walk<S> {
    /// Reads the ledgers of partitions that wait to be started, and starts each at the smallest. Every table knows where
    /// a partition sets out from before its first record is read: a crash before the first flush skips nothing.
    pub(crate) async fn take_over(&mut self) -> Result<(), PipelineError> {
        if self.awaiting.is_empty() {
            return Ok(());
        }
        if self.report.is_paused() {
            return self.take_over_unread().await;
        }
        self.flush().await?;
        // What stopped a partition may have been mended.
        self.awaiting.extend(self.stopped.keys().cloned());
        self.awaiting.sort_unstable();
        self.awaiting.dedup();
        self.tables.read_ledgers(&self.awaiting).await?;
        if !planted(Bug::TrustsOldLedger) {
            self.dead_letters.table.read_ledger(&self.awaiting).await?;
        }
        let bounds = self.source.bounds(&self.awaiting).await?;
        let starts = self.starts(&bounds);
        // In the order of a flush. Where two workers begin at once, the first to commit to the first table decides where.
        self.dead_letters.note_starts(&starts).await?;
        self.tables.note_starts(&starts).await?;
        let stopped: Vec<TopicPartition> = self.stopped.keys().cloned().collect();
        self.source.pause(&stopped)?;
        let next = |start: &PartitionStart| Some((start.partition.clone(), self.next_offset(&start.partition)?));
        let starts: Offsets = starts.iter().filter_map(next).collect();
        self.source.start(&starts).await?;
        self.awaiting.clear();
        // A commit of advisory offsets may have been lost in the rebalance; an idle partition would show a lag for ever.
        self.source.ack(&starts);
        Ok(())
    }

    /// Answers the group, but reads nothing: a person has to decide first.
    async fn take_over_unread(&mut self) -> Result<(), PipelineError> {
        self.source.pause(&self.awaiting)?;
        if let Some(why) = self.report.pause_reason() {
            self.awaiting.iter().for_each(|partition| self.source.note_stopped(partition, why));
        }
        self.source.start(&Offsets::new()).await?;
        self.unread.append(&mut self.awaiting);
        Ok(())
    }

    /// Where each partition sets out from; those that would skip records are stopped instead.
    fn starts(&mut self, bounds: &PartitionBounds) -> Vec<PartitionStart> {
        let mut starts = Vec::new();
        for (partition, bounds) in bounds {
            match self.start(partition, bounds) {
                Ok(start) => {
                    if self.stopped.remove(partition).is_some() {
                        info!(%partition, "is read again");
                    }
                    starts.push(start);
                }
                Err(loss) => {
                    if self.stopped.get(partition) != Some(&loss) {
                        error!("{loss}");
                    }
                    self.source.note_stopped(partition, &loss.to_string());
                    self.stopped.insert(partition.clone(), loss);
                }
            }
        }
        starts
    }

    fn start(&self, partition: &TopicPartition, bounds: &OffsetBounds) -> Result<PartitionStart, Loss> {
        let examined = examine(partition, bounds, self.ledgers());
        let mut accepted = self.accepted_gaps.iter().filter(|gap| gap.partition == *partition);
        let start =
            |to, accepted| Ok(PartitionStart { partition: partition.clone(), to, topic_id: bounds.topic_id, accepted });
        match examined {
            Ok(next) if self.source.accepted_up_to(partition).is_some_and(|to| next < to) => {
                let missing = OffsetRange { from: next, to: self.source.accepted_up_to(partition).unwrap_or(next) };
                let cause = LossCause::Undelivered { missing, first: None };
                let loss = Loss { partition: partition.clone(), cause };
                warn!("accepted: {loss}");
                start(missing.to, Some(loss))
            }
            Ok(next) => {
                accepted.for_each(|gap| info!("--accept-gap {gap}: nothing is missing there, or not any more"));
                start(next, None)
            }
            Err(loss) if planted(Bug::AcceptsEveryLoss) || accepted.any(|gap| *gap == loss.gap()) => {
                warn!("accepted: {loss}");
                start(loss.gap().to, Some(loss))
            }
            Err(loss) => {
                let others = self.accepted_gaps.iter().filter(|gap| gap.partition == *partition);
                others.for_each(|gap| warn!("--accept-gap {gap} is not what is missing: {}", loss.gap()));
                Err(loss)
            }
        }
    }

    fn ledgers(&self) -> impl Iterator<Item = &Ledger> + Clone {
        let ledgers_max = if planted(Bug::AsksOneTable) { 1 } else { usize::MAX };
        self.tables.ledgers().chain([self.dead_letters.table.ledger()]).take(ledgers_max)
    }

    /// The smallest ledger: the next offset that some table still lacks.
    pub(crate) fn next_offset(&self, partition: &TopicPartition) -> Option<i64> {
        if planted(Bug::ResumesAtLargest) {
            return self.ledgers().map(|ledger| ledger.next(partition)).max().flatten();
        }
        self.ledgers().map(|ledger| ledger.next(partition)).min().flatten()
    }

    /// Whether what has been read since the last flush is of the topics that the ledgers are of. A topic that was made
    /// anew goes on under its old name, at whatever offset the old one had reached.
    pub(crate) async fn require_same_topics(&mut self) -> Result<(), PipelineError> {
        let topics: BTreeSet<Arc<str>> = self.unflushed.partitions().map(|partition| partition.topic.clone()).collect();
        let topic_ids = self.source.topic_ids(&topics).await?;
        let is_another = |partition: &&TopicPartition| {
            topic_ids.get(&partition.topic).is_some_and(|now| {
                self.ledgers().filter_map(|ledger| ledger.topic_id(partition)).any(|then| then != *now)
            })
        };
        match self.unflushed.partitions().find(is_another) {
            Some(partition) => Err(PipelineError::TopicRecreated(partition.clone())),
            None => Ok(()),
        }
    }

    /// Finishes what is in flight before the group gives `partitions` to another worker. If they are lost already, or
    /// the flush fails, everything staged is dropped: the ledger refuses it anyway.
    pub(crate) async fn give_up(&mut self, partitions: &[TopicPartition], lost: bool) -> Result<(), PipelineError> {
        if planted(Bug::ReleasesFirst) {
            self.source.unassign(partitions)?;
        }
        let flushed = if lost && !planted(Bug::CommitsWhatIsLost) { Ok(()) } else { self.flush().await };
        let has_more = (lost && !planted(Bug::KeepsStagedOnLost)) || flushed.is_err() || !self.intake.is_empty();
        self.awaiting.retain(|partition| !partitions.contains(partition));
        self.unread.retain(|partition| !partitions.contains(partition));
        self.stopped.retain(|partition, _| !partitions.contains(partition));
        self.tables.forget(partitions);
        self.dead_letters.table.forget(partitions);
        metrics::forget(partitions);
        let released = self.source.unassign(partitions);
        if has_more {
            // Records that have not been taken in yet may be of the partitions that are gone.
            self.rewind();
        }
        released?;
        match flushed {
            Err(error) if matches!(error.kind(), ErrorKind::Configuration | ErrorKind::Stop) => Err(error),
            Err(error) => {
                warn!(%error, "could not flush before a rebalance; whoever takes over starts at the ledger");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Drops what is staged; all partitions start again from their ledgers, read anew.
    pub(crate) fn rewind(&mut self) {
        if !planted(Bug::KeepsStaged) {
            self.tables.abandon();
        }
        if !planted(Bug::KeepsStagedLetters) {
            self.dead_letters.table.abandon();
        }
        self.intake.clear();
        self.unflushed = Unflushed::default();
        self.breaker.rewind();
        self.candidate.iter_mut().for_each(Candidate::rewind);
        if !planted(Bug::DoesNotGoBack) {
            self.awaiting.append(&mut self.source.partitions());
        }
    }
}
