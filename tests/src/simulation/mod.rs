//! The real walk in a world that is made of numbers: `make sim`.
//!
//! One seed is one world: topics, an object store, a group of workers, and bad weather. The workers are
//! [`sluicebox_pipeline::run_from`] itself, with its real tables, ledger and commits, and with a real transform in the real
//! sandbox; only what lies outside of the process is simulated. Every step that the outside can see (a request to the
//! store, a call of the source) is a point at which the world may fail it, lose its response, delay it, let another
//! worker go first, put the worker to sleep or kill it. One thread, one random number generator and a clock that jumps make
//! the same seed the same story, event by event.
//!
//! - [`plan`]: what a seed decides beforehand
//! - [`script`]: the records, and what must become of each
//! - [`broker`], [`source`]: an in-memory Kafka, and the walk's way to it
//! - [`store`]: an in-memory S3, one view a worker
//! - [`gate`]: where workers wait for the world's decision
//! - [`worker`]: one life of one worker, step by step
//! - [`world`]: what all of these share
//! - [`oracle`]: what must hold, checked at every commit and at the end, by code that shares nothing with the product
//! - [`meddler`]: what other tools do to the tables
//! - [`driver`]: the course of events
//! - [`trace`]: what has happened, for people, and its hash
//!
//! Knows no Kafka client, no network, no disk and no wall clock.

pub mod broker;
pub mod driver;
pub mod gate;
pub mod meddler;
pub mod oracle;
pub mod plan;
pub mod promoter;
pub mod script;
pub mod source;
pub mod store;
pub mod trace;
pub mod worker;
pub mod world;

pub use driver::{Outcome, Simulation};
pub use oracle::{Invariant, Violation};
