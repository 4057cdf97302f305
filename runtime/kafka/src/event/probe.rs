//! Asks the brokers about a partition whose event does not join the ledger: which offsets the topic has, which id it has, and
//! whether it has records that were never delivered. Also asks for each topic's id once, in the background. Uses a short-lived
//! consumer without a group. Events need a connection to Kafka only here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rdkafka::consumer::Consumer as _;
use sluicebox_ledger::{ClientError, ErrorKind, OffsetBounds, OffsetRange, TopicPartition};
use sluicebox_pipeline::source::TopicIds;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::client::failed;
use crate::first_record::{Reader, connect, first_record};
use crate::list_offsets::offset_ranges;
use crate::{Brokers, topic_id};

/// How long one request may take: the event's caller is waiting.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(5);
/// How long unreachable brokers are not asked again, where the source can do without their answer.
const SILENCE: Duration = Duration::from_secs(60);

/// How long an unused connection is kept.
const KEPT_DURATION_MAX: Duration = Duration::from_secs(10);

/// A partition whose event does not join the ledger.
pub(super) struct GapCheck {
    pub(super) partition: TopicPartition,
    /// The event's first offset.
    pub(super) start: i64,
    /// The offsets between the ledger and the event; none if the event starts below the ledger.
    pub(super) missing: Option<OffsetRange>,
}

/// What the brokers answer.
#[derive(Clone, Copy)]
pub(super) struct BrokerAnswer {
    pub(super) bounds: OffsetBounds,
    /// The first record at or after the first missing offset.
    pub(super) first: Option<i64>,
}

/// Asks the brokers. Keeps its connection, because on a topic with transactions every event may need it.
pub(super) struct BrokerProbe {
    kafka: Brokers,
    /// The connection and when it was last used. By the wall clock, which goes on while the process is frozen.
    client: Option<(Reader, SystemTime)>,
    silent_until: Option<Instant>,
    /// The ids of the topics that were asked for; none while the answer is outstanding, or if there was none.
    topic_ids: Arc<Mutex<BTreeMap<Arc<str>, Option<i64>>>>,
}

impl BrokerProbe {
    pub(super) fn new(kafka: Brokers) -> Self {
        Self { kafka, client: None, silent_until: None, topic_ids: Arc::default() }
    }

    /// Asks for the ids of topics that were not asked for yet, and does not wait for the answer.
    pub(super) fn learn_topic_ids(&self, topics: &BTreeSet<Arc<str>>) {
        let mut known = self.topic_ids.lock().unwrap_or_else(PoisonError::into_inner);
        let new: BTreeSet<Arc<str>> = topics.iter().filter(|topic| !known.contains_key(*topic)).cloned().collect();
        if new.is_empty() {
            return;
        }
        known.extend(new.iter().map(|topic| (topic.clone(), None)));
        let (kafka, topic_ids) = (self.kafka.clone(), Arc::clone(&self.topic_ids));
        tokio::task::spawn_blocking(move || match connect(&kafka).and_then(|client| identify(&client, &new)) {
            Ok(found) => {
                let mut known = topic_ids.lock().unwrap_or_else(PoisonError::into_inner);
                known.extend(found.into_iter().map(|(topic, topic_id)| (topic, Some(topic_id))));
            }
            Err(error) => {
                info!(%error, "topic ids unknown: the brokers do not answer; a recreated topic may go unnoticed")
            }
        });
    }

    /// The topic's id, if it is known by now.
    pub(super) fn topic_id(&self, topic: &str) -> Option<i64> {
        self.topic_ids.lock().unwrap_or_else(PoisonError::into_inner).get(topic).copied().flatten()
    }

    /// Whether to ask at all. A gap is always worth it. Otherwise the event is nearly always a repetition, which does not
    /// need an answer, so brokers that were unreachable are not asked for a while.
    pub(super) fn is_worth_asking(&self, gap_check: &GapCheck) -> bool {
        gap_check.missing.is_some() || self.silent_until.is_none_or(|until| Instant::now() >= until)
    }

    /// Asks the brokers; none if no broker answers.
    pub(super) async fn ask(&mut self, gap_check: &GapCheck) -> Option<BrokerAnswer> {
        let (kafka, partition) = (self.kafka.clone(), gap_check.partition.clone());
        let (start, missing) = (gap_check.start, gap_check.missing);
        // A client that was not used for a while may have lost its connection or its token.
        let kept = self.client.take();
        let kept = kept.filter(|(_, used_at)| used_at.elapsed().is_ok_and(|age| age < KEPT_DURATION_MAX));
        let asking = tokio::task::spawn_blocking(move || {
            let client = kept.map_or_else(|| connect(&kafka), |(client, _)| Ok(client))?;
            ask(&client, &partition, start, missing).map(|answer| (client, answer))
        });
        match asking.await {
            Ok(Ok((client, answer))) => {
                self.client = Some((client, SystemTime::now()));
                self.silent_until = None;
                let mut known = self.topic_ids.lock().unwrap_or_else(PoisonError::into_inner);
                known.insert(gap_check.partition.topic.clone(), answer.bounds.topic_id);
                drop(known);
                let missing = missing.map(tracing::field::display);
                info!(partition = %gap_check.partition, missing, first_record = answer.first, "brokers answered");
                Some(answer)
            }
            Ok(Err(error)) => {
                warn!(partition = %gap_check.partition, %error, "brokers do not answer; an unexplained gap stays unread");
                self.silent_until = Some(Instant::now() + SILENCE);
                None
            }
            Err(error) => {
                warn!(%error, "asking the brokers failed: its thread ended early; an unexplained gap stays unread");
                None
            }
        }
    }
}

fn identify(client: &Reader, topics: &BTreeSet<Arc<str>>) -> Result<TopicIds, ClientError> {
    topic_id::topic_ids(client.client(), topics, QUESTION_TIMEOUT).map_err(failed("asking for topic ids"))
}

fn ask(
    consumer: &Reader,
    partition: &TopicPartition,
    start: i64,
    missing: Option<OffsetRange>,
) -> Result<BrokerAnswer, ClientError> {
    let asking = "asking for offsets";
    let ranges = offset_ranges(consumer.client(), std::slice::from_ref(partition), QUESTION_TIMEOUT);
    let range = ranges.map_err(failed(asking))?.get(partition).copied();
    let range = range.ok_or_else(|| {
        ClientError::new(ErrorKind::Environment, "kafka", asking, format!("{partition} has no leader that answers"))
    })?;
    let topic_id = identify(consumer, &[partition.topic.clone()].into())?.get(&partition.topic).copied();
    let bounds = OffsetBounds { start, range: Some(range), topic_id };
    let first = match missing {
        Some(missing) => first_record(consumer, partition, missing.from.max(range.from), QUESTION_TIMEOUT)?,
        None => None,
    };
    Ok(BrokerAnswer { bounds, first })
}
