//! Records from Kafka, as a member of a consumer group. Kafka's committed offsets are advisory: the ledger decides where a
//! partition starts, through [`Source::start`].
//!
//! The walk applies back-pressure by not polling: librdkafka prefetches a fixed number of bytes and then waits. A rebalance
//! is answered only when the walk calls [`Source::start`] or [`Source::unassign`], never in a callback.

mod draining;
mod record;
mod trouble;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use sluicebox_ledger::{ClientError, OffsetBounds, Offsets, PartitionBounds, Ranges, TopicPartition};
use sluicebox_pipeline::source::record_line::RecordLine;
use sluicebox_pipeline::source::{Intake, Polled, Source, SourceError, SourceStatus, TopicIds};
use sluicebox_settings::{Start, Topics};
use tracing::{debug, warn};

use self::record::{early, partition_of, push_early, take};
use crate::bare::BareRanges;
use crate::client::{REQUEST_TIMEOUT, configuration, failed};
use crate::drain::Drain;
use crate::group::{GroupContext, Rebalance};
use crate::list_offsets::offset_ranges;
use crate::subscription::Subscription;
use crate::{Brokers, survey, topic_id};

/// How long a poll waits for the first record.
const POLL_WAIT: Duration = Duration::from_millis(100);
/// How long a small batch waits for more records: each call into the sandbox has fixed costs.
const LINGER: Duration = Duration::from_millis(25);

