//! Finds the life of a partition that a file's offsets belong to, and checks them against the commit's range. Pure.

use sluicebox_ledger::TopicPartition;

use super::account::{Account, Accounts, Life, Opening};
use super::files::Origin;
use super::offset_set::OffsetSet;

/// Offsets in a file whose commit did not take them in.
pub(super) struct Misplaced {
    /// The first of them.
    pub(super) offset: i64,
    /// What is wrong.
    pub(super) why: String,
}

/// The age of the life that a file's offsets belong to, if its commit took them in.
pub(super) fn find_life(
    accounts: &Accounts,
    partition: &TopicPartition,
    origin: Origin,
    offsets: &OffsetSet,
) -> Result<usize, Misplaced> {
    let lives = || accounts.get(partition).into_iter().flat_map(Account::by_age);
    // (age, from, to) of every range that may contain the offsets, newest first.
    let ranges: Vec<(usize, i64, i64)> = match origin {
        Origin::Flush(version) => {
            let entries = lives().filter_map(|(age, life)| Some((age, life.entry_of(version)?)));
            entries.map(|(age, entry)| (age, entry.from, entry.to)).collect()
        }
        // The oldest life: a file from before the log holds what came before its first entry.
        Origin::Gone => lives().last().map(|(age, life)| (age, i64::MIN, life.start)).into_iter().collect(),
        _ => lives().map(|(age, life)| (age, lowest(life), life.end())).collect(),
    };
    let Some((_, from, to)) = ranges.first().copied() else {
        let offset = offsets.iter().next().unwrap_or_default();
        let why = match origin {
            Origin::Flush(_) => format!("come from {partition}, but the commit took in nothing of it"),
            _ => format!("come from {partition}, which the table has never taken in"),
        };
        return Err(Misplaced { offset, why });
    };
    let fits = ranges.iter().find(|(_, from, to)| offsets.first_outside(*from, *to).is_none());
    if let Some((age, ..)) = fits {
        return Ok(*age);
    }
    // An OPTIMIZE may have merged files of several lives.
    let mut outside = offsets.iter().filter(|offset| !ranges.iter().any(|(_, from, to)| (*from..*to).contains(offset)));
    let Some(offset) = outside.next() else { return Ok(0) };
    let why = match origin {
        Origin::Flush(_) => format!("come from offsets outside of {from}..{to}, which its commit took in"),
        Origin::Gone => format!("come from offsets from {to} on, but are older than the commit that took those in"),
        _ => format!("come from offsets outside of {from}..{to}, which the table took in"),
    };
    Err(Misplaced { offset, why })
}

fn lowest(life: &Life) -> i64 {
    if life.opening == Opening::LedgerOnly { i64::MIN } else { life.start }
}
