//! Random histories of a pipeline with two tables of rows, as commits and the contents of their files, without a store.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use sluicebox_ledger::{PartitionTally, TopicPartition};

use super::told::{Told, record};
use crate::account::Accounts;
use crate::across;
use crate::files::{Files, Origin};
use crate::finding::{Fault, Findings};
use crate::history::{Commit, Holds, LoggedRecord};
use crate::positions::{AllPositions, TableSource};
use crate::read_positions::Positions;

pub(super) const PIPELINE: &str = "clean";
const TABLES: [(&str, Holds); 3] =
    [("orders", Holds::Rows), ("lines", Holds::Rows), ("dead_letters", Holds::DeadLetters)];

/// A position, and its rows in a file.
pub(super) type Row = (TopicPartition, i64);

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fate {
    Emitted,
    Filtered,
    Rejected,
    /// No record has this offset.
    Gap,
}

/// What the stream held, and where each table cut it.
#[derive(Clone, Debug)]
pub(super) struct Story {
    pub(super) partitions: Vec<Vec<Fate>>,
    /// Records per commit and partition, over and over.
    pub(super) cuts: Vec<Vec<usize>>,
}

/// The tables that come of it.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) tables: Vec<Told>,
    /// Dead letters that are no longer open.
    pub(super) resolved: Vec<Row>,
}

pub(super) fn stories() -> impl Strategy<Value = Story> {
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
    pub(super) fn world(&self) -> World {
        let tables = TABLES.iter().zip(&self.cuts).map(|((name, holds), cuts)| self.table(name, *holds, cuts));
        World { tables: tables.collect(), resolved: Vec::new() }
    }

    fn table(&self, name: &str, holds: Holds, cuts: &[usize]) -> Told {
        let mut told = Told::new(name, holds);
        let mut cuts = cuts.iter().copied().cycle();
        loop {
            let mut record = record(PIPELINE);
            let mut rows = Vec::new();
            for (number, fates) in self.partitions.iter().enumerate() {
                let partition = TopicPartition::new("orders", number as i32);
                let from = told.ledger.get(&partition).copied().unwrap_or(0);
                let records = fates.iter().enumerate().skip(from as usize).filter(|(_, fate)| **fate != Fate::Gap);
                let taken: Vec<_> = records.take(cuts.next().unwrap_or(1)).collect();
                let Some((last, _)) = taken.last() else { continue };
                let count = |wanted: Fate| taken.iter().filter(|(_, fate)| **fate == wanted).count() as u64;
                record.partitions.push(PartitionTally {
                    topic: "orders".into(),
                    partition: number as i32,
                    from,
                    to: *last as i64 + 1,
                    emitted: count(Fate::Emitted),
                    filtered: count(Fate::Filtered),
                    rejected: count(Fate::Rejected),
                    transform_digest: None,
                });
                let with_row = taken.iter().filter(|(offset, fate)| has_row(**fate, *offset as i64, name));
                rows.extend(with_row.map(|(offset, _)| (partition.clone(), *offset as i64)));
            }
            if record.partitions.is_empty() {
                return told;
            }
            told.flush(record, rows);
        }
    }
}

impl World {
    /// All checks, in the order of the audit.
    pub(super) fn audit(&self) -> Findings {
        let mut findings = Findings::default();
        let books: Vec<(Accounts, Files)> = self.tables.iter().map(|told| told.follow(&mut findings)).collect();
        let named: Vec<_> = TABLES.iter().zip(&books).map(|((name, _), (accounts, _))| (*name, accounts)).collect();
        across::compare(&named, &mut findings);
        let sources = TABLES.iter().zip(&books).map(|((table, holds), (accounts, files))| TableSource {
            table,
            holds: *holds,
            accounts,
            files,
        });
        let sources: Vec<TableSource<'_>> = sources.collect();
        let mut all = AllPositions::default();
        for (source, told) in sources.iter().zip(&self.tables) {
            for (key, (origin, _)) in &source.files.live {
                if matches!(origin, Origin::Pipeline(_)) {
                    continue;
                }
                let mut positions = Positions::default();
                for position in &told.contents[key] {
                    positions.insert(&position.0, position.1, !self.resolved.contains(position));
                }
                all.take_in(*source, &key.path, *origin, &positions, &mut findings);
            }
        }
        all.sort_rewritten();
        all.compare_rows(&sources[..2], sources[2], &mut findings);
        all.compare_dead_letters(sources[2], &mut findings);
        all.compare_with_redriven(sources[2], &mut findings);
        findings
    }

    /// A commit that took in records, and the index of one of its partitions.
    pub(super) fn pick(&mut self, table: usize, at: Index) -> &mut Commit {
        let commits = &mut self.tables[table].commits;
        let index = 1 + at.index(commits.len() - 1);
        &mut commits[index]
    }

    pub(super) fn tally(&mut self, table: usize, at: Index) -> &mut PartitionTally {
        let commit = self.pick(table, at);
        let Some(LoggedRecord::Flush(record)) = &mut commit.record else { unreachable!("it took in records") };
        &mut record.partitions[0]
    }

    /// Brings a dead letter's rows into a table.
    pub(super) fn apply(&mut self, table: usize, letter: &Row) {
        let record = LoggedRecord::Redrive { pipeline: PIPELINE.into(), rows: 1 };
        let commit =
            Commit { operation: "WRITE".into(), record: Some(record), changes_data: true, ..Commit::default() };
        self.tables[table].commit(commit, &[], vec![letter.clone()]);
    }

    /// Resolves a dead letter: its file is rewritten.
    pub(super) fn settle(&mut self, letter: &Row) {
        let told = &mut self.tables[2];
        let holding = told.files.keys().find(|key| told.contents[*key].contains(letter));
        let Some(key) = holding.cloned() else { unreachable!("it was buried") };
        let rows = told.contents[&key].clone();
        let record = LoggedRecord::Redrive { pipeline: PIPELINE.into(), rows: 0 };
        let commit =
            Commit { operation: "UPDATE".into(), record: Some(record), changes_data: true, ..Commit::default() };
        told.commit(commit, &[key], rows);
        self.resolved.push(letter.clone());
    }

    pub(super) fn faults(&self) -> Vec<Fault> {
        self.audit().violations.iter().map(|violation| violation.fault).collect()
    }

    /// A file with rows, and its rows.
    pub(super) fn rows(&mut self, table: usize, at: Index) -> &mut Vec<Row> {
        let mut filled: Vec<_> = self.tables[table].contents.values_mut().filter(|rows| !rows.is_empty()).collect();
        let index = at.index(filled.len());
        filled.swap_remove(index)
    }
}
