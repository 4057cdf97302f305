//! One event in progress: its partitions, how far the walk is with each, and how much time is left.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use sluicebox_ledger::{Loss, LossCause, OffsetBounds, OffsetRange, Offsets, TopicPartition};
use sluicebox_pipeline::source::{Intake, Polled, TopicIds};
use sluicebox_settings::Gaps;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::{error, warn};

use super::delivery::{Event, EventResult};
use super::partition_share::PartitionShare;
use super::probe::{BrokerAnswer, GapCheck};

/// How many attempts an event gets. A fenced commit succeeds at the second; what fails three times, the caller delivers again.
const ATTEMPTS_MAX: u32 = 3;

/// An event that was delivered and has no result yet.
pub(super) struct Invocation {
    shares: BTreeMap<TopicPartition, PartitionShare>,
    reply: oneshot::Sender<EventResult>,
    /// When the walk stops taking in records and flushes.
    flush_at: Instant,
    attempt: u32,
    /// What the next poll tells the walk.
    next: Next,
    /// When the walk was told to flush.
    flush_began: Option<Instant>,
}

/// What the next poll tells the walk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The open partitions are assigned once more.
    Assign,
    /// The brokers have reported new bounds: compare them with the ledgers again.
    OffsetOutOfRange,
    /// Records.
    Read,
}

impl Invocation {
    /// Begins an event. None if it has no records, which answers it at once, or if its caller no longer waits.
    pub(super) fn begin(event: Event, reply: oneshot::Sender<EventResult>, flush_duration: Duration) -> Option<Self> {
        let shares = event
            .records
            .into_iter()
            .filter_map(|(partition, records)| Some((partition, PartitionShare::of(records)?)));
        let shares: BTreeMap<_, _> = shares.collect();
        if reply.is_closed() {
            return None;
        }
        if shares.is_empty() {
            let _gone = reply.send(EventResult::new());
            return None;
        }
        let now = Instant::now();
        // At most half of the time, or a slow flush would leave no time to read anything.
        let time = event.deadline.saturating_duration_since(now);
        let reserve = event.reserve.max(2 * flush_duration).min(time / 2);
        let flush_at = now + (time - reserve);
        Some(Self { shares, reply, flush_at, attempt: 1, next: Next::Read, flush_began: None })
    }

    /// The partitions that are neither committed nor stopped for good.
    pub(super) fn open(&self) -> Vec<TopicPartition> {
        let open = self.shares.iter().filter(|(_, share)| !share.is_committed() && share.why_not().is_none());
        open.map(|(partition, _)| partition.clone()).collect()
    }

    /// The partitions that the walk reads.
    pub(super) fn reading(&self) -> Vec<TopicPartition> {
        self.shares.iter().filter(|(_, share)| share.is_read).map(|(partition, _)| partition.clone()).collect()
    }

    pub(super) fn poll(&mut self, intake: &mut Intake) -> Polled {
        match std::mem::replace(&mut self.next, Next::Read) {
            Next::Assign => return Polled::Assigned(self.open()),
            Next::OffsetOutOfRange => return Polled::OffsetOutOfRange,
            Next::Read => {}
        }
        if let Some(over) = self.over() {
            return over;
        }
        for (partition, share) in self.shares.iter_mut().filter(|(_, share)| share.is_read) {
            share.fill(partition, intake);
        }
        if intake.is_empty() { self.revoke(false) } else { Polled::Records }
    }

    /// Checks the deadline while the walk works on records, or waits for the tables.
    pub(super) fn check_deadline(&mut self) -> Polled {
        self.over().unwrap_or(Polled::Idle)
    }

    fn over(&mut self) -> Option<Polled> {
        if self.reply.is_closed() {
            warn!("event timed out: the caller no longer waits; dropping what is staged, it will be delivered again");
            return Some(self.revoke(true));
        }
        self.is_over().then(|| self.revoke(false))
    }

    /// Whether the time is enough for nothing but the flush.
    pub(super) fn is_over(&self) -> bool {
        self.reply.is_closed() || Instant::now() >= self.flush_at
    }

    fn revoke(&mut self, lost: bool) -> Polled {
        self.flush_began = Some(Instant::now());
        Polled::Revoked { partitions: self.shares.keys().cloned().collect(), lost }
    }

    /// How long the last flush took. Zero if there was none, or if the caller no longer waits: then the process may have been
    /// frozen during the flush.
    pub(super) fn flush_duration(&self) -> Duration {
        self.flush_began.filter(|_| !self.reply.is_closed()).map_or(Duration::ZERO, |began| began.elapsed())
    }

