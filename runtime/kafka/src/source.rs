//! Records from Kafka, as a member of a consumer group. Kafka's committed offsets are advisory: the ledger decides where a
//! partition starts, through [`Source::start`].
//!
//! The walk applies back-pressure by not polling: librdkafka prefetches a fixed number of bytes and then waits. A rebalance
//! is answered only when the walk calls [`Source::start`] or [`Source::unassign`], never in a callback.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Headers, Message, OwnedMessage};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use sluicebox_ledger::{ClientError, ErrorKind, OffsetBounds, OffsetRange, Offsets, PartitionBounds, TopicPartition};
use sluicebox_pipeline::source::{Intake, Polled, Source, SourceError, SourceStatus, TopicIds};
use sluicebox_settings::Start;
use tracing::{debug, info, warn};

use crate::client::{REQUEST_TIMEOUT, configuration, failed};
use crate::drain::{Drain, DrainState};
use crate::group::{GroupContext, Rebalance};
use crate::{Brokers, survey, topic_id};

/// How long a poll waits for the first record.
const POLL_WAIT: Duration = Duration::from_millis(100);
/// How long a small batch waits for more records: each call into the sandbox has fixed costs.
const LINGER: Duration = Duration::from_millis(25);

/// How long a broker may take to answer with topic ids.
const TOPIC_IDS_TIMEOUT: Duration = Duration::from_secs(5);
/// How many brokers are asked for topic ids before the flush fails.
const TOPIC_IDS_ATTEMPTS: usize = 3;

/// A Kafka source.
pub struct KafkaSource {
    consumer: BaseConsumer<GroupContext>,
    brokers: Brokers,
    /// The next offset to hand over, per partition that this worker has.
    positions: Offsets,
    /// With `--drain`: where to stop.
    drain: Option<Drain>,
    /// Records that came with a keep-alive poll, before the walk asked for them.
    early: Vec<OwnedMessage>,
    /// What the walk last acknowledged, for the commit on leaving.
    acknowledged: Offsets,
    /// The walk knows of new partitions, but has not started them yet: the group waits for an answer.
    unanswered: bool,
    /// Partitions that librdkafka has, but does not fetch.
    paused: BTreeSet<TopicPartition>,
    /// The topic does not have the next offset of some partition.
    is_out_of_range: bool,
}

impl KafkaSource {
    /// Joins the group; partitions come with the first polls.
    pub fn connect(brokers: Brokers, drain: bool) -> Result<Self, ClientError> {
        let consumer: BaseConsumer<GroupContext> = configuration(&brokers, drain)?
            .create_with_context(GroupContext::new(&brokers))
            .map_err(failed("connecting"))?;
        consumer.subscribe(&brokers.settings.topics.subscription()).map_err(failed("subscribing"))?;
        Ok(Self {
            consumer,
            brokers,
            positions: Offsets::new(),
            drain: drain.then(Drain::new),
            early: Vec::new(),
            acknowledged: Offsets::new(),
            unanswered: false,
            paused: BTreeSet::new(),
            is_out_of_range: false,
        })
    }

    fn group(&self) -> &GroupContext {
        self.consumer.context()
    }

    /// Polls until the intake is full, or no more records come within [`LINGER`].
    fn fill(&mut self, intake: &mut Intake) -> Result<(), ClientError> {
        let mut linger_end = None;
        self.early.drain(..).for_each(|message| take(&message, intake));
        while !intake.is_full() {
            // Reads the clock only when librdkafka has no record ready.
            let polled = match self.consumer.poll(Duration::ZERO) {
                None if intake.is_empty() => self.consumer.poll(POLL_WAIT),
                None => {
                    let now = Instant::now();
                    let rest = linger_end.get_or_insert(now + LINGER).saturating_duration_since(now);
                    if rest.is_zero() { None } else { self.consumer.poll(rest) }
                }
                polled => polled,
            };
            match polled {
                None => break,
                Some(Ok(message)) => take(&message, intake),
                Some(Err(error)) => self.tolerate(error)?,
            }
        }
        for batch in intake.batches() {
            let partition = TopicPartition::new(batch.topic.clone(), batch.partition);
            if let (Some(position), Some(last)) = (self.positions.get_mut(&partition), batch.offsets.last()) {
                *position = last + 1;
            }
        }
        Ok(())
    }

    fn rebalanced(&mut self) -> Result<Option<Polled>, ClientError> {
        let Some(change) = self.group().next_rebalance() else {
            return Ok(std::mem::take(&mut self.is_out_of_range).then_some(Polled::OffsetOutOfRange));
        };
        Ok(Some(match change {
            Rebalance::Assign(partitions) if partitions.is_empty() => {
                self.take_nothing()?;
                if let Some(drain) = &mut self.drain {
                    drain.note_idle();
                }
                Polled::Idle
            }
            Rebalance::Assign(partitions) => {
                self.unanswered = true;
                Polled::Assigned(partitions)
            }
            Rebalance::Revoke { partitions, lost } => Polled::Revoked { partitions, lost },
        }))
    }

