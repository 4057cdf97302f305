//! The part of an event that is of one partition: its records, how far the walk is with them, and why they are not read.

use sluicebox_ledger::{OffsetBounds, TopicPartition};
use sluicebox_pipeline::source::Intake;

use super::delivery::{EventRecord, Settled};

/// The part of an event that is of one partition.
pub(super) struct PartitionShare {
    /// In the order of their offsets, each once; never empty.
    pub(super) records: Vec<EventRecord>,
    /// The index of the next record to hand over.
    pub(super) cursor: usize,
    /// Whether the walk reads the partition.
    pub(super) is_read: bool,
    /// The offset below which every table has the records, as far as the walk has acknowledged.
    pub(super) committed: Option<i64>,
    /// The topic's bounds, if the brokers were asked.
    pub(super) bounds: Option<OffsetBounds>,
    /// Whether the brokers were asked, or could not be.
    pub(super) is_verified: bool,
    /// Why the source refuses to hand it over: records before it were never delivered.
    pub(super) refused: Option<String>,
    /// Why the walk does not read it.
    pub(super) stopped: Option<String>,
}

impl PartitionShare {
    /// Sorts the records of one partition; none if there are none.
    pub(super) fn of(mut records: Vec<EventRecord>) -> Option<Self> {
        records.sort_by_key(|record| record.offset);
        records.dedup_by_key(|record| record.offset);
        (!records.is_empty()).then_some(Self {
            records,
            cursor: 0,
            is_read: false,
            committed: None,
            bounds: None,
            is_verified: false,
            refused: None,
            stopped: None,
        })
    }

    /// The first offset.
    pub(super) fn first(&self) -> i64 {
        self.records.first().map_or(0, |record| record.offset)
    }

    /// The offset after the last.
    fn end(&self) -> i64 {
        self.records.last().map_or(0, |record| record.offset + 1)
    }

    /// Why the partition is not read, if it is not.
    pub(super) fn why_not(&self) -> Option<&str> {
        self.refused.as_deref().or(self.stopped.as_deref())
    }

    /// Whether every table has all records. Never true for a partition that is not read: if the topic was recreated, its
    /// ledger is about other records.
    pub(super) fn is_committed(&self) -> bool {
        self.why_not().is_none() && self.committed.is_some_and(|committed| committed >= self.end())
    }

    /// Hands over records until the intake is full.
    pub(super) fn fill(&mut self, partition: &TopicPartition, intake: &mut Intake) {
        while let Some(record) = self.records.get(self.cursor).filter(|_| !intake.is_full()) {
            let headers = record.headers.iter().map(|(name, value)| (name.as_slice(), value.as_deref()));
            let (key, value) = (record.key.as_deref(), record.value.as_deref());
            intake.push(&partition.topic, partition.partition, record.offset, record.timestamp, key, value, headers);
            self.cursor += 1;
        }
    }

    /// The result for the event's caller.
    pub(super) fn settled(self, is_late: bool) -> Settled {
        if self.is_committed() {
            return Settled::Committed;
        }
        let committed = self.committed.filter(|_| self.why_not().is_none()).unwrap_or(i64::MIN);
        let open = self.records.iter().find(|record| record.offset >= committed);
        let why = self.why_not().map(str::to_owned).unwrap_or_else(|| {
            let why = if is_late { "the deadline passed before the commit" } else { "the commit failed" };
            format!("{why}; see the log for the cause")
        });
        Settled::Open { first: open.map_or(self.first(), |record| record.offset), why }
    }
}
