//! Sends copies of dead letters to a Kafka topic, for consumers of that topic. At least once: what a walk sends before it
//! fails, it sends again. All copies of a dead letter carry the same id. Redrive and replay use the table, not the topic.

use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::OAuthToken;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, Headers as _, Message as _, OwnedHeaders, OwnedMessage};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::util::Timeout;
use rdkafka::{ClientContext, Timestamp};
use sluicebox_ledger::{ClientError, Reason, TopicPartition};
use sluicebox_pipeline::{Copies, JudgedBy, metrics};
use sluicebox_sandbox::{Batch, Digest};
use sluicebox_settings::DeadLetterTopic;
use tracing::{error, warn};

use crate::Brokers;
use crate::bearer::{Bearer, authenticate};
use crate::client::failed;
use crate::quiet_log::QuietLog;

/// How long brokers may take to acknowledge a record.
const DELIVERY_MAX: Duration = Duration::from_secs(30);
/// The pause before another attempt to send into a full queue.
const QUEUE_PAUSE: Duration = Duration::from_millis(5);

/// A producer for the dead-letter topic.
pub struct DeadLetterProducer {
    name: String,
    producer: ThreadedProducer<Deliveries>,
}

/// The producer's context: remembers what was not delivered since the last flush.
struct Deliveries {
    undelivered: Mutex<Undelivered>,
    log: QuietLog,
    bearer: Bearer,
}

/// What was not delivered.
#[derive(Default)]
struct Undelivered {
    /// The first failure that time may mend.
    failure: Option<KafkaError>,
    /// Letters that the topic refuses as they are.
    refused: Vec<OwnedMessage>,
}

impl Deliveries {
    fn take(&self) -> Undelivered {
        std::mem::take(&mut *self.undelivered.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ClientContext for Deliveries {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = Bearer::ENABLE_REFRESH_OAUTH_TOKEN;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.log.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.log.error(&error, reason);
    }

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.bearer.oauth_token()
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let Err((error, message)) = result else { return };
        let mut undelivered = self.undelivered.lock().unwrap_or_else(PoisonError::into_inner);
        if is_refusal(error) {
            undelivered.refused.push(message.detach());
        } else {
            undelivered.failure.get_or_insert_with(|| error.clone());
        }
    }
}

/// Whether the topic will never take this record as it is: it is too large, or lacks what the topic requires.
fn is_refusal(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{
        InvalidMessage, InvalidMessageSize, InvalidRecord, InvalidTimestamp, MessageBatchTooLarge, MessageSizeTooLarge,
        PolicyViolation,
    };
    matches!(
        error.rdkafka_error_code(),
        Some(
            InvalidMessage
                | InvalidMessageSize
                | InvalidRecord
                | InvalidTimestamp
                | MessageBatchTooLarge
                | MessageSizeTooLarge
                | PolicyViolation
        )
    )
}

impl DeadLetterProducer {
    /// Connects to the brokers of the source.
    ///
    /// # Errors
    /// The producer refuses its properties.
    pub fn connect(settings: &DeadLetterTopic, brokers: &Brokers) -> Result<Self, ClientError> {
        let source = &brokers.settings;
        let mut configuration = ClientConfig::new();
        // A dead letter is a record and its reason, so it may be larger than the records of the source.
        // A topic counts compressed bytes, as it did for the records of the source.
        configuration
            .set("message.max.bytes", "104857600")
            .set("queue.buffering.max.kbytes", "65536")
            .set("compression.type", "zstd");
        for (name, value) in &source.properties {
            configuration.set(name, value.reveal());
        }
        configuration
            .set("client.id", "sluicebox-dead-letters")
            .set("bootstrap.servers", &source.brokers)
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("message.timeout.ms", DELIVERY_MAX.as_millis().to_string());
        authenticate(brokers, &mut configuration)?;
        let producer = configuration
            .create_with_context(Deliveries {
                undelivered: Mutex::default(),
                log: QuietLog::default(),
                bearer: Bearer::of(brokers),
            })
            .map_err(failed("connecting for the dead letters"))?;
        Ok(Self { name: settings.name.clone(), producer })
    }

    fn enqueue(&self, mut message: BaseRecord<'_, [u8], [u8]>) -> Result<(), KafkaError> {
        let deadline = Instant::now() + DELIVERY_MAX;
        loop {
            let error = match self.producer.send(message) {
                Ok(()) => return Ok(()),
                Err((error, back)) => {
                    message = back;
                    error
                }
            };
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) || Instant::now() > deadline {
                return Err(error);
            }
            std::thread::sleep(QUEUE_PAUSE);
        }
    }

    /// Waits until the brokers have answered for all that was sent; returns the letters that the topic refuses.
    fn settle(&self) -> Result<Vec<OwnedMessage>, KafkaError> {
        let flushed = self.producer.flush(Timeout::After(DELIVERY_MAX + Duration::from_secs(5)));
        let undelivered = self.producer.context().take();
        match undelivered.failure {
            Some(error) => Err(error),
            None => flushed.map(|()| undelivered.refused),
        }
    }

