//! Traces the files of one table: which commit each comes from, whether they hold as many rows as the commits counted, and
//! whether all of them together hold what all commits left there. Reads no file. Pure.

use std::collections::{BTreeMap, BTreeSet};

use sluicebox_ledger::{CommitRecord, PartitionTally, TopicPartition};

use super::account::Counts;
use super::finding::{Fault, Findings, Place};
use super::history::{Before, Commit, FileKey, Holds, LiveFiles, LoggedFile, LoggedRecord};
use super::known::KnownFiles;
use super::offset_set::OffsetSet;
use super::other_commits::{Doubling, OtherCommits};

pub use super::known::Origin;

/// The files of a table's newest version, and what others did to the table.
#[derive(Debug, Default)]
pub struct Files {
    /// The files with their origins.
    pub live: BTreeMap<FileKey, (Origin, LoggedFile)>,
    /// Versions of whose rows other programs may have removed some: what is missing of them cannot be told.
    pub untold: OffsetSet,
    /// The most rows that other programs can have removed of those; none if unknown.
    pub rows_removed: Option<u64>,
    /// Whether other pipelines write to the table too.
    pub is_shared: bool,
    /// The partitions that other pipelines take into this table.
    pub of_others: BTreeSet<TopicPartition>,
    /// The commits of other programs, by operation.
    pub others: BTreeMap<String, OtherCommits>,
}

/// The table's files, while its commits are followed.
pub struct Tracing<'a> {
    pub(super) table: &'a str,
    holds: Holds,
    pipeline: &'a str,
    is_only_table: bool,
    pub(super) findings: Findings,
    pub(super) known: KnownFiles,
    pub(super) files: Files,
    /// Versions of flushes and redrives of the pipeline.
    pub(super) ours: OffsetSet,
    /// Commits that removed files that were not there.
    doublings: Vec<Doubling>,
    /// The rows that the commits left in the table; none if a file has no row count.
    balance: Option<i64>,
}

/// By how many rows a commit says that it changed the table.
#[derive(Clone, Copy)]
pub(super) enum Claim {
    Rows(u64),
    /// The commit says nothing that its files do not say.
    Files,
}

impl<'a> Tracing<'a> {
    /// The files of a pipeline's table, of which `before` is known from before its log.
    pub fn begin(table: &'a str, holds: Holds, pipeline: &'a str, is_only_table: bool, before: &Before) -> Self {
        let balance: Option<u64> = before.files.values().map(|file| file.rows).sum();
        let files = Files {
            is_shared: !before.of_others.is_empty(),
            of_others: before.of_others.clone(),
            rows_removed: Some(0),
            ..Files::default()
        };
        Self {
            table,
            holds,
            pipeline,
            is_only_table,
            findings: Findings::default(),
            known: KnownFiles::new(&before.files, before.files_from),
            files,
            ours: OffsetSet::default(),
            doublings: Vec::new(),
            balance: balance.filter(|_| before.files_from < u64::MAX).and_then(|rows| i64::try_from(rows).ok()),
        }
    }

    /// Follows the next commit.
    pub fn follow(&mut self, commit: &Commit) {
        // Before the commit is judged: whether the number grows says whether something of it was reported.
        let reported = self.findings.violations_total;
        self.files.of_others.extend(commit.of_others.iter().cloned());
        let claim = match &commit.record {
            Some(LoggedRecord::Flush(record)) if record.pipeline == self.pipeline => self.flush(commit, record),
            Some(LoggedRecord::Redrive { pipeline, rows }) if pipeline == self.pipeline => self.redrive(commit, *rows),
            Some(
                LoggedRecord::Flush(CommitRecord { pipeline, rows, .. }) | LoggedRecord::Redrive { pipeline, rows },
            ) => self.other_pipeline(commit, pipeline, *rows),
            Some(LoggedRecord::Unreadable(_)) => Claim::Files,
            None => self.judge(commit),
        };
        let is_overwrite = commit.record.is_none() && commit.operation == "WRITE";
        // After the judgement above, which looks at the files as they were before the commit.
        let effect = self.known.apply(commit, self.origin(commit), !is_overwrite);
        let place = Place::table(self.table).version(commit.version);
        for key in &effect.added_twice {
            let message = format!("the file {} was in the table already", key.path);
            self.findings.violation(Fault::FileAddedTwice, place.clone(), message);
        }
        let is_doubled = !effect.removed_twice.is_empty() && !commit.added.is_empty();
        if is_doubled {
            self.doublings.push(Doubling::new(commit, effect.removed_twice));
        }
        // What is reported already must not be reported again by the sum of all.
        let is_reported = is_doubled || self.findings.violations_total > reported;
        let grown = match claim {
            Claim::Rows(rows) if !is_reported => i64::try_from(rows).ok(),
            Claim::Rows(_) | Claim::Files => effect.net,
        };
        self.balance = self.balance.zip(grown).map(|(balance, grown)| balance + grown);
    }