    pub(super) fn first_offset(&self, partition: &TopicPartition) -> Option<i64> {
        self.shares.get(partition).map(PartitionShare::first)
    }

    pub(super) fn bounds(&self, partition: &TopicPartition) -> Option<OffsetBounds> {
        self.shares.get(partition).and_then(|share| share.bounds)
    }

    /// The topics of its records.
    pub(super) fn topics(&self) -> BTreeSet<Arc<str>> {
        self.shares.keys().map(|partition| partition.topic.clone()).collect()
    }

    pub(super) fn topic_ids(&self, topics: &BTreeSet<Arc<str>>) -> TopicIds {
        let known = self.shares.iter().filter(|(partition, _)| topics.contains(&partition.topic));
        known.filter_map(|(partition, share)| Some((partition.topic.clone(), share.bounds?.topic_id?))).collect()
    }

    /// The partitions that do not start at the ledger's next offset and were not checked yet: records may be missing before
    /// the event, or the topic may have been recreated.
    pub(super) fn gap_checks(&self, starts: &Offsets, gaps: Gaps) -> Vec<GapCheck> {
        let mut gap_checks = Vec::new();
        if gaps == Gaps::Accept {
            return gap_checks;
        }
        for (partition, &start) in starts {
            let Some(share) = self.shares.get(partition).filter(|share| !share.is_verified) else { continue };
            if start != share.first() {
                let is_gap = start < share.first();
                let missing = is_gap.then_some(OffsetRange { from: start, to: share.first() });
                gap_checks.push(GapCheck { partition: partition.clone(), start: share.first(), missing });
            }
        }
        gap_checks
    }

    /// Takes in the brokers' answer; none if they did not answer.
    pub(super) fn note_answer(&mut self, gap_check: &GapCheck, answer: Option<BrokerAnswer>) {
        let Some(share) = self.shares.get_mut(&gap_check.partition) else { return };
        share.is_verified = true;
        if let Some(BrokerAnswer { bounds, .. }) = answer {
            share.bounds = Some(bounds);
            self.next = Next::OffsetOutOfRange;
        }
        let Some(missing) = gap_check.missing else { return };
        let first = match answer {
            Some(BrokerAnswer { first, bounds }) => match first.filter(|&first| first < missing.to) {
                Some(first) if bounds.range.is_none_or(|range| range.from <= missing.from) => Some(first),
                // Either the gap has no record, or the topic itself no longer has its first offsets: then the walk finds
                // the loss by itself, with the bounds noted above.
                _ => return,
            },
            None => None,
        };
        let cause = LossCause::Undelivered { missing, first };
        let loss = Loss { partition: gap_check.partition.clone(), cause };
        error!("{loss}");
        share.refused = Some(loss.to_string());
    }

    pub(super) fn start(&mut self, starts: &Offsets) {
        for (partition, &start) in starts {
            if let Some(share) = self.shares.get_mut(partition).filter(|share| share.refused.is_none()) {
                share.stopped = None;
                share.cursor = share.records.partition_point(|record| record.offset < start);
                share.is_read = true;
            }
        }
    }

    pub(super) fn pause(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            if let Some(share) = self.shares.get_mut(partition) {
                share.is_read = false;
            }
        }
    }

    pub(super) fn note_stopped(&mut self, partition: &TopicPartition, why: &str) {
        if let Some(share) = self.shares.get_mut(partition) {
            share.stopped = Some(why.to_owned());
        }
    }

    pub(super) fn ack(&mut self, offsets: &Offsets) {
        for (partition, &offset) in offsets {
            if let Some(share) = self.shares.get_mut(partition) {
                // `None` is less than any offset, so the first acknowledgement counts.
                share.committed = share.committed.max(Some(offset));
            }
        }
    }

    /// Called after the walk has released all partitions: whether to try the open ones again.
    pub(super) fn tries_again(&mut self) -> bool {
        self.shares.values_mut().for_each(|share| share.is_read = false);
        let is_worth_it = !self.open().is_empty()
            && self.attempt < ATTEMPTS_MAX
            && Instant::now() < self.flush_at
            && !self.reply.is_closed();
        if is_worth_it {
            self.attempt += 1;
            self.next = Next::Assign;
        }
        is_worth_it
    }

    /// Sends the result to the caller.
    pub(super) fn settle(self) {
        let is_late = Instant::now() >= self.flush_at;
        let settled = self.shares.into_iter().map(|(partition, share)| (partition, share.settled(is_late)));
        // A caller that no longer waits delivers the records again, so its result may be dropped.
        let _gone = self.reply.send(settled.collect());
    }
}

#[cfg(test)]
mod tests;
