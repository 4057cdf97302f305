//! What the walk says of itself: its health after each step, figures at most once a second. Nothing is decided here.

use std::time::Duration;

use sluicebox_ledger::TopicPartition;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::error;

use crate::error::PipelineError;
use crate::health::{Health, PartitionHealth, State};
use crate::metrics;
use crate::source::Source;
use crate::walk::Walk;
use crate::walk::backoff::Pause;
use crate::wall_clock;

/// How old the figures may be.
const INTERVAL: Duration = Duration::from_secs(1);

/// Why a partition waits whose offsets the source does not know.
pub(super) const UNANSWERED: &str = "no leader of the partition answers: it waits, and is asked for again";

/// What the walk has reported.
pub(crate) struct Report {
    health: watch::Sender<Health>,
    told: Option<Instant>,
    /// Once paused, only another process or another transform goes on.
    paused: Option<State>,
}

impl Report {
    pub(crate) fn new(health: watch::Sender<Health>) -> Self {
        Self { health, told: None, paused: None }
    }

    /// The infrastructure fails, and the walk waits.
    pub(crate) fn back_off(&self, error: &PipelineError, pause: &Pause) {
        self.health.send_modify(|health| {
            health.state = State::BackingOff { error: error.to_string(), attempts: pause.failures, since: pause.since };
            metrics::health(health);
        });
    }

    /// Whether an operator has to decide before the walk reads anything.
    pub(crate) fn is_paused(&self) -> bool {
        self.paused.is_some()
    }

    /// The operator has decided.
    pub(crate) fn resume(&mut self) {
        self.paused = None;
    }

    /// Why the walk reads nothing.
    pub(crate) fn pause_reason(&self) -> Option<&str> {
        match &self.paused {
            Some(State::Paused { error, .. }) => Some(error),
            _ => None,
        }
    }

    /// An operator has to decide.
    pub(crate) fn pause(&mut self, error: &PipelineError) {
        error!("paused: {error}");
        self.paused = Some(State::Paused { error: error.to_string(), since: wall_clock::now() });
    }
}

impl<S: Source> Walk<S> {
    /// Reports the health of the pipeline, after a step that succeeded.
    pub(crate) fn tell(&mut self) {
        let state = self.state();
        let is_news = self.report.health.borrow().state != state;
        if !is_news && self.report.told.is_some_and(|told| told.elapsed() < INTERVAL) {
            return;
        }
        let health = self.health(state);
        metrics::health(&health);
        // Not `send`, which fails and drops the value when no one listens.
        self.report.health.send_replace(health);
        self.unflushed.show(self.staged_rows());
        self.report.told = Some(Instant::now());
    }

    /// After a failure it is running again once something has been flushed, or there is nothing to flush.
    fn state(&self) -> State {
        if *self.stop.borrow() {
            return State::Stopping;
        }
        if let Some(paused) = &self.report.paused {
            return paused.clone();
        }
        let has_begun = !self.partitions.is_any_awaiting();
        match &self.report.health.borrow().state {
            State::Starting if !has_begun => State::Starting,
            failing @ State::BackingOff { .. } if !has_begun || !self.unflushed.is_empty() => failing.clone(),
            _ => State::Running,
        }
    }

    fn why_stopped(&self, partition: &TopicPartition) -> Option<String> {
        match self.partitions.loss(partition) {
            Some(loss) => Some(loss.to_string()),
            None => self.partitions.is_unanswered(partition).then(|| format!("{partition}: {UNANSWERED}")),
        }
    }

    fn health(&self, state: State) -> Health {
        let status = self.source.status();
        // With those that are not read, because they are stopped or the pipeline is paused.
        let partitions = self.dead_letters.table.ledger().partitions().map(|partition| {
            let next_offset = self.next_offset(partition);
            let end_offset = status.ends.get(partition).copied();
            PartitionHealth {
                topic: partition.topic.to_string(),
                partition: partition.partition,
                next_offset,
                end_offset,
                lag_records: next_offset.zip(end_offset).map(|(next, end)| (end - next).max(0)),
                stopped: self.why_stopped(partition),
            }
        });
        Health {
            state,
            source_trouble: status.trouble,
            partitions: partitions.collect(),
            breaker: self.judges.breaker_count(),
            transform_digest: self.tables.transform_digest().to_owned(),
            candidate: self.judges.candidate_health(),
            refused: self.changes.refused().map(str::to_owned),
            told: Instant::now(),
        }
    }
}
