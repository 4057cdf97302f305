//! Keeps the books of one table: enters its commits in order, and checks that their ranges join, that no commit counts more
//! records than its range has offsets, and that the ledger agrees. Pure.

use std::collections::{BTreeMap, BTreeSet};

use sluicebox_ledger::{CommitRecord, PartitionTally, Skip, SkipReason, TopicPartition};

use super::account::{Account, AccountEntry, Accounts, Counts, Life, Opening};
use super::finding::{Fault, Findings, Place};
use super::history::{Before, Commit, LoggedRecord};

/// The books of a table, while its commits are entered.
pub struct Books<'a> {
    table: &'a str,
    pipeline: &'a str,
    before: &'a Before,
    accounts: Accounts,
    findings: Findings,
}

impl<'a> Books<'a> {
    /// Opens the books of a pipeline's table, of which `before` is known from before its log.
    pub fn open(table: &'a str, pipeline: &'a str, before: &'a Before) -> Self {
        Self { table, pipeline, before, accounts: BTreeMap::new(), findings: Findings::default() }
    }

    /// Enters the next commit.
    pub fn enter(&mut self, commit: &Commit) {
        match &commit.record {
            Some(LoggedRecord::Unreadable(error)) => self.unreadable(commit, error),
            _ => self.take_in_record(commit, commit.flush_of(self.pipeline)),
        }
    }

    fn unreadable(&mut self, commit: &Commit, error: &str) {
        let place = Place::table(self.table).version(commit.version);
        let message = format!("the commit's record cannot be read ({error}): its ranges are unknown");
        self.findings.violation(Fault::Unreadable, place, message);
    }

    fn take_in_record(&mut self, commit: &Commit, record: Option<&CommitRecord>) {
        let mut moved = BTreeMap::new();
        if let Some(record) = record {
            for skip in &record.skips {
                let partition = TopicPartition::new(skip.topic.as_str(), skip.partition);
                self.skip(commit.version, &partition, skip);
                // The record may name the partition again below; the later value is the one to compare.
                moved.insert(partition, skip.to);
            }
            for tally in &record.partitions {
                let partition = TopicPartition::new(tally.topic.as_str(), tally.partition);
                self.take_in(commit.version, &partition, tally);
                let digests = &mut self.account(&partition).transform_digests;
                digests.insert(tally.transform_digest.as_ref().unwrap_or(&record.transform_digest).clone());
                moved.insert(partition, tally.to);
            }
        }
        self.compare_with_ledger_of(commit, record.is_some(), &moved);
    }

    fn take_in(&mut self, version: u64, partition: &TopicPartition, tally: &PartitionTally) {
        let &PartitionTally { from, to, emitted, filtered, rejected, .. } = tally;
        let counts = Counts { emitted, filtered, rejected };
        let offsets = to.saturating_sub(from);
        let table = self.table;
        let place = Place::table(table).version(version).partition(partition);
        if offsets < 0 || counts.records() > offsets as u64 {
            let message = format!("the commit counts {} records in {offsets} offsets ({counts})", counts.records());
            self.findings.violation(Fault::Overfull, place.clone().offsets(from, to), message);
        }
        // `from` only begins books that have not begun: those that have keep their end, and a hole shows below.
        let life = self.life(partition, from);
        let end = life.end();
        // Even with a fault, so that one fault does not make the next commit look like another.
        life.entries.push(AccountEntry { version, from, to, counts: Some(counts) });
        if from > end {
            let message = format!(
                "no commit took in offsets {end}..{from}: their records are neither rows, nor filtered, nor dead letters"
            );
            self.findings.violation(Fault::Hole, place.offsets(end, from), message);
        } else if from < end {
            let message = format!(
                "the commit took in offsets from {from} on, but commits before it had taken in all below {end}: \
                 their records are in the table twice"
            );
            self.findings.violation(Fault::Overlap, place.offsets(from, to.min(end)), message);
        }
    }

    fn skip(&mut self, version: u64, partition: &TopicPartition, skip: &Skip) {
        let place = Place::table(self.table).version(version).partition(partition);
        if skip.why == SkipReason::Start {
            match self.known_end(partition) {
                Some(end) if end != skip.to => {
                    let message = format!("the commit starts the partition at {}, but it stood at {end}", skip.to);
                    self.findings.violation(Fault::LedgerMismatch, place, message);
                }
                Some(_) => {}
                None => self.begin(partition, skip.to, Opening::Recorded),
            }
            return;
        }
        let from = skip.from.unwrap_or(skip.to);
        let end = self.life(partition, from).end();
        if from != end {
            let message = format!("the commit skips from {from} on, but the partition stood at {end}");
            self.findings.violation(Fault::LedgerMismatch, place, message);
        }
        // A skip backwards starts a new life too: from there on the offsets mean other records.
        if skip.why == SkipReason::TopicRecreated || skip.to < from {
            self.begin(partition, skip.to, Opening::Recorded);
        } else {
            self.life(partition, from).entries.push(AccountEntry { version, from, to: skip.to, counts: None });
        }
    }

