//! A record of librdkafka on its way into the intake, and its copy where it came too early.

use rdkafka::message::{BorrowedMessage, Message as _};
use sluicebox_ledger::TopicPartition;
use sluicebox_pipeline::source::Intake;
use sluicebox_pipeline::source::record_line::RecordLine;

use crate::headers::headers;

/// Copies a record that came before the walk asked for it.
pub(super) fn early(message: &BorrowedMessage<'_>) -> RecordLine {
    RecordLine {
        topic: Some(message.topic().to_owned()),
        partition: Some(message.partition()),
        offset: Some(message.offset()),
        timestamp: message.timestamp().to_millis(),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: headers(message).map(|(name, value)| (name.to_vec(), value.map(<[u8]>::to_vec))).collect(),
    }
}

/// Where a copied record is from.
pub(super) fn partition_of(record: &RecordLine) -> TopicPartition {
    TopicPartition::new(record.topic.as_deref().unwrap_or_default(), record.partition.unwrap_or(-1))
}

/// Hands over a copied record.
pub(super) fn push_early(record: &RecordLine, intake: &mut Intake) {
    let partition = partition_of(record);
    let (offset, timestamp) = (record.offset.unwrap_or(-1), record.timestamp.unwrap_or(-1));
    let (key, value) = (record.key.as_deref(), record.value.as_deref());
    intake.push(&partition.topic, partition.partition, offset, timestamp, key, value, record.headers());
}

/// Hands over a record of librdkafka's.
pub(super) fn take(message: &BorrowedMessage<'_>, intake: &mut Intake) {
    let (topic, partition, offset) = (message.topic(), message.partition(), message.offset());
    let timestamp = message.timestamp().to_millis().unwrap_or(-1);
    intake.push(topic, partition, offset, timestamp, message.key(), message.payload(), headers(message));
}