    /// Sends one letter and waits for the answer. Whether the topic took it.
    fn send_alone(&self, letter: &OwnedMessage, payload: Option<&[u8]>) -> Result<bool, KafkaError> {
        let headers = letter.headers().cloned().unwrap_or_default();
        let mut message: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&self.name).headers(headers);
        message.key = letter.key();
        message.payload = payload;
        message.timestamp = letter.timestamp().to_millis().filter(|millis| *millis >= 0);
        match self.enqueue(message) {
            Err(error) if is_refusal(&error) => Ok(false),
            Err(error) => Err(error),
            Ok(()) => Ok(self.settle()?.is_empty()),
        }
    }

    /// A topic answers for a whole batch: so each letter is sent again alone, then without its value, and then left out. The
    /// dead-letter table has it in any case.
    fn send_again(&self, letters: &[OwnedMessage]) -> Result<(), KafkaError> {
        for letter in letters {
            if self.send_alone(letter, letter.payload())? {
                continue;
            }
            let source = source_of(letter);
            if self.send_alone(letter, None)? {
                warn!(topic = self.name, source, "the dead-letter topic refuses a letter's value; sent without it");
                metrics::copy_refused("value_left_out");
            } else {
                error!(topic = self.name, source, "the dead-letter topic refuses a letter; only the table has it");
                metrics::copy_refused("skipped");
            }
        }
        Ok(())
    }
}

impl Copies for DeadLetterProducer {
    /// Hands rejected records to the producer; [`Self::flush`] reports whether they have arrived.
    fn send(&self, judged_by: &JudgedBy, batch: &Batch, reasons: &[&Reason]) -> Result<(), ClientError> {
        for reason in reasons {
            let record = batch.record(reason.record);
            let headers = headers(judged_by, batch, reason);
            let mut message: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&self.name).headers(headers.clone());
            message.key = record.key;
            message.payload = record.value;
            message.timestamp = (record.timestamp >= 0).then_some(record.timestamp);
            match self.enqueue(message) {
                Err(error) if is_refusal(&error) => {
                    let bytes = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
                    let timestamp = Timestamp::CreateTime(record.timestamp);
                    let (key, value) = (bytes(record.key), bytes(record.value));
                    let letter = OwnedMessage::new(value, key, self.name.clone(), timestamp, -1, -1, Some(headers));
                    let mut undelivered =
                        self.producer.context().undelivered.lock().unwrap_or_else(PoisonError::into_inner);
                    undelivered.refused.push(letter);
                }
                sent => sent.map_err(failed("sending dead letters"))?,
            }
        }
        Ok(())
    }

    /// Waits until the brokers have acknowledged all that was sent (`acks=all`). A letter that the topic refuses does not stop
    /// the walk.
    fn flush(&self) -> Result<(), ClientError> {
        let refused = self.settle().map_err(failed("sending dead letters"))?;
        self.send_again(&refused).map_err(failed("sending dead letters"))
    }
}

/// Where a letter's record is from, as its headers say: `topic/partition@offset`.
fn source_of(letter: &OwnedMessage) -> String {
    let value = |name: &str| {
        let headers = letter.headers()?;
        let header = (0..headers.count()).filter_map(|index| headers.try_get(index)).rfind(|it| it.key == name)?;
        Some(String::from_utf8_lossy(header.value?).into_owned())
    };
    let [topic, partition, offset] = ["topic", "partition", "offset"]
        .map(|part| value(&format!("__connect.errors.{part}")).unwrap_or_else(|| "?".to_owned()));
    format!("{topic}/{partition}@{offset}")
}

/// The record's own headers, then those that Kafka Connect gives its dead letters, then Sluicebox's own.
fn headers(judged_by: &JudgedBy, batch: &Batch, reason: &Reason) -> OwnedHeaders {
    let record = batch.record(reason.record);
    let mut headers = OwnedHeaders::new();
    for (name, value) in record.headers() {
        // librdkafka's names are C strings, and rust-rdkafka panics at a NUL in one.
        let name = String::from_utf8_lossy(name).replace('\0', "\u{fffd}");
        headers = headers.insert(Header { key: &name, value });
    }
    let (partition, offset) = (batch.partition.to_string(), record.offset.to_string());
    let transform = format!("{} {}", judged_by.transform_name, judged_by.transform_version);
    let id = id(judged_by, &TopicPartition::new(batch.topic.clone(), batch.partition), record.offset);
    let ours = [
        ("__connect.errors.topic", Some(&*batch.topic)),
        ("__connect.errors.partition", Some(&partition)),
        ("__connect.errors.offset", Some(&offset)),
        ("__connect.errors.connector.name", Some(&judged_by.pipeline)),
        ("__connect.errors.task.id", Some("0")),
        ("__connect.errors.stage", Some(reason.stage.as_str())),
        ("__connect.errors.class.name", Some(&transform)),
        ("__connect.errors.exception.class.name", Some(&reason.code)),
        ("__connect.errors.exception.message", Some(&reason.message)),
        ("__connect.errors.exception.stacktrace", reason.backtrace.as_deref()),
        ("sluicebox.id", Some(&id)),
        ("sluicebox.transform.digest", Some(&judged_by.transform_digest)),
    ];
    ours.into_iter().fold(headers, |headers, (key, value)| headers.insert(Header { key, value }))
}

