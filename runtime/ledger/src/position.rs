//! The position of a record: topic, partition, offset. Knows nothing of Kafka clients or Delta tables.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// One partition of one topic. Ordered, so that reports and logs have a stable order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partition's number, from 0.
    pub partition: i32,
}

impl TopicPartition {
    /// Names a partition.
    pub fn new(topic: impl Into<Arc<str>>, partition: i32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

/// The next offset of each partition: everything below is accounted for.
pub type Offsets = BTreeMap<TopicPartition, i64>;

/// Offsets `from..to` of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetRange {
    /// The first offset of the range.
    pub from: i64,
    /// The offset after the last.
    pub to: i64,
}

impl fmt::Display for OffsetRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.from, self.to)
    }
}
