//! What brokers say of topics: partitions, offsets, the group's commits. Does not join the group.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::topic_partition_list::TopicPartitionList;
use sluicebox_ledger::{ClientError, OffsetRange, TopicPartition};
use sluicebox_pipeline::status::Surveyed;
use sluicebox_settings::Topics;

use crate::Brokers;
use crate::bearer::{Bearer, hand_over};
use crate::client::{REQUEST_TIMEOUT, configuration, failed};

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
    let surveyed = partitions.into_iter().map(|partition| {
        let (from, to) = watermarks(&consumer, &partition)?;
        let committed = committed.find_partition(&partition.topic, partition.partition);
        let committed = committed.and_then(|element| element.offset().to_raw()).filter(|offset| *offset >= 0);
        Ok(Surveyed { partition, range: OffsetRange { from, to }, committed })
    });
    surveyed.collect()
}

/// The partitions of the pipeline's topics that exist.
pub(crate) fn partitions<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topics: &Topics,
) -> Result<Vec<TopicPartition>, ClientError> {
    let metadata = consumer.fetch_metadata(None, REQUEST_TIMEOUT).map_err(failed("asking for topics"))?;
    let pattern = match topics {
        Topics::Matching(pattern) => regex::Regex::new(pattern).ok(),
        Topics::Named(_) => None,
    };
    let is_wanted = |name: &str| match topics {
        Topics::Named(names) => names.iter().any(|wanted| wanted == name),
        Topics::Matching(_) => pattern.as_ref().is_some_and(|pattern| pattern.is_match(name)),
    };
    let wanted = metadata.topics().iter().filter(|topic| is_wanted(topic.name()));
    let partitions = wanted
        .flat_map(|topic| topic.partitions().iter().map(|partition| TopicPartition::new(topic.name(), partition.id())));
    let mut partitions: Vec<_> = partitions.collect();
    partitions.sort_unstable();
    Ok(partitions)
}

/// The first offset that the partition still has, and the offset after its last.
///
/// librdkafka sends one request for each. If the first fails and the second does not, it returns the end for both. So this
/// asks again about a partition that looks empty: records that a short broker failure hides are not lost, and must not be
/// skipped either.
pub(crate) fn watermarks<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    partition: &TopicPartition,
) -> Result<(i64, i64), ClientError> {
    watermarks_within(consumer, partition, REQUEST_TIMEOUT)
}

/// As [`watermarks`], with a timeout of the caller's.
pub(crate) fn watermarks_within<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    partition: &TopicPartition,
    timeout: Duration,
) -> Result<(i64, i64), ClientError> {
    let mut watermarks = (i64::MAX, 0);
    for _ in 0..3 {
        let (low, high) = consumer
            .fetch_watermarks(&partition.topic, partition.partition, timeout)
            .map_err(failed("asking for the topic's first and last offsets"))?;
        watermarks = (low.min(watermarks.0), high.max(watermarks.1));
        if low < high {
            break;
        }
    }
    Ok(watermarks)
}
