//! The verdict on each record of a batch, including records whose rows do not fit a table's schema. Pure.

use sluicebox_sandbox::Verdict;

use crate::Reason;

/// The verdicts on a batch.
#[derive(Debug, PartialEq, Eq)]
pub struct Judged {
    /// One per record.
    pub verdicts: Vec<Verdict>,
    /// One per rejected record, in the order of the records.
    pub reasons: Vec<Reason>,
}
