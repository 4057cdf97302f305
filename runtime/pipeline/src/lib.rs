//! The data path of Sluicebox: records from a [`source`], through a sandboxed transform, into Delta tables.
//!
//! Read [`walk`] first: the seven steps are there, in one file. Then, in the order of the walk:
//!
//! | step | module |
//! |---|---|
//! | poll, ack | [`source`]: Kafka ([`source::kafka`]), files ([`source::file`]), what is handed in ([`source::event`]) |
//! | skip | [`ledger`]: what a table has taken in, and how a prepared commit stands to it |
//! | transform | the crate `sluicebox-sandbox` |
//! | stage | [`tables`] (all of a transform's tables together), [`sink`] (one Delta table) |
//! | bury | [`dead_letter`] |
//! | commit | [`sink::commit`], the only place where the walk commits |
//!
//! [`judge`] says what becomes of each record; [`redrive`] brings dead letters in later, with commits of its own.
//! [`loss`] compares the ledgers with what the source still has before anything is read.
//! [`run`] puts a pipeline together from its [`settings`]. `assignment` says how partitions come and go, `patience` how
//! long a failing infrastructure is put up with, `breaker` when a transform rejects too much; [`succession`] how another
//! transform takes over, and [`candidate`] what one does on probation; [`health`] and [`telemetry`]
//! are what the walk tells of itself; [`audit`] proves afterwards what it promised,
//! [`clean`] finds what killed writers left. Nothing here knows wasmtime, AWS or a
//! terminal.

mod assignment;
pub mod audit;
mod breaker;
pub mod candidate;
pub mod clean;
pub mod dead_letter;
pub mod error;
pub mod health;
pub mod judge;
pub mod ledger;
pub mod loss;
mod patience;
pub mod position;
pub mod progress;
pub mod redrive;
pub mod run;
pub mod settings;
mod shadow;
pub mod sink;
pub mod source;
pub mod status;
pub mod store;
pub mod succession;
pub mod tables;
pub mod telemetry;
mod vitals;
pub mod walk;

pub use breaker::{BreakerCount, Trip};
pub use error::{ErrorKind, PipelineError};
pub use health::Health;
pub use loss::{Gap, Loss};
pub use progress::Progress;
pub use run::{RunOptions, run, run_events, run_from};
pub use succession::{Change, Changes, Proposals, Successor};
