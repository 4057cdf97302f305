//! Records that somebody hands in, an event at a time, and waits for: whoever polls Kafka in our place. Knows no AWS.
//!
//! ```text
//! Inlet::deliver(event) ──▶ EventSource ──▶ the walk, from event to event the same: tables and instance stay warm
//!        ▲                       │
//!        └────── Receipt ────────┘   what each partition of the event has come to
//! ```
//!
//! To the walk an event is a short-lived assignment: its partitions come, are read from memory as often as the walk goes
//! back, and go, which is a flush. What is still not committed then is tried again while there is time. The ledger is the
//! one of all modes, so that repeated events, with whatever boundaries, are taken in once.

mod delivery;
mod inquiry;
mod invocation;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

pub use delivery::{Event, EventRecord, Receipt, Settled};
use tokio::sync::{mpsc, oneshot};

use self::inquiry::Inquirer;
use self::invocation::Invocation;
use super::intake::Intake;
use super::{Identities, Polled, Source};
use crate::error::PipelineError;
use crate::loss::{Extent, Extents};
use crate::position::{Offsets, TopicPartition};
use crate::settings::{Gaps, KafkaSettings};

/// How long the walk works on records before it looks at the event's time.
pub const TURN: Duration = Duration::from_millis(500);

/// Where events are handed in, one after the other.
#[derive(Clone)]
pub struct Inlet(mpsc::Sender<(Event, oneshot::Sender<Receipt>)>);

/// The walk has ended; why, its own result says.
#[derive(Debug, thiserror::Error)]
#[error("the walk has ended")]
pub struct WalkEnded;

impl Inlet {
    /// Hands in an event, and waits until its records are in the tables or the time is over.
    ///
    /// # Errors
    /// If the walk ends meanwhile.
    pub async fn deliver(&self, event: Event) -> Result<Receipt, WalkEnded> {
        let (reply, receipt) = oneshot::channel();
        self.0.send((event, reply)).await.map_err(|_| WalkEnded)?;
        receipt.await.map_err(|_| WalkEnded)
    }
}

/// A source of what is handed in.
pub struct EventSource {
    events: mpsc::Receiver<(Event, oneshot::Sender<Receipt>)>,
    invocation: Option<Invocation>,
    gaps: Gaps,
    inquirer: Inquirer,
    /// How long a flush may take, from those that there were; what was slow once is forgotten by and by.
    flush_duration: Duration,
}

/// An inlet, and the source that gives out what goes in there. `kafka` says who is asked where an event does not join the
/// ledger.
pub fn source(kafka: KafkaSettings, gaps: Gaps) -> (Inlet, EventSource) {
    let (sender, events) = mpsc::channel(1);
    let inquirer = Inquirer::new(kafka);
    (Inlet(sender), EventSource { events, invocation: None, gaps, inquirer, flush_duration: Duration::ZERO })
}

impl EventSource {
    /// Waits for the next event, for ever: between events this process may not run at all.
    async fn next(&mut self) -> Polled {
        loop {
            let Some((event, reply)) = self.events.recv().await else {
                return Polled::End;
            };
            if let Some(invocation) = Invocation::begin(event, reply, self.flush_duration) {
                let partitions = invocation.open();
                self.inquirer.get_to_know(&invocation.topics());
                self.invocation = Some(invocation);
                return Polled::Assigned(partitions);
            }
        }
    }

    /// Asks the brokers about partitions whose event does not join the ledger. What they say of a topic's extent the walk
    /// has to compare again; a gap that hides no record is none. Who does not answer once is not asked again for this event:
    /// partitions that join the ledger are waiting.
    async fn verify(&mut self, starts: &Offsets) {
        let Some(invocation) = &mut self.invocation else { return };
        let mut is_answered = true;
        for suspicion in invocation.suspicions(starts, self.gaps) {
            let is_asked = is_answered && !invocation.is_over() && self.inquirer.is_worth_asking(&suspicion);
            let answer = if is_asked { self.inquirer.ask(&suspicion).await } else { None };
            is_answered &= !is_asked || answer.is_some();
            invocation.hear(&suspicion, answer);
        }
    }
}

impl Source for EventSource {
    async fn poll(&mut self, intake: &mut Intake) -> Result<Polled, PipelineError> {
        match &mut self.invocation {
            Some(invocation) => Ok(invocation.poll(intake)),
            None => Ok(self.next().await),
        }
    }

    fn keep_alive(&mut self) -> Result<Polled, PipelineError> {
        Ok(self.invocation.as_mut().map_or(Polled::Idle, Invocation::look_at_the_time))
    }

    /// An event starts where it starts; how far its topic goes is known only if the brokers had to be asked. Which topic it
    /// is they are asked once, while nobody waits for it: the ledgers are to know, before it may be made anew.
    async fn extents(&mut self, partitions: &[TopicPartition]) -> Result<Extents, PipelineError> {
        let Some(invocation) = &self.invocation else { return Ok(Extents::new()) };
        let extent = |partition: &TopicPartition| {
            let identity = self.inquirer.identity(&partition.topic);
            let unknown = Extent { start: invocation.first_offset(partition)?, range: None, identity };
            Some((partition.clone(), invocation.extent(partition).unwrap_or(unknown)))
        };
        Ok(partitions.iter().filter_map(extent).collect())
    }

    /// Not asked for each flush: it would make every event wait for the brokers. A topic that is made anew begins again
    /// elsewhere than the ledger stands, which is when they are asked.
    async fn identities(&mut self, topics: &BTreeSet<Arc<str>>) -> Result<Identities, PipelineError> {
        Ok(self.invocation.as_ref().map_or(Identities::new(), |invocation| invocation.identities(topics)))
    }

    async fn start(&mut self, starts: &Offsets) -> Result<(), PipelineError> {
        self.verify(starts).await;
        if let Some(invocation) = &mut self.invocation {
            invocation.start(starts);
        }
        Ok(())
    }

    fn park(&mut self, partitions: &[TopicPartition]) -> Result<(), PipelineError> {
        if let Some(invocation) = &mut self.invocation {
            invocation.park(partitions);
        }
        Ok(())
    }

    /// The event is over, unless some of it is to be tried again.
    fn release(&mut self, _partitions: &[TopicPartition]) -> Result<(), PipelineError> {
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