/// How often a pattern is matched against the brokers' topics, unless `topic.metadata.refresh.interval.ms` says so.
const TOPICS_INTERVAL: Duration = Duration::from_secs(30);
/// How long the leaders may take to say which offsets their partitions have; those that do not answer are asked again later.
const BOUNDS_TIMEOUT: Duration = Duration::from_secs(5);
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
    subscription: Subscription,
    bare: BareRanges,
    /// Records that came with a keep-alive poll, before the walk asked for them.
    early: Vec<RecordLine>,
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
        let configuration = configuration(&brokers, drain)?;
        let refresh = configuration.get("topic.metadata.refresh.interval.ms").and_then(|millis| millis.parse().ok());
        let refresh = refresh.map_or(TOPICS_INTERVAL, Duration::from_millis);
        let context = GroupContext::new(&brokers);
        let consumer: BaseConsumer<GroupContext> =
            configuration.create_with_context(context).map_err(failed("connecting"))?;
        let subscription = Subscription::begin(&consumer, &brokers.settings.topics, refresh)?;
        Ok(Self {
            consumer,
            brokers,
            positions: Offsets::new(),
            drain: drain.then(Drain::new),
            subscription,
            bare: BareRanges::default(),
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
        self.early.drain(..).for_each(|record| push_early(&record, intake));
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
                // Errors may come faster than the waits end, for as long as brokers are away: the walk has to hear of a stop.
                Some(Err(error)) => {
                    self.tolerate(error)?;
                    break;
                }
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

    /// What the brokers say of partitions; those without a leader that answers are left out.
    async fn bounds_of(&mut self, partitions: &[TopicPartition]) -> Result<PartitionBounds, SourceError> {
        let topic_ids = self.topic_ids(&partitions.iter().map(|partition| partition.topic.clone()).collect()).await?;
        let ranges = offset_ranges(self.consumer.client(), partitions, BOUNDS_TIMEOUT)
            .map_err(failed("asking for the topics' first and last offsets"))?;
        let bounds = ranges.into_iter().map(|(partition, range)| {
            let start = match self.brokers.settings.start {
                Start::Earliest => range.from,
                Start::Latest => range.to,
            };
            let topic_id = topic_ids.get(&partition.topic).copied();
            (partition, OffsetBounds { start, range: Some(range), topic_id })
        });
        Ok(bounds.collect())
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
        self.subscription.refresh(&self.consumer)?;
        if self.subscription.is_empty()
            && let Some(drain) = &mut self.drain
        {
            drain.note_idle();
        }
        if let Some(change) = self.rebalanced()? {
            return Ok(change);
        }
        self.require_a_living_client()?;
        self.watch_brokers();
        self.fill(intake)?;
        if self.drain.is_none() {
            self.bare.look(&self.brokers, &self.positions, |partition| self.consumer.context().fetched(partition));
        }
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
            Some(Ok(message)) => self.early.push(early(&message)),
            Some(Err(error)) => self.tolerate(error)?,
        }
        Ok(Polled::Idle)
    }

    async fn bounds(&mut self, partitions: &[TopicPartition]) -> Result<PartitionBounds, SourceError> {
        let bounds = self.bounds_of(partitions).await?;
        if let Some(drain) = &mut self.drain {
            for partition in partitions {
                match bounds.get(partition).and_then(|bounds| bounds.range) {
                    Some(range) => drain.note_end(partition, range.to),
                    None => drain.note_leaderless(partition),
                }
            }
        }
        Ok(bounds)
    }

    async fn late_starts(&mut self, topics: &BTreeSet<Arc<str>>) -> Result<PartitionBounds, SourceError> {
        if self.brokers.settings.start == Start::Earliest {
            return Ok(PartitionBounds::new());
        }
        let names = Topics::Named(topics.iter().map(ToString::to_string).collect());
        let partitions = survey::partitions(&self.consumer, &names)?;
        self.bounds_of(&partitions).await
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
        self.early.retain(|record| !starts.contains_key(&partition_of(record)));
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
        self.early.retain(|record| !started.contains_key(&partition_of(record)));
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
        self.early.retain(|record| !partitions.contains(&partition_of(record)));
        if let Some(drain) = &mut self.drain {
            drain.forget(partitions);
        }
        Ok(self.consumer.incremental_unassign(&list(&released)?).map_err(failed("releasing partitions"))?)
    }

    fn partitions(&self) -> Vec<TopicPartition> {
        self.positions.keys().cloned().collect()
    }

    fn is_endless(&self) -> bool {
        self.drain.is_none()
    }

    fn take_bare_ranges(&mut self) -> Ranges {
        let found = self.bare.take();
        for (partition, range) in &found {
            if let Some(position) = self.positions.get_mut(partition).filter(|position| **position == range.from) {
                *position = range.to;
            }
        }
        found
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

fn list(offsets: &Offsets) -> Result<TopicPartitionList, ClientError> {
    let mut list = TopicPartitionList::new();
    for (partition, &offset) in offsets {
        let offset = if offset < 0 { Offset::Invalid } else { Offset::Offset(offset) };
        // Not `add_partition_offset`: it looks for the partition in the list from the front, each time.
        let mut added = list.add_partition(&partition.topic, partition.partition);
        added.set_offset(offset).map_err(failed("naming offsets"))?;
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use rdkafka::config::ClientConfig;
    use rdkafka::message::{Header, OwnedHeaders};
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer as _};
    use sluicebox_settings::KafkaSettings;

    use super::*;
    use crate::drain::DrainState;

    fn brokers(addresses: String, topics: Topics) -> Brokers {
        let settings = KafkaSettings {
            brokers: addresses,
            topics,
            group: "g".to_owned(),
            start: Start::Earliest,
            properties: [].into(),
            authentication: None,
        };
        Brokers::new(settings, None)
    }

    fn producer(cluster: &MockCluster<'_, DefaultProducerContext>) -> BaseProducer {
        ClientConfig::new().set("bootstrap.servers", cluster.bootstrap_servers()).create().unwrap()
    }

    /// Reads until `is_enough`, each partition from the beginning.
    async fn read(source: &mut KafkaSource, mut is_enough: impl FnMut(&KafkaSource, &Intake) -> bool) -> Intake {
        let mut intake = Intake::new(1_000, 1 << 20);
        let deadline = Instant::now() + Duration::from_secs(40);
        while !is_enough(source, &intake) && Instant::now() < deadline {
            match source.poll(&mut intake).await.unwrap() {
                Polled::Assigned(partitions) => {
                    let bounds = source.bounds(&partitions).await.unwrap();
                    let starts = bounds.into_iter().map(|(partition, bounds)| (partition, bounds.start)).collect();
                    source.start(&starts).await.unwrap();
                }
                Polled::Revoked { partitions, .. } => source.unassign(&partitions).unwrap(),
                _ => {}
            }
        }
        assert!(is_enough(source, &intake), "not within the time");
        intake
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn header_names_of_any_bytes_are_kept() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("orders", 1, 1).unwrap();
        let producer = producer(&cluster);
        let headers = OwnedHeaders::new();
        let native = std::ptr::from_ref(headers.as_borrowed()).cast_mut().cast();
        let name = b"trace\xff\xfeid";
        // SAFETY: the list is alive, and librdkafka copies the name and the value.
        #[expect(unsafe_code, reason = "rust-rdkafka takes names as text only")]
        unsafe {
            let (name, value) = (name.as_ptr().cast(), b"v".as_ptr().cast());
            rdkafka::bindings::rd_kafka_header_add(native, name, 9, value, 1);
        }
        let headers = headers.insert(Header { key: "none", value: None::<&str> });
        producer.send(BaseRecord::<(), str>::to("orders").payload("a").headers(headers)).map_err(|(e, _)| e).unwrap();
        producer.flush(Duration::from_secs(10)).unwrap();
        let topics = Topics::Named(vec!["orders".to_owned()]);
        let mut source = KafkaSource::connect(brokers(cluster.bootstrap_servers(), topics), false).unwrap();
        let intake = read(&mut source, |_, intake| !intake.is_empty()).await;
        let batch = intake.batches().next().unwrap();
        let headers: Vec<_> = batch.record(0).headers().map(|(name, value)| (name.to_vec(), value.is_some())).collect();
        assert_eq!(headers, [(b"trace\xff\xfeid".to_vec(), true), (b"none".to_vec(), false)]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_look_at_the_topic_decides_whether_records_remain() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("orders", 1, 1).unwrap();
        let producer = producer(&cluster);
        for value in ["a", "b", "c"] {
            producer.send(BaseRecord::<(), str>::to("orders").payload(value)).map_err(|(e, _)| e).unwrap();
        }
        producer.flush(Duration::from_secs(10)).unwrap();
        let topics = Topics::Named(vec!["orders".to_owned()]);
        let mut source = KafkaSource::connect(brokers(cluster.bootstrap_servers(), topics), true).unwrap();
        let orders = TopicPartition::new("orders", 0);
        let drain = source.drain.as_mut().unwrap();
        drain.note_end(&orders, 3);
        source.positions = [(orders.clone(), 1)].into();
        let fetched = crate::group::Fetched { next: 3, waiting: 0 };
        let state = |source: &KafkaSource| source.drain.as_ref().unwrap().state(&source.positions, |_| Some(fetched));
        assert_eq!(state(&source), DrainState::Unproven([(orders.clone(), 1)].into()));
        source.prove(&[(orders.clone(), 1)].into()).unwrap();
        assert_eq!(state(&source), DrainState::Unproven([(orders.clone(), 1)].into()), "two records remain");
        // As if the last two were transaction markers: the drain's end is what the brokers report.
        source.prove(&[(orders.clone(), 3)].into()).unwrap();
        source.positions = [(orders, 3)].into();
        assert_eq!(state(&source), DrainState::Over);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn brokers_that_are_away_are_named_and_a_stop_does_not_wait_for_them() {
        // A port that was free a moment ago: connections are refused.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let topics = Topics::Named(vec!["orders".to_owned()]);
        let mut source = KafkaSource::connect(brokers(free.to_string(), topics), false).unwrap();
        let mut intake = Intake::new(10, 1 << 20);
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(4) {
            let polled = Instant::now();
            assert_eq!(source.poll(&mut intake).await.unwrap(), Polled::Idle);
            assert!(polled.elapsed() < Duration::from_millis(1_500), "a stop waits {:?}", polled.elapsed());
        }
        let trouble = source.status().trouble.unwrap();
        assert!(trouble.contains(&format!("no broker answers at {free}")), "{trouble}");
        let leaving = Instant::now();
        drop(source);
        assert!(leaving.elapsed() < Duration::from_secs(2), "leaving took {:?}", leaving.elapsed());
    }
}
