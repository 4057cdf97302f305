//! The walk of the data, the same in every mode:
//!
//! ```text
//! poll        source        a bounded batch, with positions
//! skip        ledger        offsets that the tables already have
//! transform   sandbox       each record → rows | filtered | rejected(reason)
//! stage       tables        Parquet, invisible so far; schema misfits join the rejected
//! bury        dead letters  rejected records durable
//! commit      tables        add + txn, one atomic commit a table
//! ack         source        only after the commit
//! ```
//!
//! Three small loops: a *step* is one poll, or one change of the assignment; it *takes in* the records of that poll, batch
//! by batch (skip, transform, stage); when enough is staged it *flushes* (bury, commit, ack). A record's failure is a
//! value. An `Err` means that the infrastructure failed, and the answer is always the same: drop what is staged and go
//! back to the ledger.
//!
//! | file | what |
//! |---|---|
//! | `mod.rs` | the three loops |
//! | `assignment.rs`, `partitions.rs` | how partitions come and go, and the state that each is in |
//! | `judges.rs` | which transform judges a batch: the pipeline's own, or a canary; and what a shadow compares |
//! | `unflushed.rs` | what was taken in since the last flush |
//! | `newcomers.rs` | where partitions start that no table knows |
//! | `bare.rs` | how the walk passes over offsets that no record has |
//! | `turns.rs` | which partition rests, because its loops keep the others waiting |
//! | `suspects.rs` | which record a table's writer fails over |
//! | `swap.rs` | how another transform takes over between two flushes |
//! | `recovery.rs`, `backoff.rs` | what the walk does about an error, and how long it waits while the infrastructure fails |
//! | `report.rs` | what the walk says of itself |
//!
//! Runs on one thread, and knows no Kafka, no Parquet and no wasm.

mod assignment;
pub(crate) mod backoff;
mod bare;
pub(crate) mod judges;
mod newcomers;
mod partitions;
mod recovery;
pub(crate) mod report;
mod suspects;
mod swap;
mod turns;
mod unflushed;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use sluicebox_delta::dead_letter::DeadLetters;
use sluicebox_ledger::{Gap, Ranges, TopicPartition};
use sluicebox_sandbox::Batch;
use sluicebox_settings::{FlushSettings, Settings};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::contained::{COMMITTING, contained};
use crate::error::PipelineError;
use crate::metrics;
use crate::options::RunOptions;
use crate::progress::Progress;
use crate::rollout::changes::Changes;
use crate::source::{Intake, Malformed, Polled, Source};
use crate::tables::Tables;
use crate::walk::backoff::Backoff;
use crate::walk::judges::Judges;
use crate::walk::partitions::Partitions;
use crate::walk::report::Report;
use crate::walk::suspects::Suspects;
use crate::walk::turns::Turn;
use crate::walk::unflushed::Unflushed;

/// How long the walk works on records before it polls the source again. A consumer group takes a member that does not poll
/// for dead, and a partition full of endless loops must advance all the same.
const TURN: Duration = Duration::from_secs(5);

/// A source, a transform, its tables and its dead letters, and what is between two flushes.
pub(crate) struct Walk<S> {
    source: S,
    judges: Judges,
    tables: Tables,
    dead_letters: DeadLetters,
    changes: Changes,
    intake: Intake,
    partitions: Partitions,
    unflushed: Unflushed,
    suspects: Suspects,
    /// Offsets that no record has, and that the walk has not come to yet.
    bare: Ranges,
    flush_settings: FlushSettings,
    backoff: Backoff,
    turn: Duration,
    /// Losses that an operator has accepted.
    accepted_gaps: Vec<Gap>,
    report: Report,
    stop: watch::Receiver<bool>,
    progress: watch::Sender<Progress>,
}

#[derive(PartialEq, Eq)]
enum Step {
    Onward,
    Finished,
}

impl<S: Source> Walk<S> {
    pub(crate) fn new(
        source: S,
        settings: &Settings,
        mut judges: Judges,
        tables: Tables,
        dead_letters: DeadLetters,
        options: RunOptions,
    ) -> Self {
        let stop = options.stop.clone();
        judges.stop_when(Arc::new(move || *stop.borrow()));
        Self {
            source,
            judges,
            tables,
            dead_letters,
            changes: options.changes,
            intake: Intake::new(settings.batch.records_max, settings.batch.bytes_max as usize),
            partitions: Partitions::default(),
            unflushed: Unflushed::default(),
            suspects: Suspects::default(),
            bare: Ranges::new(),
            flush_settings: settings.flush,
            backoff: Backoff::new(options.drain),
            turn: TURN,
            accepted_gaps: options.accepted_gaps,
            report: Report::new(options.health),
            stop: options.stop,
            progress: options.progress,
        }
    }

