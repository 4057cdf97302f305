//! The report of an audit: each table's books in numbers, and the findings. docs/audit.md describes its JSON form.

use std::collections::BTreeMap;

use serde::Serialize;
use sluicebox_ledger::TopicPartition;

use super::account::{Account, Accounts, Counts, Life, Opening};
use super::files::Files;
use super::finding::{Findings, Note, Violation};
use super::history::{History, Holds};
use super::other_commits::OtherCommits;

/// The whole audit.
#[derive(Clone, Debug, Serialize)]
pub struct AuditReport {
    /// The pipeline's name.
    pub pipeline: String,
    /// Whether no violation was found.
    pub sound: bool,
    /// Whether the rows were read too, and not only the logs.
    pub positions_read: bool,
    /// The tables of rows by name, then the dead letters.
    pub tables: Vec<TableReport>,
    /// The first violations.
    pub violations: Vec<Violation>,
    /// The number of all violations.
    pub violations_total: u64,
    /// The number of records that cannot be judged, because rows of another pipeline or changes by another program hide them.
    pub not_judged: u64,
    /// Findings that are not violations, but worth knowing.
    pub notes: Vec<Note>,
}

/// One table.
#[derive(Clone, Debug, Serialize)]
pub struct TableReport {
    /// The table's name.
    pub table: String,
    /// The table's location.
    pub location: String,
    /// What it holds.
    pub holds: Holds,
    /// Its newest version.
    pub version: u64,
    /// The oldest version whose log entry exists; of the time before, only the ledger is known.
    pub log_from: u64,
    /// Rows of the newest version, by its statistics.
    pub rows: Option<u64>,
    /// Commits of other programs, by operation.
    pub others: BTreeMap<String, OtherCommits>,
    /// One for each partition that the table knows.
    pub partitions: Vec<PartitionReport>,
}

/// What a table took in of one partition, as far back as its log goes.
#[derive(Clone, Debug, Serialize)]
pub struct PartitionReport {
    /// The topic's name.
    pub topic: String,
    /// The partition's number.
    pub partition: i32,
    /// The first offset that the books account for.
    pub from: i64,
    /// The offset after the last.
    pub to: i64,
    /// Below this offset only the ledger is known; none if the books are complete.
    pub vouched_below: Option<i64>,
    /// The ledger of the newest version.
    pub ledger: Option<i64>,
    /// Commits that took in records.
    pub commits: u64,
    /// The records by verdict.
    #[serde(flatten)]
    pub counts: Counts,
    /// Offsets without a record: transaction markers, compaction.
    pub gaps: u64,
    /// Offsets that were given up with `--accept-gap`.
    pub skipped: u64,
    /// How often the topic was recreated. `from` is of its first life, `to` of its last.
    pub recreations: u64,
    /// The transforms that judged the records.
    pub transform_digests: Vec<String>,
}

impl AuditReport {
    pub(super) fn new(pipeline: &str, positions_read: bool, tables: Vec<TableReport>, findings: Findings) -> Self {
        let Findings { violations, violations_total, notes, not_judged } = findings;
        let pipeline = pipeline.to_owned();
        let sound = violations_total == 0;
        Self { pipeline, sound, positions_read, tables, violations, violations_total, not_judged, notes }
    }
}

impl TableReport {
    pub(super) fn new(location: &str, history: &History, accounts: &Accounts, files: &Files) -> Self {
        Self {
            table: history.table.clone(),
            location: location.to_owned(),
            holds: history.holds,
            version: history.version,
            log_from: history.first,
            // One file without a count makes the sum unknown rather than too small.
            rows: files.live.values().map(|(_, file)| file.rows).sum(),
            others: files.others.clone(),
            partitions: accounts.iter().map(|(partition, account)| PartitionReport::new(partition, account)).collect(),
        }
    }
}

impl PartitionReport {
    fn new(partition: &TopicPartition, account: &Account) -> Self {
        let lives = &account.lives;
        let vouched = lives.first().filter(|life| life.opening == Opening::LedgerOnly && life.start > 0);
        let entries = lives.iter().flat_map(|life| &life.entries);
        Self {
            topic: partition.topic.to_string(),
            partition: partition.partition,
            from: lives.first().map_or(0, |life| life.start),
            to: lives.last().map_or(0, Life::end),
            vouched_below: vouched.map(|life| life.start),
            ledger: account.ledger,
            commits: entries.filter(|entry| entry.counts.is_some()).count() as u64,
            counts: lives.iter().map(Life::counts).fold(Counts::default(), |sum, counts| sum + counts),
            gaps: lives.iter().map(Life::gaps).sum(),
            skipped: lives.iter().map(Life::skipped).sum(),
            recreations: (lives.len() as u64).saturating_sub(1),
            transform_digests: account.transform_digests.iter().cloned().collect(),
        }
    }
}
