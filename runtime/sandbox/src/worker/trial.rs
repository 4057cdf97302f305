//! One batch on its way through a worker: the calls that `bisect` asks for, and what their ends mean for the records.

use std::ops::Range;
use std::time::Instant;

use super::RETURNED_BYTES_MAX;
use crate::batch::Batch;
use crate::bindings::wire;
use crate::bisect::{Attempt, Caller, Clue};
use crate::code;
use crate::error::SandboxError;
use crate::failure::{Failure, Trapped};
use crate::instance::{Compiled, Instance, StartError, Surroundings};
use crate::meter::Stop;
use crate::outcome::{Outcome, Part, Rejection, Stage, Verdict};
use crate::transform::Transform;
use crate::validate::{self, Answer, Fault};

/// One batch being processed.
pub(super) struct Trial<'a> {
    transform: &'a Transform,
    configuration: &'a str,
    instance: &'a mut Option<Instance>,
    batch: &'a Batch,
    outcome: &'a mut Outcome,
    /// The records of the last call that was too slow.
    slow: Range<usize>,
    /// Bytes of the outcome's last part.
    part_bytes: u64,
    /// Bytes of the whole outcome.
    outcome_bytes: u64,
    stop: Option<&'a Stop>,
    lines_left: u64,
    lines_dropped: u64,
}

/// How one call ended, with what is needed to judge it.
enum Ended {
    Answered {
        answer: Answer,
        bytes: u64,
        heavy: bool,
    },
    Confessed(usize, Failure),
    Failed(Failure, Clue),
    /// Too slow by the clock: a suspicion only.
    Slow,
    /// The walk is to end.
    Stopped,
}

impl Caller for Trial<'_> {
    type Failure = Failure;
    type Error = SandboxError;

    fn call(&mut self, records: Range<usize>, fresh: bool) -> Result<Attempt<Failure>, SandboxError> {
        let slice;
        let batch = if records.len() == self.batch.len() {
            self.batch
        } else {
            slice = self.batch.slice(records.clone());
            &slice
        };
        // Slow once already: another trial by the clock would cost its duration again and decide nothing.
        if batch.len() == 1 && self.slow.contains(&records.start) {
            return self.run_exactly(records, batch);
        }
        // Taken, and put back only after a good call: an instance that trapped must not be called again.
        let usable = self.instance.take().filter(|instance: &Instance| !fresh || instance.is_fresh());
        let mut instance = match usable {
            Some(instance) => instance,
            None => match self.start(self.transform.quick()) {
                Ok(instance) => instance,
                Err(StartError::Stopped) => return Ok(Attempt::Stopped),
                Err(StartError::Refused(refusal)) => return Err(SandboxError::Configuration(refusal)),
                Err(StartError::Guest(message) | StartError::Host(message)) => {
                    return Err(SandboxError::Instance(message));
                }
            },
        };
        let fresh = instance.is_fresh();
        let ended = self.run(&mut instance, batch, fresh)?;
        if matches!(ended, Ended::Slow) {
            self.slow = records.clone();
            if batch.len() == 1 {
                return self.run_exactly(records, batch);
            }
        }
        if let Ended::Answered { bytes, .. } = ended
            && instance.note_returned(bytes) < RETURNED_BYTES_MAX
            && !instance.state().memory.is_high()
        {
            *self.instance = Some(instance);
        }
        Ok(self.judge(ended, records, fresh))
    }

    fn condemn(&mut self, record: usize, failure: Failure) {
        self.outcome.verdicts[record] = Verdict::Rejected;
        let Failure { code, message, backtrace } = failure;
        self.outcome_bytes += (message.len() + backtrace.as_ref().map_or(0, String::len)) as u64;
        let (stage, code) = (Stage::Sandbox, code.to_owned());
        self.outcome.rejections.push(Rejection { record, stage, code, message, path: None, backtrace });
    }
}

