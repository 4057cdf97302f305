//! One event under way: its records, how far the walk is with each partition, and how much time is left.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use sluicebox_ledger::{Loss, LossCause, OffsetBounds, OffsetRange, Offsets, TopicPartition};
use sluicebox_pipeline::source::{Intake, Polled, TopicIds};
use sluicebox_settings::Gaps;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::{error, warn};

use super::delivery::{Event, EventRecord, EventResult, Settled};
use super::probe::{Answer, GapCheck};

/// How often what was not committed is tried again: a fenced commit succeeds the second time, and what does not then is a
/// matter for whoever delivers it again.
const ATTEMPTS_MAX: u32 = 3;

/// An event that has been handed in and not yet settled.
pub(super) struct Invocation {
    shares: BTreeMap<TopicPartition, Share>,
    reply: oneshot::Sender<EventResult>,
    /// From then on nothing is taken in any more.
    flush_at: Instant,
    attempt: u32,
    /// What the walk has to be told next.
    next: Next,
    /// When the walk was told to flush.
    flush_began: Option<Instant>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Partitions are the walk's, once more.
    Assign,
    /// Compare them again.
    Doubt,
    Read,
}

/// The part of an event that is of one partition.
struct Share {
    /// In the order of their offsets, each once; never empty.
    records: Vec<EventRecord>,
    /// The index of the next to hand over.
    cursor: usize,
    is_read: bool,
    /// What every table has, as far as the walk has said.
    committed: Option<i64>,
    /// What the brokers have said.
    bounds: Option<OffsetBounds>,
    /// The brokers have been asked, or could not be.
    is_verified: bool,
    /// Why it must not be read, as far as this source knows: records before it were never delivered.
    refused: Option<String>,
    /// Why the walk does not read it.
    stopped: Option<String>,
}

