//! Where records come from. A source hands over bounded batches with positions, says when partitions come and go, and is
//! told where to start and what is safe. It never decides where to start: the ledger does.

mod drain;
pub mod file;
mod group;
pub mod intake;
pub mod kafka;
pub mod record_line;

use std::collections::BTreeMap;
use std::future::Future;

pub use intake::Intake;

use crate::error::PipelineError;
use crate::position::{Offsets, TopicPartition};

/// What a poll brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Polled {
    /// Records are in the intake.
    Records,
    /// Nothing for now.
    Idle,
    /// These partitions are this worker's now: read their ledger and call [`Source::start`].
    Assigned(Vec<TopicPartition>),
    /// These partitions go to another worker once [`Source::release`] is called. If they are `lost`, they have gone
    /// already, and nothing of theirs may be committed.
    Revoked {
        /// Which.
        partitions: Vec<TopicPartition>,
        /// Whether the group has given them away already.
        lost: bool,
    },
    /// There will be nothing more: the file has been read, or the drain has reached its end offsets.
    End,
}

/// Where to start each partition: the next offset, or none if no ledger knows the partition.
pub type Starts = BTreeMap<TopicPartition, Option<i64>>;

/// A source of records.
pub trait Source: Send {
    /// Waits a moment for records and puts them into `intake`, or says what else has happened.
    fn poll(&mut self, intake: &mut Intake) -> impl Future<Output = Result<Polled, PipelineError>> + Send;

    /// Instead of a poll, while records of the last are still worked on: says that this worker lives, and hears of changes.
    fn keep_alive(&mut self) -> Result<Polled, PipelineError>;

    /// Begins, or begins again, to read partitions at the given offsets. Loss of records is an error here.
    fn start(&mut self, starts: &Starts) -> impl Future<Output = Result<(), PipelineError>> + Send;

    /// Lets go of partitions.
    fn release(&mut self, partitions: &[TopicPartition]) -> Result<(), PipelineError>;

    /// The partitions that this worker has.
    fn partitions(&self) -> Vec<TopicPartition>;

    /// Tells the outside, for lag tools, what the tables have. Advisory: failures are logged, nothing depends on it.
    fn ack(&mut self, offsets: &Offsets);
}
