//! The offsets that one Delta table has taken in, kept in that table's own log as `txn` actions, and beside them which
//! topic of that name they are of.
//!
//! Delta itself does not deduplicate: it takes the same `(appId, version)` twice in sequence. So a commit is prepared
//! against the ledger of one snapshot and made from that very snapshot; [`Ledger::standing`] decides what to do when
//! the table has moved on meanwhile. Pure: reading and writing the log is `sink/commit.rs`.

use std::collections::BTreeMap;

use sluicebox_sandbox::planted::{Bug, planted};

use crate::loss::{Loss, LossCause};
use crate::position::{OffsetRange, TopicPartition};
use crate::sink::SkipReason;

/// What a table knows of each partition that this worker looks after.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    entries: BTreeMap<TopicPartition, Entry>,
}

/// What a table knows of a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The next offset that the table wants; none if it has never taken in the partition.
    pub next: Option<i64>,
    /// Which of the topics that ever had this name the offsets are of; none if that was never known.
    pub identity: Option<i64>,
}

/// How a prepared commit stands to the ledger of the table as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The ledger is where it was when the commit was prepared: commit.
    Open,
    /// The table has all that the commit brings: it had landed, or an equal one of another worker.
    Covered,
    /// Another worker has moved some of the partitions: the staged files overlap with its rows and must be dropped.
    Fenced,
}

/// Offset ranges by partition, as one commit takes them in.
pub type Ranges = BTreeMap<TopicPartition, OffsetRange>;

/// What a commit makes of the ledger's entries.
pub type Entries = BTreeMap<TopicPartition, Entry>;

/// Where a partition sets out from, once every table knows that it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    /// The partition.
    pub partition: TopicPartition,
    /// The first offset that is wanted, by a table that does not know the partition or goes over an accepted gap.
    pub to: i64,
    /// Which topic of this name it is, if the source can tell.
    pub identity: Option<i64>,
    /// The loss that somebody has accepted.
    pub accepted: Option<Loss>,
}

/// The `appId` under which a table remembers a partition of a pipeline.
pub fn app_id(pipeline: &str, partition: &TopicPartition) -> String {
    format!("sluicebox/{pipeline}/{partition}")
}

/// The `appId` under which a table remembers which topic a partition's offsets are of.
pub fn identity_app_id(pipeline: &str, partition: &TopicPartition) -> String {
    format!("sluicebox-topic/{pipeline}/{partition}")
}

impl Ledger {
    /// What the table knows of a partition.
    pub fn entry(&self, partition: &TopicPartition) -> Entry {
        self.entries.get(partition).copied().unwrap_or_default()
    }

    /// The next offset that the table wants, if it has taken in the partition before.
    pub fn next(&self, partition: &TopicPartition) -> Option<i64> {
        self.entry(partition).next
    }

    /// Which topic of this name the table's offsets are of, if that is known.
    pub fn identity(&self, partition: &TopicPartition) -> Option<i64> {
        self.entry(partition).identity
    }

    /// Whether the table has the record at `offset` already.
    pub fn has(&self, partition: &TopicPartition, offset: i64) -> bool {
        self.next(partition).is_some_and(|next| offset < next + i64::from(planted(Bug::HasOneTooMany)))
    }

    /// Takes over what the table's log says of a partition.
    pub fn set(&mut self, partition: TopicPartition, next: Option<i64>, identity: Option<i64>) {
        self.entries.insert(partition, Entry { next, identity });
    }

    /// The partitions that this worker looks after, those included that the table has never taken in.
    pub fn partitions(&self) -> impl Iterator<Item = &TopicPartition> {
        self.entries.keys()
    }

    /// Forgets a partition that another worker looks after now.
    pub fn forget(&mut self, partition: &TopicPartition) {
        self.entries.remove(partition);
    }

