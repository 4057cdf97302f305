//! What librdkafka tells a consumer from its callbacks: rebalances and statistics, kept as values for the walk to act on
//! between batches. Nothing is decided in a callback.

use std::collections::{BTreeMap, VecDeque};
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;
use sluicebox_ledger::{Offsets, TopicPartition};
use sluicebox_pipeline::source::SourceStatus;
use tracing::{debug, error, info, warn};

use crate::Brokers;
use crate::token::Bearer;

/// A change of assignment that waits for the walk.
pub(super) enum Rebalance {
    Assign(Vec<TopicPartition>),
    Revoke {
        partitions: Vec<TopicPartition>,
        /// Asked in the callback: any answer to the group clears what librdkafka knows of it.
        lost: bool,
    },
}

/// Where the fetcher stands in a partition.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fetched {
    /// The next offset to fetch; unlike the application's own position it moves past transaction markers.
    pub(super) next: i64,
    /// Fetched, but not yet polled.
    pub(super) waiting: i64,
}

/// The consumer's context.
#[derive(Default)]
pub(super) struct Group {
    rebalances: Mutex<VecDeque<Rebalance>>,
    fetched: Mutex<BTreeMap<TopicPartition, Fetched>>,
    ends: Mutex<Offsets>,
    /// Whether a broker answers; none until one has.
    is_heard: Mutex<Option<bool>>,
    closing: AtomicBool,
    bearer: Bearer,
}

impl Group {
    pub(super) fn new(brokers: &Brokers) -> Self {
        Self { bearer: Bearer::of(brokers), ..Self::default() }
    }

    pub(super) fn next_rebalance(&self) -> Option<Rebalance> {
        lock(&self.rebalances).pop_front()
    }

    /// Where the fetcher stood when librdkafka last said so.
    pub(super) fn fetched(&self, partition: &TopicPartition) -> Option<Fetched> {
        lock(&self.fetched).get(partition).copied()
    }

    /// The end of each partition when librdkafka last said so, and why it hears nothing.
    pub(super) fn status(&self) -> SourceStatus {
        let trouble = match *lock(&self.is_heard) {
            Some(true) => None,
            Some(false) => Some("kafka: no broker answers".to_owned()),
            None => Some("kafka: no broker has answered yet".to_owned()),
        };
        SourceStatus { trouble, ends: lock(&self.ends).clone() }
    }

    fn hear(&self, is_heard: bool) {
        *lock(&self.is_heard) = Some(is_heard);
    }

    /// Forgets what was said before a seek.
    pub(super) fn forget_fetched(&self) {
        lock(&self.fetched).clear();
    }

    /// From now on the walk takes no rebalance any more: let librdkafka leave the group by itself.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind these locks is whole after every statement, so a panic elsewhere does not spoil it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ClientContext for Group {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = Bearer::ENABLE_REFRESH_OAUTH_TOKEN;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.bearer.oauth_token()
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) {
            self.hear(false);
        }
        match error.rdkafka_error_code() {
            // A broker that is away for a moment: librdkafka connects again by itself.
            Some(code) if format!("{code:?}").contains("Transport") => debug!(reason, "kafka: {error}"),
            _ => warn!(reason, "kafka: {error}"),
        }
    }

    fn stats(&self, statistics: Statistics) {
        if statistics.brokers.values().any(|broker| broker.state == "UP") {
            self.hear(true);
        }
        let mut fetched = lock(&self.fetched);
        let mut ends = lock(&self.ends);
        for (topic, statistics) in statistics.topics {
            for (number, partition) in statistics.partitions {
                let state = Fetched { next: partition.next_offset, waiting: partition.fetchq_cnt };
                let name = TopicPartition::new(topic.as_str(), number);
                // Records of open transactions are not there to be read yet.
                let end = if partition.ls_offset >= 0 { partition.ls_offset } else { partition.hi_offset };
                if end >= 0 {
                    ends.insert(name.clone(), end);
                }
                fetched.insert(name, state);
            }
        }
    }
}

impl ConsumerContext for Group {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, code: RDKafkaRespErr, list: &mut TopicPartitionList) {
        if self.closing.load(Ordering::SeqCst) {
            let left = match (consumer.rebalance_protocol(), code) {
                (RebalanceProtocol::Cooperative, RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) => {
                    consumer.incremental_assign(&TopicPartitionList::new())
                }
                (RebalanceProtocol::Cooperative, _) => consumer.incremental_unassign(list),
                _ => consumer.unassign(),
            };
            if let Err(error) = left {
                warn!(%error, "kafka: leaving the group");
            }
            return;
        }
        self.hear(true);
        let partitions = partitions(list);
        match code {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                info!(?partitions, "assigned");
                lock(&self.rebalances).push_back(Rebalance::Assign(partitions));
            }
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS => {
                let lost = consumer.assignment_lost();
                info!(?partitions, lost, "revoked");
                lock(&self.rebalances).push_back(Rebalance::Revoke { partitions, lost });
            }
            other => error!(?other, "kafka: rebalance failed"),
        }
    }
}

/// The partitions of a librdkafka list.
pub(super) fn partitions(list: &TopicPartitionList) -> Vec<TopicPartition> {
    list.elements().iter().map(|element| TopicPartition::new(element.topic(), element.partition())).collect()
}
