//! What a walk has done so far: the figures that a progress bar, a summary or a metric shows.

use serde::Serialize;
use sluicebox_sandbox::Verdict;

/// Counts since the start of the process, of flushed records only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Records judged.
    pub records: u64,
    /// Records that became one row or more.
    pub emitted: u64,
    /// Records that the transform dropped on purpose.
    pub filtered: u64,
    /// Records that became dead letters.
    pub dead_letters: u64,
}

impl Progress {
    pub(crate) fn count(&mut self, verdicts: &[Verdict]) {
        self.records += verdicts.len() as u64;
        for verdict in verdicts {
            match verdict {
                Verdict::Emitted => self.emitted += 1,
                Verdict::Filtered => self.filtered += 1,
                Verdict::Rejected => self.dead_letters += 1,
            }
        }
    }

    pub(crate) fn add(&mut self, other: &Progress) {
        self.records += other.records;
        self.emitted += other.emitted;
        self.filtered += other.filtered;
        self.dead_letters += other.dead_letters;
    }
}