    /// What a commit of `ranges` makes of their entries.
    pub fn after(&self, ranges: &Ranges) -> Entries {
        let after = |(partition, range): (&TopicPartition, &OffsetRange)| {
            (partition.clone(), Entry { next: Some(range.to), ..self.entry(partition) })
        };
        ranges.iter().map(after).collect()
    }

    /// What a commit makes of the entry before a partition departs; none if the table has to note nothing.
    pub fn departed(&self, departure: &Departure) -> Option<Entry> {
        let before = self.entry(&departure.partition);
        let next = match before.next {
            Some(next) if !departure.moves(&before, next) => next,
            _ => departure.to,
        };
        let after = Entry { next: Some(next), identity: departure.identity.or(before.identity) };
        (after != before).then_some(after)
    }

    /// Moves on after a commit.
    pub fn advance(&mut self, entries: &Entries) {
        self.entries.extend(entries.iter().map(|(partition, entry)| (partition.clone(), *entry)));
    }

    /// Compares a commit that was prepared against `before` and makes `after` of its entries with this, the table's
    /// ledger as it is now.
    pub fn standing(&self, before: &Ledger, after: &Entries) -> Standing {
        if planted(Bug::SkipsTheCompare) {
            return Standing::Open;
        }
        if after.keys().all(|partition| self.entry(partition) == before.entry(partition)) {
            return Standing::Open;
        }
        let is_covered = |(partition, after): (&TopicPartition, &Entry)| {
            let now = self.entry(partition);
            // Only a table that was on its way may have gone on since: a start or a step back is this one or another.
            let is_there = match before.next(partition) {
                Some(before) if after.next >= Some(before) => now.next >= after.next,
                _ => now.next == after.next,
            };
            is_there && now.identity == after.identity
        };
        if planted(Bug::TakesFencedForDone) || after.iter().all(is_covered) {
            Standing::Covered
        } else {
            Standing::Fenced
        }
    }
}

impl Departure {
    /// Why a ledger moves that knows the partition already.
    pub fn skip_reason(&self) -> SkipReason {
        self.accepted.as_ref().map_or(SkipReason::Start, Loss::skip_reason)
    }

