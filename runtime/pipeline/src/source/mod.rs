//! Where records come from. A source hands over bounded batches with positions, says when partitions come and go, and is
//! told where to start and what is safe. It says what there is, and never decides where to start: the ledger does.

mod error;
pub mod file;
mod input_file;
pub mod intake;
mod lines;
pub mod malformed;
mod piped;
pub mod record_line;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;

pub use error::SourceError;
pub use intake::Intake;
pub use malformed::Malformed;
use sluicebox_ledger::{Offsets, PartitionBounds, Ranges, TopicPartition};

/// What a poll brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Polled {
    /// Records are in the intake.
    Records,
    /// Nothing for now.
    Idle,
    /// These partitions are this worker's now: compare their ledgers with [`Source::bounds`] and call [`Source::start`].
    Assigned(Vec<TopicPartition>),
    /// These partitions go to another worker once [`Source::unassign`] is called. If they are `lost`, they have gone
    /// already, and nothing of theirs may be committed.
    Revoked {
        /// Which.
        partitions: Vec<TopicPartition>,
        /// Whether the group has given them away already.
        lost: bool,
    },
    /// The next offset of some partition is not in its topic any more: the walk examines all partitions again.
    OffsetOutOfRange,
    /// No more records come: the file is read, or the drain has reached its end offsets.
    End,
}

/// The id of each topic: a recreated topic has another one.
pub type TopicIds = BTreeMap<Arc<str>, i64>;

/// What a source knows of its brokers: shown in health and metrics; no decision depends on it.
#[derive(Debug, Default)]
pub struct SourceStatus {
    /// Why no broker answers, if none does.
    pub trouble: Option<String>,
    /// The end of each partition, where it is known.
    pub ends: Offsets,
}

/// A source of records.
pub trait Source: Send {
    /// Waits a moment for records and puts them into `intake`, or reports what else has happened. The records of a partition
    /// come in order. A record may come twice.
    fn poll(&mut self, intake: &mut Intake) -> impl Future<Output = Result<Polled, SourceError>> + Send;

    /// Called instead of a poll while the walk works on records of the last one: keeps this worker in its group, and reports
    /// changes of the assignment.
    fn keep_alive(&mut self) -> Result<Polled, SourceError>;

    /// The offsets that these assigned partitions have. A partition that the source cannot tell for now is left out: it waits,
    /// and holds up no other.
    fn bounds(
        &mut self,
        partitions: &[TopicPartition],
    ) -> impl Future<Output = Result<PartitionBounds, SourceError>> + Send;

    /// The bounds of all partitions of these topics, if a partition that no table knows starts at its end; none if it starts at
    /// its beginning. A partition that the source cannot tell for now is left out.
    fn late_starts(
        &mut self,
        _topics: &BTreeSet<Arc<str>>,
    ) -> impl Future<Output = Result<PartitionBounds, SourceError>> + Send {
        async { Ok(PartitionBounds::new()) }
    }

    /// The ids of these topics at this moment. A topic that is gone is left out; a source without topic ids leaves out all.
    fn topic_ids(&mut self, topics: &BTreeSet<Arc<str>>) -> impl Future<Output = Result<TopicIds, SourceError>> + Send;

    /// Reads partitions from the given offsets on. Called after each [`Polled::Assigned`], perhaps with some of its partitions
    /// only, or none; and again after a rewind.
    fn start(&mut self, starts: &Offsets) -> impl Future<Output = Result<(), SourceError>> + Send;

    /// Stops reading partitions that stay assigned to this worker, and may be started again. Some of them may never have been
    /// started.
    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), SourceError>;

    /// Gives partitions back to the group, started or not.
    fn unassign(&mut self, partitions: &[TopicPartition]) -> Result<(), SourceError>;

    /// The partitions that have been started, and are neither paused nor unassigned.
    fn partitions(&self) -> Vec<TopicPartition>;

    /// Whether records may come without end, so that a paused walk waits. A file and a drain end.
    fn is_endless(&self) -> bool {
        false
    }

    /// Learns why the walk does not read an assigned partition.
    fn note_stopped(&mut self, _partition: &TopicPartition, _why: &str) {}

    /// The offset up to which the operator accepts missing records without a look at them.
    fn accepted_up_to(&self, _partition: &TopicPartition) -> Option<i64> {
        None
    }

    /// Offsets that no record has, newly found out: markers of transactions, aborted records, records that compaction has
    /// removed. They are looked up in the topic itself, and stay true wherever the walk reads.
    fn take_bare_ranges(&mut self) -> Ranges {
        Ranges::new()
    }

    /// What it knows of its brokers.
    fn status(&self) -> SourceStatus {
        SourceStatus::default()
    }

    /// Commits to the group, for lag tools, what the tables have. Advisory: a failure is logged, and nothing depends on it.
    fn ack(&mut self, offsets: &Offsets);
}