impl<'a> Trial<'a> {
    pub(super) fn new(
        transform: &'a Transform,
        configuration: &'a str,
        instance: &'a mut Option<Instance>,
        batch: &'a Batch,
        stop: Option<&'a Stop>,
        outcome: &'a mut Outcome,
    ) -> Trial<'a> {
        let lines_left = transform.limits().batch_log_lines_max;
        Trial {
            transform,
            configuration,
            instance,
            batch,
            outcome,
            slow: 0..0,
            part_bytes: 0,
            outcome_bytes: 0,
            stop,
            lines_left,
            lines_dropped: 0,
        }
    }

    /// Log lines beyond what the batch may write.
    pub(super) fn lines_dropped(&self) -> u64 {
        self.lines_dropped
    }

    /// What the outcome has in bytes by now.
    pub(super) fn outcome_bytes(&self) -> u64 {
        self.outcome_bytes
    }

    /// Calls, and checks what comes back.
    fn run(&mut self, instance: &mut Instance, batch: &Batch, fresh: bool) -> Result<Ended, SandboxError> {
        let limits = self.transform.limits();
        let offset = batch.offsets.first().copied().unwrap_or(-1);
        instance.state().log.begin(&batch.topic, batch.partition, offset, self.lines_left);
        self.outcome.effort.calls += 1;
        let start = Instant::now();
        let called = instance.process(batch);
        let elapsed = start.elapsed();
        let (left, dropped) = instance.state().log.end();
        self.lines_left = left;
        self.lines_dropped += dropped;
        match called {
            // Fuel, where it is counted, has the last word: what it let pass may have taken any time.
            Ok(_) if elapsed > limits.call_duration_max && !instance.counts_fuel() => {
                self.outcome.effort.timeouts += 1;
                Ok(Ended::Slow)
            }
            Ok(outcome) => {
                let heavy = elapsed > limits.call_duration_max / 2;
                // Alone on a fresh instance a record that went on without the memory is judged by what it gave: nothing
                // else can have shaped that.
                let refused = instance.state().memory.refused() && !(fresh && batch.len() == 1);
                Ok(self.check(outcome, batch.len(), refused, heavy))
            }
            Err(Trapped::Interrupted) => {
                self.outcome.effort.timeouts += 1;
                Ok(Ended::Slow)
            }
            Err(Trapped::Stopped) => Ok(Ended::Stopped),
            Err(Trapped::Host(message)) => Err(SandboxError::Instance(message)),
            Err(Trapped::Confessed(record, failure)) => {
                self.outcome.effort.traps += 1;
                Ok(Ended::Confessed(record, failure))
            }
            Err(Trapped::Failed(failure, clue)) => {
                self.outcome.effort.traps += 1;
                Ok(Ended::Failed(failure, clue))
            }
        }
    }

    fn check(&self, outcome: wire::Outcome, records: usize, refused_memory: bool, heavy: bool) -> Ended {
        let limits = self.transform.limits();
        if refused_memory {
            let message = "the transform was refused memory and went on".to_owned();
            return Ended::Failed(Failure::new(code::LIMIT_MEMORY, message), Clue::TooMuch);
        }
        let bytes = validate::bytes(&outcome, self.transform.description());
        // Where all records together stay below what one may return, each does.
        if bytes > limits.record_output_bytes_max {
            let max = limits.record_output_bytes_max;
            let message =
                format!("the record's outcome has {bytes} bytes, more than limits.record_output_bytes_max ({max})");
            return Ended::Failed(Failure::new(code::LIMIT_OUTPUT_BYTES, message), Clue::TooMuch);
        }
        match validate::outcome(outcome, records, self.transform.description(), limits) {
            Ok(answer) => Ended::Answered { answer, bytes, heavy },
            Err(Fault::Malformed(what)) => Ended::Failed(Failure::new(code::MALFORMED_OUTCOME, what), Clue::Culprit),
            Err(Fault::TooManyRows { record, rows }) => {
                let max = limits.record_rows_max;
                let message = format!("the record gives {rows} rows, more than limits.record_rows_max ({max})");
                Ended::Failed(Failure::new(code::LIMIT_ROWS, message), Clue::Suspect(record))
            }
        }
    }

    /// Keeps an answer; translates the rest for the walk.
    fn judge(&mut self, ended: Ended, records: Range<usize>, fresh: bool) -> Attempt<Failure> {
        match ended {
            Ended::Answered { answer, bytes, heavy } => {
                self.keep(answer, bytes, records.start);
                Attempt::Passed { heavy }
            }
            Ended::Confessed(record, failure) => Attempt::Confessed { record: records.start + record, failure },
            Ended::Failed(failure, Clue::Suspect(record)) => {
                Attempt::Failed { failure, fresh, clue: Clue::Suspect(records.start + record) }
            }
            Ended::Failed(failure, clue) => Attempt::Failed { failure, fresh, clue },
            Ended::Stopped => Attempt::Stopped,
            Ended::Slow => {
                let message = "the call took longer than limits.call_duration_max".to_owned();
                Attempt::Failed { failure: Failure::new(code::LIMIT_FUEL, message), fresh, clue: Clue::TooMuch }
            }
        }
    }

    fn keep(&mut self, answer: Answer, bytes: u64, start: usize) {
        self.outcome_bytes += bytes;
        let Answer { verdicts, mut part, rejections } = answer;
        self.outcome.verdicts[start..start + verdicts.len()].copy_from_slice(&verdicts);
        if start > 0 {
            let shift = u32::try_from(start).unwrap_or(u32::MAX);
            part.tables.iter_mut().flat_map(|table| &mut table.records).for_each(|record| *record += shift);
        }
        self.keep_part(part, bytes);
        let rejections = rejections.into_iter().map(|(record, code, message, path)| Rejection {
            record: start + record as usize,
            stage: Stage::Transform,
            code,
            message,
            path,
            backtrace: None,
        });
        self.outcome.rejections.extend(rejections);
    }

    /// Joins rows to those before them, as long as they are not more than one call may return.
    fn keep_part(&mut self, part: Part, bytes: u64) {
        if part.tables.is_empty() {
            return;
        }
        self.part_bytes += bytes;
        match self.outcome.parts.last_mut() {
            Some(last) if self.part_bytes <= self.transform.limits().batch_output_bytes_max => last.append(part),
            _ => {
                // A new part begins with this answer alone; the sum belonged to the part before it.
                self.part_bytes = bytes;
                self.outcome.parts.push(part);
            }
        }
    }

    /// Runs one record on a fresh instance that counts fuel: what it says stands.
    fn run_exactly(&mut self, records: Range<usize>, batch: &Batch) -> Result<Attempt<Failure>, SandboxError> {
        let exact = self.transform.exact().map_err(SandboxError::Fuel)?;
        self.outcome.effort.fuel_runs += 1;
        let mut instance = match self.start(exact) {
            Ok(instance) => instance,
            Err(StartError::Stopped) => return Ok(Attempt::Stopped),
            Err(StartError::Host(message)) => return Err(SandboxError::Instance(message)),
            // It starts where the clock alone is looked at: no reason to stop the stream for this record.
            Err(StartError::Refused(message) | StartError::Guest(message)) => {
                let message = format!("the transform does not start where fuel is counted: {message}");
                let failure = Failure::new(code::LIMIT_FUEL, message);
                return Ok(Attempt::Failed { failure, fresh: true, clue: Clue::Culprit });
            }
        };
        let ended = self.run(&mut instance, batch, true)?;
        Ok(self.judge(ended, records, true))
    }

    fn start(&mut self, compiled: &Compiled) -> Result<Instance, StartError> {
        self.outcome.effort.instances += 1;
        let surroundings = Surroundings {
            log_allowance: self.transform.log_allowance().clone(),
            log_lines: self.lines_left,
            stop: self.stop.cloned(),
        };
        let mut instance = Instance::configured(compiled, self.transform.limits(), self.configuration, surroundings)?;
        // Each failed call begins with a fresh instance: its first words count among those of the batch.
        let (left, dropped) = instance.state().log.end();
        self.lines_left = left;
        self.lines_dropped += dropped;
        Ok(instance)
    }
}
