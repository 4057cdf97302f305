//! What librdkafka's callbacks report to a consumer: rebalances and statistics, kept as values until the walk acts on them
//! between batches. No callback decides anything.

use std::collections::{BTreeMap, VecDeque};
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;
use sluicebox_ledger::{Offsets, TopicPartition};
use sluicebox_pipeline::source::SourceStatus;
use tracing::{error, info, warn};

use crate::Brokers;
use crate::bearer::Bearer;
use crate::quiet_log::{QuietLog, is_connection};
use crate::reachability::Reachability;

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
pub(super) struct GroupContext {
    rebalances: Mutex<VecDeque<Rebalance>>,
    fetched: Mutex<BTreeMap<TopicPartition, Fetched>>,
    ends: Mutex<Offsets>,
    reachability: Mutex<Reachability>,
    log: QuietLog,
    closing: AtomicBool,
    bearer: Bearer,
}

impl GroupContext {
    pub(super) fn new(brokers: &Brokers) -> Self {
        Self {
            rebalances: Mutex::default(),
            fetched: Mutex::default(),
            ends: Mutex::default(),
            reachability: Mutex::new(Reachability::new(&brokers.settings.brokers, Instant::now())),
            log: QuietLog::default(),
            closing: AtomicBool::new(false),
            bearer: Bearer::of(brokers),
        }
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
        SourceStatus { trouble: lock(&self.reachability).trouble(), ends: lock(&self.ends).clone() }
    }

    /// Whether a broker answers, and what to say of it.
    pub(super) fn reachability(&self) -> MutexGuard<'_, Reachability> {
        lock(&self.reachability)
    }

    pub(super) fn note_answer(&self) {
        if lock(&self.reachability).note_answer() {
            info!("kafka: brokers answer again");
        }
    }

    /// An error that librdkafka recovers from by itself.
    pub(super) fn note_error(&self, error: &KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        match code {
            Some(RDKafkaErrorCode::AllBrokersDown) => lock(&self.reachability).note_away(Instant::now()),
            Some(code) if !reason.is_empty() && (is_connection(code) || code == RDKafkaErrorCode::Authentication) => {
                lock(&self.reachability).note_failure(reason);
            }
            _ => {}
        }
        self.log.error(error, reason);
    }

    /// Forgets what the client said of one partition's fetcher: it was out of date.
    pub(super) fn forget_fetcher(&self, partition: &TopicPartition) {
        lock(&self.fetched).remove(partition);
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

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.log.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.note_error(&error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        if statistics.brokers.values().any(|broker| broker.state == "UP") {
            self.note_answer();
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
        self.note_answer();
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
