//! Compares the books of the pipeline's tables. Every table accounts for every record, so their counts must agree. Their
//! commits may have different ranges (after a crash between two of them), so the counts are compared at common offsets. Pure.

use sluicebox_ledger::TopicPartition;

use super::account::{Account, Accounts, Life, Mark, Opening};
use super::finding::{Fault, Findings, Place};

/// A table's name and its accounts.
pub type NamedAccounts<'a> = (&'a str, &'a Accounts);

/// Compares every table with the first one that knows the partition, and names those that are behind.
pub fn compare(tables: &[NamedAccounts<'_>], findings: &mut Findings) {
    let mut partitions: Vec<&TopicPartition> = tables.iter().flat_map(|(_, accounts)| accounts.keys()).collect();
    partitions.sort_unstable();
    partitions.dedup();
    for partition in partitions {
        let mut told = tables.iter().filter_map(|(name, accounts)| Some((*name, accounts.get(partition)?)));
        if let Some(first) = told.next() {
            told.for_each(|other| compare_partition(partition, first, other, findings));
        }
        name_those_behind(partition, tables, findings);
    }
}

fn compare_partition(
    partition: &TopicPartition,
    one: (&str, &Account),
    other: (&str, &Account),
    findings: &mut Findings,
) {
    // `zip` ends with the shorter: lives that only one log still has cannot be compared.
    let pairs = one.1.by_age().zip(other.1.by_age());
    for ((_, our), (_, their)) in pairs {
        compare_starts(partition, (one.0, our), (other.0, their), findings);
        compare_counts(partition, (one.0, our), (other.0, their), findings);
    }
}

fn compare_starts(partition: &TopicPartition, one: (&str, &Life), other: (&str, &Life), findings: &mut Findings) {
    if one.1.start == other.1.start || [one.1, other.1].iter().any(|life| life.opening == Opening::LedgerOnly) {
        return;
    }
    let (early, late) = if one.1.start < other.1.start { (one, other) } else { (other, one) };
    let (from, to) = (early.1.start, late.1.start);
    match late.1.opening {
        Opening::Recorded => findings.note(
            late.0,
            format!(
                "starts {partition} at {to}, `{}` at {from}: the records between are in `{}` only",
                early.0, early.0
            ),
        ),
        _ => findings.violation(
            Fault::Hole,
            Place::table(late.0).partition(partition).offsets(from, to),
            format!(
                "the table starts at {to}, but `{}` took in offsets from {from} on: their rows may be missing here",
                early.0
            ),
        ),
    }
}

fn compare_counts(partition: &TopicPartition, one: (&str, &Life), other: (&str, &Life), findings: &mut Findings) {
    let theirs = other.1.marks();
    let mut last: Option<(Mark, Mark)> = None;
    for ours in one.1.marks() {
        // Not a common offset: the counts up to the next common one include these records.
        let Ok(index) = theirs.binary_search_by_key(&ours.offset, |mark| mark.offset) else { continue };
        let theirs = theirs[index];
        if let Some((our_last, their_last)) = last.replace((ours, theirs)) {
            // An accepted gap in one table may have been rows in the other.
            let has_skips = ours.skipped != our_last.skipped || theirs.skipped != their_last.skipped;
            let (our, their) = (ours.counts - our_last.counts, theirs.counts - their_last.counts);
            if our != their && !has_skips {
                findings.violation(
                    Fault::TablesDisagree,
                    Place::table(other.0).partition(partition).offsets(our_last.offset, ours.offset),
                    format!("the table counts {their}, `{}` counts {our}: the same records had two verdicts", one.0),
                );
            }
        }
    }
}

fn name_those_behind(partition: &TopicPartition, tables: &[NamedAccounts<'_>], findings: &mut Findings) {
    let ledgers = tables.iter().map(|(name, accounts)| (name, accounts.get(partition).and_then(|it| it.ledger)));
    let Some(furthest) = ledgers.clone().filter_map(|(_, ledger)| ledger).max() else { return };
    for (name, ledger) in ledgers {
        match ledger {
            Some(next) if next == furthest => {}
            Some(next) => findings.note(
                name,
                format!("is behind: {partition} stands at {next}, elsewhere at {furthest}; the next run fills it in"),
            ),
            None => findings.note(
                name,
                format!("is behind: it does not know {partition}, which stands at {furthest} elsewhere; the next run fills it in"),
            ),
        }
    }
}
