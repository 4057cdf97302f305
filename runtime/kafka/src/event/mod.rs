//! A source whose records come as events: a caller, such as Lambda's Kafka trigger, polls Kafka, delivers one event at a time
//! and waits for its result. Knows no AWS.
//!
//! ```text
//! EventSender::deliver(event) ──▶ EventSource ──▶ the walk, from event to event the same: tables and instance stay warm
//!        ▲                       │
//!        └────── EventResult ────────┘   the result for each partition of the event
//! ```
//!
//! For the walk an event is a short-lived assignment. Its partitions are assigned, read from memory as often as the walk goes
//! back, and revoked, which makes the walk flush. What is not committed then is tried again while there is time. The ledger
//! is the same in all modes, so that repeated events are taken in once, however Kafka's records are cut into events.

mod delivery;
mod invocation;
mod partition_share;
mod probe;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use sluicebox_ledger::{OffsetBounds, Offsets, PartitionBounds, TopicPartition};
use sluicebox_pipeline::source::{Intake, Polled, Source, SourceError, TopicIds};
use sluicebox_settings::Gaps;
use tokio::sync::{mpsc, oneshot};

use self::invocation::Invocation;
use self::probe::BrokerProbe;
use crate::Brokers;

pub use delivery::{Event, EventRecord, EventResult, Settled};

/// How long the walk works on records before it checks the event's deadline.
pub const TURN: Duration = Duration::from_millis(500);

/// Delivers events, one after the other.
#[derive(Clone)]
pub struct EventSender(mpsc::Sender<(Event, oneshot::Sender<EventResult>)>);

/// The walk has ended; its own result says why.
#[derive(Debug, thiserror::Error)]
#[error("the walk has ended")]
pub struct WalkEnded;

impl EventSender {
    /// Delivers an event, and waits until its records are in the tables or its deadline has passed.
    ///
    /// # Errors
    /// The walk has ended.
    pub async fn deliver(&self, event: Event) -> Result<EventResult, WalkEnded> {
        let (reply, result) = oneshot::channel();
        self.0.send((event, reply)).await.map_err(|_| WalkEnded)?;
        result.await.map_err(|_| WalkEnded)
    }
}

/// The source of delivered events.
pub struct EventSource {
    events: mpsc::Receiver<(Event, oneshot::Sender<EventResult>)>,
    invocation: Option<Invocation>,
    gaps: Gaps,
    probe: BrokerProbe,
    /// A decaying maximum of past flush durations.
    flush_duration: Duration,
}

/// A sender, and the source of the events that it delivers. The source asks `brokers` where an event does not join the ledger.
pub fn source(brokers: Brokers, gaps: Gaps) -> (EventSender, EventSource) {
    let (sender, events) = mpsc::channel(1);
    let probe = BrokerProbe::new(brokers);
    (EventSender(sender), EventSource { events, invocation: None, gaps, probe, flush_duration: Duration::ZERO })
}

impl EventSource {
    /// Waits for the next event without a timeout: between events the process may be frozen.
    async fn next(&mut self) -> Polled {
        loop {
            let Some((event, reply)) = self.events.recv().await else {
                return Polled::End;
            };
            if let Some(invocation) = Invocation::begin(event, reply, self.flush_duration) {
                let partitions = invocation.open();
                self.probe.learn_topic_ids(&invocation.topics());
                self.invocation = Some(invocation);
                return Polled::Assigned(partitions);
            }
        }
    }

    /// Asks the brokers about partitions whose event does not join the ledger. The walk then compares the bounds that they
    /// report with the ledger; a gap without records is not a loss. If the brokers do not answer once, they are not asked
    /// again for this event, because the event's other partitions are waiting.
    async fn verify(&mut self, starts: &Offsets) {
        let Some(invocation) = &mut self.invocation else { return };
        let mut is_answered = true;
        for gap_check in invocation.gap_checks(starts, self.gaps) {
            let is_asked = is_answered && !invocation.is_over() && self.probe.is_worth_asking(&gap_check);
            let answer = if is_asked { self.probe.ask(&gap_check).await } else { None };
            is_answered &= !is_asked || answer.is_some();
            invocation.note_answer(&gap_check, answer);
        }
    }
}

impl Source for EventSource {
    async fn poll(&mut self, intake: &mut Intake) -> Result<Polled, SourceError> {
        match &mut self.invocation {
            Some(invocation) => Ok(invocation.poll(intake)),
            None => Ok(self.next().await),
        }
    }

    fn keep_alive(&mut self) -> Result<Polled, SourceError> {
        Ok(self.invocation.as_mut().map_or(Polled::Idle, Invocation::check_deadline))
    }

    /// A partition starts at the event's first offset. The topic's range is known only if the brokers had to be asked. Its id
    /// is asked for once, in the background, so that the ledgers know it before the topic may be recreated.
    async fn bounds(&mut self, partitions: &[TopicPartition]) -> Result<PartitionBounds, SourceError> {
        let Some(invocation) = &self.invocation else { return Ok(PartitionBounds::new()) };
        let bounds = partitions.iter().filter_map(|partition| {
            let topic_id = self.probe.topic_id(&partition.topic);
            let unknown = OffsetBounds { start: invocation.first_offset(partition)?, range: None, topic_id };
            Some((partition.clone(), invocation.bounds(partition).unwrap_or(unknown)))
        });
        Ok(bounds.collect())
    }

    /// Does not ask the brokers at each flush, because every event would wait for them. The events of a recreated topic do
    /// not join the ledger, and then [`Self::verify`] asks.
    async fn topic_ids(&mut self, topics: &BTreeSet<Arc<str>>) -> Result<TopicIds, SourceError> {
        Ok(self.invocation.as_ref().map_or(TopicIds::new(), |invocation| invocation.topic_ids(topics)))
    }

    async fn start(&mut self, starts: &Offsets) -> Result<(), SourceError> {
        self.verify(starts).await;
        if let Some(invocation) = &mut self.invocation {
            invocation.start(starts);
        }
        Ok(())
    }

    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), SourceError> {
        if let Some(invocation) = &mut self.invocation {
            invocation.pause(partitions);
        }
        Ok(())
    }

    /// Ends the event, unless some of it has to be tried again.
    fn unassign(&mut self, _partitions: &[TopicPartition]) -> Result<(), SourceError> {
        if let Some(mut invocation) = self.invocation.take() {
            self.flush_duration = invocation.flush_duration().max(self.flush_duration / 2);
            if invocation.tries_again() {
                self.invocation = Some(invocation);
            } else {
                invocation.settle();
            }
        }
        Ok(())
    }

    fn partitions(&self) -> Vec<TopicPartition> {
        self.invocation.as_ref().map_or(Vec::new(), Invocation::reading)
    }

    fn is_endless(&self) -> bool {
        true
    }

    fn note_stopped(&mut self, partition: &TopicPartition, why: &str) {
        if let Some(invocation) = &mut self.invocation {
            invocation.note_stopped(partition, why);
        }
    }

    fn accepted_up_to(&self, partition: &TopicPartition) -> Option<i64> {
        let accepts = self.gaps == Gaps::Accept;
        self.invocation.as_ref().filter(|_| accepts).and_then(|invocation| invocation.first_offset(partition))
    }

    fn ack(&mut self, offsets: &Offsets) {
        if let Some(invocation) = &mut self.invocation {
            invocation.ack(offsets);
        }
    }
}
