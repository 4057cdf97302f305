//! The offsets that one Delta table has taken in, kept in that table's own log as `txn` actions.
//!
//! Delta itself does not deduplicate: it takes the same `(appId, version)` twice in sequence. So a commit is prepared
//! against the ledger of one snapshot and made from that very snapshot; [`Ledger::standing`] decides what to do when
//! the table has moved on meanwhile. Pure: reading and writing the log is `sink/commit.rs`.

use std::collections::BTreeMap;

use crate::position::{OffsetRange, TopicPartition};

/// The next offset that a table wants from each partition that this worker looks after; none from one that the table has
/// never taken in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    next: BTreeMap<TopicPartition, Option<i64>>,
}

/// How a prepared commit stands to the ledger of the table as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The ledger is where it was when the ranges were prepared: commit.
    Open,
    /// The table has every range already: the commit had landed, or an equal one of another worker.
    Covered,
    /// Another worker has moved some of the partitions: the staged files overlap with its rows and must be dropped.
    Fenced,
}

/// Offset ranges by partition, as one commit takes them in.
pub type Ranges = BTreeMap<TopicPartition, OffsetRange>;

/// The `appId` under which a table remembers a partition of a pipeline.
pub fn app_id(pipeline: &str, partition: &TopicPartition) -> String {
    format!("sluicebox/{pipeline}/{partition}")
}

impl Ledger {
    /// The next offset that the table wants, if it has taken in the partition before.
    pub fn next(&self, partition: &TopicPartition) -> Option<i64> {
        self.next.get(partition).copied().flatten()
    }

    /// Whether the table has the record at `offset` already.
    pub fn has(&self, partition: &TopicPartition, offset: i64) -> bool {
        self.next(partition).is_some_and(|next| offset < next)
    }

    /// Takes over what the table's log says of a partition.
    pub fn set(&mut self, partition: TopicPartition, next: Option<i64>) {
        self.next.insert(partition, next);
    }

    /// The partitions that this worker looks after, those included that the table has never taken in.
    pub fn partitions(&self) -> impl Iterator<Item = &TopicPartition> {
        self.next.keys()
    }

    /// Forgets a partition that another worker looks after now.
    pub fn forget(&mut self, partition: &TopicPartition) {
        self.next.remove(partition);
    }

    /// Moves on after a commit of `ranges`.
    pub fn advance(&mut self, ranges: &Ranges) {
        for (partition, range) in ranges {
            self.next.insert(partition.clone(), Some(range.to));
        }
    }

    /// Compares ranges that were prepared against `prepared` with this, the table's ledger as it is now.
    pub fn standing(&self, prepared: &Ledger, ranges: &Ranges) -> Standing {
        if ranges.keys().all(|partition| self.next(partition) == prepared.next(partition)) {
            return Standing::Open;
        }
        let covered = |(partition, range): (&TopicPartition, &OffsetRange)| self.has(partition, range.to - 1);
        if ranges.iter().all(covered) { Standing::Covered } else { Standing::Fenced }
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
            ledger.set(partition(number), Some(next));
        }
        ledger
    }

    fn ranges(entries: &[(i32, i64, i64)]) -> Ranges {
        entries.iter().map(|&(number, from, to)| (partition(number), OffsetRange { from, to })).collect()
    }

    #[test]
    fn app_id_names_pipeline_topic_and_partition() {
        assert_eq!(app_id("clean", &partition(3)), "sluicebox/clean/orders/3");
    }

    #[test]
    fn an_unmoved_ledger_is_open() {
        let before = ledger(&[(0, 10)]);
        assert_eq!(before.standing(&before, &ranges(&[(0, 10, 20), (1, 0, 5)])), Standing::Open);
    }

    #[test]
    fn a_commit_that_landed_is_covered() {
        let before = ledger(&[(0, 10)]);
        assert_eq!(ledger(&[(0, 20)]).standing(&before, &ranges(&[(0, 10, 20)])), Standing::Covered);
    }

    #[test]
    fn a_partly_moved_ledger_is_fenced() {
        let before = ledger(&[(0, 10), (1, 0)]);
        let now = ledger(&[(0, 20), (1, 0)]);
        assert_eq!(now.standing(&before, &ranges(&[(0, 10, 20), (1, 0, 5)])), Standing::Fenced);
        assert_eq!(ledger(&[(0, 15)]).standing(&before, &ranges(&[(0, 10, 20)])), Standing::Fenced);
    }

    proptest! {
        /// After a commit, the same ranges stand as covered, never as open.
        #[test]
        fn a_repeated_commit_is_never_open(next in 0i64..100, length in 1i64..50) {
            let before = ledger(&[(0, next)]);
            let taken = ranges(&[(0, next, next + length)]);
            let mut after = before.clone();
            after.advance(&taken);
            prop_assert_eq!(after.standing(&before, &taken), Standing::Covered);
        }
    }
}
