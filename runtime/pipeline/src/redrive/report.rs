//! What a redrive did, or would do. Pure.

use std::collections::BTreeMap;

use sluicebox_ledger::Stage;

use super::claim::{JudgedAgain, Outcome};

/// What became of the selected letters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedriveReport {
    /// Letters that were judged.
    pub selected: u64,
    /// Those that made rows.
    pub redriven: u64,
    /// The rows that they made, in all tables together.
    pub rows: u64,
    /// Those that made none, deliberately.
    pub filtered: u64,
    /// Those that were rejected again, by stage and code.
    pub rejected: BTreeMap<(Stage, String), u64>,
    /// The ids of earlier redrives that this one has finished.
    pub finished: Vec<String>,
    /// Earlier redrives that it leaves unfinished, by id, and why: their transform may not judge.
    pub refused: BTreeMap<String, String>,
    /// In how many claims.
    pub(super) chunks: usize,
}

impl RedriveReport {
    /// Letters that were rejected again.
    pub fn rejected_count(&self) -> u64 {
        self.rejected.values().sum()
    }

    pub(super) fn add(&mut self, judged: &JudgedAgain) {
        self.selected += judged.outcomes.len() as u64;
        self.rows += judged.rows;
        for outcome in &judged.outcomes {
            match outcome {
                Outcome::Emitted => self.redriven += 1,
                Outcome::Filtered => self.filtered += 1,
                Outcome::Rejected(reason) => {
                    *self.rejected.entry((reason.stage, reason.code.clone())).or_default() += 1;
                }
            }
        }
    }
}
