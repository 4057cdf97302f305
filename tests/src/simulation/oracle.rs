//! What must hold in any weather: checked at every commit, at every acknowledgement and at the end, against
//! the script alone. Reads the tables' logs and files by itself; shares nothing with the product but the words.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use object_store::PutPayload;
use object_store::memory::InMemory;
use serde_json::Value;
use sluicebox_delta::TableError;
use sluicebox_ledger::Gap;
use sluicebox_ledger::{Offsets, TopicPartition};
use sluicebox_pipeline::PipelineError;

use super::broker;
use super::script::{Expected, Record, Script, TABLES};
use super::trace::Trace;
use super::worker::DEAD_LETTERS;

pub mod files;
mod statistics;
mod tables;

pub use files::DataFile;
use tables::{Commit, Shadow};

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// A commit adds the rows of its offsets: each once, none else, none altered.
    RowsMatch,
    /// A table's ledger moves forward only, and its commits say of themselves what they do.
    RangesJoin,
    /// A dead letter that a row table's ledger has passed lies in the dead-letter table already.
    DeadLettersFirst,
    /// Kafka is told only of what every table has.
    AcknowledgedLast,
    /// Records that are gone are skipped only if the operator has agreed.
    LossIsLoud,
    /// A worker that has let go of a partition, or knows that it has lost it, does not try to commit it.
    HandsOff,
    /// In calm weather everything is taken in, to the last record.
    Progress,
    /// Workers go on or leave in peace; they do not panic, spin, or give up without need.
    Composure,
    /// Other readers see the same tables.
    Readable,
    /// What the log says of a file's rows is true.
    Statistics,
    /// A worker adds rows and moves its ledger; it changes nothing else of a table, and nothing of one that it may not write to.
    Restraint,
}

/// Something that does not hold.
#[derive(Clone, Debug)]
pub struct Violation {
    /// What should have held.
    pub invariant: Invariant,
    /// What was found instead.
    pub what: String,
}

/// The judge of one world.
pub struct Oracle {
    script: Arc<Script>,
    tables: BTreeMap<&'static str, Shadow>,
    /// What each worker may commit, as far as it knows.
    held: BTreeMap<usize, BTreeSet<TopicPartition>>,
    /// Which of the tables that ever were in a place a worker has opened, as far as that is certain.
    opened: BTreeMap<usize, BTreeMap<&'static str, u64>>,
    /// Where each partition began, the last time that retention deleted records.
    kept: Offsets,
    /// Where the ledger may skip to, as the operator has agreed.
    accepted: Offsets,
    violations: Vec<Violation>,
    commits: usize,
}

impl Oracle {
    /// Knows the script, and tables that are empty.
    pub fn new(script: Arc<Script>) -> Self {
        let tables = TABLES.into_iter().chain([DEAD_LETTERS]).map(|name| (name, Shadow::default())).collect();
        let first = |records: &Vec<Record>| records.first().map_or(0, |record| record.offset);
        let kept = script.iter().map(|(partition, records)| (partition.clone(), first(records))).collect();
        Self {
            script,
            kept,
            tables,
            held: BTreeMap::new(),
            opened: BTreeMap::new(),
            accepted: Offsets::new(),
            violations: Vec::new(),
            commits: 0,
        }
    }

    /// What did not hold so far.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Commits so far that took in records.
    pub fn commits(&self) -> usize {
        self.commits
    }

    /// Adds something that does not hold.
    pub fn violated(&mut self, invariant: Invariant, what: impl Into<String>) {
        self.violations.push(Violation { invariant, what: what.into() });
    }

    /// A worker has been given partitions.
    pub fn may_commit(&mut self, worker: usize, partitions: &[TopicPartition]) {
        let lives = || self.tables.iter().map(|(name, shadow)| (*name, shadow.life)).collect();
        self.opened.entry(worker).or_insert_with(lives);
        self.held.entry(worker).or_default().extend(partitions.iter().cloned());
    }

    /// A worker opens the tables again, for another transform.
    pub fn reopens(&mut self, worker: usize) {
        self.opened.insert(worker, BTreeMap::new());
    }

    /// A worker has let go of partitions, or has heard that they are gone.
    pub fn must_not_commit(&mut self, worker: usize, partitions: &[TopicPartition]) {
        self.held.entry(worker).or_default().retain(|partition| !partitions.contains(partition));
    }

