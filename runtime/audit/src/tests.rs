//! Random histories of a pipeline with two tables of rows: the audit finds nothing wrong in a clean one, and finds each
//! planted fault. Without a store and files: the tests make up their contents.

use std::collections::{BTreeMap, HashMap};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use sluicebox_ledger::{CommitRecord, PartitionTally, TopicPartition};

use super::account::Accounts;
use super::books::accounts;
use super::files::{Files, trace};
use super::finding::{Fault, Findings};
use super::history::{Before, Commit, History, Holds, LoggedFile, LoggedRecord};
use super::positions::{AllPositions, TableSource};
use super::read_positions::Positions;
use super::{across, judge_properties};

const PIPELINE: &str = "clean";
const TABLES: [(&str, Holds); 3] =
    [("orders", Holds::Rows), ("lines", Holds::Rows), ("dead_letters", Holds::DeadLetters)];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Emitted,
    Filtered,
    Rejected,
    /// No record has this offset.
    Gap,
}

/// What the stream held, and where each table cut it.
#[derive(Clone, Debug)]
struct Story {
    partitions: Vec<Vec<Fate>>,
    /// Records per commit and partition, over and over.
    cuts: Vec<Vec<usize>>,
}

/// The tables that come of it: histories, and what is in each file.
#[derive(Clone, Debug)]
struct World {
    histories: Vec<History>,
    contents: Vec<BTreeMap<String, Vec<(TopicPartition, i64)>>>,
    /// Dead letters that are no longer open.
    resolved: Vec<(TopicPartition, i64)>,
}

fn stories() -> impl Strategy<Value = Story> {
    let fate = prop_oneof![
        6 => Just(Fate::Emitted),
        2 => Just(Fate::Filtered),
        2 => Just(Fate::Rejected),
        1 => Just(Fate::Gap),
    ];
    // One record of each fate, so that every fault can be planted.
    let partition = vec(fate, 3..80).prop_map(|mut fates| {
        fates.extend([Fate::Emitted, Fate::Rejected, Fate::Emitted, Fate::Filtered]);
        fates
    });
    (vec(partition, 1..4), vec(vec(1usize..20, 1..6), TABLES.len()))
        .prop_map(|(partitions, cuts)| Story { partitions, cuts })
}

fn has_row(fate: Fate, offset: i64, table: &str) -> bool {
    match table {
        "orders" => fate == Fate::Emitted && offset % 3 != 1,
        "lines" => fate == Fate::Emitted && offset % 3 != 0,
        _ => fate == Fate::Rejected,
    }
}

impl Story {
    fn world(&self) -> World {
        let tables = TABLES.iter().zip(&self.cuts).map(|((name, holds), cuts)| self.table(name, *holds, cuts));
        let (histories, contents) = tables.unzip();
        World { histories, contents, resolved: Vec::new() }
    }

    fn table(
        &self,
        name: &str,
        holds: Holds,
        cuts: &[usize],
    ) -> (History, BTreeMap<String, Vec<(TopicPartition, i64)>>) {
        let mut history = history(name, holds);
        let mut contents = BTreeMap::new();
        let mut cuts = cuts.iter().copied().cycle();
        loop {
            let version = history.commits.len() as u64;
            let mut record = CommitRecord {
                pipeline: PIPELINE.into(),
                transform_digest: "sha256:1".into(),
                rows: 0,
                partitions: Vec::new(),
                skips: Vec::new(),
            };
            let (mut rows, mut ledger) = (Vec::new(), Vec::new());
            for (number, fates) in self.partitions.iter().enumerate() {
                let partition = TopicPartition::new("orders", number as i32);
                let from = history.ledger.get(&partition).copied().unwrap_or(0);
                let records = fates.iter().enumerate().skip(from as usize).filter(|(_, fate)| **fate != Fate::Gap);
                let taken: Vec<_> = records.take(cuts.next().unwrap_or(1)).collect();
                let Some((last, _)) = taken.last() else { continue };
                let to = *last as i64 + 1;
                let count = |wanted: Fate| taken.iter().filter(|(_, fate)| **fate == wanted).count() as u64;
                record.partitions.push(PartitionTally {
                    topic: "orders".into(),
                    partition: number as i32,
                    from,
                    to,
                    emitted: count(Fate::Emitted),
                    filtered: count(Fate::Filtered),
                    rejected: count(Fate::Rejected),
                    transform_digest: None,
                });
                let with_row = taken.iter().filter(|(offset, fate)| has_row(**fate, *offset as i64, name));
                rows.extend(with_row.map(|(offset, _)| (partition.clone(), *offset as i64)));
                ledger.push((partition.clone(), to));
                history.ledger.insert(partition, to);
            }
            if record.partitions.is_empty() {
                history.version = version - 1;
                return (history, contents);
            }
            record.rows = rows.len() as u64;
            let path = format!("{version}.parquet");
            let file = LoggedFile { bytes: 1, rows: Some(record.rows), has_deletions: false };
            history.files.insert(path.clone(), file);
            contents.insert(path.clone(), rows);
            history.commits.push(Commit {
                version,
                operation: "WRITE".into(),
                record: Some(LoggedRecord::Flush(record)),
                ledger,
                added: vec![(path, file)],
                removed: Vec::new(),
                changes_data: true,
            });
        }
    }
}

