//! Which life of a partition the offsets of a file belong to, and whether they lie where its commit says. Pure.

use sluicebox_ledger::TopicPartition;

use super::account::{Account, Accounts, Life, Opening};
use super::files::Origin;
use super::offset_set::OffsetSet;

/// Offsets that are where they should not be.
pub(super) struct Misplaced {
    /// The first of them.
    pub(super) offset: i64,
    /// What is wrong with it.
    pub(super) why: String,
}

/// The age of the life that a file's offsets belong to, if they lie where its commit says.
pub(super) fn find_life(
    accounts: &Accounts,
    partition: &TopicPartition,
    origin: Origin,
    offsets: &OffsetSet,
) -> Result<usize, Misplaced> {
    let lives = || accounts.get(partition).into_iter().flat_map(Account::by_age);
    // (age, from, to) of every range that the offsets may lie in, the newest first.
    let ranges: Vec<(usize, i64, i64)> = match origin {
        Origin::Flush(version) => {
            let range = |(age, life): (usize, &Life)| life.entry_of(version).map(|entry| (age, entry.from, entry.to));
            lives().filter_map(range).collect()
        }
        Origin::Gone => lives().last().map(|(age, life)| (age, i64::MIN, life.start)).into_iter().collect(),
        _ => lives().map(|(age, life)| (age, lowest(life), life.end())).collect(),
    };
    let Some((_, from, to)) = ranges.first().copied() else {
        let offset = offsets.iter().next().unwrap_or_default();
        let why = match origin {
            Origin::Flush(_) => format!("come from {partition}, of which the commit took in nothing"),
            _ => format!("come from {partition}, which the table has never taken in"),
        };
        return Err(Misplaced { offset, why });
    };
    let fits = ranges.iter().find(|(_, from, to)| offsets.first_outside(*from, *to).is_none());
    if let Some((age, ..)) = fits {
        return Ok(*age);
    }
    // Somebody may have merged files of several lives.
    let is_in_none = |offset: &i64| !ranges.iter().any(|(_, from, to)| (*from..*to).contains(offset));
    let Some(offset) = offsets.iter().find(is_in_none) else { return Ok(0) };
    let why = match origin {
        Origin::Flush(_) => format!("come from offsets outside of {from}..{to}, which its commit took in"),
        Origin::Gone => format!("come from offsets from {to} on, but is older than the commit that took those in"),
        _ => format!("come from offsets outside of {from}..{to}, which the table took in"),
    };
    Err(Misplaced { offset, why })
}

fn lowest(life: &Life) -> i64 {
    if life.opening == Opening::Vouched { i64::MIN } else { life.start }
}