    /// Retention has deleted records.
    pub fn retained(&mut self, partition: &TopicPartition, from: i64) {
        self.kept.insert(partition.clone(), from);
    }

    /// The operator agrees to a loss.
    pub fn may_skip(&mut self, gap: &Gap) {
        self.accepted.insert(gap.partition.clone(), gap.to);
    }

    /// The smallest ledger of a partition, of the tables that know it.
    pub fn least(&self, partition: &TopicPartition) -> Option<i64> {
        self.tables.values().filter_map(|shadow| shadow.ledger.get(partition).copied()).min()
    }

    /// A worker is about to commit.
    pub fn about_to_commit(&mut self, worker: usize, table: &str, payload: &PutPayload) {
        let bytes: Vec<u8> = payload.iter().flat_map(|part| part.iter().copied()).collect();
        let Ok(commit) = Commit::read(&bytes) else { return };
        let held = self.held.entry(worker).or_default();
        let stray: Vec<_> = commit.ledger.keys().filter(|partition| !held.contains(partition)).collect();
        if let Some(partition) = stray.first() {
            let what = format!("w{worker} commits {partition} to {table}, which it has let go of");
            self.violated(Invariant::HandsOff, what);
        }
    }

    /// A commit has become visible.
    pub fn committed(
        &mut self,
        worker: usize,
        table: &str,
        version: u64,
        bytes: &[u8],
        objects: &Arc<InMemory>,
        trace: &mut Trace,
    ) {
        let before = self.violations.len();
        match Commit::read(bytes) {
            Ok(commit) => self.judge(worker, table, version, &commit, objects, trace),
            Err(error) => self.violated(Invariant::Readable, format!("{table} version {version}: {error}")),
        }
        for violation in &self.violations[before..] {
            trace.note(format_args!("VIOLATION {violation}"));
        }
    }

    fn judge(
        &mut self,
        worker: usize,
        table: &str,
        version: u64,
        commit: &Commit,
        objects: &Arc<InMemory>,
        trace: &mut Trace,
    ) {
        let others = self.tables.iter().filter(|(name, _)| **name != table);
        let least_of_others = |partition: &TopicPartition| {
            others.clone().filter_map(|(_, shadow)| shadow.ledger.get(partition).copied()).min()
        };
        let starts: Offsets = commit.ledger.keys().filter_map(|it| Some((it.clone(), least_of_others(it)?))).collect();
        let Some(shadow) = self.tables.get_mut(table) else { return };
        let mut found = Vec::new();
        if version != shadow.versions {
            found.push((Invariant::RangesJoin, format!("{table} gets version {version} after {}", shadow.versions)));
        }
        if self.opened.get(&worker).and_then(|lives| lives.get(table)).is_some_and(|life| *life < shadow.life) {
            found.push((Invariant::Restraint, format!("w{worker} carries on in {table}, which has been replaced")));
        }
        found.extend(shadow.overreach(version, commit).map(|what| (Invariant::Restraint, format!("{table}: {what}"))));
        shadow.apply(version, commit);
        let mut ranges = BTreeMap::new();
        for (partition, &to) in &commit.ledger {
            let from = shadow.ledger.insert(partition.clone(), to);
            trace.note(format_args!("    {table}: {partition} from {from:?} to {to}"));
            if from.is_some_and(|from| to < from) {
                found.push((Invariant::RangesJoin, format!("{table}: the ledger of {partition} falls back to {to}")));
            }
            match skip_of(commit.record.as_ref(), partition) {
                None => {
                    ranges.insert(partition.clone(), (from, to));
                }
                // Records below the first that a table was ever to take in are not its business.
                Some("start") if from.is_none() && Some(&to) <= self.kept.get(partition) => {}
                // A recreated table starts where the others are (docs/adr/0006-loss.md).
                Some("start") if from.is_none() && shadow.life > 0 && Some(&to) <= starts.get(partition) => {}
                Some("accepted_gap") if self.accepted.get(partition) == Some(&to) => {}
                Some(why) => {
                    let what =
                        format!("{table} skips {partition} from {from:?} to {to}, and gives as its reason: {why}");
                    found.push((Invariant::LossIsLoud, what));
                }
            }
        }
        self.commits += usize::from(!ranges.is_empty());
        if let Some(what) = record_differs(&self.script, &ranges, commit.record.as_ref()) {
            found.push((Invariant::RangesJoin, format!("{table} version {version} says of itself: {what}")));
        }
        let expected = expected_rows(&self.script, table, &ranges);
        match look_into(objects, table, &commit.files) {
            Ok((rows, lie)) => {
                if let Some(what) = first_difference(&expected, rows) {
                    found.push((Invariant::RowsMatch, format!("{table} version {version} by w{worker}: {what}")));
                }
                found.extend(lie.map(|what| (Invariant::Statistics, format!("{table} version {version}: {what}"))));
            }
            Err(error) => found.push((Invariant::Readable, format!("{table} version {version}: {error:#}"))),
        }
        if table != DEAD_LETTERS {
            found.extend(self.unburied(table, &ranges).map(|what| (Invariant::DeadLettersFirst, what)));
        }
        for (invariant, what) in found {
            self.violated(invariant, what);
        }
    }

