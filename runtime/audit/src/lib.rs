//! The audit proves, from the tables and their logs alone and without Kafka, that every offset below the ledger is in exactly
//! one of rows, filtered and dead letters; or reports where it is not. [`clean`] finds files that killed writers left.
//!
//! | module | what |
//! |---|---|
//! | [`history`], `read_log`, `log_entry`, `checkpoint` | a table's log: commits, ledger, files |
//! | [`account`], [`books`] | the books of one table: ranges join, counts fit, the ledger agrees |
//! | [`across`] | the books of all tables agree |
//! | [`files`], `known` | files hold what was counted, each alone and all together |
//! | [`others`] | what other programs did to the table |
//! | `positions`, `find_life`, `read_positions` | every row is in the file of a commit that took it in |
//! | `compare_positions` | there are as many as the books say, once |
//! | [`finding`], [`report`] | the result, for people and programs |
//!
//! Only `read_log`, `checkpoint` and `read_positions` read; the rest is pure. A log is read entry by entry, and the audit keeps
//! the books and the files of each, not the entries. The audit writes nothing. The pipeline may run
//! meanwhile: the audit reads each table as of one version, and the dead letters last, because they are committed first.

pub mod account;
pub mod across;
pub mod books;
mod checkpoint;
pub mod clean;
mod compare_positions;
pub mod files;
mod find_life;
pub mod finding;
pub mod history;
mod known;
mod listing;
mod log_entry;
pub mod offset_set;
pub mod other_commits;
mod others;
mod positions;
mod read_log;
mod read_positions;
pub mod report;
#[cfg(test)]
mod tests;

use futures::{StreamExt as _, TryStreamExt as _};
use sluicebox_delta::TableError;
use sluicebox_delta::log::DeltaTableError;
use sluicebox_delta::table::{LEDGER_RETENTION_PROPERTY, TableLog, find_log, table_error};
use sluicebox_settings::Settings;

use self::account::Accounts;
use self::books::Books;
use self::files::{Files, Origin, Tracing};
use self::finding::{Fault, Findings, Place};
use self::history::{History, Holds};
use self::positions::{AllPositions, TableSource};
use self::read_log::Log;

pub use self::report::{AuditReport, PartitionReport, TableReport};

/// How many data files are read concurrently.
const FILE_READS_MAX: usize = 8;

/// A table, its history and its books.
struct Audited {
    location: String,
    table: TableLog,
    history: History,
    accounts: Accounts,
    files: Files,
}

/// Audits the tables of a pipeline. `reads_positions` says whether to read the rows too, or the logs only.
pub async fn audit(settings: &Settings, reads_positions: bool) -> Result<AuditReport, TableError> {
    let rows = settings.tables.iter().map(|(name, table)| (name.as_str(), table.path.as_str(), Holds::Rows));
    let dead_letters = ("dead_letters", settings.dead_letters.path.as_str(), Holds::DeadLetters);
    let mut findings = Findings::default();
    let mut tables = Vec::new();
    // The dead letters last: a flush commits them first, so that in a running pipeline no table is ahead of them.
    for (name, location, holds) in rows.chain([dead_letters]) {
        tables.push(read(settings, name, location, holds, &mut findings).await?);
    }
    let books: Vec<_> = tables.iter().map(|it| (it.history.table.as_str(), &it.accounts)).collect();
    across::compare(&books, &mut findings);
    if reads_positions {
        compare_positions(&tables, settings, &mut findings).await?;
    }
    let reports =
        tables.iter().map(|it| TableReport::new(&it.location, &it.history, &it.accounts, &it.files)).collect();
    Ok(AuditReport::new(&settings.name, reads_positions, reports, findings))
}

async fn read(
    settings: &Settings,
    name: &str,
    location: &str,
    holds: Holds,
    findings: &mut Findings,
) -> Result<Audited, TableError> {
    let failed = |doing| move |source| table_error(name, location, doing, source);
    let table = find_log(name, location)
        .await?
        .ok_or_else(|| DeltaTableError::NotATable("the table does not exist: the pipeline has not run yet".to_owned()))
        .map_err(failed("opening"))?;
    let is_only_table = settings.tables.len() == 1;
    let kind = Kind { name, holds, pipeline: &settings.name, is_only_table };
    let (history, accounts, files) = follow(&table, kind, findings).await.map_err(failed("reading the log"))?;
    note_what_is_gone(&history, findings);
    judge_properties(&history, findings);
    Ok(Audited { location: location.to_owned(), table, history, accounts, files })
}

/// A table, as the pipeline knows it.
struct Kind<'a> {
    name: &'a str,
    holds: Holds,
    pipeline: &'a str,
    is_only_table: bool,
}

