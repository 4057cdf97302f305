//! Compares the positions in the files with the books: there are as many records with rows and as many dead letters as were
//! counted, and no record is both. What other programs removed, and what may be another pipeline's, is not judged. Pure.

use std::collections::BTreeSet;

use sluicebox_ledger::TopicPartition;

use super::account::{Accounts, Life, Mark};
use super::finding::{Fault, Findings, Place};
use super::offset_set::OffsetSet;
use super::positions::{AllPositions, LifeOf, TableSource, report};

/// Why records of a shared table are not judged.
const SHARED: &str =
    "another pipeline takes the same partition into the table, and files that were rewritten may have its rows";
/// Why a row that is not in the books is not judged.
const LETTERS_REMOVED: &str = "another program removed dead letters, so that rows of a redrive cannot be told apart";

/// Records that are missing where other programs removed rows.
#[derive(Default)]
struct Shortfall {
    records: u64,
    first: Option<Place>,
}

impl TableSource<'_> {
    fn life(&self, partition: &TopicPartition, age: usize) -> Option<&Life> {
        self.accounts.get(partition)?.by_age().nth(age).map(|(_, life)| life)
    }

    /// Of the commits that took in offsets of `from..to`, those of whose rows other programs may have removed some: how many
    /// records they rejected; none if there is no such commit.
    fn untold(&self, partition: &TopicPartition, age: usize, from: i64, to: i64) -> Option<u64> {
        let life = self.life(partition, age)?;
        // An entry that ends at `from` does not touch the range.
        let start = life.entries.partition_point(|entry| entry.to <= from);
        let within = life.entries[start..].iter().take_while(|entry| entry.from < to);
        let untold = within.filter(|entry| self.files.untold.has(entry.version.cast_signed()));
        // None and 0 differ: a commit that rejected nothing may still have lost rows.
        untold.fold(None, |sum, entry| Some(sum.unwrap_or(0) + entry.counts.map_or(0, |counts| counts.rejected)))
    }
}

impl Shortfall {
    fn add(&mut self, records: u64, place: Place) {
        self.records += records;
        self.first.get_or_insert(place);
    }

    /// Other programs cannot have removed more records than rows.
    fn judge(self, rows_removed: Option<u64>, findings: &mut Findings) {
        if let (Some(place), Some(removed)) = (self.first, rows_removed)
            && self.records > removed
        {
            let records = self.records;
            let message =
                format!("{records} records are missing from here on, but other programs removed {removed} rows");
            findings.violation(Fault::Missing, place, message);
        }
    }
}

impl AllPositions {
    /// Checks that there are as many distinct rows as were counted, between offsets at which the books of all tables meet.
    pub(super) fn compare_rows(
        &self,
        tables: &[TableSource<'_>],
        dead_letters: TableSource<'_>,
        findings: &mut Findings,
    ) {
        let Some((first, others)) = tables.split_first() else { return };
        let mut shortfall = Shortfall::default();
        for (partition, age, life) in lives(first.accounts) {
            let none = OffsetSet::default();
            let key = (partition.clone(), age);
            let rows = self.rows.get(&key).unwrap_or(&none);
            let unclear = self.ambiguous.get(&key).map(|offsets| offsets.without(rows)).unwrap_or_default();
            let others = others.iter().map(|table| table.life(partition, age).map(Life::marks));
            let others: Option<Vec<Vec<Mark>>> = others.collect();
            // A table that does not know the partition yet lacks rows; the next run adds them.
            let Some(others) = others else { continue };
            let mut not_judged = 0;
            let mut perhaps_redriven = 0;
            for (from, to, counted) in meetings(life, &others) {
                let found = rows.count(from, to);
                let place = Place::table(first.table).partition(partition).offsets(from, to);
                if found > counted {
                    if dead_letters.untold(partition, age, from, to).is_some_and(|letters| found - counted <= letters) {
                        perhaps_redriven += found - counted;
                        continue;
                    }
                    let message = format!("{found} records have rows, but only {counted} were emitted");
                    findings.violation(Fault::Doubled, place, message);
                    continue;
                }
                // At most what is missing: the rest must be the other pipeline's.
                let perhaps_ours = unclear.count(from, to).min(counted - found);
                not_judged += perhaps_ours;
                let missing = counted - found - perhaps_ours;
                if missing > 0 && tables.iter().any(|table| table.untold(partition, age, from, to).is_some()) {
                    shortfall.add(missing, place);
                } else if missing > 0 {
                    let message =
                        format!("{counted} records were emitted, but only {} have rows", found + perhaps_ours);
                    findings.violation(Fault::Missing, place, message);
                }
            }
            findings.not_judged(first.table, partition, not_judged, SHARED);
            findings.not_judged(first.table, partition, perhaps_redriven, LETTERS_REMOVED);
        }
        shortfall.judge(tables.iter().map(|table| table.files.rows_removed).sum(), findings);
    }

    /// Checks that every rejected record is a dead letter.
    pub(super) fn compare_dead_letters(&self, source: TableSource<'_>, findings: &mut Findings) {
        let mut shortfall = Shortfall::default();
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
                } else if found < counts.rejected && source.files.untold.has(entry.version.cast_signed()) {
                    shortfall.add(counts.rejected - found, place);
                } else if found < counts.rejected {
                    let message =
                        format!("{} records were rejected, but only {found} are dead letters", counts.rejected);
                    findings.violation(Fault::Missing, place, message);
                }
            }
        }
        shortfall.judge(source.files.rows_removed, findings);
    }

    /// Checks that no record is both a row and an open dead letter, and that a redrive added only rejected records.
    pub(super) fn compare_with_redriven(&self, dead_letters: TableSource<'_>, findings: &mut Findings) {
        let none = OffsetSet::default();
        let with_rows: BTreeSet<&LifeOf> = self.rows.keys().chain(self.redriven.keys()).collect();
        for life in with_rows {
            let place = Place::table(dead_letters.table).partition(&life.0);
            let [rows, redriven, open, rejected] = [&self.rows, &self.redriven, &self.open, &self.dead_letters]
                .map(|sets| sets.get(life).unwrap_or(&none));
            let mut both = open.common(rows);
            // Apart from `rows`, because sets of both would hide that a record is in the table twice.
            both.extend(&open.common(redriven));
            report(&both, Fault::RowAndDeadLetter, &place, "both in a table and an open dead letter", findings);
            let twice = redriven.common(rows);
            report(&twice, Fault::Doubled, &place, "in a table twice, by the pipeline and by a redrive", findings);
            let strange = redriven.without(rejected);
            let judged =
                strange.iter().filter(|&offset| dead_letters.untold(&life.0, life.1, offset, offset + 1).is_none());
            let strange: OffsetSet = judged.collect();
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
        // The skips of all tables add up, so that a range counts as whole only if none of them skipped in it.
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