impl Invocation {
    /// None if there is nothing in the event, or nobody waits for it; whoever waits has been told.
    pub(super) fn begin(event: Event, reply: oneshot::Sender<EventResult>, flush_duration: Duration) -> Option<Self> {
        let shares =
            event.records.into_iter().filter_map(|(partition, records)| Some((partition, Share::of(records)?)));
        let shares: BTreeMap<_, _> = shares.collect();
        if reply.is_closed() {
            return None;
        }
        if shares.is_empty() {
            let _gone = reply.send(EventResult::new());
            return None;
        }
        let now = Instant::now();
        // Half of the time at most: with less than that, nothing would ever be read.
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

    /// The partitions that have been started.
    pub(super) fn reading(&self) -> Vec<TopicPartition> {
        self.shares.iter().filter(|(_, share)| share.is_read).map(|(partition, _)| partition.clone()).collect()
    }

    pub(super) fn poll(&mut self, intake: &mut Intake) -> Polled {
        match std::mem::replace(&mut self.next, Next::Read) {
            Next::Assign => return Polled::Assigned(self.open()),
            Next::Doubt => return Polled::OffsetOutOfRange,
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

    /// While records are worked on, or the tables are out of reach.
    pub(super) fn look_at_the_time(&mut self) -> Polled {
        self.over().unwrap_or(Polled::Idle)
    }

    fn over(&mut self) -> Option<Polled> {
        if self.reply.is_closed() {
            warn!("the event's time is over; what is staged is dropped, and will be delivered again");
            return Some(self.revoke(true));
        }
        self.is_over().then(|| self.revoke(false))
    }

    /// Whether there is no more time for anything but the flush.
    pub(super) fn is_over(&self) -> bool {
        self.reply.is_closed() || Instant::now() >= self.flush_at
    }

    fn revoke(&mut self, lost: bool) -> Polled {
        self.flush_began = Some(Instant::now());
        Polled::Revoked { partitions: self.shares.keys().cloned().collect(), lost }
    }

    /// How long the flush that has just ended took; nothing if none was asked for, or if it was not in time: the process may
    /// have been frozen in the middle of it.
    pub(super) fn flush_duration(&self) -> Duration {
        self.flush_began.filter(|_| !self.reply.is_closed()).map_or(Duration::ZERO, |began| began.elapsed())
    }

    pub(super) fn first_offset(&self, partition: &TopicPartition) -> Option<i64> {
        self.shares.get(partition).map(Share::first)
    }

    pub(super) fn bounds(&self, partition: &TopicPartition) -> Option<OffsetBounds> {
        self.shares.get(partition).and_then(|share| share.bounds)
    }

    /// The topics that it brings records of.
    pub(super) fn topics(&self) -> BTreeSet<Arc<str>> {
        self.shares.keys().map(|partition| partition.topic.clone()).collect()
    }

    pub(super) fn topic_ids(&self, topics: &BTreeSet<Arc<str>>) -> TopicIds {
        let known = self.shares.iter().filter(|(partition, _)| topics.contains(&partition.topic));
        known.filter_map(|(partition, share)| Some((partition.topic.clone(), share.bounds?.topic_id?))).collect()
    }

    /// The partitions whose event does not begin where the ledger stands, unless they have been asked about: records may be
    /// missing before it, or it is of another topic than the ledger.
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

    /// Takes in what the brokers have said.
    pub(super) fn hear(&mut self, gap_check: &GapCheck, answer: Option<Answer>) {
        let Some(share) = self.shares.get_mut(&gap_check.partition) else { return };
        share.is_verified = true;
        if let Some(Answer { bounds, .. }) = answer {
            share.bounds = Some(bounds);
            self.next = Next::Doubt;
        }
        let Some(missing) = gap_check.missing else { return };
        let first = match answer {
            Some(Answer { first, bounds }) => match first.filter(|&first| first < missing.to) {
                // What is below the topic's beginning, the walk will miss by itself.
                Some(first) if bounds.range.is_none_or(|range| range.from <= missing.from) => Some(first),
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
                share.committed = share.committed.max(Some(offset));
            }
        }
    }

    /// After the walk has let go of all partitions: whether some are worth another attempt.
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

    /// Tells whoever waits.
    pub(super) fn settle(self) {
        let is_late = Instant::now() >= self.flush_at;
        let settled = self.shares.into_iter().map(|(partition, share)| (partition, share.settled(is_late)));
        // Whoever does not wait any longer will deliver it again.
        let _gone = self.reply.send(settled.collect());
    }
}

impl Share {
    fn of(mut records: Vec<EventRecord>) -> Option<Self> {
        records.sort_by_key(|record| record.offset);
        records.dedup_by_key(|record| record.offset);
        (!records.is_empty()).then_some(Self {
            records,
            cursor: 0,
            is_read: false,
            committed: None,
            bounds: None,
            is_verified: false,
            refused: None,
            stopped: None,
        })
    }

    fn first(&self) -> i64 {
        self.records.first().map_or(0, |record| record.offset)
    }

    /// The offset after its last.
    fn end(&self) -> i64 {
        self.records.last().map_or(0, |record| record.offset + 1)
    }

    /// Why it is not read.
    fn why_not(&self) -> Option<&str> {
        self.refused.as_deref().or(self.stopped.as_deref())
    }

    /// What a topic that was made anew has to do with the ledger is not for us to say.
    fn is_committed(&self) -> bool {
        self.why_not().is_none() && self.committed.is_some_and(|committed| committed >= self.end())
    }

    fn fill(&mut self, partition: &TopicPartition, intake: &mut Intake) {
        while let Some(record) = self.records.get(self.cursor).filter(|_| !intake.is_full()) {
            let headers = record.headers.iter().map(|(name, value)| (name.as_slice(), value.as_deref()));
            let (key, value) = (record.key.as_deref(), record.value.as_deref());
            intake.push(&partition.topic, partition.partition, record.offset, record.timestamp, key, value, headers);
            self.cursor += 1;
        }
    }

    fn settled(self, is_late: bool) -> Settled {
        if self.is_committed() {
            return Settled::Committed;
        }
        let committed = self.committed.filter(|_| self.why_not().is_none()).unwrap_or(i64::MIN);
        let open = self.records.iter().find(|record| record.offset >= committed);
        let why = self.why_not().map(str::to_owned).unwrap_or_else(|| {
            let why = if is_late { "the time was over before it was committed" } else { "it could not be committed" };
            format!("{why}; the log says what was in the way")
        });
        Settled::Open { first: open.map_or(self.first(), |record| record.offset), why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(number: i32) -> TopicPartition {
        TopicPartition::new("orders", number)
    }

    fn begin(
        offsets: &[(i32, &[i64])],
        time: Duration,
        reserve: Duration,
    ) -> (Option<Invocation>, oneshot::Receiver<EventResult>) {
        let record = |&offset: &i64| EventRecord { offset, value: Some(b"{}".to_vec()), ..EventRecord::default() };
        let records =
            offsets.iter().map(|(number, offsets)| (partition(*number), offsets.iter().map(record).collect()));
        let (reply, result) = oneshot::channel();
        let event = Event { records: records.collect(), deadline: Instant::now() + time, reserve };
        (Invocation::begin(event, reply, Duration::ZERO), result)
    }

    fn begun(offsets: &[(i32, &[i64])]) -> (Invocation, oneshot::Receiver<EventResult>) {
        let (invocation, result) = begin(offsets, Duration::from_secs(60), Duration::from_secs(5));
        (invocation.expect("there are records"), result)
    }

    fn offsets(entries: &[(i32, i64)]) -> Offsets {
        entries.iter().map(|&(number, offset)| (partition(number), offset)).collect()
    }

    fn read(invocation: &mut Invocation) -> Vec<(i32, Vec<i64>)> {
        let mut intake = Intake::new(100, 1 << 20);
        assert_eq!(invocation.poll(&mut intake), Polled::Records);
        intake.batches().map(|batch| (batch.partition, batch.offsets.clone())).collect()
    }

    #[test]
    fn the_receipt_names_exactly_what_is_not_committed() {
        let (mut invocation, mut result) = begun(&[(0, &[5, 6, 9]), (1, &[7]), (2, &[1, 2])]);
        invocation.note_stopped(&partition(2), "E0301");
        invocation.ack(&offsets(&[(0, 7), (1, 8), (2, 3)]));
        invocation.settle();
        let result = result.try_recv().expect("a result");
        assert!(matches!(result[&partition(0)], Settled::Open { first: 9, .. }), "{result:?}");
        assert_eq!(result[&partition(1)], Settled::Committed);
        assert_eq!(result[&partition(2)], Settled::Open { first: 1, why: "E0301".to_owned() });
    }

    #[test]
    fn records_are_handed_over_once_in_order_and_again_after_a_going_back() {
        let (mut invocation, _receipt) = begun(&[(0, &[6, 5, 6, 9])]);
        invocation.start(&offsets(&[(0, 0)]));
        assert_eq!(read(&mut invocation), [(0, vec![5, 6, 9])]);
        invocation.start(&offsets(&[(0, 6)]));
        assert_eq!(read(&mut invocation), [(0, vec![6, 9])]);
        let over = invocation.poll(&mut Intake::new(100, 1 << 20));
        assert_eq!(over, Polled::Revoked { partitions: vec![partition(0)], lost: false });
    }

    #[test]
    fn what_was_not_committed_is_tried_again_a_few_times() {
        let (mut invocation, _receipt) = begun(&[(0, &[5]), (1, &[7])]);
        invocation.ack(&offsets(&[(1, 8)]));
        for _ in 1..ATTEMPTS_MAX {
            assert!(invocation.tries_again());
            let mut intake = Intake::new(100, 1 << 20);
            assert_eq!(invocation.poll(&mut intake), Polled::Assigned(vec![partition(0)]));
        }
        assert!(!invocation.tries_again());
    }

    #[test]
    fn what_does_not_join_the_ledger_is_suspicious_once() {
        let (mut invocation, _receipt) = begun(&[(0, &[5, 6]), (1, &[5, 6]), (2, &[5, 6]), (3, &[5, 6])]);
        let starts = offsets(&[(0, 5), (1, 6), (2, 7), (3, 3)]);
        let gap_checks = invocation.gap_checks(&starts, Gaps::Verify);
        let found: Vec<_> = gap_checks.iter().map(|s| (s.partition.partition, s.missing)).collect();
        assert_eq!(found, [(1, None), (2, None), (3, Some(OffsetRange { from: 3, to: 5 }))]);
        assert!(invocation.gap_checks(&starts, Gaps::Accept).is_empty());
        gap_checks.iter().for_each(|gap_check| invocation.hear(gap_check, None));
        assert!(invocation.gap_checks(&starts, Gaps::Verify).is_empty());
        invocation.start(&starts);
        assert_eq!(
            invocation.reading(),
            [partition(0), partition(1), partition(2)],
            "nobody could be asked of the gap"
        );
    }

    #[test]
    fn half_of_the_time_at_most_is_kept_for_the_flush() {
        let (invocation, _receipt) = begin(&[(0, &[5])], Duration::from_secs(4), Duration::from_secs(5));
        let left = invocation.expect("there are records").flush_at - Instant::now();
        assert!(left > Duration::from_millis(1_900) && left <= Duration::from_secs(2), "{left:?}");
        let (nothing, mut result) = begin(&[(0, &[])], Duration::from_secs(4), Duration::from_secs(5));
        assert!(nothing.is_none());
        assert_eq!(result.try_recv().ok(), Some(EventResult::new()));
    }
}