    /// A dead letter among the records of `ranges` that is not in its table yet.
    fn unburied(&self, table: &str, ranges: &Ranges) -> Option<String> {
        let buried = &self.tables[DEAD_LETTERS].ledger;
        ranges.iter().find_map(|(partition, &range)| {
            let next = buried.get(partition).copied().unwrap_or(i64::MIN);
            let mut records = within(&self.script, partition, range);
            let missing =
                records.find(|record| record.offset >= next && matches!(record.expected, Expected::Rejected { .. }))?;
            let offset = missing.offset;
            Some(format!("{table} has passed {partition}@{offset}, which is a dead letter and not buried yet"))
        })
    }

    /// A worker tells Kafka what is safe.
    pub fn acknowledged(&mut self, worker: usize, offsets: &Offsets) {
        for (partition, &offset) in offsets {
            let early =
                self.tables.iter().find(|(_, shadow)| shadow.has_had(partition).unwrap_or(i64::MIN) < offset).map(
                    |(table, _)| format!("w{worker} acknowledges {partition} up to {offset}, which {table} lacks"),
                );
            if let Some(what) = early {
                self.violated(Invariant::AcknowledgedLast, what);
            }
        }
    }

    /// Whether every table has everything.
    pub fn is_complete(&self) -> bool {
        self.lacking().is_none()
    }

    /// A table and partition that lacks something.
    pub fn lacking(&self) -> Option<String> {
        self.tables.iter().find_map(|(table, shadow)| {
            self.script.iter().find_map(|(partition, records)| {
                let end = broker::end(records)?;
                let next = shadow.ledger.get(partition).copied();
                (next < Some(end)).then(|| format!("{table} has {partition} up to {next:?}, not to {end}"))
            })
        })
    }

    /// What is known of a table.
    pub fn known(&self, table: &str) -> &Shadow {
        &self.tables[table]
    }

    /// Another tool has committed, or has recreated the table if it is version 0.
    pub fn others_committed(&mut self, table: &str, version: u64, bytes: &[u8]) {
        let Some(shadow) = self.tables.get_mut(table) else { return };
        if version == 0 {
            shadow.begin_again();
        }
        match Commit::read_others(bytes) {
            Ok(commit) => {
                shadow.note_change(&commit);
                shadow.apply(version, &commit);
            }
            Err(error) => self.violated(Invariant::Readable, format!("another tool's entry in {table}: {error}")),
        }
    }

    /// Whether another table has taken the place of one.
    pub fn has_replaced_tables(&self) -> bool {
        self.tables.values().any(|shadow| shadow.life > 0)
    }

    /// Whether a worker may leave with this error: another tool has done what it names.
    pub fn is_excused(&self, error: &PipelineError) -> bool {
        let PipelineError::Table(error) = error else { return false };
        self.tables.values().any(|shadow| match error {
            TableError::Unsupported { .. } => shadow.was_constrained,
            TableError::Replaced { .. } => shadow.life > 0,
            _ => false,
        })
    }
}

type Ranges = BTreeMap<TopicPartition, (Option<i64>, i64)>;

/// The records of a partition within a range; from the first if the ledger did not know the partition.
fn within<'a>(
    script: &'a Script,
    partition: &TopicPartition,
    (from, to): (Option<i64>, i64),
) -> impl Iterator<Item = &'a Record> {
    let from = from.unwrap_or(i64::MIN);
    let records = script.get(partition).map(Vec::as_slice).unwrap_or_default();
    records.iter().filter(move |record| (from..to).contains(&record.offset))
}

