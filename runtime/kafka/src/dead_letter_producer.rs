//! Sends copies of dead letters to a Kafka topic, for consumers of that topic. At least once: what a walk sends before it
//! fails, it sends again. All copies of a dead letter carry the same id. Redrive and replay use the table, not the topic.

use std::error::Error;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::util::Timeout;
use sluicebox_ledger::{ClientError, Reason, TopicPartition};
use sluicebox_pipeline::{Copies, JudgedBy};
use sluicebox_sandbox::{Batch, Digest};
use sluicebox_settings::DeadLetterTopic;

use crate::Brokers;
use crate::bearer::{Bearer, authenticate};
use crate::client::failed;

/// How long brokers may take to acknowledge a record.
const DELIVERY_MAX: Duration = Duration::from_secs(30);
/// The pause before another attempt to send into a full queue.
const QUEUE_PAUSE: Duration = Duration::from_millis(5);

/// A producer for the dead-letter topic.
pub struct DeadLetterProducer {
    name: String,
    producer: ThreadedProducer<Deliveries>,
}

/// The producer's context: remembers the first failed delivery since the last flush.
struct Deliveries {
    failure: Mutex<Option<KafkaError>>,
    bearer: Bearer,
}

impl Deliveries {
    fn take_failure(&self) -> Option<KafkaError> {
        self.failure.lock().ok()?.take()
    }
}

impl ClientContext for Deliveries {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = Bearer::ENABLE_REFRESH_OAUTH_TOKEN;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.bearer.oauth_token()
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let (Err((error, _)), Ok(mut failure)) = (result, self.failure.lock()) {
            failure.get_or_insert_with(|| error.clone());
        }
    }
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
        configuration.set("message.max.bytes", "104857600").set("queue.buffering.max.kbytes", "65536");
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
            .create_with_context(Deliveries { failure: Mutex::new(None), bearer: Bearer::of(brokers) })
            .map_err(failed("connecting for the dead letters"))?;
        Ok(Self { name: settings.name.clone(), producer })
    }

    fn enqueue(&self, mut message: BaseRecord<'_, [u8], [u8]>) -> Result<(), ClientError> {
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
                return Err(failed("sending dead letters")(error));
            }
            std::thread::sleep(QUEUE_PAUSE);
        }
    }
}

impl Copies for DeadLetterProducer {
    /// Hands rejected records to the producer; [`Self::flush`] reports whether they have arrived.
    fn send(&self, judged_by: &JudgedBy, batch: &Batch, reasons: &[&Reason]) -> Result<(), ClientError> {
        for reason in reasons {
            let record = batch.record(reason.record);
            let headers = headers(judged_by, batch, reason);
            let mut message: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&self.name).headers(headers);
            message.key = record.key;
            message.payload = record.value;
            message.timestamp = (record.timestamp >= 0).then_some(record.timestamp);
            self.enqueue(message)?;
        }
        Ok(())
    }

    /// Waits until the brokers have acknowledged all that was sent (`acks=all`).
    fn flush(&self) -> Result<(), ClientError> {
        let flushed = self.producer.flush(Timeout::After(DELIVERY_MAX + Duration::from_secs(5)));
        match self.producer.context().take_failure() {
            Some(error) => Err(failed("sending dead letters")(error)),
            None => flushed.map_err(failed("sending dead letters")),
        }
    }
}

/// The record's own headers, then those that Kafka Connect gives its dead letters, then Sluicebox's own.
fn headers(judged_by: &JudgedBy, batch: &Batch, reason: &Reason) -> OwnedHeaders {
    let record = batch.record(reason.record);
    let mut headers = OwnedHeaders::new();
    for (name, value) in record.headers() {
        headers = headers.insert(Header { key: &String::from_utf8_lossy(name), value });
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
