//! What librdkafka's callbacks report to a consumer: rebalances and statistics, kept as values until the walk acts on them
//! between batches. No callback decides anything.

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
use crate::bearer::Bearer;

/// A rebalance that waits for the walk.
pub(super) enum Rebalance {
    Assign(Vec<TopicPartition>),
    Revoke {
        partitions: Vec<TopicPartition>,
        /// Whether the worker lost its membership. Read within the callback, because librdkafka forgets it with the next
        /// answer to the group.
        lost: bool,
    },
}

/// The fetcher's position in a partition.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fetched {
    /// The next offset to fetch; unlike the position of the walk, it moves past transaction markers.
    pub(super) next: i64,
    /// Records that are fetched, but not polled yet.
    pub(super) waiting: i64,
}

/// The consumer's context.
#[derive(Default)]
pub(super) struct GroupContext {
    rebalances: Mutex<VecDeque<Rebalance>>,
    fetched: Mutex<BTreeMap<TopicPartition, Fetched>>,
    ends: Mutex<Offsets>,
    /// Whether a broker answers; none until one has answered.
    is_reachable: Mutex<Option<bool>>,
    closing: AtomicBool,
    bearer: Bearer,
}

impl GroupContext {
    pub(super) fn new(brokers: &Brokers) -> Self {
        Self { bearer: Bearer::of(brokers), ..Self::default() }
    }

    pub(super) fn next_rebalance(&self) -> Option<Rebalance> {
        lock(&self.rebalances).pop_front()
    }

    /// The fetcher's position in librdkafka's last statistics.
    pub(super) fn fetched(&self, partition: &TopicPartition) -> Option<Fetched> {
        lock(&self.fetched).get(partition).copied()
    }

    /// The end of each partition in librdkafka's last statistics, and why there are no records, if brokers do not answer.
    pub(super) fn status(&self) -> SourceStatus {
        let trouble = match *lock(&self.is_reachable) {
            Some(true) => None,
            Some(false) => Some("kafka: no broker answers".to_owned()),
            None => Some("kafka: no broker has answered yet".to_owned()),
        };
        SourceStatus { trouble, ends: lock(&self.ends).clone() }
    }

    fn note_reachable(&self, is_reachable: bool) {
        *lock(&self.is_reachable) = Some(is_reachable);
    }

    /// Forgets the fetchers' positions, which a seek has made stale.
    pub(super) fn forget_fetched(&self) {
        lock(&self.fetched).clear();
    }

    /// The walk answers no more rebalances: from now on the callback answers them, so that the consumer can close.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each statement leaves the values behind these locks consistent, so a panic elsewhere does no harm to them.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ClientContext for GroupContext {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = Bearer::ENABLE_REFRESH_OAUTH_TOKEN;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.bearer.oauth_token()
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) {
            self.note_reachable(false);
        }
        match error.rdkafka_error_code() {
            // A broker that is unreachable for a moment: librdkafka reconnects by itself.
            Some(code) if format!("{code:?}").contains("Transport") => {
                debug!(reason, %error, "kafka: connection lost; librdkafka reconnects");
            }
            _ => warn!(reason, %error, "kafka: client error; librdkafka retries"),
        }
    }

    fn stats(&self, statistics: Statistics) {
        if statistics.brokers.values().any(|broker| broker.state == "UP") {
            self.note_reachable(true);
        }
        let mut fetched = lock(&self.fetched);
        let mut ends = lock(&self.ends);
        for (topic, statistics) in statistics.topics {
            for (number, partition) in statistics.partitions {
                let state = Fetched { next: partition.next_offset, waiting: partition.fetchq_cnt };
                let name = TopicPartition::new(topic.as_str(), number);
                // Readers of committed records do not see records of open transactions, so the last stable offset counts.
                let end = if partition.ls_offset >= 0 { partition.ls_offset } else { partition.hi_offset };
                if end >= 0 {
                    ends.insert(name.clone(), end);
                }
                fetched.insert(name, state);
            }
        }
    }
}

impl ConsumerContext for GroupContext {
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
                warn!(%error, "kafka: leaving the group failed; the brokers will notice when the session ends");
            }
            return;
        }
        self.note_reachable(true);
        let partitions = partitions(list);
        match code {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                info!(partitions = %listed(&partitions), "partitions assigned");
                lock(&self.rebalances).push_back(Rebalance::Assign(partitions));
            }
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS => {
                let lost = consumer.assignment_lost();
                info!(partitions = %listed(&partitions), lost, "partitions revoked");
                lock(&self.rebalances).push_back(Rebalance::Revoke { partitions, lost });
            }
            code => error!(?code, "kafka: rebalance failed"),
        }
    }
}

/// The partitions for a log line: `orders/0, orders/1`.
fn listed(partitions: &[TopicPartition]) -> String {
    partitions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The partitions of a librdkafka list.
pub(super) fn partitions(list: &TopicPartitionList) -> Vec<TopicPartition> {
    list.elements().iter().map(|element| TopicPartition::new(element.topic(), element.partition())).collect()
}
