//! The data path of Sluicebox: records from a [`source`], through a sandboxed transform, into Delta tables.
//!
//! Read `walk` first: the seven steps are there. Then, in the order of the walk:
//!
//! | step | where |
//! |---|---|
//! | poll, ack | [`source`]: the trait, and files ([`source::file`]); Kafka is the crate `sluicebox-kafka` |
//! | skip | the crate `sluicebox-ledger`: what a table has taken in, and how a prepared commit compares with it |
//! | transform | the crate `sluicebox-sandbox` |
//! | stage | [`tables`] (all of a transform's tables together), [`decoders`] (what becomes of each record) |
//! | bury, commit | the crate `sluicebox-delta`: the only place that commits |
//!
//! [`run_from`] puts a pipeline together. [`rollout`] tries another transform beside the one that judges; [`redrive`] brings
//! dead letters into the tables later, with commits of its own; [`health`], [`progress`] and [`metrics`] are what the walk
//! reports. Nothing here names rdkafka, deltalake, wasmtime, AWS or a terminal.

mod breaker;
mod contained;
pub mod decoders;
pub mod error;
pub mod health;
#[cfg(test)]
mod injected;
pub mod metrics;
mod options;
mod plan;
pub mod progress;
pub mod redrive;
pub mod rollout;
mod run;
pub mod source;
pub mod status;
pub mod tables;
mod walk;
mod wall_clock;
mod worker;

pub use breaker::{BreakerCount, Trip};
pub use error::PipelineError;
pub use health::Health;
pub use options::RunOptions;
pub use progress::Progress;
pub use rollout::changes::{Change, Changes, Proposals, Withdrawal};
pub use rollout::prepared::PreparedTransform;
pub use run::{run_from, run_while_callers_wait};
pub use sluicebox_delta::dead_letter::{Copies, JudgedBy};
pub use sluicebox_ledger::ErrorKind;
