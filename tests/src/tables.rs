//! What a Delta table holds, as seen by readers that share no code with Sluicebox: Python's `deltalake` and DuckDB.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::place;

/// Where a table lies, and what the readers must have in their environment to get there.
#[derive(Debug, Clone)]
pub struct Location {
    /// A folder or a URL.
    pub path: String,
    /// Variables that name the store and its credentials; none for a folder.
    pub environment: Vec<(String, String)>,
}

impl From<&Path> for Location {
    fn from(folder: &Path) -> Self {
        Self { path: folder.to_string_lossy().into_owned(), environment: Vec::new() }
    }
}

impl From<&PathBuf> for Location {
    fn from(folder: &PathBuf) -> Self {
        folder.as_path().into()
    }
}

/// All rows, sorted by position, then by text, in the form that `tests/readers/read_table.py` describes.
/// Fails if the readers do not see the same, or if a filter finds other rows when a reader skips files by the log's statistics.
pub fn rows(table: impl Into<Location>) -> Result<Vec<Value>> {
    let table = table.into();
    let rows = read("deltalake", &table, &[])?;
    let seen_by_duckdb = read("duckdb", &table, &[])?;
    ensure!(
        rows == seen_by_duckdb,
        "deltalake and DuckDB disagree on {}: {}",
        table.path,
        first_difference(&rows, &seen_by_duckdb),
    );
    let wrong = read("filters", &table, &[])?;
    ensure!(wrong.is_empty(), "filters on {} do not find what is there:\n{}", table.path, wrong.join("\n"));
    rows.iter().map(|row| Ok(serde_json::from_str(row)?)).collect()
}

/// The ledger: the next offset of each partition, `0..partitions`; none where the table knows nothing of it.
pub fn ledger(table: impl Into<Location>, pipeline: &str, topic: &str, partitions: i32) -> Result<Vec<Option<i64>>> {
    let ids: Vec<_> = (0..partitions).map(|partition| format!("sluicebox/{pipeline}/{topic}/{partition}")).collect();
    read("ledger", &table.into(), &ids)?.iter().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

/// Which topic the ledger says that its offsets are of; none if it does not.
pub fn topic_id(table: impl Into<Location>, pipeline: &str, topic: &str, partition: i32) -> Result<Option<i64>> {
    let lines = read("ledger", &table.into(), &[format!("sluicebox-topic/{pipeline}/{topic}/{partition}")])?;
    Ok(lines.first().map(|line| serde_json::from_str(line)).transpose()?.flatten())
}

/// What each commit that is still in the log says of itself (`commitInfo.sluicebox`), in order.
pub fn commits(folder: &Path) -> Result<Vec<Value>> {
    let entries = std::fs::read_dir(folder.join("_delta_log"))?.map(|entry| Ok(entry?.path()));
    let mut entries = entries.collect::<Result<Vec<_>>>()?;
    entries.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    entries.sort();
    let mut commits = Vec::new();
    for entry in entries {
        for line in std::fs::read_to_string(&entry)?.lines() {
            let action: Value = serde_json::from_str(line)?;
            commits.extend(action.pointer("/commitInfo/sluicebox").cloned());
        }
    }
    Ok(commits)
}

/// How many rows a table has, and from how many positions of topics they come. For tables too large to compare.
pub fn count(table: impl Into<Location>) -> Result<(u64, u64)> {
    let lines = read("count", &table.into(), &[])?;
    let counted: Value = serde_json::from_str(lines.first().context("the reader counted nothing")?)?;
    let number = |name: &str| counted.get(name).and_then(Value::as_u64).context("the reader gave no number");
    Ok((number("rows")?, number("positions")?))
}

/// Where two lists of lines part, for a failed comparison of many.
pub fn first_difference<T: PartialEq + std::fmt::Debug>(left: &[T], right: &[T]) -> String {
    let place = left.iter().zip(right).take_while(|(left, right)| left == right).count();
    format!(
        "{} against {} lines; line {place} is {:?} against {:?}",
        left.len(),
        right.len(),
        left.get(place),
        right.get(place)
    )
}

/// Asks the independent readers. If one of their native libraries aborts the process (seen once in some hundred runs:
/// "terminate called without an active exception"), they are asked again: that says nothing of the table.
fn read(question: &str, table: &Location, further: &[String]) -> Result<Vec<String>> {
    const ATTEMPTS: usize = 3;
    let mut reader = Command::new(place::python()?);
    reader.arg(place::repository().join("tests/readers/read_table.py")).arg(question).arg(&table.path).args(further);
    reader.envs(table.environment.iter().map(|(name, value)| (name, value)));
    let mut attempt = 1;
    loop {
        let output = reader.output().context("can't start the Python of the readers")?;
        if output.status.signal().is_none() || attempt == ATTEMPTS {
            ensure!(output.status.success(), "read_table.py: {}", String::from_utf8_lossy(&output.stderr).trim_end());
            return Ok(String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect());
        }
        attempt += 1;
    }
}
