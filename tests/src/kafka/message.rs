//! One message, bytes as they are, and how it gets to the brokers and back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Header, Headers, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{ClientContext, Message as _, Offset, TopicPartitionList};

use crate::feed::Placed;

const READ_DURATION_MAX: Duration = Duration::from_secs(30);
const FLUSH_DURATION_MAX: Duration = Duration::from_secs(60);

/// One message, with all that Kafka can carry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// The partition that it is sent to.
    pub partition: i32,
    /// None is a null key, which differs from an empty one.
    pub key: Option<Vec<u8>>,
    /// None is a tombstone, which differs from an empty value.
    pub value: Option<Vec<u8>>,
    /// In order; names may repeat.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// Milliseconds since 1970; none, like librdkafka's 0, lets the producer take its clock.
    pub timestamp: Option<i64>,
}

impl Message {
    /// A message without key and headers.
    pub fn new(partition: i32, value: impl Into<Vec<u8>>) -> Self {
        Self { partition, value: Some(value.into()), ..Self::default() }
    }

    /// The same message, as the client library takes it.
    pub fn record<'a>(&'a self, topic: &'a str) -> BaseRecord<'a, [u8], [u8]> {
        let mut record: BaseRecord<'a, [u8], [u8]> = BaseRecord::to(topic).partition(self.partition);
        if let Some(key) = &self.key {
            record = record.key(key);
        }
        if let Some(value) = &self.value {
            record = record.payload(value);
        }
        if let Some(timestamp) = self.timestamp {
            record = record.timestamp(timestamp);
        }
        if self.headers.is_empty() {
            return record;
        }
        let headers = OwnedHeaders::new_with_capacity(self.headers.len());
        record.headers(
            self.headers
                .iter()
                .fold(headers, |headers, (name, value)| headers.insert(Header { key: name, value: value.as_deref() })),
        )
    }
}

/// Counts what the brokers refused.
#[derive(Default)]
struct Refusals(AtomicUsize);

impl ClientContext for Refusals {}

impl ProducerContext for Refusals {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _opaque: ()) {
        if result.is_err() {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

pub(super) fn produce<'a>(
    client: &ClientConfig,
    topic: &str,
    messages: impl IntoIterator<Item = &'a Message>,
) -> Result<()> {
    let producer: ThreadedProducer<Refusals> = client
        .clone()
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("linger.ms", "5")
        .set("message.max.bytes", "16000000")
        .create_with_context(Refusals::default())?;
    for message in messages {
        let mut record = message.record(topic);
        while let Err((error, returned)) = producer.send(record) {
            ensure!(error == KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), "can't produce: {error}");
            record = returned;
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    producer.flush(FLUSH_DURATION_MAX)?;
    let refused = producer.context().0.load(Ordering::Relaxed);
    ensure!(refused == 0, "the brokers refused {refused} messages for {topic}");
    Ok(())
}

pub(super) fn read(client: &ClientConfig, topic: &str, partition: i32, end: i64) -> Result<Vec<Placed>> {
    let consumer: BaseConsumer = client
        .clone()
        .set("group.id", "independent-reader")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_committed")
        .create()?;
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(topic, partition, Offset::Beginning)?;
    consumer.assign(&assignment)?;
    let mut records = Vec::new();
    loop {
        match consumer.poll(READ_DURATION_MAX) {
            Some(Ok(message)) => records.push(Placed { offset: message.offset(), message: Message::from(&message) }),
            Some(Err(KafkaError::PartitionEOF(_))) => return Ok(records),
            // A broker that is gone, or just back: the client finds another by itself.
            Some(Err(error)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::BrokerTransportFailure) => {}
            Some(Err(error)) => return Err(error.into()),
            None => bail!("{topic}/{partition} gives nothing more before its end at {end}"),
        }
    }
}

impl From<&BorrowedMessage<'_>> for Message {
    fn from(message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
        Self {
            partition: message.partition(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers.map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect(),
            timestamp: message.timestamp().to_millis(),
        }
    }
}