    /// Compares the ledger entries of a commit with its record: they must be the same.
    fn compare_with_ledger_of(&mut self, commit: &Commit, has_record: bool, moved: &BTreeMap<TopicPartition, i64>) {
        let place = Place::table(self.table).version(commit.version);
        for (partition, next) in &commit.ledger {
            match moved.get(partition) {
                Some(to) if to == next => {}
                Some(to) => self.findings.violation(
                    Fault::LedgerMismatch,
                    place.clone().partition(partition),
                    format!("the commit took in all below {to}, but set the ledger to {next}"),
                ),
                None if has_record => self.findings.violation(
                    Fault::LedgerMismatch,
                    place.clone().partition(partition),
                    format!("the commit set the ledger to {next}, but does not record what it took in"),
                ),
                None => self.findings.violation(
                    Fault::ForeignLedger,
                    place.clone().partition(partition),
                    format!(
                        "{} set the ledger to {next}, but does not record what it took in: another program writes \
                         under this pipeline's name",
                        commit.operation()
                    ),
                ),
            }
        }
        let written: BTreeSet<&TopicPartition> = commit.ledger.iter().map(|(partition, _)| partition).collect();
        for (partition, to) in moved.iter().filter(|(partition, _)| !written.contains(partition)) {
            let message = format!(
                "the commit took in all below {to}, but did not move the ledger: a run would take the records in again"
            );
            self.findings.violation(Fault::LedgerMismatch, place.clone().partition(partition), message);
        }
    }

    /// Compares the end of the books with the ledger of the newest version.
    pub fn close(mut self, version: u64, ledger: &BTreeMap<TopicPartition, i64>) -> (Accounts, Findings) {
        let known: BTreeSet<TopicPartition> = ledger.keys().chain(self.before.ledger.keys()).cloned().collect();
        for partition in known {
            let standing = ledger.get(&partition).or(self.before.ledger.get(&partition));
            let standing = standing.copied().unwrap_or_default();
            // Begins books for partitions that no existing commit names: their ledger may be in a checkpoint alone.
            self.life(&partition, standing);
        }
        for (partition, account) in &mut self.accounts {
            account.ledger = ledger.get(partition).copied();
            let Some(end) = account.lives.last().map(Life::end) else { continue };
            let place = Place::table(self.table).version(version).partition(partition);
            match account.ledger {
                Some(ledger) if ledger == end => {}
                Some(ledger) => self.findings.violation(
                    Fault::LedgerMismatch,
                    place.offsets(end.min(ledger), end.max(ledger)),
                    format!("the commits took in all below {end}, but the ledger says {ledger}"),
                ),
                None => self.findings.violation(
                    Fault::LedgerMismatch,
                    place,
                    format!("the commits took in all below {end}, but the ledger has lost the partition: a run would start it again"),
                ),
            }
        }
        (self.accounts, self.findings)
    }

    fn account(&mut self, partition: &TopicPartition) -> &mut Account {
        self.accounts.entry(partition.clone()).or_default()
    }

    fn begin(&mut self, partition: &TopicPartition, start: i64, opening: Opening) {
        self.account(partition).lives.push(Life { start, opening, entries: Vec::new() });
    }

    /// The offset at which the partition's books end, if they have begun.
    fn known_end(&self, partition: &TopicPartition) -> Option<i64> {
        let account = self.accounts.get(partition).and_then(|account| account.lives.last()).map(Life::end);
        account.or(self.before.ledger.get(partition).copied())
    }

    /// The partition's newest life. Begins the books if they have not begun: at the ledger before the log, or else at `start`.
    fn life(&mut self, partition: &TopicPartition, start: i64) -> &mut Life {
        let before = self.before;
        let account = self.accounts.entry(partition.clone()).or_default();
        if account.lives.is_empty() {
            let (start, opening) = match before.ledger.get(partition) {
                Some(next) => (*next, Opening::LedgerOnly),
                None if before.unknown.contains(partition) => (start, Opening::LedgerOnly),
                None => (start, Opening::FirstCommit),
            };
            account.lives.push(Life { start, opening, entries: Vec::new() });
        }
        // Not empty: see above.
        let last = account.lives.len() - 1;
        &mut account.lives[last]
    }
}