    /// Answers an assignment without taking partitions. Even an empty assignment needs its answer: without it the whole group
    /// waits, and the consumer does not close.
    fn take_nothing(&self) -> Result<(), ClientError> {
        self.consumer.incremental_assign(&TopicPartitionList::new()).map_err(failed("answering a rebalance"))
    }

    /// Answers the rebalances that the walk has not seen, so that the consumer can close.
    fn answer_all(&mut self) -> Result<(), SourceError> {
        if std::mem::take(&mut self.unanswered) {
            self.take_nothing()?;
        }
        while let Some(change) = self.group().next_rebalance() {
            match change {
                Rebalance::Assign(_) => self.take_nothing()?,
                Rebalance::Revoke { partitions, .. } => self.unassign(&partitions)?,
            }
        }
        Ok(())
    }

    /// Whether this worker's part of a drain is over. No topic at all is an error: a misspelt name is more likely than a topic
    /// that does not exist yet.
    fn is_drained(&self) -> Result<bool, ClientError> {
        let Some(drain) = &self.drain else {
            return Ok(false);
        };
        match drain.state(&self.positions, |partition| self.group().fetched(partition)) {
            DrainState::Reading => Ok(false),
            DrainState::Over => Ok(true),
            DrainState::Idle if !survey::partitions(&self.consumer, &self.brokers.settings.topics)?.is_empty() => {
                info!("nothing to drain: other workers of the group have all partitions");
                Ok(true)
            }
            DrainState::Idle => Err(no_partitions("no topic matches: is the name right, and may this user see it?")),
            DrainState::Unanswered => Err(no_partitions("the group gave no answer: may this user join it?")),
        }
    }

    /// librdkafka recovers from most errors by itself and only reports them; an error that it cannot recover from ends the
    /// walk.
    fn tolerate(&mut self, error: KafkaError) -> Result<(), ClientError> {
        use RDKafkaErrorCode::{AutoOffsetReset, OffsetOutOfRange};
        if matches!(error.rdkafka_error_code(), Some(AutoOffsetReset | OffsetOutOfRange)) {
            // The error does not name its partition, which librdkafka no longer fetches: the walk checks all of them.
            warn!(
                "offset out of range: a topic does not have the next offset; comparing all partitions with the ledgers"
            );
            self.is_out_of_range = true;
            return Ok(());
        }
        let error = failed("reading")(error);
        if error.kind() == ErrorKind::Stop {
            return Err(error);
        }
        warn!(%error, "reading failed; librdkafka retries");
        Ok(())
    }

    /// Positions librdkafka at these offsets: assigns new partitions, seeks in the others.
    fn go_to(&mut self, offsets: &Offsets) -> Result<(), ClientError> {
        let (known, new): (Offsets, Offsets) = offsets
            .iter()
            .map(|(partition, offset)| (partition.clone(), *offset))
            .partition(|(partition, _)| self.positions.contains_key(partition) || self.paused.contains(partition));
        if !new.is_empty() || self.unanswered {
            self.consumer.incremental_assign(&list(&new)?).map_err(failed("taking over partitions"))?;
            self.unanswered = false;
        }
        if !known.is_empty() {
            let sought = self.consumer.seek_partitions(list(&known)?, REQUEST_TIMEOUT).map_err(failed("seeking"))?;
            for element in sought.elements() {
                element.error().map_err(failed("seeking"))?;
            }
        }
        let resumed: Offsets = known.into_iter().filter(|(partition, _)| self.paused.remove(partition)).collect();
        if !resumed.is_empty() {
            self.consumer.resume(&list(&resumed)?).map_err(failed("resuming partitions"))?;
        }
        self.group().forget_fetched();
        self.positions.extend(offsets.clone());
        Ok(())
    }
}

impl Source for KafkaSource {
    async fn poll(&mut self, intake: &mut Intake) -> Result<Polled, SourceError> {
        if let Some(change) = self.rebalanced()? {
            return Ok(change);
        }
        self.fill(intake)?;
        if !intake.is_empty() {
            return Ok(Polled::Records);
        }
        Ok(if self.is_drained()? { Polled::End } else { Polled::Idle })
    }

    fn keep_alive(&mut self) -> Result<Polled, SourceError> {
        if let Some(change) = self.rebalanced()? {
            return Ok(change);
        }
        match self.consumer.poll(Duration::ZERO) {
            None => {}
            Some(Ok(message)) => self.early.push(message.detach()),
            Some(Err(error)) => self.tolerate(error)?,
        }
        Ok(Polled::Idle)
    }

    async fn bounds(&mut self, partitions: &[TopicPartition]) -> Result<PartitionBounds, SourceError> {
        let topic_ids = self.topic_ids(&partitions.iter().map(|partition| partition.topic.clone()).collect()).await?;
        let mut bounds = PartitionBounds::new();
        for partition in partitions {
            let (low, high) = survey::watermarks(&self.consumer, partition)?;
            if let Some(drain) = &mut self.drain {
                drain.note_end(partition, high);
            }
            let start = match self.brokers.settings.start {
                Start::Earliest => low,
                Start::Latest => high,
            };
            let range = Some(OffsetRange { from: low, to: high });
            let topic_id = topic_ids.get(&partition.topic).copied();
            bounds.insert(partition.clone(), OffsetBounds { start, range, topic_id });
        }
        Ok(bounds)
    }

