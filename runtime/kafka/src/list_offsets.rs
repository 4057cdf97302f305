//! The first and the last offset of many partitions with two requests a broker (`ListOffsets`), not two a partition. Each
//! partition has an answer of its own: one without a leader does not hold up the others.

#![expect(unsafe_code, reason = "rust-rdkafka does not wrap ListOffsets of librdkafka")]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CStr;
use std::time::Duration;

use rdkafka::bindings as c;
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::{IsError as _, KafkaError};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use sluicebox_ledger::{OffsetRange, Offsets, TopicPartition};

use crate::admin::AdminRequest;

/// The offsets that these partitions have, those of open transactions left out. Partitions that have no leader, or whose
/// leader does not answer in time, are left out.
///
/// # Errors
/// No broker answers at all.
pub(crate) fn offset_ranges<C: ClientContext>(
    client: &Client<C>,
    partitions: &[TopicPartition],
    timeout: Duration,
) -> Result<BTreeMap<TopicPartition, OffsetRange>, KafkaError> {
    let led = led(client, partitions, timeout)?;
    if led.is_empty() {
        return Ok(BTreeMap::new());
    }
    let first = list_offsets(client, &led, Offset::Beginning, timeout)?;
    let last = list_offsets(client, &led, Offset::End, timeout)?;
    let ranges = first.into_iter().filter_map(|(partition, from)| {
        let to = *last.get(&partition)?;
        // Retention may have moved the beginning between the two answers, never past the end.
        Some((partition, OffsetRange { from, to: to.max(from) }))
    });
    Ok(ranges.collect())
}

/// Those that have a leader. librdkafka would wait for the leaders of the others until the timeout.
fn led<'a, C: ClientContext>(
    client: &Client<C>,
    partitions: &'a [TopicPartition],
    timeout: Duration,
) -> Result<Vec<&'a TopicPartition>, KafkaError> {
    let topics: BTreeSet<&str> = partitions.iter().map(|partition| &*partition.topic).collect();
    let only = if topics.len() == 1 { topics.first().copied() } else { None };
    let metadata = client.fetch_metadata(only, timeout)?;
    let mut led = BTreeSet::new();
    for topic in metadata.topics().iter().filter(|topic| topics.contains(topic.name())) {
        let with_leader = topic.partitions().iter().filter(|partition| partition.leader() >= 0);
        led.extend(with_leader.map(|partition| (topic.name(), partition.id())));
    }
    Ok(partitions.iter().filter(|partition| led.contains(&(&*partition.topic, partition.partition))).collect())
}

/// One end of each partition that answers.
fn list_offsets<C: ClientContext>(
    client: &Client<C>,
    partitions: &[&TopicPartition],
    end: Offset,
    timeout: Duration,
) -> Result<Offsets, KafkaError> {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        list.add_partition(&partition.topic, partition.partition).set_offset(end)?;
    }
    let request = AdminRequest::new(client, c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTOFFSETS, timeout);
    // SAFETY: all pointers are of live objects that this function owns; librdkafka copies the list and the options before it
    // returns. The level is one of the option's own, so it returns no error object.
    unsafe {
        c::rd_kafka_AdminOptions_set_isolation_level(
            request.options,
            c::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED,
        );
        c::rd_kafka_ListOffsets(client.native_ptr(), list.ptr(), request.options, request.queue);
    }
    let answer = request.answer()?;
    if let Some(error) = answer.error() {
        return Err(KafkaError::MetadataFetch(error.into()));
    }
    let mut offsets = Offsets::new();
    // SAFETY: the answer and what it holds, one description a partition with its topic's name, live until the end of this
    // function, and are copied here. `count` says how many there are.
    unsafe {
        let result = c::rd_kafka_event_ListOffsets_result(answer.event());
        let mut count = 0;
        let infos = c::rd_kafka_ListOffsets_result_infos(result, &mut count);
        if infos.is_null() {
            return Ok(offsets);
        }
        for info in std::slice::from_raw_parts(infos, count) {
            let found = &*c::rd_kafka_ListOffsetsResultInfo_topic_partition(*info);
            if let (false, true, Ok(topic)) =
                (found.err.is_error(), found.offset >= 0, CStr::from_ptr(found.topic).to_str())
            {
                offsets.insert(TopicPartition::new(topic, found.partition), found.offset);
            }
        }
    }
    Ok(offsets)
}

#[cfg(test)]
mod tests {
    use rdkafka::config::ClientConfig;
    use rdkafka::consumer::{BaseConsumer, Consumer as _};
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

    use super::*;

    #[test]
    fn a_partition_without_a_leader_is_left_out_and_the_others_answer_at_once() {
        let cluster = MockCluster::new(2).unwrap();
        cluster.create_topic("orders", 3, 1).unwrap();
        let producer: BaseProducer =
            ClientConfig::new().set("bootstrap.servers", cluster.bootstrap_servers()).create().unwrap();
        producer.send(BaseRecord::<(), str>::to("orders").partition(2).payload("a")).unwrap();
        producer.flush(Duration::from_secs(10)).unwrap();
        cluster.partition_leader("orders", 1, None).unwrap();
        let consumer: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", cluster.bootstrap_servers()).create().unwrap();
        let partitions: Vec<_> = (0..3).map(|number| TopicPartition::new("orders", number)).collect();
        let began = std::time::Instant::now();
        let ranges = offset_ranges(consumer.client(), &partitions, Duration::from_secs(15)).unwrap();
        assert!(began.elapsed() < Duration::from_secs(5), "took {:?}", began.elapsed());
        assert_eq!(ranges.keys().cloned().collect::<Vec<_>>(), [partitions[0].clone(), partitions[2].clone()]);
        assert_eq!(ranges[&partitions[0]], OffsetRange { from: 0, to: 0 });
        assert_eq!(ranges[&partitions[2]], OffsetRange { from: 0, to: 1 });
    }
}
