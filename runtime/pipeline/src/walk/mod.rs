//! The walk of the data, the same in every mode:
//!
//! ```text
//! poll        source        a bounded batch, with positions
//! skip        ledger        offsets that the tables already have
//! transform   sandbox       each record → rows | filtered | rejected(reason)
//! stage       sink          Parquet, invisible so far; schema misfits join the rejected
//! bury        dead_letter   rejected records durable
//! commit      sink          add + txn, one atomic commit a table
//! ack         source        only after the commit
//! ```
//!
//! Poll, skip, transform and stage repeat per batch ([`Walk::step`], [`Walk::take_in`]); bury, commit and ack happen at
//! a flush ([`Walk::flush`]). A record's failure is a value; an `Err` means that the infrastructure failed, and the
//! answer to every `Err` that has one is the same: drop what is staged and go back to the ledger. Runs on one thread,
//! and knows no Kafka, no Parquet and no wasm.

mod assignment;
pub mod backoff;
pub mod breaker;
pub mod report;
pub mod swap;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use sluicebox_sandbox::planted::{Bug, planted};
use sluicebox_sandbox::{Batch, Worker};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{debug, info};

use crate::walk::breaker::Breaker;
use crate::rollout::candidate::Candidate;
use sluicebox_delta::dead_letter::DeadLetters;
use sluicebox_ledger::Stage;
use crate::error::PipelineError;
use sluicebox_ledger::ErrorKind;
use sluicebox_ledger::Judged;
use sluicebox_ledger::{Gap, Loss};
use crate::walk::backoff::Backoff;
use sluicebox_ledger::{Offsets, TopicPartition};
use crate::progress::Progress;
use sluicebox_settings::FlushSettings;
use crate::source::{Intake, Polled, Source};
use crate::walk::swap::Changes;
use crate::tables::Tables;
use crate::metrics;
use crate::walk::report::Report;

/// How long the walk works on records before it lets the source speak: a consumer group takes a member that does not poll
/// for dead, and a partition full of endless loops must advance all the same.
pub(crate) const TURN: Duration = Duration::from_secs(5);

/// Partitions that the walk does not read, because it would skip records.
pub(crate) type Stopped = BTreeMap<TopicPartition, Loss>;

/// A source, a transform, its tables and its dead letters, and what is between two flushes.
pub struct Walk<S> {
    pub(crate) source: S,
    pub(crate) worker: Worker,
    /// A transform on probation beside it.
    pub(crate) candidate: Option<Candidate>,
    pub(crate) changes: Changes,
    pub(crate) tables: Tables,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) intake: Intake,
    pub(crate) flush_settings: FlushSettings,
    pub(crate) backoff: Backoff,
    pub(crate) breaker: Breaker,
    pub(crate) report: Report,
    pub(crate) stop: watch::Receiver<bool>,
    pub(crate) progress: watch::Sender<Progress>,
    /// How long it works on records before it lets the source speak.
    pub(crate) turn: Duration,
    /// Losses that somebody has agreed to.
    pub(crate) accepted_gaps: Vec<Gap>,
    /// Assigned, but not started yet.
    pub(crate) awaiting: Vec<TopicPartition>,
    /// Assigned while a person has to decide, and not read.
    pub(crate) unread: Vec<TopicPartition>,
    /// Assigned, but not to be read: records of theirs would be skipped.
    pub(crate) stopped: Stopped,
    pub(crate) unflushed: Unflushed,
}

/// What has been taken in since the last flush.
#[derive(Default)]
pub(crate) struct Unflushed {
    since: Option<Instant>,
    bytes: u64,
    offsets: Offsets,
    progress: Progress,
    rejected: BTreeMap<Stage, u64>,
    /// The timestamp of the oldest record, as far as the first of each batch says.
    oldest_millis: Option<i64>,
}

#[derive(PartialEq, Eq)]
enum Step {
    Onward,
    Finished,
}

impl<S: Source> Walk<S> {
    /// Walks until the source ends or `stop` turns true; what is staged then has been flushed. A source that has been read
    /// to its end but for partitions that had to be stopped is an error.
    pub async fn run(mut self) -> Result<Progress, PipelineError> {
        loop {
            match self.step().await {
                Ok(Step::Onward) => self.tell(),
                Ok(Step::Finished) => return Ok(self.progress.borrow().clone()),
                Err(error) => self.recover(error).await?,
            }
        }
    }

