//! The audit proves, from the tables and their logs alone and without Kafka, that every offset below the ledger is in exactly
//! one of rows, filtered and dead letters; or reports where it is not. [`clean`] finds files that killed writers left.
//!
//! | module | what |
//! |---|---|
//! | [`history`], `read_log`, `log_entry`, `checkpoint` | a table's log: commits, ledger, files |
//! | [`account`], [`books`] | the books of one table: ranges join, counts fit, the ledger agrees |
//! | [`across`] | the books of all tables agree |
//! | [`files`] | files hold what was counted, and what other programs did to them |
//! | `positions`, `find_life`, `read_positions` | every row is where the books say, once |
//! | [`finding`], [`report`] | the result, for people and programs |
//!
//! Only `read_log`, `checkpoint` and `read_positions` read; the rest is pure. The audit writes nothing. The pipeline may run
//! meanwhile: the audit reads each table as of one version, and the dead letters last, because they are committed first.

pub mod account;
pub mod across;
pub mod books;
mod checkpoint;
pub mod clean;
pub mod files;
mod find_life;
pub mod finding;
pub mod history;
mod listing;
mod log_entry;
pub mod offset_set;
mod positions;
mod read_log;
mod read_positions;
pub mod report;
#[cfg(test)]
mod tests;

use futures::StreamExt as _;
use sluicebox_delta::TableError;
use sluicebox_delta::log::{DeltaTable, DeltaTableError};
use sluicebox_delta::table::{LEDGER_RETENTION_PROPERTY, find_beforehand, table_error};
use sluicebox_settings::Settings;

use self::account::Accounts;
use self::files::{Files, Origin};
use self::finding::{Fault, Findings, Place};
use self::history::{History, Holds};
use self::positions::{AllPositions, TableSource};

pub use self::report::{AuditReport, PartitionReport, TableReport};

/// How many data files are read concurrently.
const FILE_READS_MAX: usize = 8;

/// A table, its history and its books.
struct Audited {
    location: String,
    table: DeltaTable,
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
    for (name, location, holds) in rows.chain([dead_letters]) {
        tables.push(read(settings, name, location, holds, &mut findings).await?);
    }
    let books: Vec<_> = tables.iter().map(|it| (it.history.table.as_str(), &it.accounts)).collect();
    across::compare(&books, &mut findings);
    if reads_positions {
        compare_positions(&tables, settings.provenance, &mut findings).await?;
    }
    let reports = tables.iter().map(|it| TableReport::new(&it.location, &it.history, &it.accounts)).collect();
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
    let table = find_beforehand(name, location)
        .await?
        .ok_or_else(|| DeltaTableError::NotATable("the table does not exist: the pipeline has not run yet".to_owned()))
        .map_err(failed("opening"))?;
    let history = read_log::read(&table, name, holds, &settings.name).await.map_err(failed("reading the log"))?;
    let is_only_table = settings.tables.len() == 1;
    let accounts = books::accounts(&history, &settings.name, findings);
    let files = files::trace(&history, &settings.name, is_only_table, findings);
    note_what_is_gone(&history, findings);
    judge_properties(&history, findings);
    Ok(Audited { location: location.to_owned(), table, history, accounts, files })
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

async fn compare_positions(
    tables: &[Audited],
    has_provenance: bool,
    findings: &mut Findings,
) -> Result<(), TableError> {
    let mut all = AllPositions::default();
    let is_read = |it: &&Audited| has_provenance || it.history.holds == Holds::DeadLetters;
    for audited in tables.iter().filter(is_read) {
        take_in_files(audited, &mut all, findings).await?;
    }
    all.sort_rewritten();
    let (rows, dead_letters): (Vec<_>, Vec<_>) = tables.iter().partition(|it| it.history.holds == Holds::Rows);
    if has_provenance {
        let books: Vec<_> = rows.iter().map(|it| (it.history.table.as_str(), &it.accounts)).collect();
        let rows_removed = rows.iter().any(|it| it.files.rows_removed);
        all.compare_rows(&books, rows_removed, findings);
    } else {
        let message = "its rows have no positions (`provenance: false`): they are counted, but not checked one by one";
        rows.iter().for_each(|it| findings.note(&it.history.table, message));
    }
    for audited in dead_letters {
        all.compare_dead_letters(audited.source(), audited.files.rows_removed, findings);
        all.compare_with_redriven(&audited.history.table, findings);
    }
    Ok(())
}

async fn take_in_files(audited: &Audited, all: &mut AllPositions, findings: &mut Findings) -> Result<(), TableError> {
    let store = audited.table.object_store();
    let holds = audited.history.holds;
    let name = &audited.history.table;
    // Rows of other pipelines, and files that may mix them with rows of this one, are not judged.
    let is_ours = |origin: Origin| match origin {
        Origin::Flush(_) | Origin::Redrive(_) => true,
        Origin::Rewrite(_) | Origin::Others(_) | Origin::Gone => !audited.files.is_shared,
    };
    let files = audited.files.live.iter().filter(|(_, (origin, _))| is_ours(*origin));
    let read = |(path, (origin, file)): (&String, &(Origin, history::LoggedFile))| {
        let (store, path, origin, bytes) = (store.clone(), path.clone(), *origin, file.bytes);
        async move {
            let positions = read_positions::read(store, &path, bytes, holds).await;
            (path, origin, positions)
        }
    };
    let mut reading = futures::stream::iter(files.map(read)).buffered(FILE_READS_MAX);
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
        TableSource { table: &self.history.table, holds: self.history.holds, accounts: &self.accounts }
    }
}