    /// Asks several brokers: a flush waits for the answer, and would fail because of one broker that dies meanwhile.
    async fn topic_ids(&mut self, topics: &BTreeSet<Arc<str>>) -> Result<TopicIds, SourceError> {
        let mut attempt = 1;
        loop {
            match topic_id::topic_ids(self.consumer.client(), topics, TOPIC_IDS_TIMEOUT) {
                Err(error) if attempt < TOPIC_IDS_ATTEMPTS => {
                    debug!(%error, "topic ids unknown: a broker does not answer; asking another");
                }
                answer => return Ok(answer.map_err(failed("asking for topic ids"))?),
            }
            attempt += 1;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    async fn start(&mut self, starts: &Offsets) -> Result<(), SourceError> {
        self.early.retain(|message| !starts.contains_key(&partition_of(message)));
        Ok(self.go_to(starts)?)
    }

    /// Does not unassign them in librdkafka: during a rebalance the group would take that for its answer.
    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), SourceError> {
        let started = partitions.iter().filter(|partition| self.positions.contains_key(partition));
        let started: Offsets = started.map(|partition| (partition.clone(), -1)).collect();
        if started.is_empty() {
            return Ok(());
        }
        self.consumer.pause(&list(&started)?).map_err(failed("pausing partitions"))?;
        self.positions.retain(|partition, _| !started.contains_key(partition));
        self.early.retain(|message| !started.contains_key(&partition_of(message)));
        self.paused.extend(started.into_keys());
        Ok(())
    }

    /// librdkafka does not know partitions that were never started, but the group waits for the answer in any case, so an
    /// empty list is sent too.
    fn unassign(&mut self, partitions: &[TopicPartition]) -> Result<(), SourceError> {
        let mut released = Offsets::new();
        for partition in partitions {
            // `|`, not `||`: both removals must happen.
            if self.positions.remove(partition).is_some() | self.paused.remove(partition) {
                released.insert(partition.clone(), -1);
            }
        }
        self.early.retain(|message| !partitions.contains(&partition_of(message)));
        Ok(self.consumer.incremental_unassign(&list(&released)?).map_err(failed("releasing partitions"))?)
    }

    fn partitions(&self) -> Vec<TopicPartition> {
        self.positions.keys().cloned().collect()
    }

    fn is_endless(&self) -> bool {
        self.drain.is_none()
    }

    fn status(&self) -> SourceStatus {
        self.group().status()
    }

    fn ack(&mut self, offsets: &Offsets) {
        self.acknowledged.extend(offsets.clone());
        let committed = list(offsets).and_then(|offsets| {
            self.consumer.commit(&offsets, CommitMode::Async).map_err(failed("committing offsets"))
        });
        if let Err(error) = committed {
            warn!(%error, "advisory offsets not committed to the group; only lag tools read them, the ledger decides");
        }
    }
}

impl Drop for KafkaSource {
    /// Leaves the group, so that other workers take over at once instead of after the session timeout.
    fn drop(&mut self) {
        self.acknowledged.retain(|partition, _| self.positions.contains_key(partition));
        if !self.acknowledged.is_empty() {
            let committed = list(&self.acknowledged).and_then(|offsets| {
                self.consumer.commit(&offsets, CommitMode::Sync).map_err(failed("committing offsets"))
            });
            if let Err(error) = committed {
                warn!(%error, "advisory offsets not committed to the group; only lag tools read them, the ledger decides");
            }
        }
        if let Err(error) = self.answer_all() {
            warn!(%error, "kafka: leaving the group failed; the brokers will notice when the session ends");
        }
        self.group().close();
    }
}

fn partition_of(message: &OwnedMessage) -> TopicPartition {
    TopicPartition::new(message.topic(), message.partition())
}

fn take<M: Message>(message: &M, intake: &mut Intake) {
    let (topic, partition, offset) = (message.topic(), message.partition(), message.offset());
    let timestamp = message.timestamp().to_millis().unwrap_or(-1);
    let (key, value) = (message.key(), message.payload());
    match message.headers() {
        None => intake.push(topic, partition, offset, timestamp, key, value, []),
        Some(headers) => {
            let headers = headers.iter().map(|header| (header.key.as_bytes(), header.value));
            intake.push(topic, partition, offset, timestamp, key, value, headers);
        }
    }
}

fn no_partitions(why: &str) -> ClientError {
    failed("draining")(KafkaError::Subscription(why.to_owned()))
}

fn list(offsets: &Offsets) -> Result<TopicPartitionList, ClientError> {
    let mut list = TopicPartitionList::new();
    for (partition, &offset) in offsets {
        let offset = if offset < 0 { Offset::Invalid } else { Offset::Offset(offset) };
        list.add_partition_offset(&partition.topic, partition.partition, offset).map_err(failed("naming offsets"))?;
    }
    Ok(list)
}
