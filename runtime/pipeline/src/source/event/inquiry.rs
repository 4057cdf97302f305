//! Asks the brokers about a partition whose event does not join the ledger: what the topic has, which topic it is, and
//! whether there are records that were never delivered. A short-lived consumer of no group; the only place where events
//! need a way to Kafka.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::error::PipelineError;
use crate::loss::Extent;
use crate::position::{OffsetRange, TopicPartition};
use crate::settings::KafkaSettings;
use crate::source::kafka::{configuration, failed};
use crate::source::token::{Bearer, hand_over};
use crate::source::{survey, topic_id};

/// How long one question may take: somebody waits for the event.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(5);
/// How long brokers that were out of reach are not asked again, where the answer can be done without.
const SILENCE: Duration = Duration::from_secs(60);

/// A partition whose event does not join the ledger.
pub(super) struct Suspicion {
    pub(super) partition: TopicPartition,
    /// The event's first offset.
    pub(super) start: i64,
    /// The offsets between the ledger and the event; none if the whole event is below the ledger.
    pub(super) missing: Option<OffsetRange>,
}

/// What the brokers say.
#[derive(Clone, Copy)]
pub(super) struct Answer {
    pub(super) extent: Extent,
    /// The first record at or after the beginning of what is missing.
    pub(super) first: Option<i64>,
}

/// Keeps its connection from question to question: on a topic of transactions there may be one for each event.
pub(super) struct Inquirer {
    kafka: KafkaSettings,
    consumer: Option<Arc<BaseConsumer<Bearer>>>,
    silent_until: Option<Instant>,
}

impl Inquirer {
    pub(super) fn new(kafka: KafkaSettings) -> Self {
        Self { kafka, consumer: None, silent_until: None }
    }

    /// None if no broker answers. A repeated event, which is what it is nearly always, can do without; a gap cannot.
    pub(super) async fn ask(&mut self, suspicion: &Suspicion) -> Option<Answer> {
        let is_silent = self.silent_until.is_some_and(|until| Instant::now() < until);
        if is_silent && suspicion.missing.is_none() {
            return None;
        }
        let (kafka, partition) = (self.kafka.clone(), suspicion.partition.clone());
        let (start, missing, known) = (suspicion.start, suspicion.missing, self.consumer.take());
        let ask = move || {
            let consumer = known.map_or_else(|| connect(&kafka), Ok)?;
            ask(&consumer, &partition, start, missing).map(|answer| (consumer, answer))
        };
        match tokio::task::spawn_blocking(ask).await {
            Ok(Ok((consumer, answer))) => {
                (self.consumer, self.silent_until) = (Some(consumer), None);
                info!(partition = %suspicion.partition, ?missing, first = ?answer.first, "asked the brokers");
                Some(answer)
            }
            Ok(Err(error)) => {
                warn!(partition = %suspicion.partition, %error, "cannot ask the brokers how the event joins the ledger");
                self.silent_until = Some(Instant::now() + SILENCE);
                None
            }
            Err(error) => {
                warn!(%error, "asking the brokers came to nothing");
                None
            }
        }
    }
}

fn connect(kafka: &KafkaSettings) -> Result<Arc<BaseConsumer<Bearer>>, PipelineError> {
    let mut configuration = configuration(kafka, false)?;
    configuration.set("enable.partition.eof", "true");
    let consumer = configuration.create_with_context(Bearer::of(kafka)).map_err(failed("connecting"))?;
    hand_over(&consumer);
    Ok(Arc::new(consumer))
}

fn ask(
    consumer: &BaseConsumer<Bearer>,
    partition: &TopicPartition,
    start: i64,
    missing: Option<OffsetRange>,
) -> Result<Answer, PipelineError> {
    let (from, to) = survey::watermarks_within(consumer, partition, QUESTION_TIMEOUT)?;
    let topics = [partition.topic.clone()].into();
    let identities = topic_id::identities(consumer.client(), &topics, QUESTION_TIMEOUT);
    let identity = identities.map_err(failed("asking for topic ids"))?.get(&partition.topic).copied();
    let extent = Extent { start, range: Some(OffsetRange { from, to }), identity };
    let first = match missing {
        Some(missing) => first_record(consumer, partition, missing.from.max(from))?,
        None => None,
    };
    Ok(Answer { extent, first })
}

/// The first record that a reader of committed transactions finds at or after `from`; none before the end.
fn first_record(
    consumer: &BaseConsumer<Bearer>,
    partition: &TopicPartition,
    from: i64,
) -> Result<Option<i64>, PipelineError> {
    let looking = "looking for records that were not delivered";
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&partition.topic, partition.partition, Offset::Offset(from)).map_err(failed(looking))?;
    consumer.assign(&list).map_err(failed(looking))?;
    let found = poll_first(consumer).map_err(failed(looking));
    consumer.unassign().map_err(failed(looking))?;
    found
}

fn poll_first(consumer: &BaseConsumer<Bearer>) -> Result<Option<i64>, KafkaError> {
    let until = std::time::Instant::now() + QUESTION_TIMEOUT;
    loop {
        let rest = until.saturating_duration_since(std::time::Instant::now());
        match consumer.poll(rest) {
            Some(Ok(message)) => return Ok(Some(message.offset())),
            Some(Err(KafkaError::PartitionEOF(_))) => return Ok(None),
            Some(Err(error)) if rest.is_zero() => return Err(error),
            // librdkafka tries again by itself.
            Some(Err(_)) => {}
            None if rest.is_zero() => {
                return Err(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut));
            }
            None => {}
        }
    }
}
