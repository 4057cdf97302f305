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

use std::borrow::Cow;
use std::time::Instant;

use sluicebox_sandbox::{Batch, Worker};
use tokio::sync::watch;
use tracing::info;

use crate::dead_letter::DeadLetters;
use crate::error::{ErrorKind, PipelineError};
use crate::patience::Patience;
use crate::position::{Offsets, TopicPartition};
use crate::progress::Progress;
use crate::settings::FlushSettings;
use crate::source::{Intake, Polled, Source};
use crate::tables::Tables;

/// A source, a transform, its tables and its dead letters, and what is between two flushes.
pub struct Walk<S> {
    pub(crate) source: S,
    pub(crate) worker: Worker,
    pub(crate) tables: Tables,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) intake: Intake,
    pub(crate) flush_settings: FlushSettings,
    pub(crate) patience: Patience,
    pub(crate) stop: watch::Receiver<bool>,
    pub(crate) progress: watch::Sender<Progress>,
    /// Assigned, but not started yet.
    pub(crate) awaiting: Vec<TopicPartition>,
    pub(crate) unflushed: Unflushed,
}

/// What has been taken in since the last flush.
#[derive(Default)]
pub(crate) struct Unflushed {
    since: Option<Instant>,
    bytes: u64,
    offsets: Offsets,
    progress: Progress,
}

#[derive(PartialEq, Eq)]
enum Step {
    Onward,
    Finished,
}

impl<S: Source> Walk<S> {
    /// Walks until the source ends or `stop` turns true; what is staged then has been flushed.
    pub async fn run(mut self) -> Result<Progress, PipelineError> {
        loop {
            match self.step().await {
                Ok(Step::Onward) => {}
                Ok(Step::Finished) => return Ok(self.progress.borrow().clone()),
                Err(error) => self.recover(error).await?,
            }
        }
    }

    /// One batch of each partition that has records, or one change of the assignment.
    async fn step(&mut self) -> Result<Step, PipelineError> {
        if *self.stop.borrow() {
            self.flush().await?;
            return Ok(Step::Finished);
        }
        self.take_over().await?;
        match self.source.poll(&mut self.intake).await? {
            Polled::Records => self.take_in().await?,
            Polled::Idle => {}
            Polled::Assigned(partitions) => self.awaiting.extend(partitions),
            Polled::Revoked { partitions, lost } => self.give_up(&partitions, lost).await?,
            Polled::End => {
                self.flush().await?;
                return Ok(Step::Finished);
            }
        }
        if self.is_flush_due() {
            self.flush().await?;
        }
        Ok(Step::Onward)
    }

    /// Skip, transform and stage what the poll brought.
    async fn take_in(&mut self) -> Result<(), PipelineError> {
        let mut intake = std::mem::take(&mut self.intake);
        let mut taken_in = Ok(());
        for polled in intake.batches() {
            taken_in = match self.skip(polled) {
                Some(fresh) => self.transform_and_stage(&fresh).await,
                None => Ok(()),
            };
            if taken_in.is_err() {
                break;
            }
        }
        intake.clear();
        self.intake = intake;
        taken_in
    }

    /// Leaves out the records that every table has already; none if nothing remains.
    fn skip<'a>(&self, batch: &'a Batch) -> Option<Cow<'a, Batch>> {
        let partition = TopicPartition::new(batch.topic.clone(), batch.partition);
        let next = self.next_offset(&partition).unwrap_or(i64::MIN);
        match batch.offsets.partition_point(|&offset| offset < next) {
            0 => Some(Cow::Borrowed(batch)),
            skipped if skipped < batch.len() => Some(Cow::Owned(batch.slice(skipped..batch.len()))),
            _ => None,
        }
    }

    async fn transform_and_stage(&mut self, batch: &Batch) -> Result<(), PipelineError> {
        let outcome = self.worker.process(batch).map_err(|error| PipelineError::Sandbox(error.to_string()))?;
        let judged = self.tables.stage(batch, outcome).await?;
        self.dead_letters.stage(batch, &judged).await?;
        self.unflushed.count(batch, &judged.verdicts);
        Ok(())
    }

    /// Bury, commit, ack: from here on the records since the last flush are visible, each exactly once.
    pub(crate) async fn flush(&mut self) -> Result<(), PipelineError> {
        if self.unflushed.since.is_none() {
            return Ok(());
        }
        self.dead_letters.bury().await?;
        self.tables.commit().await?;
        let Unflushed { offsets, progress, .. } = std::mem::take(&mut self.unflushed);
        self.source.ack(&offsets);
        info!(records = progress.records, dead_letters = progress.dead_letters, "flushed");
        self.patience.restore();
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

    /// The smallest ledger: the next offset that some table still lacks.
    pub(crate) fn next_offset(&self, partition: &TopicPartition) -> Option<i64> {
        let ledgers = self.tables.ledgers().chain([self.dead_letters.table.ledger()]);
        ledgers.map(|ledger| ledger.next(partition)).min().flatten()
    }

    async fn recover(&mut self, error: PipelineError) -> Result<(), PipelineError> {
        match error.kind() {
            ErrorKind::Configuration | ErrorKind::Stop => return Err(error),
            ErrorKind::Environment if *self.stop.borrow() => return Err(error),
            ErrorKind::Environment => self.patience.wait(error, &mut self.stop).await?,
            ErrorKind::Rewind => info!(%error, "going back to the ledger"),
        }
        self.rewind();
        Ok(())
    }
}

impl Unflushed {
    fn count(&mut self, batch: &Batch, verdicts: &[sluicebox_sandbox::Verdict]) {
        self.since.get_or_insert_with(Instant::now);
        self.bytes += batch.bytes() as u64;
        self.progress.count(verdicts);
        if let Some(last) = batch.offsets.last() {
            self.offsets.insert(TopicPartition::new(batch.topic.clone(), batch.partition), last + 1);
        }
    }
}