    /// A turn of records, or one change of the assignment.
    async fn step(&mut self) -> Result<Step, PipelineError> {
        if *self.stop.borrow() {
            self.tell();
            self.flush().await?;
            return Ok(Step::Finished);
        }
        if self.changes.is_due() {
            self.flush().await?;
            self.change();
            return Ok(Step::Onward);
        }
        let polled = match self.intake.is_empty() && self.awaiting.is_empty() {
            true => self.source.poll(&mut self.intake).await?,
            // The last turn was too short for what was polled, or partitions could not be taken over.
            false => self.source.keep_alive()?,
        };
        match polled {
            Polled::Records | Polled::Idle => self.take_in().await?,
            Polled::Assigned(partitions) => self.awaiting.extend(partitions),
            Polled::Revoked { partitions, lost } => self.give_up(&partitions, lost).await?,
            Polled::OffsetOutOfRange => {
                self.flush().await?;
                self.rewind();
            }
            Polled::End => {
                self.flush().await?;
                return match std::mem::take(&mut self.stopped) {
                    stopped if stopped.is_empty() => Ok(Step::Finished),
                    stopped => Err(PipelineError::Losses(stopped.into_values().collect())),
                };
            }
        }
        self.take_over().await?;
        if self.is_flush_due() {
            self.flush().await?;
        }
        Ok(Step::Onward)
    }

    /// Skip, transform and stage what the poll brought, or as much of it as fits a turn.
    async fn take_in(&mut self) -> Result<(), PipelineError> {
        let turn_end = Instant::now() + self.turn;
        let mut intake = std::mem::take(&mut self.intake);
        let mut result = Ok(());
        let mut rest = None;
        for (index, batch) in intake.batches().enumerate() {
            match self.take_in_batch(batch, turn_end).await {
                Ok(done) if done == batch.len() => continue,
                Ok(done) => rest = Some((index, done)),
                Err(error) => result = Err(error),
            }
            break;
        }
        match rest {
            Some((batch, record)) => intake.keep_from(batch, record),
            None => intake.clear(),
        }
        self.intake = intake;
        result
    }

    /// Returns how many of the records are done with.
    async fn take_in_batch(&mut self, batch: &Batch, turn_end: Instant) -> Result<usize, PipelineError> {
        let mut done = self.skip(batch);
        while done < batch.len() {
            let budget = turn_end.saturating_duration_since(Instant::now());
            if budget.is_zero() {
                break;
            }
            let fresh = if done == 0 { Cow::Borrowed(batch) } else { Cow::Owned(batch.slice(done..batch.len())) };
            done += self.transform_and_stage(&fresh, budget).await?;
        }
        Ok(done)
    }

    /// How many records at the beginning of a batch every table has already, or has been given since the last flush:
    /// sources may hand over a record twice.
    fn skip(&self, batch: &Batch) -> usize {
        let partition = TopicPartition::new(batch.topic.clone(), batch.partition);
        let staged = self.unflushed.offsets.get(&partition).copied().filter(|_| !planted(Bug::TakesInTwice));
        if batch.offsets.first().copied() < staged {
            debug!(%partition, ?staged, "came twice");
        }
        let next = self.next_offset(&partition).max(staged).unwrap_or(i64::MIN);
        batch.offsets.partition_point(|&offset| offset < next + i64::from(planted(Bug::SkipsOneTooMany)))
    }

    /// Returns how many of the records have been judged within the budget, one at least.
    async fn transform_and_stage(&mut self, batch: &Batch, budget: Duration) -> Result<usize, PipelineError> {
        let (mut canary, shadow) = self.candidate.as_mut().map_or((None, None), |candidate| candidate.roles(batch));
        let worker = canary.as_mut().map_or(&mut self.worker, |canary| &mut canary.worker);
        let started = Instant::now();
        let outcome = worker.process_for(batch, budget).map_err(PipelineError::sandbox)?;
        metrics::effort(&outcome.effort);
        if let Some(shadow) = shadow {
            shadow.compare(batch, outcome.clone(), started.elapsed());
        }
        let count = outcome.verdicts.len();
        let judged = self.tables.stage(batch, outcome).await?;
        match &mut canary {
            None => self.breaker.count(batch, count, &judged.reasons).map_err(PipelineError::Breaker)?,
            Some(canary) => {
                canary.count(batch, count, &judged.reasons)?;
                self.tables.note_judge(batch, &canary.head.transform_digest);
            }
        }
        self.dead_letters.stage(batch, &judged, canary.map(|canary| &canary.head)).await?;
        self.unflushed.count(batch, &judged);
        Ok(count)
    }

