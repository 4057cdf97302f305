//! Where records come from. A source hands over bounded batches with positions, says when partitions come and go, and is
//! told where to start and what is safe. It says what there is, and never decides where to start: the ledger does.

mod error;
pub mod file;
pub mod intake;
pub mod record_line;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;

pub use error::SourceError;
pub use intake::Intake;
use sluicebox_ledger::{Offsets, PartitionBounds, TopicPartition};

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
    /// Some partition is not what it was when it was started: compare all of them again.
    OffsetOutOfRange,
    /// There will be nothing more: the file has been read, or the drain has reached its end offsets.
    End,
}

/// Which of the topics that ever had its name each topic is.
pub type TopicIds = BTreeMap<Arc<str>, i64>;

/// What a source has heard of the outside: for people and metrics, nothing depends on it.
#[derive(Debug, Default)]
pub struct SourceStatus {
    /// Why nothing is heard, if that is so.
    pub trouble: Option<String>,
    /// The end of each partition, where it is known.
    pub ends: Offsets,
}

/// A source of records.
pub trait Source: Send {
    /// Waits a moment for records and puts them into `intake`, or says what else has happened. Those of a partition come in
    /// order; that one comes twice does no harm.
    fn poll(&mut self, intake: &mut Intake) -> impl Future<Output = Result<Polled, SourceError>> + Send;

    /// Instead of a poll, while records of the last are still worked on: says that this worker lives, and hears of changes.
    fn keep_alive(&mut self) -> Result<Polled, SourceError>;

    /// What there is of these partitions, all of which have been assigned.
    fn bounds(
        &mut self,
        partitions: &[TopicPartition],
    ) -> impl Future<Output = Result<PartitionBounds, SourceError>> + Send;

    /// Which topics these are at this moment. Left out are those of which that cannot be told: a topic that is gone, a
    /// source that has no notion of it.
    fn topic_ids(&mut self, topics: &BTreeSet<Arc<str>>) -> impl Future<Output = Result<TopicIds, SourceError>> + Send;

    /// Begins, or begins again, to read partitions at the given offsets. Called after each [`Polled::Assigned`], perhaps
    /// with some of its partitions only, or none.
    fn start(&mut self, starts: &Offsets) -> impl Future<Output = Result<(), SourceError>> + Send;

    /// Stops reading partitions that stay this worker's: they may be started again. Not all of them need have been started.
    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), SourceError>;

    /// Lets go of partitions, whether they have been started or not.
    fn unassign(&mut self, partitions: &[TopicPartition]) -> Result<(), SourceError>;

    /// The partitions that have been started, and are neither paused nor released.
    fn partitions(&self) -> Vec<TopicPartition>;

    /// Whether records may come for ever, so that it makes sense to wait without reading any. Not so a file, or a drain.
    fn is_endless(&self) -> bool {
        false
    }

    /// Told why a partition that is the worker's is not read.
    fn note_stopped(&mut self, _partition: &TopicPartition, _why: &str) {}

    /// Up to where somebody has agreed to go on without whatever is missing, unseen.
    fn accepted_up_to(&self, _partition: &TopicPartition) -> Option<i64> {
        None
    }

    /// What it has heard of the outside.
    fn status(&self) -> SourceStatus {
        SourceStatus::default()
    }

    /// Tells the outside, for lag tools, what the tables have. Advisory: failures are logged, nothing depends on it.
    fn ack(&mut self, offsets: &Offsets);
}