/// The id of a dead letter, the same for all its copies: a digest of pipeline, position and transform.
fn id(judged_by: &JudgedBy, partition: &TopicPartition, offset: i64) -> String {
    let name = format!("{}\n{partition}@{offset}\n{}", judged_by.pipeline, judged_by.transform_digest);
    Digest::of(name.as_bytes()).to_string().trim_start_matches("sha256:").to_owned()
}

impl std::fmt::Debug for DeadLetterProducer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeadLetterProducer").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::consumer::{BaseConsumer, Consumer as _};
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::DefaultProducerContext;
    use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
    use sluicebox_ledger::Stage;
    use sluicebox_settings::{KafkaSettings, Secret, Start, Topics};

    use super::*;

    fn judged_by(digest: &str) -> JudgedBy {
        let text = str::to_owned;
        JudgedBy {
            pipeline: text("p"),
            transform_name: text("t"),
            transform_version: text("1"),
            transform_digest: text(digest),
            replay_context: text("{}"),
        }
    }

    /// A mock cluster, and a producer for its topic `letters`.
    fn producer() -> (MockCluster<'static, DefaultProducerContext>, DeadLetterProducer) {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("letters", 1, 1).unwrap();
        let settings = KafkaSettings {
            brokers: cluster.bootstrap_servers(),
            topics: Topics::Named(vec!["orders".to_owned()]),
            group: "g".to_owned(),
            start: Start::Earliest,
            properties: [("message.max.bytes".to_owned(), Secret::new("20000"))].into(),
            authentication: None,
        };
        let topic = DeadLetterTopic { name: "letters".to_owned() };
        let producer = DeadLetterProducer::connect(&topic, &Brokers::new(settings, None)).unwrap();
        (cluster, producer)
    }

    fn batch(values: &[&[u8]]) -> Batch {
        let mut batch = Batch::new("orders", 0);
        for (offset, value) in values.iter().enumerate() {
            batch.push(offset as i64, -1, None, Some(value), [(b"na\0me".as_slice(), None)]);
        }
        batch
    }

    fn send(producer: &DeadLetterProducer, values: &[&[u8]]) -> Result<(), ClientError> {
        let batch = batch(values);
        let reason = |record| Reason {
            record,
            stage: Stage::Schema,
            code: "c".to_owned(),
            message: "m".to_owned(),
            path: None,
            backtrace: None,
        };
        let reasons: Vec<Reason> = (0..values.len()).map(reason).collect();
        producer.send(&judged_by("d"), &batch, &reasons.iter().collect::<Vec<_>>())?;
        producer.flush()
    }

    fn letters(cluster: &MockCluster<'_, DefaultProducerContext>, count: usize) -> Vec<Option<usize>> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", cluster.bootstrap_servers())
            .set("group.id", "reader")
            .create()
            .unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset("letters", 0, Offset::Beginning).unwrap();
        consumer.assign(&list).unwrap();
        let mut sizes = Vec::new();
        let deadline = Instant::now() + Duration::from_secs(20);
        while sizes.len() < count && Instant::now() < deadline {
            if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
                sizes.push(message.payload().map(<[u8]>::len));
            }
        }
        sizes
    }

    #[test]
    fn a_letter_that_is_too_large_goes_without_its_value_and_stops_no_other() {
        let (cluster, producer) = producer();
        send(&producer, &[b"small", &[7; 30_000], b"another"]).unwrap();
        assert_eq!(letters(&cluster, 3), [Some(5), Some(7), None]);
    }

    #[test]
    fn a_letter_that_the_topic_never_takes_is_left_out() {
        let (cluster, producer) = producer();
        let refuses = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_RECORD; 3];
        cluster.request_errors(RDKafkaApiKey::Produce, &refuses);
        send(&producer, &[b"a"]).unwrap();
        send(&producer, &[b"bc"]).unwrap();
        assert_eq!(letters(&cluster, 1), [Some(2)]);
    }

    #[test]
    fn an_id_depends_on_position_and_transform_only() {
        let orders = TopicPartition::new("orders", 3);
        let one = id(&judged_by("a"), &orders, 7);
        assert_eq!(one, id(&judged_by("a"), &orders, 7));
        assert_ne!(one, id(&judged_by("a"), &orders, 8));
        assert_ne!(one, id(&judged_by("b"), &orders, 7));
        assert_eq!(one.len(), 64);
    }
}