    /// Where the new files of a commit come from.
    fn origin(&self, commit: &Commit) -> Origin {
        let version = commit.version;
        match &commit.record {
            Some(LoggedRecord::Flush(record)) if record.pipeline == self.pipeline => Origin::Flush(version),
            // After this pipeline's flush, which removes nothing, and before redrives: a settled letter's file is
            // rewritten.
            _ if !commit.removed.is_empty() => Origin::Rewrite(version),
            Some(LoggedRecord::Redrive { pipeline, .. }) if pipeline == self.pipeline => Origin::Redrive(version),
            Some(LoggedRecord::Flush(_) | LoggedRecord::Redrive { .. }) => Origin::Pipeline(version),
            Some(LoggedRecord::Unreadable(_)) | None => Origin::Others(version),
        }
    }

    /// Compares what a flush counted with the statistics of its files.
    fn flush(&mut self, commit: &Commit, record: &CommitRecord) -> Claim {
        self.ours.insert(commit.version.cast_signed());
        let place = Place::table(self.table).version(commit.version);
        let Some(rows) = rows_of(commit) else {
            let message = "files of the commit have no row counts: its rows cannot be compared with its record";
            self.findings.note(self.table, format!("version {}: {message}", commit.version));
            return Claim::Rows(record.rows);
        };
        let mut counts = Counts::default();
        for tally in &record.partitions {
            let &PartitionTally { emitted, filtered, rejected, .. } = tally;
            counts = counts + Counts { emitted, filtered, rejected };
        }
        // Order matters: the commit's own count comes first, for both kinds of tables.
        let wrong = match self.holds {
            _ if rows != record.rows => Some(format!("the commit counted {} rows", record.rows)),
            Holds::DeadLetters if rows != counts.rejected => Some(format!("{} records were rejected", counts.rejected)),
            Holds::Rows if counts.emitted == 0 && rows > 0 => Some("no record became a row".to_owned()),
            Holds::Rows if self.is_only_table && rows < counts.emitted => {
                Some(format!("{} records became rows, each at least one", counts.emitted))
            }
            _ => None,
        };
        if let Some(wrong) = wrong {
            self.findings.violation(Fault::RowsMiscounted, place, format!("its files hold {rows} rows, but {wrong}"));
        }
        Claim::Rows(record.rows)
    }

    /// A step of a redrive. It adds rows to a table of rows, and rewrites files of the dead-letter table.
    fn redrive(&mut self, commit: &Commit, rows: u64) -> Claim {
        self.ours.insert(commit.version.cast_signed());
        self.compare_rows_added(commit, "the redrive", rows);
        Claim::Rows(rows)
    }

    fn other_pipeline(&mut self, commit: &Commit, name: &str, rows: u64) -> Claim {
        self.files.is_shared = true;
        self.files.of_others.extend(commit.recorded_partitions());
        self.findings.note(self.table, format!("pipeline `{name}` writes to it too"));
        self.compare_rows_added(commit, &format!("pipeline `{name}`"), rows);
        Claim::Rows(rows)
    }

    /// Compares the rows that a commit says it added with the statistics of the files that it added and removed.
    fn compare_rows_added(&mut self, commit: &Commit, who: &str, rows: u64) {
        let Some((added, removed)) = rows_of(commit).zip(self.known.rows_removed_by(commit)) else { return };
        let expected = removed + rows;
        if added != expected {
            let place = Place::table(self.table).version(commit.version);
            let message = format!("{who} leaves {added} rows where {expected} should be");
            self.findings.violation(Fault::RowsMiscounted, place, message);
        }
    }

    /// Compares the files of the newest version with what the commits left there.
    pub fn finish(mut self, version: u64, live: LiveFiles) -> (Files, Findings) {
        // Only at the end: a later RESTORE or overwrite may have taken the rows out again.
        self.report_doublings();
        self.note_others();
        let rows: Option<u64> = live.values().map(|file| file.rows).sum();
        if let Some((balance, rows)) = self.balance.zip(rows.and_then(|rows| i64::try_from(rows).ok()))
            && balance != rows
        {
            let message = format!(
                "the files hold {rows} rows, but all commits together left {balance}: a checkpoint or an entry of the log \
                 was changed or is damaged"
            );
            self.findings.violation(Fault::RowsUnbalanced, Place::table(self.table).version(version), message);
        }
        let with_origin = live.into_iter().map(|(key, file)| {
            let origin = self.known.get(&key).map_or(Origin::Gone, |known| known.origin);
            (key, (origin, file))
        });
        self.files.live = with_origin.collect();
        (self.files, self.findings)
    }

    /// Reports the commits that doubled rows, unless the rows were taken out again.
    fn report_doublings(&mut self) {
        if self.doublings.is_empty() {
            return;
        }
        let mut live = OffsetSet::default();
        self.known.live().for_each(|(_, known)| known.add_sources(&mut live));
        for doubling in std::mem::take(&mut self.doublings) {
            let version = doubling.version;
            if live.has(version.cast_signed()) {
                let place = Place::table(self.table).version(version);
                self.findings.violation(Fault::FileRemovedTwice, place, doubling.message());
            } else {
                let message = format!("version {version} had doubled rows; they have been taken out since");
                self.findings.note(self.table, message);
            }
        }
    }
}

/// The rows of a commit's new files; none if unknown.
pub(super) fn rows_of(commit: &Commit) -> Option<u64> {
    commit.added.iter().map(|(_, file)| file.rows).sum()
}
