//! Gathers the positions in the files of all tables, and checks that each is one that its file's commit took in. Pure; the
//! caller reads the files and passes them one by one.

use std::collections::BTreeMap;

use sluicebox_ledger::TopicPartition;

use super::account::{Account, Accounts};
use super::files::{Files, Origin};
use super::find_life::find_life;
use super::finding::{Fault, Findings, Place};
use super::history::Holds;
use super::offset_set::OffsetSet;
use super::read_positions::Positions;

/// One life of one partition, by age: the same offset in two lives is two records.
pub(super) type LifeOf = (TopicPartition, usize);
pub(super) type Sets = BTreeMap<LifeOf, OffsetSet>;

/// The table that a file belongs to.
#[derive(Clone, Copy)]
pub(super) struct TableSource<'a> {
    pub(super) table: &'a str,
    pub(super) holds: Holds,
    pub(super) accounts: &'a Accounts,
    pub(super) files: &'a Files,
}

/// The positions in the files of all tables.
#[derive(Default)]
pub(super) struct AllPositions {
    /// Records with rows.
    pub(super) rows: Sets,
    /// Records with rows in rewritten files, where rows of the pipeline and of redrives may be mixed.
    rewritten: Sets,
    /// Records whose rows may be another pipeline's: in files of a shared table that hold rows of several commits.
    pub(super) ambiguous: Sets,
    /// Records with rows that a redrive added.
    pub(super) redriven: Sets,
    /// The same by table and version.
    applied: BTreeMap<(String, LifeOf), BTreeMap<u64, OffsetSet>>,
    /// Records that were buried.
    pub(super) dead_letters: Sets,
    /// Records that are open dead letters.
    pub(super) open: Sets,
}

/// Whose rows of one partition in a file are.
enum Owner {
    Ours,
    Others,
    Unclear,
}

impl TableSource<'_> {
    /// A dead letter names its pipeline, and only those of this pipeline are read. A row does not: in a shared table, a file
    /// that may hold rows of several commits is told by the partitions that each pipeline takes in.
    fn owner_of(&self, origin: Origin, partition: &TopicPartition) -> Owner {
        let is_by_commit = matches!(origin, Origin::Flush(_) | Origin::Redrive(_));
        if is_by_commit || self.holds == Holds::DeadLetters || !self.files.is_shared {
            return Owner::Ours;
        }
        match (self.accounts.contains_key(partition), self.files.of_others.contains(partition)) {
            (true, false) => Owner::Ours,
            (true, true) => Owner::Unclear,
            (false, _) => Owner::Others,
        }
    }
}

impl AllPositions {
    /// Takes in the positions of one file.
    pub(super) fn take_in(
        &mut self,
        source: TableSource<'_>,
        path: &str,
        origin: Origin,
        positions: &Positions,
        findings: &mut Findings,
    ) {
        if positions.unplaced_rows > 0 {
            let count = positions.unplaced_rows;
            findings.note(source.table, format!("{count} rows of the file {path} have no position"));
        }
        let place = Place::table(source.table);
        let place = match origin.version() {
            Some(version) => place.version(version),
            None => place,
        };
        for (partition, offsets) in &positions.offsets {
            match source.owner_of(origin, partition) {
                Owner::Ours => {}
                Owner::Others => continue,
                Owner::Unclear => {
                    for (age, _) in source.accounts.get(partition).into_iter().flat_map(Account::by_age) {
                        self.ambiguous.entry((partition.clone(), age)).or_default().extend(offsets);
                    }
                    continue;
                }
            }
            let place = place.clone().partition(partition);
            let age = find_life(source.accounts, partition, origin, offsets).unwrap_or_else(|misplaced| {
                let place = place.clone().offsets(misplaced.offset, misplaced.offset + 1);
                let message = format!("the file {path} holds {} that {}", what(source.holds), misplaced.why);
                findings.violation(Fault::Misplaced, place, message);
                0
            });
            let life = (partition.clone(), age);
            match (source.holds, origin) {
                (_, Origin::Others(_) | Origin::Pipeline(_)) => {
                    let how = "in rows that another program added, although the table had taken it in";
                    report(offsets, Fault::Doubled, &place, how, findings);
                }
                (Holds::Rows, Origin::Redrive(version)) => {
                    self.redriven.entry(life.clone()).or_default().extend(offsets);
                    let applied = self.applied.entry((source.table.to_owned(), life)).or_default();
                    for (other, brought) in applied.iter().filter(|(other, _)| **other != version) {
                        let how = format!("in rows of the redrive of version {other} too");
                        report(&brought.common(offsets), Fault::Doubled, &place, &how, findings);
                    }
                    applied.entry(version).or_default().extend(offsets);
                }
                (Holds::Rows, Origin::Rewrite(_)) => self.rewritten.entry(life).or_default().extend(offsets),
                (Holds::Rows, _) => self.rows.entry(life).or_default().extend(offsets),
                (Holds::DeadLetters, _) => {
                    let buried = self.dead_letters.entry(life.clone()).or_default();
                    // Before `buried` takes in this file, or everything in it would be there twice.
                    let mut twice = buried.common(offsets);
                    twice.extend(positions.repeated.get(partition).unwrap_or(&OffsetSet::default()));
                    buried.extend(offsets);
                    report(&twice, Fault::Doubled, &place, "buried more than once", findings);
                    if let Some(open) = positions.open.get(partition) {
                        self.open.entry(life).or_default().extend(open);
                    }
                }
            }
        }
    }

    /// Splits the rows of rewritten files, once all files are taken in: a redrive added the row of a record that is a dead
    /// letter but no longer open.
    pub(super) fn sort_rewritten(&mut self) {
        let none = OffsetSet::default();
        for (life, offsets) in std::mem::take(&mut self.rewritten) {
            let [buried, open] = [&self.dead_letters, &self.open].map(|sets| sets.get(&life).unwrap_or(&none));
            let resolved = buried.without(open);
            self.redriven.entry(life.clone()).or_default().extend(&offsets.common(&resolved));
            self.rows.entry(life).or_default().extend(&offsets.without(&resolved));
        }
    }
}

/// Reports offsets that must not be there, as one violation.
pub(super) fn report(offsets: &OffsetSet, fault: Fault, place: &Place, how: &str, findings: &mut Findings) {
    let Some(first) = offsets.iter().next() else { return };
    let message = match offsets.len() {
        1 => format!("the record is {how}"),
        count => format!("{count} records are {how}, from this one on"),
    };
    findings.violation(fault, place.clone().offsets(first, first + 1), message);
}

fn what(holds: Holds) -> &'static str {
    match holds {
        Holds::Rows => "rows",
        Holds::DeadLetters => "dead letters",
    }
}
