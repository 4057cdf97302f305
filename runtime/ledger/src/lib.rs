//! The rules of exactly-once, as values: the offsets that a table has taken in ([`Ledger`]), where a partition starts
//! ([`PartitionStart`]), what is missing ([`Loss`]), what a commit records ([`CommitRecord`]), and why a record is rejected
//! ([`Reason`]).
//!
//! Pure: this crate does no I/O and knows no Kafka client, no Delta table, no Arrow, no YAML and no async runtime. Its
//! rules are therefore tested without any of them.

mod client_error;
mod commit_record;
mod error_kind;
mod judged;
mod ledger;
mod loss;
mod partition_start;
mod position;
mod reason;
mod tally;

pub use client_error::ClientError;
pub use commit_record::{
    COMMIT_INFO_KEY, CommitRecord, PartitionTally, Redrive, RedrivePartition, RedrivePhase, RedriveRecord, Skip,
    SkipReason,
};
pub use error_kind::ErrorKind;
pub use judged::Judged;
pub use ledger::{CommitCheck, Entries, Entry, Ledger, Ranges, app_id, topic_id_app_id};
pub use loss::{Gap, Loss, LossCause, NotAGap, OffsetBounds, PartitionBounds, examine};
pub use partition_start::PartitionStart;
pub use position::{OffsetRange, Offsets, TopicPartition};
pub use reason::{Reason, Stage};
pub use tally::{RedriveCounts, Tally};