fn history(name: &str, holds: Holds) -> History {
    History {
        table: name.into(),
        holds,
        version: 0,
        first: 0,
        before: Before::default(),
        // Version 0 makes the table.
        commits: vec![Commit::default()],
        ledger: BTreeMap::new(),
        properties: HashMap::new(),
        files: BTreeMap::new(),
    }
}

impl World {
    /// All checks, in the order of the audit.
    fn audit(&self) -> Findings {
        let mut findings = Findings::default();
        let books: Vec<(Accounts, Files)> = self
            .histories
            .iter()
            .map(|history| {
                judge_properties(history, &mut findings);
                (accounts(history, PIPELINE, &mut findings), trace(history, PIPELINE, false, &mut findings))
            })
            .collect();
        let named: Vec<_> = TABLES.iter().zip(&books).map(|((name, _), (accounts, _))| (*name, accounts)).collect();
        across::compare(&named, &mut findings);
        let mut all = AllPositions::default();
        for (index, (table, holds)) in TABLES.into_iter().enumerate() {
            let source = TableSource { table, holds, accounts: &books[index].0 };
            for (path, (origin, _)) in &books[index].1.live {
                let mut positions = Positions::default();
                for position in &self.contents[index][path] {
                    positions.insert(&position.0, position.1, !self.resolved.contains(position));
                }
                all.take_in(source, path, *origin, &positions, &mut findings);
            }
        }
        all.sort_rewritten();
        all.compare_rows(&named[..2], false, &mut findings);
        all.compare_dead_letters(
            TableSource { table: TABLES[2].0, holds: TABLES[2].1, accounts: named[2].1 },
            false,
            &mut findings,
        );
        all.compare_with_redriven(TABLES[2].0, &mut findings);
        findings
    }

    /// A commit that took in records, and the index of one of its partitions.
    fn pick(&mut self, table: usize, at: Index) -> &mut Commit {
        let commits = &mut self.histories[table].commits;
        let index = 1 + at.index(commits.len() - 1);
        &mut commits[index]
    }

    fn tally(&mut self, table: usize, at: Index) -> &mut PartitionTally {
        let commit = self.pick(table, at);
        let Some(LoggedRecord::Flush(record)) = &mut commit.record else { unreachable!("it took in records") };
        &mut record.partitions[0]
    }

    /// A commit on top of the others that removes the files of `removed` and adds one that holds `rows`.
    fn commit(
        &mut self,
        table: usize,
        record: Option<LoggedRecord>,
        removed: &[String],
        rows: Vec<(TopicPartition, i64)>,
    ) {
        let history = &mut self.histories[table];
        history.version += 1;
        let path = format!("{}.parquet", history.version);
        let file = LoggedFile { bytes: 1, rows: Some(rows.len() as u64), has_deletions: false };
        history.files.retain(|path, _| !removed.contains(path));
        history.files.insert(path.clone(), file);
        history.commits.push(Commit {
            version: history.version,
            operation: "WRITE".into(),
            record,
            ledger: Vec::new(),
            added: vec![(path.clone(), file)],
            removed: removed.to_vec(),
            changes_data: true,
        });
        self.contents[table].insert(path, rows);
    }

