//! The ledger: the offsets that one Delta table has taken in, kept in the table's own log as `txn` actions, and beside them
//! the id of the topic that the offsets belong to.
//!
//! Delta itself does not deduplicate: it accepts the same `(appId, version)` twice. So a commit is prepared against the
//! ledger of one snapshot and made from that same snapshot. [`Ledger::check_commit`] decides what to do when the table has
//! moved on meanwhile. Pure: the crate `delta` reads and writes the log.

use std::collections::BTreeMap;

use crate::{OffsetRange, TopicPartition};

/// What a table knows of each partition of this worker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    entries: BTreeMap<TopicPartition, Entry>,
}

/// What a table knows of a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The next offset that the table wants; none if it has never taken in the partition.
    pub next: Option<i64>,
    /// The id of the topic that the offsets belong to; none if it was never known. Topics of one name have different ids.
    pub topic_id: Option<i64>,
}

/// How a prepared commit compares with the table's ledger as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitCheck {
    /// The ledger is as it was when the commit was prepared: commit.
    Unchanged,
    /// The table has all that the commit brings: the commit has landed, or an equal one of another worker has.
    AlreadyCommitted,
    /// Another worker has committed some of the partitions: the staged files overlap with its rows and must be dropped.
    Fenced,
}

/// The offset ranges that one commit takes in, by partition.
pub type Ranges = BTreeMap<TopicPartition, OffsetRange>;

/// Ledger entries by partition, as a commit sets them.
pub type Entries = BTreeMap<TopicPartition, Entry>;

/// The `appId` under which a table remembers a partition of a pipeline.
pub fn app_id(pipeline: &str, partition: &TopicPartition) -> String {
    format!("sluicebox/{pipeline}/{partition}")
}

