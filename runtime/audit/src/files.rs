//! Traces the files of one table: which commit each comes from, whether they hold as many rows as the commits counted, and
//! what other programs did to them. Reads no file. Pure.

use std::collections::BTreeMap;

use sluicebox_ledger::{CommitRecord, PartitionTally};

use super::account::Counts;
use super::finding::{Fault, Findings, Place};
use super::history::{Commit, History, Holds, LoggedFile, LoggedRecord};

/// Where a file of the newest version comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A flush of the pipeline.
    Flush(u64),
    /// A redrive: rows of records that were rejected before.
    Redrive(u64),
    /// A commit that rewrote existing rows.
    Rewrite(u64),
    /// A commit of another program or pipeline, with rows of its own.
    Others(u64),
    /// A commit that is gone from the log.
    Gone,
}

/// The files of a table's newest version, by path.
#[derive(Debug, Default)]
pub struct Files {
    /// The files with their origins, by path.
    pub live: BTreeMap<String, (Origin, LoggedFile)>,
    /// Whether another program removed rows, so that missing rows are not the pipeline's fault.
    pub rows_removed: bool,
    /// Whether other pipelines write to the table too.
    pub is_shared: bool,
}

/// Follows the table's files through its history.
pub fn trace(history: &History, pipeline: &str, is_only_table: bool, findings: &mut Findings) -> Files {
    let mut tracing = Tracing { history, is_only_table, findings, known: BTreeMap::new(), files: Files::default() };
    for commit in &history.commits {
        match &commit.record {
            Some(LoggedRecord::Flush(record)) if record.pipeline == pipeline => tracing.flush(commit, record),
            Some(LoggedRecord::Redrive { pipeline: of, rows }) if of == pipeline => tracing.redrive(commit, *rows),
            Some(
                LoggedRecord::Flush(CommitRecord { pipeline: of, .. }) | LoggedRecord::Redrive { pipeline: of, .. },
            ) if of != pipeline => {
                tracing.other_pipeline(commit, of);
            }
            _ => tracing.others(commit),
        }
    }
    tracing.finish()
}

struct Tracing<'a> {
    history: &'a History,
    is_only_table: bool,
    findings: &'a mut Findings,
    /// Files that commits of the existing log added.
    known: BTreeMap<String, Known>,
    files: Files,
}

struct Known {
    origin: Origin,
    file: LoggedFile,
    is_live: bool,
}

