//! How another transform takes the place of the one that judges: the walk adopts it between two flushes, and goes back to
//! the ledgers, as after any failure, so that no record is judged by both, or by neither. The walk does not know where
//! transforms come from, or who decides.

use tracing::{info, warn};

use crate::error::PipelineError;
use crate::metrics;
use crate::rollout::changes::{Change, Withdrawal};
use crate::rollout::prepared::PreparedTransform;
use crate::source::Source;
use crate::walk::Walk;

impl<S: Source> Walk<S> {
    /// Makes the change that is due. Only with nothing staged.
    pub(super) fn change(&mut self) {
        let Some(change) = self.changes.take_due() else { return };
        match change {
            Change::Adopt(prepared) => self.adopt(*prepared),
            Change::Probation(candidate) => {
                match &candidate {
                    Some(candidate) => {
                        info!(transform_digest = candidate.transform_digest(), "candidate started: {candidate}")
                    }
                    None => info!("candidate stopped"),
                }
                self.judges.set_candidate(candidate.map(|candidate| *candidate));
            }
            Change::Refused(what) => {
                if let Some(what) = &what {
                    warn!("promotion refused: {what}; the transform stays as it is");
                }
                self.changes.show_refusal(what);
            }
        }
    }

    /// Ends the trial of a canary that rejected too much. Nothing is lost: the pipeline's transform judges again what the
    /// canary has judged since the last flush.
    pub(super) fn withdraw_canary(&mut self, error: &PipelineError) {
        let PipelineError::Canary(why) = error else { return };
        if let Some(candidate) = self.judges.take_candidate() {
            let transform_digest = candidate.transform_digest().to_owned();
            self.changes.withdraw(Withdrawal { transform_digest, order: candidate.order(), why: why.clone() });
        }
    }

    /// A tripped breaker was the other transform's: the walk reads again what that one had paused.
    fn adopt(&mut self, PreparedTransform { worker, tables, dead_letters }: PreparedTransform) {
        let before = self.tables.transform_digest();
        let after = tables.transform_digest();
        info!(transform_digest = after, instead_of = before, "switched to another transform");
        metrics::adopted(before, after);
        // While the old tables and the old source positions are still in place.
        self.rewind();
        self.judges.replace(worker);
        self.tables = tables;
        // The receiver of copies belongs to the walk, not to the transform.
        self.dead_letters = dead_letters.with_copies(self.dead_letters.copies());
        self.report.resume();
        self.partitions.resume();
        // Their losses are examined at the next take-over, against the same ledgers in new hands.
        self.partitions.examine_stopped_again();
    }
}