    /// Brings a dead letter's rows into a table.
    fn apply(&mut self, table: usize, letter: &(TopicPartition, i64)) {
        let record = LoggedRecord::Redrive { pipeline: PIPELINE.into(), rows: 1 };
        self.commit(table, Some(record), &[], vec![letter.clone()]);
    }

    /// Resolves a dead letter: its file is rewritten.
    fn settle(&mut self, letter: &(TopicPartition, i64)) {
        let holds = |(_, rows): &(&String, &Vec<_>)| rows.contains(letter);
        let Some((path, rows)) = self.contents[2].iter().find(holds) else { unreachable!("it was buried") };
        let (path, rows) = (path.clone(), rows.clone());
        let record = LoggedRecord::Redrive { pipeline: PIPELINE.into(), rows: 0 };
        self.commit(2, Some(record), &[path], rows);
        self.resolved.push(letter.clone());
    }

    fn faults(&self) -> Vec<Fault> {
        self.audit().violations.iter().map(|violation| violation.fault).collect()
    }

    /// A file with rows, and its rows.
    fn rows(&mut self, table: usize, at: Index) -> &mut Vec<(TopicPartition, i64)> {
        let mut filled: Vec<_> = self.contents[table].values_mut().filter(|rows| !rows.is_empty()).collect();
        let index = at.index(filled.len());
        filled.swap_remove(index)
    }
}

/// Every fault, and the name under which the audit must report it.
const FAULTS: [(&str, Fault); 16] = [
    ("a commit is missing", Fault::Hole),
    ("a commit begins too early", Fault::Overlap),
    ("a commit begins too late", Fault::Hole),
    ("a commit counts more than its offsets", Fault::Overfull),
    ("a commit leaves the ledger alone", Fault::LedgerMismatch),
    ("a commit sets the ledger elsewhere", Fault::LedgerMismatch),
    ("the newest ledger is elsewhere", Fault::LedgerMismatch),
    ("the ledger forgets", Fault::LedgerMismatch),
    ("another program moves the ledger", Fault::ForeignLedger),
    ("the ledger may expire", Fault::LedgerExpires),
    ("a table counts a record differently", Fault::TablesDisagree),
    ("a file holds more rows than counted", Fault::RowsMiscounted),
    ("a row of another commit", Fault::Misplaced),
    ("a dead letter is missing", Fault::Missing),
    ("a dead letter is there twice", Fault::Doubled),
    ("a dead letter has a row", Fault::RowAndDeadLetter),
];

