//! Which transform judges a batch: the pipeline's own, or a canary for the partitions that are its. A shadow gets a copy of
//! some batches; what it says is compared, never written. The walk sees one call.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sluicebox_delta::dead_letter::JudgedBy;
use sluicebox_ledger::Judged;
use sluicebox_sandbox::{Batch, Outcome, Stop, Worker};
use sluicebox_settings::BreakerSettings;

use crate::breaker::{Breaker, BreakerCount};
use crate::error::PipelineError;
use crate::health::CandidateHealth;
use crate::metrics;
use crate::rollout::candidate::Candidate;

/// The pipeline's transform, and perhaps a candidate beside it.
pub(crate) struct Judges {
    worker: Worker,
    breaker: Breaker,
    candidate: Option<Candidate>,
    stop: Option<Stop>,
}

impl Judges {
    /// A transform without a candidate.
    pub(crate) fn new(worker: Worker, breaker: Option<BreakerSettings>) -> Self {
        Self { worker, breaker: Breaker::new(breaker), candidate: None, stop: None }
    }

    /// No call of a transform outlasts this for long.
    pub(super) fn stop_when(&mut self, stop: Stop) {
        self.stop = Some(stop);
    }

    /// Judges the records of a batch, or as many of the first as fit the budget, one at least unless the walk is to stop. The second value says which
    /// canary has judged them; none: the pipeline's transform.
    pub(super) fn process(
        &mut self,
        batch: &Batch,
        budget: Duration,
    ) -> Result<(Outcome, Option<Arc<JudgedBy>>), PipelineError> {
        let mut canary = self.candidate.as_mut().and_then(|candidate| candidate.canary_for(batch));
        let judged_by = canary.as_ref().map(|canary| canary.judged_by());
        let worker = canary.as_mut().map_or(&mut self.worker, |canary| canary.worker());
        worker.stop_when(self.stop.clone());
        #[expect(
            clippy::disallowed_methods,
            reason = "a guest takes real time, also in the simulation; this decides the shadow's budget only"
        )]
        let started = Instant::now();
        let outcome = worker.process_for(batch, budget).map_err(PipelineError::sandbox)?;
        // Of the judge alone: the shadow's calls are not the pipeline's.
        metrics::effort(&outcome.effort);
        if let Some(shadow) = self.candidate.as_mut().and_then(|candidate| candidate.shadow_for(batch)) {
            shadow.compare(batch, outcome.clone(), started.elapsed());
        }
        Ok((outcome, judged_by))
    }

    /// Counts verdicts: an error as soon as the one that judged the batch has rejected too much.
    pub(super) fn count(&mut self, batch: &Batch, judged: &Judged) -> Result<(), PipelineError> {
        let count = judged.verdicts.len();
        match self.candidate.as_mut().and_then(|candidate| candidate.canary_for(batch)) {
            Some(canary) => canary.count(batch, count, &judged.reasons),
            None => self.breaker.count(batch, count, &judged.reasons).map_err(PipelineError::Breaker),
        }
    }

    /// What was counted is in the tables.
    pub(super) fn settle(&mut self) {
        self.breaker.settle();
        self.candidate.iter_mut().for_each(Candidate::settle);
    }

    /// What was counted since the last flush will be judged again.
    pub(super) fn rewind(&mut self) {
        self.breaker.rewind();
        self.candidate.iter_mut().for_each(Candidate::rewind);
    }

    /// Another transform judges from now on: no candidate, and a breaker that has counted nothing.
    pub(super) fn replace(&mut self, worker: Worker) {
        self.worker = worker;
        self.breaker.reset();
        self.candidate = None;
    }

    /// Tries a candidate, or none.
    pub(super) fn set_candidate(&mut self, candidate: Option<Candidate>) {
        self.candidate = candidate;
    }

    /// Ends the trial of the candidate.
    pub(super) fn take_candidate(&mut self) -> Option<Candidate> {
        self.candidate.take()
    }

    /// What the breaker counts; none if it is off.
    pub(super) fn breaker_count(&self) -> Option<BreakerCount> {
        self.breaker.counted()
    }

    /// How the candidate does.
    pub(super) fn candidate_health(&self) -> Option<CandidateHealth> {
        self.candidate.as_ref().map(Candidate::health)
    }
}
