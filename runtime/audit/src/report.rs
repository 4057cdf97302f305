//! What an audit tells: each table's books in numbers, and what was found. Its JSON form is described in docs/audit.md.

use serde::Serialize;
use sluicebox_ledger::TopicPartition;

use super::account::{Account, Accounts, Counts, Life, Opening};
use super::finding::{Findings, Note, Violation};
use super::history::{History, Holds};

/// The whole audit.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The pipeline's name.
    pub pipeline: String,
    /// Whether no violation was found.
    pub sound: bool,
    /// Whether the rows themselves were read, and not the logs only.
    pub positions_read: bool,
    /// The tables of rows by name, then the dead letters.
    pub tables: Vec<TableReport>,
    /// The first violations.
    pub violations: Vec<Violation>,
    /// How many there are in all.
    pub violations_total: u64,
    /// What breaks no promise, but is worth knowing.
    pub notes: Vec<Note>,
}

/// One table.
#[derive(Clone, Debug, Serialize)]
pub struct TableReport {
    /// The table's name.
    pub table: String,
    /// Where it lies.
    pub location: String,
    /// What it holds.
    pub holds: Holds,
    /// Its newest version.
    pub version: u64,
    /// The oldest version whose log entry is there: what lies before is vouched for by the ledger only.
    pub log_from: u64,
    /// Rows of the newest version, as its statistics say.
    pub rows: Option<u64>,
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
    /// Offsets below this one are vouched for by the ledger only; none if the books are whole.
    pub vouched_below: Option<i64>,
    /// The ledger of the newest version.
    pub ledger: Option<i64>,
    /// Commits that took in records.
    pub commits: u64,
    /// What became of the records.
    #[serde(flatten)]
    pub counts: Counts,
    /// Offsets that no record had: transaction markers, compaction.
    pub gaps: u64,
    /// Offsets that were given up with `--accept-gap`.
    pub skipped: u64,
    /// How often the topic was made anew. `from` is of its first life, `to` of its last.
    pub recreations: u64,
    /// The transforms that judged the records.
    pub transform_digests: Vec<String>,
}

impl Report {
    pub(super) fn new(pipeline: &str, positions_read: bool, tables: Vec<TableReport>, findings: Findings) -> Self {
        let Findings { violations, violations_total, notes } = findings;
        let pipeline = pipeline.to_owned();
        Self { pipeline, sound: violations_total == 0, positions_read, tables, violations, violations_total, notes }
    }
}

impl TableReport {
    pub(super) fn new(location: &str, history: &History, accounts: &Accounts) -> Self {
        Self {
            table: history.table.clone(),
            location: location.to_owned(),
            holds: history.holds,
            version: history.version,
            log_from: history.first,
            rows: history.files.values().map(|file| file.rows).sum(),
            partitions: accounts.iter().map(|(partition, account)| PartitionReport::new(partition, account)).collect(),
        }
    }
}

impl PartitionReport {
    fn new(partition: &TopicPartition, account: &Account) -> Self {
        let lives = &account.lives;
        let vouched = lives.first().filter(|life| life.opening == Opening::Vouched && life.start > 0);
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
