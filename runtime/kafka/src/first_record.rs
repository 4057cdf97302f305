//! Looks for the first record at or after an offset, with a client of its own that belongs to no group's assignment. Between two
//! records there may be offsets without one: transaction markers, aborted records, what compaction has removed.

use std::time::{Duration, Instant};

use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use sluicebox_ledger::{ClientError, TopicPartition};

use crate::Brokers;
use crate::bearer::{Bearer, hand_over};
use crate::client::{configuration, failed};

/// A client that reads single partitions and joins no group.
pub(crate) type Reader = BaseConsumer<Bearer>;

/// Connects a reader.
pub(crate) fn connect(kafka: &Brokers) -> Result<Reader, ClientError> {
    let mut configuration = configuration(kafka, false)?;
    configuration.set("enable.partition.eof", "true");
    let reader = configuration.create_with_context(Bearer::of(kafka)).map_err(failed("connecting"))?;
    hand_over(&reader);
    Ok(reader)
}

/// The first record at or after `from` that a reader of committed transactions sees; none if there is none.
pub(crate) fn first_record(
    reader: &Reader,
    partition: &TopicPartition,
    from: i64,
    timeout: Duration,
) -> Result<Option<i64>, ClientError> {
    let looking = "looking for the next record";
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&partition.topic, partition.partition, Offset::Offset(from)).map_err(failed(looking))?;
    reader.assign(&list).map_err(failed(looking))?;
    let found = poll_first(reader, partition, timeout).map_err(failed(looking));
    reader.unassign().map_err(failed(looking))?;
    found
}

fn poll_first(reader: &Reader, partition: &TopicPartition, timeout: Duration) -> Result<Option<i64>, KafkaError> {
    let is_asked_for = |topic: &str, number: i32| *topic == *partition.topic && number == partition.partition;
    let until = Instant::now() + timeout;
    loop {
        let rest = until.saturating_duration_since(Instant::now());
        match reader.poll(rest) {
            Some(Ok(message)) if is_asked_for(message.topic(), message.partition()) => {
                return Ok(Some(message.offset()));
            }
            Some(Err(KafkaError::PartitionEOF(number))) if number == partition.partition => return Ok(None),
            Some(Err(error)) if rest.is_zero() => return Err(error),
            // librdkafka retries by itself; a record may be one of the partition that was asked for before.
            Some(_) => {}
            None if rest.is_zero() => {
                return Err(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut));
            }
            None => {}
        }
    }
}
