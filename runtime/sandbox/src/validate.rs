//! Whether what a transform returned keeps to the contract of `wit/transform.wit`, down to the last index.
//!
//! Pure, and never panics on any input. What passes is moved, not copied, into an [`Answer`]. What does not pass is the
//! guest's fault, and the message lets its author find it: field, index, and what was expected.

use crate::bindings::wire;
use crate::description::{Description, Field, RowFormat};
use crate::limits::Limits;
use crate::outcome::{Part, Rows, TableRows, Verdict};

mod columns;
mod layout;

use layout::{check_ends, check_text, text};

/// A valid outcome of one call.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) part: Part,
    /// Record, code, message, path.
    pub(crate) rejections: Vec<(u32, String, String, Option<String>)>,
}

/// What is wrong with an outcome.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It breaks the contract.
    Malformed(String),
    /// This record gives too many rows.
    TooManyRows { record: usize, rows: u64 },
}

impl From<String> for Fault {
    fn from(what: String) -> Self {
        Fault::Malformed(what)
    }
}

/// The bytes in which the rows and rejections crossed the boundary; and, of rows in JSON, also those of the columns that they
/// fill: `{}` fills a thousand of them with nulls.
pub(crate) fn bytes(outcome: &wire::Outcome, description: &Description) -> u64 {
    let rows = outcome.rows.iter().map(|table| {
        let rows = match &table.rows {
            wire::Rows::Json(json) => {
                let described = description.tables.get(table.table as usize);
                let row_bytes = described.map_or(0, |table| table.fields.iter().map(Field::slot_bytes).sum());
                json.data.len() + (4 + row_bytes) * json.ends.len()
            }
            wire::Rows::Columns(columns) => columns.iter().map(columns::bytes).sum(),
        };
        rows + 4 * table.records.len() + table.operations.len()
    });
    let rejections = &outcome.rejections;
    let texts = [&rejections.codes, &rejections.messages, &rejections.paths]
        .map(|texts| texts.data.len() + 4 * texts.ends.len());
    (rows.sum::<usize>() + texts.iter().sum::<usize>() + 4 * rejections.records.len()) as u64
}

/// Checks the outcome of a call with `records` records.
pub(crate) fn outcome(
    outcome: wire::Outcome,
    records: usize,
    description: &Description,
    limits: &Limits,
) -> Result<Answer, Fault> {
    let verdicts = verdicts(&outcome.verdicts, records)?;
    check_rejections(&outcome.rejections, &verdicts)?;
    // Before any row is kept: later steps index by record, and rely on the indices.
    check_records(&outcome.rows, &verdicts, limits.record_rows_max)?;
    let mut part = Part::default();
    for table in outcome.rows {
        let index = table.table as usize;
        let Some(described) = description.tables.get(index) else {
            let tables = description.tables.len();
            return Err(format!("rows for table {index}, but the transform describes {tables}: 0 is the first").into());
        };
        if part.tables.iter().any(|earlier: &TableRows| earlier.table == index) {
            return Err(format!("table `{}` comes twice in rows; at most one entry a table", described.name).into());
        }
        let at = |what: String| format!("rows of table `{}`: {what}", described.name);
        let count = table.records.len();
        check_operations(&table.operations, count).map_err(at)?;
        let rows = match (table.rows, description.row_format) {
            (wire::Rows::Json(json), RowFormat::Json) => Rows::Json(json_rows(json, count).map_err(at)?),
            (wire::Rows::Columns(columns), RowFormat::Columns) => {
                Rows::Columns(columns::check(columns, &described.fields, count).map_err(at)?)
            }
            (_, declared) => {
                return Err(at(format!("not in the row format that `describe` declares ({declared:?})")).into());
            }
        };
        if count > 0 {
            part.tables.push(TableRows { table: index, records: table.records, rows });
        }
    }
    Ok(Answer { verdicts, part, rejections: rejections(outcome.rejections) })
}

fn verdicts(codes: &[u8], records: usize) -> Result<Vec<Verdict>, String> {
    if codes.len() != records {
        return Err(format!("{} verdicts for {records} records", codes.len()));
    }
    codes
        .iter()
        .enumerate()
        .map(|(record, code)| match code {
            0 => Ok(Verdict::Filtered),
            1 => Ok(Verdict::Emitted),
            2 => Ok(Verdict::Rejected),
            _ => Err(format!("verdicts[{record}] is {code}; only 0, 1 and 2 have a meaning")),
        })
        .collect()
}