/// Why a commit moves a partition's ledger without records, if it says so.
fn skip_of<'a>(record: Option<&'a Value>, partition: &TopicPartition) -> Option<&'a str> {
    record?["skips"]
        .as_array()?
        .iter()
        .find(|skip| skip["topic"] == *partition.topic && skip["partition"] == partition.partition)?["why"]
        .as_str()
}

/// The rows, as text, that a commit of `ranges` must add to `table`; sorted.
fn expected_rows(script: &Script, table: &str, ranges: &Ranges) -> Vec<String> {
    let mut rows = Vec::new();
    for (partition, &range) in ranges {
        for record in within(script, partition, range) {
            match (&record.expected, TABLES.iter().position(|name| *name == table)) {
                (Expected::Rows(counts, token), Some(index)) => {
                    rows.extend((0..counts[index]).map(|row| files::row(table, partition, record, token, row)));
                }
                (Expected::Rejected { stage, code }, None) => {
                    rows.push(files::dead_letter(partition, record, stage, code));
                }
                _ => {}
            }
        }
    }
    rows.sort_unstable();
    rows
}

fn first_difference(expected: &[String], mut found: Vec<String>) -> Option<String> {
    found.sort_unstable();
    let place = expected.iter().zip(&found).take_while(|(left, right)| left == right).count();
    match (expected.get(place), found.get(place)) {
        (None, None) => None,
        (expected, found) => Some(format!("expected {expected:?}, found {found:?}")),
    }
}

/// How what a commit says of itself differs from what it does.
fn record_differs(script: &Script, ranges: &Ranges, record: Option<&Value>) -> Option<String> {
    if ranges.is_empty() {
        return None;
    }
    let Some(said) = record.and_then(|record| record["partitions"].as_array()) else {
        return Some("nothing".to_owned());
    };
    if said.len() != ranges.len() {
        return Some(format!("{} partitions, and it moves {}", said.len(), ranges.len()));
    }
    said.iter().find_map(|said| {
        let topic = said["topic"].as_str().unwrap_or_default();
        let number = said["partition"].as_i64().unwrap_or(-1) as i32;
        let partition = TopicPartition::new(topic, number);
        let Some(&(from, to)) = ranges.get(&partition) else {
            return Some(format!("{partition}, which it does not move"));
        };
        let said_from = said["from"].as_i64();
        if said["to"].as_i64() != Some(to) || from.is_some_and(|from| said_from != Some(from)) {
            return Some(format!("{said}, and it moves {partition} from {from:?} to {to}"));
        }
        let mut counts = [0u64; 3];
        for record in within(script, &partition, (from, to)) {
            counts[match record.expected {
                Expected::Rows(..) => 0,
                Expected::Filtered => 1,
                Expected::Rejected { .. } => 2,
            }] += 1;
        }
        let said_counts = ["emitted", "filtered", "rejected"].map(|name| said[name].as_u64().unwrap_or(u64::MAX));
        (said_counts != counts).then(|| format!("{said}, and the counts are {counts:?}"))
    })
}

/// The rows of a commit's files, and the first thing that the log says of them and that is not true.
fn look_into(
    objects: &Arc<InMemory>,
    table: &str,
    files: &[DataFile],
) -> anyhow::Result<(Vec<String>, Option<String>)> {
    let (mut rows, mut lie) = (Vec::new(), None);
    for file in files {
        let batches = file.read(objects, table)?;
        rows.extend(files::lines(table, file, &batches)?);
        lie = lie.or_else(|| statistics::wrong(file.statistics.as_deref()?, &batches));
    }
    Ok((rows, lie))
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.what)
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RowsMatch => "rows match",
            Self::RangesJoin => "ranges join",
            Self::DeadLettersFirst => "dead letters first",
            Self::AcknowledgedLast => "acknowledged last",
            Self::LossIsLoud => "loss is loud",
            Self::HandsOff => "hands off",
            Self::Progress => "progress",
            Self::Composure => "composure",
            Self::Readable => "readable",
            Self::Statistics => "statistics hold",
            Self::Restraint => "restraint",
        })
    }
}
