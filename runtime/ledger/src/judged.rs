//! The verdict on each record of a batch, with the schema's word included. Pure.

use sluicebox_sandbox::Verdict;

use crate::Reason;

/// What became of each record of a batch.
#[derive(Debug, PartialEq, Eq)]
pub struct Judged {
    /// One per record.
    pub verdicts: Vec<Verdict>,
    /// One per rejected record, in the order of the records.
    pub reasons: Vec<Reason>,
}