/// Rows come from records of the batch, in order; exactly the emitted ones; none gives too many.
fn check_records(rows: &[wire::TableRows], verdicts: &[Verdict], rows_max: u64) -> Result<(), Fault> {
    let mut seen = vec![false; verdicts.len()];
    for table in rows {
        let mut previous = 0;
        for (row, &record) in table.records.iter().enumerate() {
            let misplaced = match seen.get_mut(record as usize) {
                _ if record < previous => format!("after {previous}: must not decrease"),
                None => format!("but the batch has {} records", verdicts.len()),
                Some(seen) => {
                    *seen = true;
                    previous = record;
                    continue;
                }
            };
            let index = table.table;
            return Err(format!("records[{row}] of the rows of table {index} is {record}, {misplaced}").into());
        }
    }
    for (record, (&seen, verdict)) in seen.iter().zip(verdicts).enumerate() {
        match (seen, verdict) {
            (true, Verdict::Emitted) | (false, Verdict::Filtered | Verdict::Rejected) => {}
            (true, _) => return Err(format!("record {record} has rows, but its verdict is {verdict:?}").into()),
            (false, _) => return Err(format!("the verdict of record {record} is Emitted, but it has no rows").into()),
        }
    }
    check_row_counts(rows, verdicts.len(), rows_max)
}

/// Every operation is an append. `describe` has refused tables that take others (their write mode).
fn check_operations(operations: &[u8], rows: usize) -> Result<(), String> {
    // What nearly every transform returns.
    if operations.is_empty() {
        return Ok(());
    }
    if operations.len() != rows {
        return Err(format!("{} operations for {rows} rows; one a row, or none at all", operations.len()));
    }
    let Some(row) = operations.iter().position(|&operation| operation != 0) else { return Ok(()) };
    Err(match operations[row] {
        1 => format!("operations[{row}] is 1 (upsert), but the table's write mode is `append`"),
        2 => format!("operations[{row}] is 2 (delete), but the table's write mode is `append`"),
        other => format!("operations[{row}] is {other}; only 0, 1 and 2 have a meaning"),
    })
}

/// Counts rows by record only where there are so many in all that one record could have too many.
fn check_row_counts(rows: &[wire::TableRows], records: usize, rows_max: u64) -> Result<(), Fault> {
    let total: usize = rows.iter().map(|table| table.records.len()).sum();
    if total as u64 <= rows_max {
        return Ok(());
    }
    let mut counts = vec![0u64; records];
    for &record in rows.iter().flat_map(|table| &table.records) {
        counts[record as usize] += 1;
    }
    match counts.iter().position(|&rows| rows > rows_max) {
        Some(record) => Err(Fault::TooManyRows { record, rows: counts[record] }),
        None => Ok(()),
    }
}

fn check_rejections(rejections: &wire::Rejections, verdicts: &[Verdict]) -> Result<(), String> {
    let count = rejections.records.len();
    for (name, strings) in
        [("codes", &rejections.codes), ("messages", &rejections.messages), ("paths", &rejections.paths)]
    {
        check_ends(&strings.ends, count, strings.data.len())
            .and_then(|()| check_text(&strings.data, &strings.ends))
            .map_err(|what| format!("rejections.{name}: {what}"))?;
    }
    let rejected = verdicts.iter().enumerate().filter(|(_, verdict)| **verdict == Verdict::Rejected);
    let rejected = rejected.map(|(record, _)| record as u32);
    if rejections.records.iter().copied().eq(rejected.clone()) {
        return Ok(());
    }
    let (rejected, ascending) = (rejected.count(), rejections.records.is_sorted());
    Err(format!(
        "rejections.records must name exactly the {rejected} records with verdict Rejected, in order; it has {count} \
         entries, {}ascending",
        if ascending { "" } else { "not " }
    ))
}

fn rejections(rejections: wire::Rejections) -> Vec<(u32, String, String, Option<String>)> {
    rejections
        .records
        .iter()
        .copied()
        .enumerate()
        .map(|(index, record): (usize, u32)| {
            let path = text(&rejections.paths, index);
            let path = (!path.is_empty()).then_some(path);
            (record, text(&rejections.codes, index), text(&rejections.messages, index), path)
        })
        .collect()
}

fn json_rows(json: wire::ByteStrings, rows: usize) -> Result<crate::outcome::Strings, String> {
    if let Some(row) = json.nulls.first() {
        return Err(format!("row {row} is null; a row is a JSON object"));
    }
    check_ends(&json.ends, rows, json.data.len())?;
    check_text(&json.data, &json.ends)?;
    Ok(crate::outcome::Strings { data: json.data, ends: json.ends })
}

#[cfg(test)]
mod tests;