    /// Shorter turns and pauses, for a source whose callers wait.
    pub(crate) fn with_turn(mut self, turn: Duration) -> Self {
        self.turn = turn;
        self.backoff = Backoff::brief();
        self
    }

    /// Walks until the source ends or `stop` turns true, and flushes what is staged by then. A source that was read to its
    /// end, but for partitions that had to be stopped, is an error.
    pub(crate) async fn run(mut self) -> Result<Progress, PipelineError> {
        loop {
            match self.step().await {
                Ok(Step::Onward) => self.tell(),
                Ok(Step::Finished) => {
                    self.tables.settle().await;
                    self.dead_letters.table.settle().await;
                    return Ok(self.progress.borrow().clone());
                }
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
        // Between two flushes only: with nothing staged, no record is judged by two transforms.
        if self.changes.is_due() {
            self.flush().await?;
            self.change();
            return Ok(Step::Onward);
        }
        let polled = match self.intake.is_empty() && !self.partitions.is_any_awaiting() {
            true => self.source.poll(&mut self.intake).await?,
            // The last turn was too short for what was polled, or partitions could not be taken over.
            false => self.source.keep_alive()?,
        };
        match polled {
            Polled::Records | Polled::Idle => self.take_in().await?,
            Polled::Assigned(partitions) => self.partitions.assign(partitions),
            Polled::Revoked { partitions, lost } => self.give_up(&partitions, lost).await?,
            Polled::OffsetOutOfRange => {
                self.flush().await?;
                self.rewind();
            }
            Polled::End => {
                self.pass_over();
                self.flush().await?;
                return match self.partitions.take_losses() {
                    losses if losses.is_empty() => Ok(Step::Finished),
                    losses => Err(PipelineError::Losses(losses)),
                };
            }
        }
        self.pass_over();
        // Before the take-over, which then includes them.
        self.partitions.ask_again(Instant::now());
        self.partitions.wake(Instant::now());
        self.take_over().await?;
        if self.is_flush_due() {
            self.flush().await?;
        }
        Ok(Step::Onward)
    }

    /// Skips, transforms and stages what the poll brought, or as much of it as fits a turn.
    async fn take_in(&mut self) -> Result<(), PipelineError> {
        let turn_end = Instant::now() + self.turn;
        let mut turn = Turn::default();
        // Taken out, because the batches are borrowed while `self` is changed; it goes back even after an error.
        let mut intake = std::mem::take(&mut self.intake);
        let mut result = Ok(());
        let mut rest = None;
        for (index, batch) in intake.batches().enumerate() {
            match self.take_in_batch(batch, intake.malformed(), turn_end, &mut turn).await {
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
        result?;
        match turn.rest(self.turn, self.intake.batches()) {
            Some((partition, rest)) if self.source.is_endless() => self.let_rest(partition, rest),
            _ => Ok(()),
        }
    }

    /// Does not read a partition for a while. It goes on at its ledger, like one that was stopped.
    fn let_rest(&mut self, partition: TopicPartition, rest: Duration) -> Result<(), PipelineError> {
        let rest_seconds = rest.as_secs();
        warn!(%partition, rest_seconds, "partition rests: its records exceed limits.record_fuel_max while others wait");
        self.source.pause(std::slice::from_ref(&partition))?;
        self.intake.drop_partition(&partition);
        self.partitions.rest(partition, Instant::now() + rest);
        Ok(())
    }

    /// Returns how many of the records are done with.
    async fn take_in_batch(
        &mut self,
        batch: &Batch,
        malformed: &Malformed,
        turn_end: Instant,
        turn: &mut Turn,
    ) -> Result<usize, PipelineError> {
        let mut done = self.skip(batch);
        while done < batch.len() {
            let budget = turn_end.saturating_duration_since(Instant::now());
            if budget.is_zero() || *self.stop.borrow() {
                break;
            }
            let end = malformed.next_in(batch, done);
            if end == Some(done) {
                self.reject_malformed(&batch.slice(done..done + 1), malformed).await?;
                done += 1;
                continue;
            }
            let end = end.unwrap_or(batch.len());
            let is_whole = done == 0 && end == batch.len();
            let mut fresh = if is_whole { Cow::Borrowed(batch) } else { Cow::Owned(batch.slice(done..end)) };
            let piece = self.suspects.piece(&fresh);
            if piece < fresh.len() {
                fresh = Cow::Owned(fresh.slice(0..piece));
            }
            let judged = self.transform_and_stage(&fresh, budget, turn).await?;
            if judged == 0 {
                break;
            }
            done += judged;
            if self.suspects.are_any() {
                self.flush().await?;
            }
        }
        Ok(done)
    }

    /// Makes dead letters of lines that the source could not make records of. No transform sees them.
    async fn reject_malformed(&mut self, batch: &Batch, malformed: &Malformed) -> Result<(), PipelineError> {
        let judged = self.tables.reject(batch, malformed.reasons(batch));
        self.judges.count(batch, &judged)?;
        self.dead_letters.stage(batch, &judged, None).await?;
        self.unflushed.count(batch, &judged);
        Ok(())
    }

    /// How many records at the beginning of a batch every table has already, or was given since the last flush: a source
    /// may hand over a record twice.
    fn skip(&self, batch: &Batch) -> usize {
        let partition = TopicPartition::new(batch.topic.clone(), batch.partition);
        let staged = self.unflushed.next_offset(&partition);
        // `None` is less than any offset: a partition of which nothing is staged yet compares as "not repeated".
        if batch.offsets.first().copied() < staged {
            debug!(%partition, ?staged, "skipped records: the source handed them over twice");
        }
        let next = self.next_offset(&partition).max(staged).unwrap_or(i64::MIN);
        batch.offsets.partition_point(|&offset| offset < next)
    }

    /// Returns how many of the records were judged within the budget, one at least, or none if the walk is to stop.
    async fn transform_and_stage(
        &mut self,
        batch: &Batch,
        budget: Duration,
        turn: &mut Turn,
    ) -> Result<usize, PipelineError> {
        let started = Instant::now();
        let (mut outcome, judged_by) = self.judges.process(batch, budget)?;
        if outcome.verdicts.is_empty() {
            return Ok(0);
        }
        self.suspects.begin(batch);
        self.suspects.judge(batch, &mut outcome);
        let staged = self.tables.stage(batch, outcome, judged_by.as_deref());
        let judged = contained("staging rows", staged).await?;
        turn.note(batch, &judged, started.elapsed());
        // Before the letters are staged: that sends their copies, and a tripped breaker must not send what it stops.
        self.judges.count(batch, &judged)?;
        let staged = self.dead_letters.stage(batch, &judged, judged_by.as_deref());
        contained("staging dead letters", async { Ok::<_, PipelineError>(staged.await?) }).await?;
        self.unflushed.count(batch, &judged);
        Ok(judged.verdicts.len())
    }

    /// Buries, commits, acknowledges: from here on the records since the last flush are visible, each exactly once.
    async fn flush(&mut self) -> Result<(), PipelineError> {
        if self.unflushed.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        // As late as possible before the commits: records of a recreated topic fit the ledger's offsets.
        self.require_same_topics().await?;
        let finish = async {
            self.tables.finish().await?;
            Ok::<_, PipelineError>(self.dead_letters.table.finish().await?)
        };
        contained("encoding rows", finish).await?;
        // The dead letters first: a reader may find letters before the rows of their neighbours, but never a flush's
        // rows without its letters. The audit counts on that order.
        let commit = async {
            self.dead_letters.bury().await?;
            self.tables.commit().await
        };
        contained(COMMITTING, commit).await?;
        // From here on nothing can fail: the records are visible, and the rest is for lag tools and figures.
        let flushed = std::mem::take(&mut self.unflushed);
        self.source.ack(flushed.offsets());
        self.suspects.passed(flushed.offsets());
        let progress = flushed.progress();
        info!(records = progress.records, dead_letters = progress.dead_letters, "flushed");
        metrics::flushed(progress, flushed.rejected(), started.elapsed());
        self.backoff.restore();
        self.judges.settle();
        self.progress.send_modify(|total| total.add(progress));
        Ok(())
    }

    fn is_flush_due(&self) -> bool {
        let settings = &self.flush_settings;
        self.unflushed.age().is_some_and(|age| age >= settings.interval)
            || self.staged_rows() >= settings.rows_max as u64
            || self.unflushed.bytes() >= settings.bytes_max
    }

    fn staged_rows(&self) -> u64 {
        self.tables.staged_rows() + self.dead_letters.table.staged_rows()
    }
}
