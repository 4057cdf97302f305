//! The findings of an audit: violations, each with its place and meaning, and notes, which are not violations. Does not know
//! how anything was found.

use serde::Serialize;
use sluicebox_ledger::{OffsetRange, TopicPartition};

/// How many violations are kept; the rest are only counted.
const KEPT_MAX: usize = 100;

/// A guarantee that the tables violate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Offsets that no commit took in.
    Hole,
    /// Offsets that two commits took in.
    Overlap,
    /// A commit counts more records than its range has offsets.
    Overfull,
    /// The ledger and the commits disagree.
    LedgerMismatch,
    /// A commit without a record of its own moved the ledger.
    ForeignLedger,
    /// The table lets the ledger expire.
    LedgerExpires,
    /// Two tables disagree about the same offsets.
    TablesDisagree,
    /// A commit's files hold another number of rows than it counted.
    RowsMiscounted,
    /// Rows are gone although the ledger has their records.
    RowsGone,
    /// A row's position is one that its commit did not take in.
    Misplaced,
    /// Records that were counted are neither rows nor dead letters.
    Missing,
    /// A position occurs more often than it was counted.
    Doubled,
    /// A record is both a row and an open dead letter.
    RowAndDeadLetter,
    /// A data file is missing in the store.
    FileMissing,
    /// A file was added that the table had already.
    FileAddedTwice,
    /// A commit removed a file that was not in the table: two programs rewrote it at once, and its rows are there twice.
    FileRemovedTwice,
    /// The files of the newest version hold another number of rows than all commits together left there.
    RowsUnbalanced,
    /// A commit's record cannot be read.
    Unreadable,
}

/// Where a violation was found. The table is always known, the narrower parts may be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The table's name.
    pub table: String,
    /// The version of the commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// The topic's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// The partition's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<i32>,
    /// The first offset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<i64>,
    /// The offset after the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<i64>,
}

/// One violated guarantee in one place.
#[derive(Clone, Debug, Serialize)]
pub struct Violation {
    /// The guarantee.
    pub fault: Fault,
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// What was found, and what it means.
    pub message: String,
}

/// Something worth knowing that is not a violation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// The table's name.
    pub table: String,
    /// What was found.
    pub message: String,
}

/// All that an audit has found so far.
#[derive(Debug, Default)]
pub struct Findings {
    /// The first violations, in the order in which they were found.
    pub violations: Vec<Violation>,
    /// How many violations there are in all.
    pub violations_total: u64,
    /// Notes.
    pub notes: Vec<Note>,
    /// How many records were not judged.
    pub not_judged: u64,
}

impl Place {
    /// A place in a table.
    pub fn table(name: &str) -> Self {
        Self { table: name.to_owned(), ..Self::default() }
    }

    /// In this version.
    pub fn version(self, version: u64) -> Self {
        Self { version: Some(version), ..self }
    }

    /// In this partition.
    pub fn partition(self, partition: &TopicPartition) -> Self {
        Self { topic: Some(partition.topic.to_string()), partition: Some(partition.partition), ..self }
    }

    /// At these offsets.
    pub fn offsets(self, from: i64, to: i64) -> Self {
        Self { from: Some(from), to: Some(to), ..self }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.table)?;
        if let Some(version) = self.version {
            write!(f, " version {version}")?;
        }
        if let (Some(topic), Some(partition)) = (&self.topic, self.partition) {
            write!(f, " {topic}/{partition}")?;
        }
        if let (Some(from), Some(to)) = (self.from, self.to) {
            write!(f, "@{}", OffsetRange { from, to })?;
        }
        Ok(())
    }
}

impl Findings {
    /// Adds all findings of another part of the audit.
    pub fn extend(&mut self, other: Self) {
        self.violations_total += other.violations_total;
        // The total above counts those that find no room.
        let room = KEPT_MAX.saturating_sub(self.violations.len());
        self.violations.extend(other.violations.into_iter().take(room));
        self.not_judged += other.not_judged;
        other.notes.into_iter().for_each(|note| self.note(&note.table, note.message));
    }

    /// Adds a violation.
    pub fn violation(&mut self, fault: Fault, place: Place, message: impl Into<String>) {
        self.violations_total += 1;
        if self.violations.len() < KEPT_MAX {
            self.violations.push(Violation { fault, place, message: message.into() });
        }
    }

    /// Adds a note, unless it is there already.
    pub fn note(&mut self, table: &str, message: impl Into<String>) {
        let note = Note { table: table.to_owned(), message: message.into() };
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Notes records that cannot be judged, and why.
    pub fn not_judged(&mut self, table: &str, partition: &TopicPartition, records: u64, why: &str) {
        if records > 0 {
            self.not_judged += records;
            let what = if records == 1 { "1 record is" } else { &format!("{records} records are") };
            self.note(table, format!("{what} not judged of {partition}: {why}"));
        }
    }
}
