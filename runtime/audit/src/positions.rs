//! Checks that every position is where the books say, once: rows and dead letters are in the ranges of their commits, there
//! are as many as were counted, and no record is both. Pure; the caller reads the files and passes them one by one.

use std::collections::{BTreeMap, BTreeSet};

use sluicebox_ledger::TopicPartition;

use super::account::{Accounts, Life, Mark};
use super::files::Origin;
use super::find_life::find_life;
use super::finding::{Fault, Findings, Place};
use super::history::Holds;
use super::offset_set::OffsetSet;
use super::read_positions::Positions;

/// One life of one partition, by age: the same offset in two lives is two records.
type LifeOf = (TopicPartition, usize);
type Sets = BTreeMap<LifeOf, OffsetSet>;

/// The table that a file belongs to.
#[derive(Clone, Copy)]
pub(super) struct TableSource<'a> {
    pub(super) table: &'a str,
    pub(super) holds: Holds,
    pub(super) accounts: &'a Accounts,
}

/// The positions in the files of all tables.
#[derive(Default)]
pub(super) struct AllPositions {
    /// Records with rows.
    rows: Sets,
    /// Records with rows in rewritten files, where rows of the pipeline and of redrives may be mixed.
    rewritten: Sets,
    /// Records with rows that a redrive added.
    redriven: Sets,
    /// The same by table and version.
    applied: BTreeMap<(String, LifeOf), BTreeMap<u64, OffsetSet>>,
    /// Records that were buried.
    dead_letters: Sets,
    /// Records that are open dead letters.
    open: Sets,
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
        let place = match origin {
            Origin::Flush(version) | Origin::Redrive(version) | Origin::Rewrite(version) | Origin::Others(version) => {
                place.version(version)
            }
            Origin::Gone => place,
        };
        for (partition, offsets) in &positions.offsets {
            let place = place.clone().partition(partition);
            let age = find_life(source.accounts, partition, origin, offsets).unwrap_or_else(|misplaced| {
                let place = place.clone().offsets(misplaced.offset, misplaced.offset + 1);
                let message = format!("the file {path} holds {} that {}", what(source.holds), misplaced.why);
                findings.violation(Fault::Misplaced, place, message);
                0
            });
            let life = (partition.clone(), age);
            match (source.holds, origin) {
                (_, Origin::Others(_)) => {
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

    /// Checks that there are as many distinct rows as were counted, between offsets at which the books of all tables meet.
    pub(super) fn compare_rows(&self, tables: &[(&str, &Accounts)], rows_removed: bool, findings: &mut Findings) {
        let Some(((first, accounts), others)) = tables.split_first() else { return };
        for (partition, age, life) in lives(accounts) {
            let none = OffsetSet::default();
            let rows = self.rows.get(&(partition.clone(), age)).unwrap_or(&none);
            let same =
                |accounts: &'_ &Accounts| accounts.get(partition)?.by_age().nth(age).map(|(_, life)| life.marks());
            let others: Option<Vec<Vec<Mark>>> = others.iter().map(|(_, accounts)| same(accounts)).collect();
            // A table that does not know the partition yet lacks rows; the next run adds them.
            let Some(others) = others else { continue };
            for (from, to, counted) in meetings(life, &others) {
                let found = rows.count(from, to);
                let place = Place::table(first).partition(partition).offsets(from, to);
                if found > counted {
                    let message = format!("{found} records have rows, but only {counted} were emitted");
                    findings.violation(Fault::Doubled, place, message);
                } else if found < counted && !rows_removed {
                    let message = format!("{counted} records were emitted, but only {found} have rows");
                    findings.violation(Fault::Missing, place, message);
                }
            }
        }
    }

    /// Checks that every rejected record is a dead letter.
    pub(super) fn compare_dead_letters(&self, source: TableSource<'_>, rows_removed: bool, findings: &mut Findings) {
        for (partition, age, life) in lives(source.accounts) {
            let none = OffsetSet::default();
            let buried = self.dead_letters.get(&(partition.clone(), age)).unwrap_or(&none);
            for entry in &life.entries {
                let Some(counts) = entry.counts else { continue };
                let found = buried.count(entry.from, entry.to);
                let place = Place::table(source.table).version(entry.version).partition(partition);
                let place = place.offsets(entry.from, entry.to);
                if found > counts.rejected {
                    let message = format!("{found} dead letters, but only {} records were rejected", counts.rejected);
                    findings.violation(Fault::Doubled, place, message);
                } else if found < counts.rejected && !rows_removed {
                    let message =
                        format!("{} records were rejected, but only {found} are dead letters", counts.rejected);
                    findings.violation(Fault::Missing, place, message);
                }
            }
        }
    }

    /// Checks that no record is both a row and an open dead letter, and that a redrive added only rejected records.
    pub(super) fn compare_with_redriven(&self, dead_letters: &str, findings: &mut Findings) {
        let none = OffsetSet::default();
        let with_rows: BTreeSet<&LifeOf> = self.rows.keys().chain(self.redriven.keys()).collect();
        for life in with_rows {
            let place = Place::table(dead_letters).partition(&life.0);
            let [rows, redriven, open, rejected] = [&self.rows, &self.redriven, &self.open, &self.dead_letters]
                .map(|sets| sets.get(life).unwrap_or(&none));
            let mut both = open.common(rows);
            both.extend(&open.common(redriven));
            report(&both, Fault::RowAndDeadLetter, &place, "both in a table and an open dead letter", findings);
            let twice = redriven.common(rows);
            report(&twice, Fault::Doubled, &place, "in a table twice, by the pipeline and by a redrive", findings);
            let strange = redriven.without(rejected);
            report(&strange, Fault::Doubled, &place, "in a table by a redrive, but was never a dead letter", findings);
        }
    }
}

fn lives(accounts: &Accounts) -> impl Iterator<Item = (&TopicPartition, usize, &Life)> {
    accounts.iter().flat_map(|(partition, account)| account.by_age().map(move |(age, life)| (partition, age, life)))
}

/// The ranges between offsets at which commits of all tables end, each with its number of emitted records. Leaves out ranges
/// in which a table skipped records, because other tables may have rows of them.
fn meetings(life: &Life, others: &[Vec<Mark>]) -> Vec<(i64, i64, u64)> {
    let mut common = life.marks();
    for theirs in others {
        common.retain_mut(|mark| match theirs.binary_search_by_key(&mark.offset, |their| their.offset) {
            Ok(index) => {
                mark.skipped += theirs[index].skipped;
                true
            }
            Err(_) => false,
        });
    }
    let whole = common.windows(2).filter(|pair| pair[0].skipped == pair[1].skipped);
    whole.map(|pair| (pair[0].offset, pair[1].offset, (pair[1].counts - pair[0].counts).emitted)).collect()
}

fn report(offsets: &OffsetSet, fault: Fault, place: &Place, how: &str, findings: &mut Findings) {
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
