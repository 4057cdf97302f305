//! The books of one table: for each partition, what its commits took in, one after the other. Plain values and their sums;
//! they are kept in [`books`](super::books).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Add, Sub};

use serde::Serialize;
use sluicebox_ledger::TopicPartition;

/// The books of a table.
pub type Accounts = BTreeMap<TopicPartition, Account>;

/// What became of records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Records that became rows, in any of the pipeline's tables.
    pub emitted: u64,
    /// Records that the transform dropped on purpose.
    pub filtered: u64,
    /// Records that became dead letters.
    pub rejected: u64,
}

/// What a table took in of one partition.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// The topic's lives: a new one begins where it was made anew, or lost its end. Never empty once the books are closed.
    pub lives: Vec<Life>,
    /// The transforms that judged the records.
    pub transform_digests: BTreeSet<String>,
    /// What the table's log says at the end.
    pub ledger: Option<i64>,
}

/// The offsets of a topic from its making to its deletion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Life {
    /// Where the books begin.
    pub start: i64,
    /// How the books begin.
    pub opening: Opening,
    /// One for each commit and each skip, in order.
    pub entries: Vec<Entry>,
}

/// How the books of a partition begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Opening {
    /// With the first commit that names the partition.
    #[default]
    FirstCommit,
    /// With a commit that says: here it starts.
    Said,
    /// Older commits are gone from the log: the ledger alone vouches for what lies below.
    Vouched,
}

/// A move of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The commit that made it.
    pub version: u64,
    /// From here.
    pub from: i64,
    /// To here.
    pub to: i64,
    /// What became of the records; none if it skipped a gap that somebody accepted.
    pub counts: Option<Counts>,
}

/// What the books say at an offset: the sum of all before it.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    /// The offset.
    pub offset: i64,
    /// What became of the records below it.
    pub counts: Counts,
    /// Offsets below it that were given up.
    pub skipped: u64,
}

impl Add for Counts {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            emitted: self.emitted.saturating_add(other.emitted),
            filtered: self.filtered.saturating_add(other.filtered),
            rejected: self.rejected.saturating_add(other.rejected),
        }
    }
}

impl Sub for Counts {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self {
            emitted: self.emitted.saturating_sub(other.emitted),
            filtered: self.filtered.saturating_sub(other.filtered),
            rejected: self.rejected.saturating_sub(other.rejected),
        }
    }
}

impl Counts {
    /// Records in all.
    pub fn records(self) -> u64 {
        self.emitted.saturating_add(self.filtered).saturating_add(self.rejected)
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} emitted, {} filtered, {} rejected", self.emitted, self.filtered, self.rejected)
    }
}

impl Account {
    /// The topic's lives from the newest back, with their age: older ones may be gone from one table's log and not from
    /// another's.
    pub fn by_age(&self) -> impl Iterator<Item = (usize, &Life)> {
        self.lives.iter().rev().enumerate()
    }
}

impl Life {
    /// Where the books end.
    pub fn end(&self) -> i64 {
        self.entries.last().map_or(self.start, |entry| entry.to)
    }

    /// What became of all records.
    pub fn counts(&self) -> Counts {
        self.entries.iter().filter_map(|entry| entry.counts).fold(Counts::default(), Add::add)
    }

    /// Offsets that were given up.
    pub fn skipped(&self) -> u64 {
        let skips = self.entries.iter().filter(|entry| entry.counts.is_none());
        skips.map(|entry| entry.to.saturating_sub(entry.from).max(0) as u64).sum()
    }

    /// Offsets that no record had.
    pub fn gaps(&self) -> u64 {
        let offsets = self.end().saturating_sub(self.start).max(0) as u64;
        offsets.saturating_sub(self.counts().records() + self.skipped())
    }

    /// What the books say at their start and after each entry.
    pub fn marks(&self) -> Vec<Mark> {
        let mut mark = Mark { offset: self.start, counts: Counts::default(), skipped: 0 };
        let mut marks = vec![mark];
        for entry in &self.entries {
            mark.offset = entry.to;
            match entry.counts {
                Some(counts) => mark.counts = mark.counts + counts,
                None => mark.skipped += entry.to.saturating_sub(entry.from).max(0) as u64,
            }
            marks.push(mark);
        }
        marks
    }

    /// The records that one commit took in.
    pub fn entry_of(&self, version: u64) -> Option<&Entry> {
        let first = self.entries.partition_point(|entry| entry.version < version);
        self.entries[first..].iter().take_while(|entry| entry.version == version).find(|entry| entry.counts.is_some())
    }
}