/// Plants a fault; none if this world has no place for it.
fn plant(world: &mut World, fault: &str, table: usize, at: Index) -> Option<()> {
    match fault {
        "a commit is missing" => {
            // Without the last commit of a partition, the table would only be behind.
            let commits = &mut world.histories[table].commits;
            let index = 1 + at.index(commits.len() - 1);
            let is_last = |partition: &TopicPartition| {
                !commits[index + 1..].iter().any(|commit| commit.ledger.iter().any(|(other, _)| other == partition))
            };
            if commits[index].ledger.iter().any(|(partition, _)| is_last(partition)) || index == 1 {
                return None;
            }
            commits[index].record = None;
            commits[index].ledger.clear();
        }
        "a commit begins too early" => {
            let tally = world.tally(table, at);
            (tally.from > 0).then(|| tally.from -= 1)?;
        }
        "a commit begins too late" => {
            let tally = world.tally(table, at);
            let offsets = (tally.to - tally.from) as u64;
            let has_room = tally.from > 0 && tally.emitted + tally.filtered + tally.rejected < offsets;
            has_room.then(|| tally.from += 1)?;
        }
        "a commit counts more than its offsets" => world.tally(table, at).filtered += 1_000,
        "a commit leaves the ledger alone" => world.pick(table, at).ledger.clear(),
        "a commit sets the ledger elsewhere" => world.pick(table, at).ledger[0].1 += 1,
        "the newest ledger is elsewhere" => *world.histories[table].ledger.values_mut().next()? += 1,
        "the ledger forgets" => drop(world.histories[table].ledger.pop_first()?),
        "another program moves the ledger" => world.pick(table, at).record = None,
        "the ledger may expire" => {
            let properties = &mut world.histories[table].properties;
            properties.insert("delta.setTransactionRetentionDuration".into(), "interval 1 day".into());
        }
        "a table counts a record differently" => {
            let tally = world.tally(table, at);
            (tally.emitted > 0).then(|| {
                tally.emitted -= 1;
                tally.filtered += 1;
            })?;
        }
        "a file holds more rows than counted" => {
            let commit = world.pick(table, at);
            commit.added[0].1.rows = commit.added[0].1.rows.map(|rows| rows + 1);
        }
        "a row of another commit" => world.rows(table, at)[0].1 += 10_000,
        "a dead letter is missing" => drop(world.rows(2, at).pop()),
        "a dead letter is there twice" => {
            let rows = world.rows(2, at);
            rows.push(rows[0].clone());
        }
        "a dead letter has a row" => {
            let letter = world.rows(2, at)[0].clone();
            let holds = |commit: &&Commit| {
                let record = commit.flush_of(PIPELINE);
                record.is_some_and(|record| {
                    let is_in = |tally: &PartitionTally| {
                        tally.partition == letter.0.partition && (tally.from..tally.to).contains(&letter.1)
                    };
                    record.partitions.iter().any(is_in)
                })
            };
            let path = world.histories[0].commits.iter().find(holds)?.added[0].0.clone();
            world.contents[0].get_mut(&path)?.push(letter);
        }
        other => unreachable!("{other}"),
    }
    Some(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_clean_history_is_sound(story in stories()) {
        let findings = story.world().audit();
        prop_assert!(findings.violations.is_empty(), "{:?}", findings.violations);
        prop_assert!(findings.notes.is_empty(), "{:?}", findings.notes);
    }

    /// A crash between the commits of two tables is not a fault.
    #[test]
    fn a_table_may_be_behind(story in stories(), table in 0usize..3) {
        let mut world = story.world();
        let history = &mut world.histories[table];
        let Some(last) = history.commits.pop() else { unreachable!("there are some") };
        history.version -= 1;
        history.files.remove(&last.added[0].0);
        for (partition, _) in &last.ledger {
            let before = history.commits.iter().rev().flat_map(|commit| &commit.ledger);
            match before.clone().find(|(other, _)| other == partition) {
                Some((_, next)) => history.ledger.insert(partition.clone(), *next),
                None => history.ledger.remove(partition),
            };
        }
        let findings = world.audit();
        prop_assert!(findings.violations.is_empty(), "{:?}", findings.violations);
        prop_assert!(findings.notes.iter().all(|note| note.message.starts_with("is behind")), "{:?}", findings.notes);
        prop_assert!(!findings.notes.is_empty());
    }

    /// A log without its oldest entries is sound: the ledger covers them.
    #[test]
    fn a_log_may_lose_its_oldest_entries(story in stories(), table in 0usize..3, at: Index, is_exact: bool) {
        let mut world = story.world();
        let history = &mut world.histories[table];
        let gone: Vec<Commit> = history.commits.drain(..1 + at.index(history.commits.len())).collect();
        history.first = gone.len() as u64;
        let entries = gone.iter().flat_map(|commit| commit.ledger.clone());
        if is_exact {
            history.before.ledger = entries.collect();
        } else {
            let is_moved = |partition: &TopicPartition| {
                history.commits.iter().any(|commit| commit.ledger.iter().any(|(other, _)| other == partition))
            };
            let (unknown, known): (Vec<_>, Vec<_>) = entries.partition(|(partition, _)| is_moved(partition));
            history.before.ledger = known.into_iter().collect();
            history.before.unknown = unknown.into_iter().map(|(partition, _)| partition).collect();
        }
        let findings = world.audit();
        prop_assert!(findings.violations.is_empty(), "{:?}", findings.violations);
    }

    #[test]
    fn every_planted_fault_is_found(story in stories(), fault in 0..FAULTS.len(), table in 0usize..3, at: Index) {
        let (name, wanted) = FAULTS[fault];
        let mut world = story.world();
        prop_assume!(plant(&mut world, name, table, at).is_some());
        let found = world.faults();
        prop_assert!(found.contains(&wanted), "{name}: {found:?}");
    }
}

/// The rows of the first file of `orders`.
fn first(world: &mut World) -> &mut Vec<(TopicPartition, i64)> {
    world.contents[0].entry("1.parquet".into()).or_default()
}

#[test]
fn a_row_that_is_missing_or_too_many_is_found() {
    let fates = vec![Fate::Emitted, Fate::Filtered, Fate::Emitted, Fate::Rejected];
    let story = Story { partitions: vec![fates], cuts: vec![vec![2], vec![4], vec![3]] };
    let faults = |change: &dyn Fn(&mut World)| {
        let mut world = story.world();
        change(&mut world);
        world.faults()
    };
    assert_eq!(faults(&|_| {}), []);
    // Offset 0 has its row in `orders` only.
    assert_eq!(faults(&|world| first(world).clear()), [Fault::Missing]);
    let filtered = (TopicPartition::new("orders", 0), 1);
    assert_eq!(faults(&|world| first(world).push(filtered.clone())), [Fault::Doubled]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// A dead letter may have rows only when it is no longer open, and only once in each table.
    #[test]
    fn a_redrive_adds_only_rejected_records_and_adds_them_once(story in stories(), at: Index, table in 0usize..2) {
        let mut world = story.world();
        let letter = world.rows(2, at)[0].clone();
        world.apply(table, &letter);
        prop_assert_eq!(world.faults(), [Fault::RowAndDeadLetter]);
        world.settle(&letter);
        prop_assert_eq!(world.faults(), []);
        world.apply(1 - table, &letter);
        prop_assert_eq!(world.faults(), []);

        // An OPTIMIZE changes nothing of that.
        let mut optimized = world.clone();
        let files: Vec<String> = optimized.histories[table].files.keys().cloned().collect();
        let rows = files.iter().flat_map(|path| optimized.contents[table][path].clone()).collect();
        optimized.commit(table, None, &files, rows);
        if let Some(commit) = optimized.histories[table].commits.last_mut() {
            commit.changes_data = false;
        }
        prop_assert_eq!(optimized.faults(), []);

        let mut doubled = world.clone();
        doubled.apply(table, &letter);
        prop_assert_eq!(doubled.faults(), [Fault::Doubled]);
        let row = world.rows(0, at)[0].clone();
        world.apply(0, &row);
        prop_assert!(world.faults().contains(&Fault::Doubled));
    }
}

#[test]
fn what_others_do_is_judged_by_what_it_does_to_the_rows() {
    let story = Story { partitions: vec![vec![Fate::Emitted; 9]], cuts: vec![vec![3]; 3] };
    let file = |rows| LoggedFile { bytes: 1, rows: Some(rows), has_deletions: false };
    let others = |operation: &str, added: &[u64], removed: &[&str], changes_data| {
        let mut history = story.world().histories.swap_remove(0);
        history.version += 1;
        history.commits.push(Commit {
            version: history.version,
            operation: operation.into(),
            added: added.iter().map(|rows| (format!("theirs-{rows}"), file(*rows))).collect(),
            removed: removed.iter().map(|path| (*path).to_owned()).collect(),
            changes_data,
            ..Commit::default()
        });
        let mut findings = Findings::default();
        trace(&history, PIPELINE, false, &mut findings);
        let faults: Vec<Fault> = findings.violations.iter().map(|violation| violation.fault).collect();
        let notes: Vec<String> = findings.notes.into_iter().map(|note| note.message).collect();
        (faults, notes.join("; "))
    };
    // Of offsets 0 to 2, two have rows in `orders`.
    let (faults, notes) = others("OPTIMIZE", &[4], &["1.parquet", "2.parquet"], false);
    assert_eq!((faults, notes.as_str()), (vec![], "version 4 (OPTIMIZE) rewrote files"));
    assert_eq!(others("OPTIMIZE", &[3], &["1.parquet", "2.parquet"], false).0, [Fault::RowsGone]);
    let (faults, notes) = others("DELETE", &[1], &["1.parquet"], true);
    assert!(faults.is_empty() && notes.contains("1 rows removed by version 4 (DELETE)"), "{notes}");
    assert_eq!(others("RESTORE", &[], &["3.parquet"], true).0, [Fault::RowsGone]);
    let (faults, notes) = others("WRITE", &[7], &[], true);
    assert!(faults.is_empty() && notes.contains("added 7 rows outside"), "{notes}");
    assert_eq!(others("VACUUM END", &[], &[], false), (vec![], String::new()));
}