    /// Whether a table that has taken in everything below `next` goes over the gap.
    fn moves(&self, before: &Entry, next: i64) -> bool {
        match self.accepted.as_ref().map(|loss| loss.cause) {
            None => false,
            Some(LossCause::OffsetsGone { missing } | LossCause::Undelivered { missing, .. }) => next < missing.to,
            Some(LossCause::LedgerAhead { end, resume, .. }) if resume == end => next > end,
            Some(LossCause::LedgerAhead { .. }) => true,
            Some(LossCause::TopicRecreated { .. }) => before.identity != self.identity,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn partition(number: i32) -> TopicPartition {
        TopicPartition::new("orders", number)
    }

    fn ledger(entries: &[(i32, i64)]) -> Ledger {
        let mut ledger = Ledger::default();
        for &(number, next) in entries {
            ledger.set(partition(number), Some(next), None);
        }
        ledger
    }

    fn ranges(entries: &[(i32, i64, i64)]) -> Ranges {
        entries.iter().map(|&(number, from, to)| (partition(number), OffsetRange { from, to })).collect()
    }

    fn standing(now: &Ledger, before: &Ledger, taken: &[(i32, i64, i64)]) -> Standing {
        now.standing(before, &before.after(&ranges(taken)))
    }

    #[test]
    fn app_id_names_pipeline_topic_and_partition() {
        assert_eq!(app_id("clean", &partition(3)), "sluicebox/clean/orders/3");
    }

    #[test]
    fn an_unmoved_ledger_is_open() {
        let before = ledger(&[(0, 10)]);
        assert_eq!(standing(&before, &before, &[(0, 10, 20), (1, 0, 5)]), Standing::Open);
    }

    #[test]
    fn a_commit_that_landed_is_covered() {
        assert_eq!(standing(&ledger(&[(0, 20)]), &ledger(&[(0, 10)]), &[(0, 10, 20)]), Standing::Covered);
    }

    #[test]
    fn a_partly_moved_ledger_is_fenced() {
        let before = ledger(&[(0, 10), (1, 0)]);
        let now = ledger(&[(0, 20), (1, 0)]);
        assert_eq!(standing(&now, &before, &[(0, 10, 20), (1, 0, 5)]), Standing::Fenced);
        assert_eq!(standing(&ledger(&[(0, 15)]), &before, &[(0, 10, 20)]), Standing::Fenced);
    }

    #[test]
    fn rows_of_an_old_topic_are_fenced_wherever_the_new_one_stands() {
        let entry = |next, identity| {
            let mut ledger = Ledger::default();
            ledger.set(partition(0), Some(next), Some(identity));
            ledger
        };
        let before = entry(10, 1);
        for now in [0, 10, 15, 20, 30] {
            assert_eq!(standing(&entry(now, 2), &before, &[(0, 10, 20)]), Standing::Fenced, "at {now}");
        }
    }

    #[test]
    fn a_start_is_covered_by_the_same_start_only() {
        let after = Ledger::default().after(&ranges(&[(0, 10, 10)]));
        assert_eq!(ledger(&[(0, 10)]).standing(&Ledger::default(), &after), Standing::Covered);
        for other in [9, 11] {
            assert_eq!(ledger(&[(0, other)]).standing(&Ledger::default(), &after), Standing::Fenced, "at {other}");
        }
    }

    #[test]
    fn a_move_backwards_is_covered_only_where_it_landed() {
        let before = ledger(&[(0, 50), (1, 60)]);
        let after: Entries = [0, 1].map(|number| (partition(number), Entry { next: Some(0), identity: None })).into();
        assert_eq!(ledger(&[(0, 0), (1, 0)]).standing(&before, &after), Standing::Covered);
        assert_eq!(ledger(&[(0, 0), (1, 60)]).standing(&before, &after), Standing::Fenced);
    }

    #[test]
    fn a_table_notes_only_what_it_does_not_know() {
        let departure = |accepted: Option<LossCause>, to, identity| Departure {
            partition: partition(0),
            to,
            identity,
            accepted: accepted.map(|cause| Loss { partition: partition(0), cause }),
        };
        let entry = |next, identity| Some(Entry { next: Some(next), identity });
        assert_eq!(Ledger::default().departed(&departure(None, 7, None)), entry(7, None));
        assert_eq!(ledger(&[(0, 9)]).departed(&departure(None, 7, None)), None);
        assert_eq!(ledger(&[(0, 9)]).departed(&departure(None, 7, Some(1))), entry(9, Some(1)));
        let gone = Some(LossCause::OffsetsGone { missing: OffsetRange { from: 5, to: 20 } });
        assert_eq!(ledger(&[(0, 9)]).departed(&departure(gone, 20, None)), entry(20, None));
        assert_eq!(ledger(&[(0, 25)]).departed(&departure(gone, 20, None)), None);
        let truncated = Some(LossCause::LedgerAhead { ledger: 25, end: 20, resume: 20 });
        assert_eq!(ledger(&[(0, 25)]).departed(&departure(truncated, 20, None)), entry(20, None));
        assert_eq!(ledger(&[(0, 9)]).departed(&departure(truncated, 20, None)), None);
        let recreated = Some(LossCause::TopicRecreated { ledger: 25, resume: 0 });
        assert_eq!(ledger(&[(0, 25)]).departed(&departure(recreated, 0, Some(2))), entry(0, Some(2)));
    }

    proptest! {
        /// After a commit, the same ranges stand as covered, never as open.
        #[test]
        fn a_repeated_commit_is_never_open(next in 0i64..100, length in 1i64..50) {
            let before = ledger(&[(0, next)]);
            let taken = before.after(&ranges(&[(0, next, next + length)]));
            let mut after = before.clone();
            after.advance(&taken);
            prop_assert_eq!(after.standing(&before, &taken), Standing::Covered);
        }
    }
}
