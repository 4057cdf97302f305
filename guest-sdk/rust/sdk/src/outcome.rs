//! What became of a batch, as it crosses the boundary.

use crate::{
    column::{Column, Strings},
    reject::Reject,
};

/// What became of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Verdict {
    /// It makes no rows, and that is as it should be.
    Filtered = 0,
    /// It makes one row or more.
    Emitted = 1,
    /// It goes to the dead letters, with a reason.
    Rejected = 2,
}

/// One verdict a record, the rows, and the reasons.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// One a record, in the numbers of the boundary; see [`Verdict`].
    pub verdicts: Vec<u8>,
    /// Tables without rows are left out.
    pub rows: Vec<TableRows>,
    /// Why records were rejected.
    pub rejections: Rejections,
}

/// The rows of one table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableRows {
    /// Index of the table in the description.
    pub table: u32,
    /// One a row: the index of the record that it comes from. Never decreases.
    pub records: Vec<u32>,
    /// The rows.
    pub rows: Rows,
}

/// Rows in the form that the transform declares.
#[derive(Debug, Clone, PartialEq)]
pub enum Rows {
    /// One JSON object a row.
    Json(Strings),
    /// The table's columns, depth first.
    Columns(Vec<Column>),
}

/// One entry a rejected record, in ascending order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rejections {
    /// Indices of the records.
    pub records: Vec<u32>,
    /// Short and stable, for grouping.
    pub codes: Strings,
    /// For a person.
    pub messages: Strings,
    /// Where in the record; empty if it does not matter.
    pub paths: Strings,
}

impl Rejections {
    /// Appends the reason for which `record` was rejected.
    #[cold]
    pub fn push(&mut self, record: u32, reject: &Reject) {
        self.records.push(record);
        self.codes.push(reject.code().as_bytes());
        self.messages.push(reject.message().as_bytes());
        self.paths.push(reject.path().unwrap_or_default().as_bytes());
    }
}