/// Follows a table's log, entry by entry.
async fn follow(
    table: &TableLog,
    kind: Kind<'_>,
    findings: &mut Findings,
) -> Result<(History, Accounts, Files), DeltaTableError> {
    let Kind { name, holds, pipeline, is_only_table } = kind;
    let mut log = Log::open(table, pipeline).await?;
    let before = std::mem::take(&mut log.before);
    let mut books = Books::open(name, pipeline, &before);
    let mut tracing = Tracing::begin(name, holds, pipeline, is_only_table, &before);
    let mut commits = log.commits();
    while let Some(commit) = commits.try_next().await? {
        // All three from one stream: no commit has to be kept.
        log.follow(&commit);
        books.enter(&commit);
        tracing.follow(&commit);
    }
    let (version, first) = (log.version, log.first);
    let newest = log.newest();
    let (accounts, of_books) = books.close(version, &newest.ledger);
    let (files, of_files) = tracing.finish(version, newest.files);
    findings.extend(of_books);
    findings.extend(of_files);
    let properties = table.properties.clone();
    let history = History { table: name.to_owned(), holds, version, first, properties };
    Ok((history, accounts, files))
}

/// Checks that no property lets the ledger expire.
fn judge_properties(history: &History, findings: &mut Findings) {
    if let Some(duration) = history.properties.get(LEDGER_RETENTION_PROPERTY) {
        let message = format!(
            "the property {LEDGER_RETENTION_PROPERTY} is set ({duration}): a partition that is idle for longer loses its \
             ledger, and a run would take its records in again; remove the property"
        );
        findings.violation(Fault::LedgerExpires, Place::table(&history.table).version(history.version), message);
    }
}

fn note_what_is_gone(history: &History, findings: &mut Findings) {
    if let Some(last) = history.first.checked_sub(1) {
        let message = format!(
            "versions 0..={last} are gone from the log: below the first offset shown, only the ledger is known"
        );
        findings.note(&history.table, message);
    }
}

async fn compare_positions(tables: &[Audited], settings: &Settings, findings: &mut Findings) -> Result<(), TableError> {
    let mut all = AllPositions::default();
    for audited in tables.iter().filter(|it| settings.provenance || it.history.holds == Holds::DeadLetters) {
        take_in_files(audited, &settings.name, &mut all, findings).await?;
    }
    // After the dead letters' files were read, which say what a redrive may have added.
    all.sort_rewritten();
    let (rows, dead_letters): (Vec<_>, Vec<_>) = tables.iter().partition(|it| it.history.holds == Holds::Rows);
    let rows: Vec<TableSource<'_>> = rows.into_iter().map(Audited::source).collect();
    for dead_letters in dead_letters.into_iter().map(Audited::source) {
        if settings.provenance {
            all.compare_rows(&rows, dead_letters, findings);
        }
        all.compare_dead_letters(dead_letters, findings);
        all.compare_with_redriven(dead_letters, findings);
    }
    if !settings.provenance {
        let message = "its rows have no positions (`provenance: false`): they are counted, but not checked one by one";
        rows.iter().for_each(|it| findings.note(it.table, message));
    }
    Ok(())
}

async fn take_in_files(
    audited: &Audited,
    pipeline: &str,
    all: &mut AllPositions,
    findings: &mut Findings,
) -> Result<(), TableError> {
    let store = audited.table.store.object_store(None);
    let holds = audited.history.holds;
    let name = &audited.history.table;
    // Another pipeline's own files are its own audit's.
    let files = audited.files.live.iter().filter(|(_, (origin, _))| !matches!(origin, Origin::Pipeline(_)));
    let reads = files.map(|(key, (origin, file))| {
        let (store, path, origin, bytes) = (store.clone(), key.path.clone(), *origin, file.bytes);
        async move {
            let positions = read_positions::read(store, &path, bytes, holds, pipeline).await;
            (path, origin, positions)
        }
    });
    // In order, so that the same tables give the same report.
    let mut reading = futures::stream::iter(reads).buffered(FILE_READS_MAX);
    while let Some((path, origin, positions)) = reading.next().await {
        let positions =
            positions.map_err(|source| table_error(name, &audited.location, "reading a data file", source))?;
        match positions {
            Some(positions) => all.take_in(audited.source(), &path, origin, &positions, findings),
            None => {
                let message = format!(
                    "the file {path} is missing in the store: its rows are lost (a VACUUM with a short retention?)"
                );
                findings.violation(Fault::FileMissing, Place::table(name), message);
            }
        }
    }
    Ok(())
}

impl Audited {
    fn source(&self) -> TableSource<'_> {
        TableSource {
            table: &self.history.table,
            holds: self.history.holds,
            accounts: &self.accounts,
            files: &self.files,
        }
    }
}
