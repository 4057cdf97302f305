//! Events and their results. Values only.

use std::collections::BTreeMap;
use std::time::Duration;

use sluicebox_ledger::TopicPartition;
use tokio::time::Instant;

/// Records of any partitions, and the time until which they must be in the tables.
#[derive(Debug)]
pub struct Event {
    /// Records by partition; their order and repetitions within the event do not matter.
    pub records: BTreeMap<TopicPartition, Vec<EventRecord>>,
    /// When the caller stops waiting.
    pub deadline: Instant,
    /// How long before the deadline the walk stops taking in records, so that there is time for the flush.
    pub reserve: Duration,
}

/// One record of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventRecord {
    /// Its offset.
    pub offset: i64,
    /// Milliseconds since 1970; negative if the record has none.
    pub timestamp: i64,
    /// None is a null key, which is not the same as an empty one.
    pub key: Option<Vec<u8>>,
    /// None is a tombstone.
    pub value: Option<Vec<u8>>,
    /// In order; names may repeat.
    pub headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// The result of an event, by partition.
pub type EventResult = BTreeMap<TopicPartition, Settled>;

/// The result for the records of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Every table has all of them.
    Committed,
    /// Some table lacks some of them: deliver them again.
    Open {
        /// The first of the event's offsets that some table lacks.
        first: i64,
        /// Why, as far as the source knows; the log has the details.
        why: String,
    },
}
