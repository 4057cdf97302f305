//! A table's log as plain values: its commits, as far back as they exist, and its ledger. Knows no store and judges nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sluicebox_ledger::{CommitRecord, TopicPartition};

/// What a table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// Rows of the transform.
    Rows,
    /// Rejected records.
    DeadLetters,
}

/// A table's log, from the oldest existing entry.
#[derive(Clone, Debug)]
pub struct History {
    /// The table's name in the pipeline.
    pub table: String,
    /// What it holds.
    pub holds: Holds,
    /// The newest version.
    pub version: u64,
    /// The oldest version whose log entry exists; above `version` if none does.
    pub first: u64,
    /// The ledger before `first`.
    pub before: Before,
    /// One for each version from `first` on, in order.
    pub commits: Vec<Commit>,
    /// The ledger as the pipeline would read it now.
    pub ledger: BTreeMap<TopicPartition, i64>,
    /// The table's properties.
    pub properties: HashMap<String, String>,
    /// The files of the newest version, by path.
    pub files: BTreeMap<String, LoggedFile>,
}

/// What is known of the ledger before the oldest existing log entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// The ledger, from a checkpoint.
    pub ledger: BTreeMap<TopicPartition, i64>,
    /// Partitions whose ledger at that time is no longer known.
    pub unknown: BTreeSet<TopicPartition>,
}

/// One version of a table.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// Its number.
    pub version: u64,
    /// `WRITE`, `OPTIMIZE`, …; empty if the commit names none.
    pub operation: String,
    /// The record that the commit carries, if a pipeline made it.
    pub record: Option<LoggedRecord>,
    /// The pipeline's ledger entries that it wrote.
    pub ledger: Vec<(TopicPartition, i64)>,
    /// Files that it added.
    pub added: Vec<(String, LoggedFile)>,
    /// Paths of files that it removed.
    pub removed: Vec<String>,
    /// Whether it claims to change the table's rows (`dataChange`); an OPTIMIZE does not.
    pub changes_data: bool,
}

/// The record in a pipeline's commit.
#[derive(Clone, Debug)]
pub enum LoggedRecord {
    /// A flush: it took in records.
    Flush(CommitRecord),
    /// A step of a redrive or a discard: it concerns only records that were rejected before.
    Redrive {
        /// The pipeline's name.
        pipeline: String,
        /// Rows that it added to this table.
        rows: u64,
    },
    /// The record cannot be read.
    Unreadable(String),
}

/// A data file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoggedFile {
    /// Its size.
    pub bytes: u64,
    /// Its rows without those that a deletion vector removes; none if it has no statistics.
    pub rows: Option<u64>,
    /// Whether a deletion vector removes rows.
    pub has_deletions: bool,
}

impl Commit {
    /// The commit's record, if it is a flush of this pipeline.
    pub fn flush_of(&self, pipeline: &str) -> Option<&CommitRecord> {
        match &self.record {
            Some(LoggedRecord::Flush(record)) if record.pipeline == pipeline => Some(record),
            _ => None,
        }
    }

    /// The partitions that it names, of any pipeline.
    pub fn partitions(&self) -> Vec<TopicPartition> {
        let mut partitions: Vec<_> = self.ledger.iter().map(|(partition, _)| partition.clone()).collect();
        if let Some(LoggedRecord::Flush(record)) = &self.record {
            partitions.extend(record.partitions.iter().map(|it| TopicPartition::new(it.topic.as_str(), it.partition)));
            partitions.extend(record.skips.iter().map(|it| TopicPartition::new(it.topic.as_str(), it.partition)));
        }
        partitions
    }

    /// The operation's name, for people.
    pub fn operation(&self) -> &str {
        if self.operation.is_empty() { "an unnamed operation" } else { &self.operation }
    }
}
