//! A table's log as plain values: where it begins and ends, and each commit in between. Knows no store and judges nothing.

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

/// The two ends of a table's log. The commits in between are read one by one, and none is kept.
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
    /// The table's properties.
    pub properties: HashMap<String, String>,
}

/// The files of one version.
pub type LiveFiles = BTreeMap<FileKey, LoggedFile>;

/// What the oldest checkpoint tells of the time before the oldest existing log entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// The ledger.
    pub ledger: BTreeMap<TopicPartition, i64>,
    /// Partitions whose ledger at that time is no longer known.
    pub unknown: BTreeSet<TopicPartition>,
    /// Partitions of other pipelines.
    pub of_others: BTreeSet<TopicPartition>,
    /// The files of that time, as far as they are known.
    pub files: LiveFiles,
    /// From this version on, a commit can only remove a file that is in `files` or that an existing entry added.
    pub files_from: u64,
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
    /// Partitions whose ledger it moved for other pipelines.
    pub of_others: Vec<TopicPartition>,
    /// Files that it added.
    pub added: Vec<(FileKey, LoggedFile)>,
    /// Files that it removed.
    pub removed: Vec<FileKey>,
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

/// What the log knows a data file by. A file with another deletion vector is another file to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileKey {
    /// The file's path.
    pub path: String,
    /// The deletion vector's identity.
    pub deletions: Option<String>,
}

/// A data file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoggedFile {
    /// Its size.
    pub bytes: u64,
    /// Its rows without those that a deletion vector removes; none if it has no statistics.
    pub rows: Option<u64>,
}

impl<T: Into<String>> From<T> for FileKey {
    fn from(path: T) -> Self {
        Self { path: path.into(), deletions: None }
    }
}

impl Commit {
    /// The commit's record, if it is a flush of this pipeline.
    pub fn flush_of(&self, pipeline: &str) -> Option<&CommitRecord> {
        match &self.record {
            Some(LoggedRecord::Flush(record)) if record.pipeline == pipeline => Some(record),
            _ => None,
        }
    }

    /// The pipeline that made it, if it carries a record that says so.
    pub fn pipeline(&self) -> Option<&str> {
        match &self.record {
            Some(LoggedRecord::Flush(CommitRecord { pipeline, .. }) | LoggedRecord::Redrive { pipeline, .. }) => {
                Some(pipeline)
            }
            Some(LoggedRecord::Unreadable(_)) | None => None,
        }
    }

    /// The partitions that its record names.
    pub fn recorded_partitions(&self) -> impl Iterator<Item = TopicPartition> + '_ {
        let record = match &self.record {
            Some(LoggedRecord::Flush(record)) => Some(record),
            _ => None,
        };
        record.into_iter().flat_map(|record| {
            let tallies = record.partitions.iter().map(|it| (&it.topic, it.partition));
            let skips = record.skips.iter().map(|it| (&it.topic, it.partition));
            tallies.chain(skips).map(|(topic, partition)| TopicPartition::new(topic.as_str(), partition))
        })
    }

    /// The operation's name, for people.
    pub fn operation(&self) -> &str {
        if self.operation.is_empty() { "an unnamed operation" } else { &self.operation }
    }
}
