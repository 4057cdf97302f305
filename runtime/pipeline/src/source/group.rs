//! What librdkafka tells a consumer from its callbacks: rebalances and statistics, kept as values for the walk to act on
//! between batches. Nothing is decided in a callback.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::KafkaError;
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;
use tracing::{debug, error, info, warn};

use crate::position::TopicPartition;

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
    closing: AtomicBool,
}

impl Group {
    pub(super) fn next_rebalance(&self) -> Option<Rebalance> {
        lock(&self.rebalances).pop_front()
    }

    /// Where the fetcher stood when librdkafka last said so.
    pub(super) fn fetched(&self, partition: &TopicPartition) -> Option<Fetched> {
        lock(&self.fetched).get(partition).copied()
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
    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            // A broker that is away for a moment: librdkafka connects again by itself.
            Some(code) if format!("{code:?}").contains("Transport") => debug!(reason, "kafka: {error}"),
            _ => warn!(reason, "kafka: {error}"),
        }
    }

    fn stats(&self, statistics: Statistics) {
        let mut fetched = lock(&self.fetched);
        for (topic, statistics) in statistics.topics {
            for (number, partition) in statistics.partitions {
                let state = Fetched { next: partition.next_offset, waiting: partition.fetchq_cnt };
                fetched.insert(TopicPartition::new(topic.as_str(), number), state);
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
