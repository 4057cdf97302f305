//! What a table's log says, as plain values: its commits, as far back as they are kept, and its ledger. Knows no store and
//! judges nothing.

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

/// A table's log, from the oldest entry that is kept.
#[derive(Clone, Debug)]
pub struct History {
    /// The table's name in the pipeline.
    pub table: String,
    /// What it holds.
    pub holds: Holds,
    /// The newest version.
    pub version: u64,
    /// The oldest version whose log entry is there; above `version` if none is.
    pub first: u64,
    /// What the ledger was before `first`.
    pub before: Before,
    /// One for each version from `first` on, in order.
    pub commits: Vec<Commit>,
    /// The ledger as the pipeline would read it now.
    pub ledger: BTreeMap<TopicPartition, i64>,
    /// The table's properties.
    pub properties: HashMap<String, String>,
    /// The files of the newest version, by path.
    pub files: BTreeMap<String, DataFile>,
}

/// What is known of the ledger before the oldest log entry that is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// What checkpoints say.
    pub ledger: BTreeMap<TopicPartition, i64>,
    /// Partitions whose ledger at that time nothing tells any longer.
    pub unknown: BTreeSet<TopicPartition>,
}

/// One version of a table.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// Its number.
    pub version: u64,
    /// `WRITE`, `OPTIMIZE`, …; empty if the commit does not say.
    pub operation: String,
    /// What the commit says of itself, if it is a pipeline's.
    pub record: Option<Record>,
    /// The pipeline's ledger entries that it wrote.
    pub ledger: Vec<(TopicPartition, i64)>,
    /// Files that it added.
    pub added: Vec<(String, DataFile)>,
    /// Paths of files that it removed.
    pub removed: Vec<String>,
    /// Whether it says that its files change the table's rows; an OPTIMIZE says no.
    pub changes_data: bool,
}

/// What a pipeline's commit says of itself.
#[derive(Clone, Debug)]
pub enum Record {
    /// A flush: it took in records.
    Flush(CommitRecord),
    /// A step of a redrive or a discard: it took in nothing that had not been rejected before.
    Redrive {
        /// The pipeline's name.
        pipeline: String,
        /// Rows that it brought into this table.
        rows: u64,
    },
    /// It cannot be read.
    Unreadable(String),
}

/// A data file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DataFile {
    /// Its size.
    pub bytes: u64,
    /// Rows in it, those left out that a deletion vector takes away; none if it has no statistics.
    pub rows: Option<u64>,
    /// Whether a deletion vector takes rows away.
    pub has_deletions: bool,
}

impl Commit {
    /// What it took in, if it is a flush of this pipeline.
    pub fn flush_of(&self, pipeline: &str) -> Option<&CommitRecord> {
        match &self.record {
            Some(Record::Flush(record)) if record.pipeline == pipeline => Some(record),
            _ => None,
        }
    }

    /// The pipelines' partitions that it names.
    pub fn partitions(&self) -> Vec<TopicPartition> {
        let mut partitions: Vec<_> = self.ledger.iter().map(|(partition, _)| partition.clone()).collect();
        if let Some(Record::Flush(record)) = &self.record {
            partitions.extend(record.partitions.iter().map(|it| TopicPartition::new(it.topic.as_str(), it.partition)));
            partitions.extend(record.skips.iter().map(|it| TopicPartition::new(it.topic.as_str(), it.partition)));
        }
        partitions
    }

    /// What it says that it is, for people.
    pub fn operation(&self) -> &str {
        if self.operation.is_empty() { "an unnamed operation" } else { &self.operation }
    }
}
