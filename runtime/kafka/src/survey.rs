//! What brokers say of topics: partitions, offsets, the group's commits. Does not join the group.

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::topic_partition_list::TopicPartitionList;
use sluicebox_ledger::{ClientError, ErrorKind, TopicPartition};
use sluicebox_pipeline::status::Surveyed;
use sluicebox_settings::Topics;

use crate::Brokers;
use crate::bearer::{Bearer, hand_over};
use crate::client::{REQUEST_TIMEOUT, configuration, failed};
use crate::list_offsets::offset_ranges;

/// Surveys every partition of the pipeline's topics, without joining its group.
pub fn survey(brokers: &Brokers) -> Result<Vec<Surveyed>, ClientError> {
    let consumer: BaseConsumer<Bearer> =
        configuration(brokers, false)?.create_with_context(Bearer::of(brokers)).map_err(failed("connecting"))?;
    hand_over(&consumer);
    let partitions = partitions(&consumer, &brokers.settings.topics)?;
    let mut list = TopicPartitionList::new();
    for partition in &partitions {
        list.add_partition(&partition.topic, partition.partition);
    }
    let committed =
        consumer.committed_offsets(list, REQUEST_TIMEOUT).map_err(failed("asking for committed offsets"))?;
    let ranges =
        offset_ranges(consumer.client(), &partitions, REQUEST_TIMEOUT).map_err(failed("asking for offsets"))?;
    let surveyed = partitions.into_iter().map(|partition| {
        let Some(&range) = ranges.get(&partition) else {
            let message = format!("{partition} has no leader that answers");
            return Err(ClientError::new(ErrorKind::Environment, "kafka", "asking for offsets", message));
        };
        let committed = committed.find_partition(&partition.topic, partition.partition);
        let committed = committed.and_then(|element| element.offset().to_raw()).filter(|offset| *offset >= 0);
        Ok(Surveyed { partition, range, committed })
    });
    surveyed.collect()
}

/// The partitions of the pipeline's topics that exist.
pub(crate) fn partitions<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topics: &Topics,
) -> Result<Vec<TopicPartition>, ClientError> {
    let metadata = consumer.fetch_metadata(None, REQUEST_TIMEOUT).map_err(failed("asking for topics"))?;
    let filter = topics.filter();
    let wanted = metadata.topics().iter().filter(|topic| filter.takes_in(topic.name()));
    let partitions = wanted
        .flat_map(|topic| topic.partitions().iter().map(|partition| TopicPartition::new(topic.name(), partition.id())));
    let mut partitions: Vec<_> = partitions.collect();
    partitions.sort_unstable();
    Ok(partitions)
}