    /// Bury, commit, ack: from here on the records since the last flush are visible, each exactly once.
    pub(crate) async fn flush(&mut self) -> Result<(), PipelineError> {
        if self.unflushed.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        self.require_same_topics().await?;
        if planted(Bug::AcksFirst) {
            self.source.ack(&self.unflushed.offsets.clone());
        }
        if planted(Bug::BuriesLast) {
            self.tables.commit().await?;
        }
        self.dead_letters.bury().await?;
        let committed = self.tables.commit().await;
        if !planted(Bug::AdvancesPastFailure) {
            committed?;
        }
        let Unflushed { offsets, progress, rejected, .. } = std::mem::take(&mut self.unflushed);
        self.source.ack(&offsets);
        info!(records = progress.records, dead_letters = progress.dead_letters, "flushed");
        metrics::flushed(&progress, rejected, started.elapsed());
        self.backoff.restore();
        self.breaker.settle();
        self.candidate.iter_mut().for_each(Candidate::settle);
        self.progress.send_modify(|total| total.add(&progress));
        Ok(())
    }

    fn is_flush_due(&self) -> bool {
        let settings = &self.flush_settings;
        let staged_rows = self.tables.staged_rows() + self.dead_letters.table.staged_rows();
        self.unflushed.since.is_some_and(|since| since.elapsed() >= settings.interval)
            || staged_rows >= settings.rows_max as u64
            || self.unflushed.bytes >= settings.bytes_max
    }

    async fn recover(&mut self, error: PipelineError) -> Result<(), PipelineError> {
        let is_canary = matches!(error, PipelineError::Canary(_));
        match error.kind() {
            ErrorKind::Configuration | ErrorKind::Stop => return Err(error),
            ErrorKind::Environment if *self.stop.borrow() => return Err(error),
            ErrorKind::Environment => {
                metrics::rewound("environment");
                self.backoff.wait(error, &mut self.stop, &self.report).await?;
            }
            ErrorKind::Rewind => {
                self.send_back_canary(&error);
                metrics::rewound(if is_canary { "canary" } else { "fenced" });
                info!(%error, "going back to the ledger");
            }
            ErrorKind::Pause if self.source.is_endless() => {
                metrics::rewound("breaker");
                self.report.pause(&error);
            }
            ErrorKind::Pause => return Err(error),
        }
        if !(planted(Bug::KeepsCanarysWork) && is_canary) {
            self.rewind();
        }
        Ok(())
    }
}

impl Unflushed {
    /// Of which partitions something has been taken in.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = &TopicPartition> {
        self.offsets.keys()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.since.is_none()
    }

    fn count(&mut self, batch: &Batch, judged: &Judged) {
        let verdicts = &judged.verdicts;
        self.since.get_or_insert_with(Instant::now);
        self.bytes += (batch.bytes() * verdicts.len() / batch.len()) as u64;
        self.progress.count(verdicts);
        for reason in &judged.reasons {
            *self.rejected.entry(reason.stage).or_default() += 1;
        }
        if let Some(&first) = batch.timestamps.first().filter(|&&millis| millis >= 0) {
            self.oldest_millis = Some(self.oldest_millis.map_or(first, |oldest| oldest.min(first)));
        }
        // The verdicts may be of the first records only.
        if let Some(last) = batch.offsets.get(verdicts.len() - 1) {
            self.offsets.insert(TopicPartition::new(batch.topic.clone(), batch.partition), last + 1);
        }
    }

    /// Tells what is staged; the rows are the tables' to count.
    pub(crate) fn tell(&self, staged_rows: u64) {
        metrics::staged(staged_rows, self.bytes, self.oldest_millis);
    }
}
