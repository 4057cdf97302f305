//! Processes batches, one after the other, on one instance at a time.
//!
//! The worker decides which instance a call gets, how long one lives, and what the end of a call means; which calls to make
//! is `bisect`'s. An instance serves batch after batch, because a fresh one pays page faults for each, but never after
//! a failure (`docs/adr/0004-instance-reuse.md`).

use std::time::{Duration, Instant};

use crate::batch::Batch;
use crate::bisect;
use crate::error::{ConfigureError, SandboxError};
use crate::instance::{Instance, StartError, Surroundings};
use crate::meter::Stop;
use crate::outcome::{Outcome, Verdict};
use crate::pace::Pace;
use crate::transform::Transform;

mod trial;

use trial::Trial;

/// An instance retires when it has returned so many bytes: guests in Python and JavaScript leak what they return. For a
/// transform that leaks nothing, a fresh instance each 32 MiB costs less than one part in a thousand.
const RETURNED_BYTES_MAX: u64 = 32 << 20;

/// Processes batches of one transform with one configuration. Not shared; make one per thread.
///
/// A batch may be of any partition. Call it outside of asynchronous code: a call takes as long as the transform does, and
/// components that bring WASI wait on a runtime of their own.
pub struct Worker {
    transform: Transform,
    configuration: String,
    instance: Option<Instance>,
    pace: Pace,
    stop: Option<Stop>,
}

impl Worker {
    pub(crate) fn start(transform: Transform, configuration: &str) -> Result<Worker, ConfigureError> {
        let surroundings = Surroundings {
            log_allowance: transform.log_allowance().clone(),
            log_lines: transform.limits().batch_log_lines_max,
            stop: None,
        };
        let instance = Instance::configured(transform.quick(), transform.limits(), configuration, surroundings);
        let instance = instance.map_err(|error| match error {
            StartError::Refused(refusal) => ConfigureError::Refused(refusal),
            StartError::Guest(message) => ConfigureError::Trapped(message),
            StartError::Host(message) => ConfigureError::Host(SandboxError::Instance(message)),
            StartError::Stopped => ConfigureError::Host(SandboxError::Instance("the process is stopping".to_owned())),
        })?;
        let configuration = configuration.to_owned();
        Ok(Worker { transform, configuration, instance: Some(instance), pace: Pace::default(), stop: None })
    }

    /// Asks `stop`, many times a second, whether [`Self::process_for`] is to return with what it has by then.
    pub fn stop_when(&mut self, stop: Option<Stop>) {
        self.stop = stop;
    }

    /// Gives each record its verdict, however long it takes.
    ///
    /// # Errors
    /// Only the host's own trouble: no record is at fault, and the batch may be tried again. A failure of the transform is
    /// a [`Rejection`](crate::Rejection).
    pub fn process(&mut self, batch: &Batch) -> Result<Outcome, SandboxError> {
        self.run(batch, Duration::MAX, u64::MAX)
    }

    /// The same, but after `budget`, or when the outcome is as large as one call may return, it returns with the records that
    /// have their verdicts by then: the outcome has fewer verdicts than the batch has records. There is one at least, unless
    /// the worker is to stop ([`Self::stop_when`]). A batch of endless loops would take half an hour otherwise.
    ///
    /// # Errors
    /// As [`Self::process`].
    pub fn process_for(&mut self, batch: &Batch, budget: Duration) -> Result<Outcome, SandboxError> {
        self.run(batch, budget, self.transform.limits().batch_output_bytes_max)
    }

    fn run(&mut self, batch: &Batch, budget: Duration, bytes_max: u64) -> Result<Outcome, SandboxError> {
        let start = Instant::now();
        let mut outcome = Outcome { verdicts: vec![Verdict::Filtered; batch.len()], ..Outcome::default() };
        let Worker { transform, configuration, instance, pace, stop } = self;
        let mut trial = Trial::new(transform, configuration, instance, batch, stop.as_ref(), &mut outcome);
        let walked = bisect::walk(&mut trial, batch.len(), pace, |trial| {
            trial.outcome_bytes() >= bytes_max || start.elapsed() > budget || stop.as_ref().is_some_and(|stop| stop())
        });
        // Before `walked?`: lines are lost in a failed batch as well.
        let dropped = trial.lines_dropped();
        if dropped > 0 {
            let topic = &*batch.topic;
            let partition = batch.partition;
            tracing::warn!(target: "sluicebox::transform", topic, partition, dropped, "log lines over the limits");
        }
        // Records behind the budget have no verdict; those before it keep theirs.
        outcome.verdicts.truncate(walked?);
        Ok(outcome)
    }
}
