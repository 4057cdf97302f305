//! The books of one table: for each partition, what its commits took in, in order. Plain values and their sums;
//! [`books`](super::books) fills them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Add, Sub};

use serde::Serialize;
use sluicebox_ledger::TopicPartition;

/// The books of a table.
pub type Accounts = BTreeMap<TopicPartition, Account>;

/// Records by verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Records that became rows, in any of the pipeline's tables.
    pub emitted: u64,
    /// Records that the transform filtered out.
    pub filtered: u64,
    /// Records that became dead letters.
    pub rejected: u64,
}

/// What a table took in of one partition.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// The topic's lives: a new one begins where the topic was recreated or lost its end. Never empty once the books are
    /// closed.
    pub lives: Vec<Life>,
    /// The transforms that judged the records.
    pub transform_digests: BTreeSet<String>,
    /// The ledger of the newest version.
    pub ledger: Option<i64>,
}

/// A life: the offsets of a topic from its creation to its deletion. In the next life the same offsets are other records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Life {
    /// The first offset of the books.
    pub start: i64,
    /// How the books begin.
    pub opening: Opening,
    /// One entry for each commit and each skip, in order.
    pub entries: Vec<AccountEntry>,
}

/// How the books of a partition begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Opening {
    /// With the first commit that names the partition.
    #[default]
    FirstCommit,
    /// With a commit that records the partition's start.
    Recorded,
    /// At the ledger of a checkpoint: older commits are gone from the log.
    LedgerOnly,
}

/// A move of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountEntry {
    /// The version of the commit.
    pub version: u64,
    /// The ledger before.
    pub from: i64,
    /// The ledger after.
    pub to: i64,
    /// The records by verdict; none if it skipped an accepted gap.
    pub counts: Option<Counts>,
}

/// The sums of the books up to an offset.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    /// The offset.
    pub offset: i64,
    /// The records below it by verdict.
    pub counts: Counts,
    /// Offsets below it that were skipped.
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
    /// All records.
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
    /// The topic's lives with their age, newest first. Lives are matched across tables by age, because one table's log may
    /// have lost older lives that another's still has.
    pub fn by_age(&self) -> impl Iterator<Item = (usize, &Life)> {
        self.lives.iter().rev().enumerate()
    }
}

impl Life {
    /// The offset at which the books end.
    pub fn end(&self) -> i64 {
        self.entries.last().map_or(self.start, |entry| entry.to)
    }

    /// All records by verdict.
    pub fn counts(&self) -> Counts {
        self.entries.iter().filter_map(|entry| entry.counts).fold(Counts::default(), Add::add)
    }

    /// Offsets that were skipped.
    pub fn skipped(&self) -> u64 {
        let skips = self.entries.iter().filter(|entry| entry.counts.is_none());
        skips.map(|entry| entry.to.saturating_sub(entry.from).max(0) as u64).sum()
    }

    /// Offsets without a record.
    pub fn gaps(&self) -> u64 {
        let offsets = self.end().saturating_sub(self.start).max(0) as u64;
        // Saturating: a commit that counts too much is reported elsewhere, and must not stop the audit.
        offsets.saturating_sub(self.counts().records() + self.skipped())
    }

    /// The sums at the start and after each entry.
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

    /// The entry of one commit that took in records.
    pub fn entry_of(&self, version: u64) -> Option<&AccountEntry> {
        // Entries are in the order of their versions. A record may name a partition twice: as a skip, and as a range.
        let first = self.entries.partition_point(|entry| entry.version < version);
        self.entries[first..].iter().take_while(|entry| entry.version == version).find(|entry| entry.counts.is_some())
    }
}
