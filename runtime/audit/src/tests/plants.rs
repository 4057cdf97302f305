//! The faults that the tests plant into a sound world.

use std::collections::BTreeSet;

use proptest::sample::Index;
use sluicebox_ledger::TopicPartition;

use super::world::{PIPELINE, World};
use crate::finding::Fault;

/// Every fault, and the name under which the audit must report it.
pub(super) const FAULTS: [(&str, Fault); 16] = [
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
pub(super) fn plant(world: &mut World, fault: &str, table: usize, at: Index) -> Option<()> {
    match fault {
        "a commit is missing" => {
            // Without the last commit of a partition, the table would only be behind.
            let commits = &mut world.tables[table].commits;
            let index = 1 + at.index(commits.len() - 1);
            let later: BTreeSet<&TopicPartition> =
                commits[index + 1..].iter().flat_map(|commit| &commit.ledger).map(|(partition, _)| partition).collect();
            if commits[index].ledger.iter().any(|(partition, _)| !later.contains(partition)) || index == 1 {
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
        "the newest ledger is elsewhere" => *world.tables[table].ledger.values_mut().next()? += 1,
        "the ledger forgets" => drop(world.tables[table].ledger.pop_first()?),
        "another program moves the ledger" => world.pick(table, at).record = None,
        "the ledger may expire" => {
            let properties = &mut world.tables[table].history.properties;
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
            let holding = world.tables[0].commits.iter().find(|commit| {
                let record = commit.flush_of(PIPELINE);
                record.is_some_and(|record| {
                    record.partitions.iter().any(|tally| {
                        tally.partition == letter.0.partition && (tally.from..tally.to).contains(&letter.1)
                    })
                })
            });
            let path = holding?.added[0].0.clone();
            world.tables[0].contents.get_mut(&path)?.push(letter);
        }
        other => unreachable!("{other}"),
    }
    Some(())
}