impl Tracing<'_> {
    fn flush(&mut self, commit: &Commit, record: &CommitRecord) {
        self.compare_rows(commit, record);
        self.apply(commit, Origin::Flush(commit.version));
    }

    /// A step of a redrive. It adds rows to a table of rows, and rewrites files of the dead-letter table.
    fn redrive(&mut self, commit: &Commit, rows: u64) {
        let removed = self.rows_removed_by(commit);
        let (added, expected) = (rows_of(commit), removed.map(|removed| removed + rows));
        if let (Some(added), Some(expected)) = (added, expected)
            && added != expected
        {
            let place = Place::table(&self.history.table).version(commit.version);
            let message = format!("the redrive leaves {added} rows where {expected} should be");
            self.findings.violation(Fault::RowsMiscounted, place, message);
        }
        let is_rewrite = !commit.removed.is_empty();
        let origin = if is_rewrite { Origin::Rewrite } else { Origin::Redrive };
        self.apply(commit, origin(commit.version));
    }

    fn other_pipeline(&mut self, commit: &Commit, name: &str) {
        self.files.is_shared = true;
        self.findings.note(&self.history.table, format!("pipeline `{name}` writes to it too"));
        self.apply(commit, Origin::Others(commit.version));
    }

    /// Compares what a commit counted with the statistics of its files.
    fn compare_rows(&mut self, commit: &Commit, record: &CommitRecord) {
        let place = Place::table(&self.history.table).version(commit.version);
        let Some(rows) = rows_of(commit) else {
            let message = "files of the commit have no row counts: its rows cannot be compared with its record";
            return self.findings.note(&self.history.table, format!("version {}: {message}", commit.version));
        };
        let mut counts = Counts::default();
        for tally in &record.partitions {
            let &PartitionTally { emitted, filtered, rejected, .. } = tally;
            counts = counts + Counts { emitted, filtered, rejected };
        }
        // Order matters: the commit's own count comes first, for both kinds of tables.
        let wrong = match self.history.holds {
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
    }

    fn others(&mut self, commit: &Commit) {
        if !commit.added.is_empty() || !commit.removed.is_empty() {
            self.judge(commit);
        }
        let is_rewrite = !commit.removed.is_empty();
        let origin = if is_rewrite { Origin::Rewrite } else { Origin::Others };
        self.apply(commit, origin(commit.version));
    }

    /// Judges what another program did to the rows.
    fn judge(&mut self, commit: &Commit) {
        let (version, operation) = (commit.version, commit.operation());
        let place = Place::table(&self.history.table).version(version);
        let added = rows_of(commit);
        let removed = self.rows_removed_by(commit);
        let count = |rows: Option<u64>| rows.map_or("an unknown number of".to_owned(), |rows| rows.to_string());
        if !commit.changes_data {
            match (added, removed) {
                (Some(added), Some(removed)) if added != removed => self.findings.violation(
                    Fault::RowsGone,
                    place,
                    format!("{operation} claims that it changes no rows, but it replaced {removed} rows by {added}"),
                ),
                _ => self.findings.note(&self.history.table, format!("version {version} ({operation}) rewrote files")),
            }
            return;
        }
        if commit.removed.is_empty() {
            let message =
                format!("version {version} ({operation}) added {} rows outside of the pipeline's books", count(added));
            return self.findings.note(&self.history.table, message);
        }
        self.files.rows_removed = true;
        let takes_back = commit.removed.iter().any(|path| self.is_of_pipeline(path));
        if operation.eq_ignore_ascii_case("RESTORE") && takes_back {
            let message = format!(
                "RESTORE removed {} rows, but did not move the ledger back: no run will add them again",
                count(removed)
            );
            return self.findings.violation(Fault::RowsGone, place, message);
        }
        let message = match (added, removed) {
            (Some(added), Some(removed)) if added >= removed => {
                format!(
                    "rows changed by version {version} ({operation}): {removed} replaced by {added} — outside of the pipeline's books"
                )
            }
            _ => {
                let net = removed.zip(added).map(|(removed, added)| removed - added);
                format!(
                    "{} rows removed by version {version} ({operation}) — outside of the pipeline's books",
                    count(net)
                )
            }
        };
        self.findings.note(&self.history.table, message);
    }

    fn rows_removed_by(&self, commit: &Commit) -> Option<u64> {
        commit.removed.iter().map(|path| self.known.get(path).and_then(|known| known.file.rows)).sum()
    }

    /// Whether a file is the pipeline's. A file of unknown origin counts as the pipeline's.
    fn is_of_pipeline(&self, path: &str) -> bool {
        self.known.get(path).is_none_or(|known| !matches!(known.origin, Origin::Others(_)))
    }

    /// Adds and removes the commit's files. A file that returns keeps its origin.
    fn apply(&mut self, commit: &Commit, origin: Origin) {
        for path in &commit.removed {
            if let Some(known) = self.known.get_mut(path) {
                known.is_live = false;
            }
        }
        for (path, file) in &commit.added {
            self.files.rows_removed |= file.has_deletions;
            match self.known.get_mut(path) {
                Some(known) => {
                    if known.is_live {
                        let place = Place::table(&self.history.table).version(commit.version);
                        let message = format!("the file {path} was in the table already");
                        self.findings.violation(Fault::FileAddedTwice, place, message);
                    }
                    known.is_live = true;
                    known.file = *file;
                }
                None => drop(self.known.insert(path.clone(), Known { origin, file: *file, is_live: true })),
            }
        }
    }

    /// The files of the newest version, each with its origin.
    fn finish(mut self) -> Files {
        let with_origin = |(path, file): (&String, &LoggedFile)| {
            let (origin, file) = self.known.get(path).map_or((Origin::Gone, *file), |known| (known.origin, known.file));
            (path.clone(), (origin, file))
        };
        self.files.live = self.history.files.iter().map(with_origin).collect();
        self.files
    }
}

fn rows_of(commit: &Commit) -> Option<u64> {
    commit.added.iter().map(|(_, file)| file.rows).sum()
}
