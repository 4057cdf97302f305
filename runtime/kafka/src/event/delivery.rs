//! What is handed in, and what is handed back. Values only.

use std::collections::BTreeMap;
use std::time::Duration;

use sluicebox_ledger::TopicPartition;
use tokio::time::Instant;

/// Records of any partitions, and until when they have to be in the tables.
#[derive(Debug)]
pub struct Event {
    /// Records by partition; their order and repetitions within the event do not matter.
    pub records: BTreeMap<TopicPartition, Vec<EventRecord>>,
    /// Whoever waits is gone by then.
    pub deadline: Instant,
    /// How long before that no more records are taken in, so that there is time for the flush.
    pub reserve: Duration,
}

/// One record of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventRecord {
    /// Its offset.
    pub offset: i64,
    /// Milliseconds since 1970; negative: none.
    pub timestamp: i64,
    /// None is a null key, which differs from an empty one.
    pub key: Option<Vec<u8>>,
    /// None is a tombstone.
    pub value: Option<Vec<u8>>,
    /// In order; names may repeat.
    pub headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// What each partition of an event has come to.
pub type EventResult = BTreeMap<TopicPartition, Settled>;

/// What a partition's records have come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Every table has all of them.
    Committed,
    /// Some table lacks some of them: deliver them again.
    Open {
        /// The first of the event's offsets that some table lacks.
        first: i64,
        /// Why, as far as it is known here; the log has the rest.
        why: String,
    },
}