/// The `appId` under which a table remembers the id of a partition's topic.
pub fn topic_id_app_id(pipeline: &str, partition: &TopicPartition) -> String {
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

    /// The id of the topic that the table's offsets belong to, if it is known.
    pub fn topic_id(&self, partition: &TopicPartition) -> Option<i64> {
        self.entry(partition).topic_id
    }

    /// Whether the table has the record at `offset` already.
    pub fn has(&self, partition: &TopicPartition, offset: i64) -> bool {
        self.next(partition).is_some_and(|next| offset < next)
    }

    /// Sets what the table's log says of a partition.
    pub fn set(&mut self, partition: TopicPartition, next: Option<i64>, topic_id: Option<i64>) {
        self.entries.insert(partition, Entry { next, topic_id });
    }

    /// The partitions of this worker, including those that the table has never taken in.
    pub fn partitions(&self) -> impl Iterator<Item = &TopicPartition> {
        self.entries.keys()
    }

    /// Forgets a partition that another worker has taken over.
    pub fn forget(&mut self, partition: &TopicPartition) {
        self.entries.remove(partition);
    }

    /// The entries after a commit of `ranges`.
    pub fn after(&self, ranges: &Ranges) -> Entries {
        ranges
            .iter()
            .map(|(partition, range)| (partition.clone(), Entry { next: Some(range.to), ..self.entry(partition) }))
            .collect()
    }

    /// Takes over the entries of a commit.
    pub fn advance(&mut self, entries: &Entries) {
        self.entries.extend(entries.iter().map(|(partition, entry)| (partition.clone(), *entry)));
    }

    /// Compares a commit with this, the table's ledger as it is now. The commit was prepared against the ledger `before`, and
    /// sets the entries `after`.
    pub fn check_commit(&self, before: &Ledger, after: &Entries) -> CommitCheck {
        // The whole entry, not `next` alone: a recreated topic has another id, perhaps at the same offset.
        if after.keys().all(|partition| self.entry(partition) == before.entry(partition)) {
            return CommitCheck::Unchanged;
        }
        match after.iter().all(|(partition, after)| self.covers(partition, before, after)) {
            true => CommitCheck::AlreadyCommitted,
            false => CommitCheck::Fenced,
        }
    }

    /// Whether this ledger has what a commit, prepared against `before`, sets for a partition.
    fn covers(&self, partition: &TopicPartition, before: &Ledger, after: &Entry) -> bool {
        let now = self.entry(partition);
        // A forward move may have landed and been followed by others: at least `after` is enough. A start and a
        // move backwards must match exactly, because a larger ledger can come from another start. `None` is less
        // than any offset.
        let is_there = match before.next(partition) {
            Some(before) if after.next >= Some(before) => now.next >= after.next,
            _ => now.next == after.next,
        };
        // Equal offsets of another topic mean other records.
        is_there && now.topic_id == after.topic_id
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

    fn check_commit(now: &Ledger, before: &Ledger, taken: &[(i32, i64, i64)]) -> CommitCheck {
        now.check_commit(before, &before.after(&ranges(taken)))
    }

    #[test]
    fn app_id_names_pipeline_topic_and_partition() {
        assert_eq!(app_id("clean", &partition(3)), "sluicebox/clean/orders/3");
    }

    #[test]
    fn an_unmoved_ledger_is_unchanged() {
        let before = ledger(&[(0, 10)]);
        assert_eq!(check_commit(&before, &before, &[(0, 10, 20), (1, 0, 5)]), CommitCheck::Unchanged);
    }

    #[test]
    fn a_commit_that_landed_is_already_committed() {
        assert_eq!(
            check_commit(&ledger(&[(0, 20)]), &ledger(&[(0, 10)]), &[(0, 10, 20)]),
            CommitCheck::AlreadyCommitted
        );
    }

    #[test]
    fn a_partly_moved_ledger_is_fenced() {
        let before = ledger(&[(0, 10), (1, 0)]);
        let now = ledger(&[(0, 20), (1, 0)]);
        assert_eq!(check_commit(&now, &before, &[(0, 10, 20), (1, 0, 5)]), CommitCheck::Fenced);
        assert_eq!(check_commit(&ledger(&[(0, 15)]), &before, &[(0, 10, 20)]), CommitCheck::Fenced);
    }

    #[test]
    fn rows_of_an_old_topic_are_fenced_wherever_the_new_one_stands() {
        let entry = |next, topic_id| {
            let mut ledger = Ledger::default();
            ledger.set(partition(0), Some(next), Some(topic_id));
            ledger
        };
        let before = entry(10, 1);
        for now in [0, 10, 15, 20, 30] {
            assert_eq!(check_commit(&entry(now, 2), &before, &[(0, 10, 20)]), CommitCheck::Fenced, "at {now}");
        }
    }

    #[test]
    fn a_start_is_already_committed_only_by_the_same_start() {
        let after = Ledger::default().after(&ranges(&[(0, 10, 10)]));
        assert_eq!(ledger(&[(0, 10)]).check_commit(&Ledger::default(), &after), CommitCheck::AlreadyCommitted);
        for other in [9, 11] {
            assert_eq!(
                ledger(&[(0, other)]).check_commit(&Ledger::default(), &after),
                CommitCheck::Fenced,
                "at {other}"
            );
        }
    }

    #[test]
    fn a_move_backwards_is_already_committed_only_where_it_landed() {
        let before = ledger(&[(0, 50), (1, 60)]);
        let after: Entries = [0, 1].map(|number| (partition(number), Entry { next: Some(0), topic_id: None })).into();
        assert_eq!(ledger(&[(0, 0), (1, 0)]).check_commit(&before, &after), CommitCheck::AlreadyCommitted);
        assert_eq!(ledger(&[(0, 0), (1, 60)]).check_commit(&before, &after), CommitCheck::Fenced);
    }

    proptest! {
        /// After a commit, the same ranges are already committed, never unchanged.
        #[test]
        fn a_repeated_commit_is_never_open(next in 0i64..100, length in 1i64..50) {
            let before = ledger(&[(0, next)]);
            let taken = before.after(&ranges(&[(0, next, next + length)]));
            let mut after = before.clone();
            after.advance(&taken);
            prop_assert_eq!(after.check_commit(&before, &taken), CommitCheck::AlreadyCommitted);
        }
    }
}
