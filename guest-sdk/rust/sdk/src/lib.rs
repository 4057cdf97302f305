//! Write Sluicebox transforms in Rust: a function that turns one Kafka record into rows of Delta tables.
//!
//! ```
//! use sluicebox::prelude::*;
//!
//! #[derive(Deserialize)]
//! struct Order { id: String, amount: f64 }
//!
//! #[derive(Row)]
//! struct CleanOrder { id: String, amount: f64 }
//!
//! #[transform]
//! fn clean(order: Json<Order>) -> CleanOrder {
//!     CleanOrder { id: order.id.trim().to_owned(), amount: order.amount }
//! }
//! ```
//!
//! The function stays an ordinary function. Beside it the attribute makes a type of the same name, which the host runs
//! as a WebAssembly component and which [`testing`] runs natively.
//!
//! # Parameters
//! [`Json<T>`], `Option<Json<T>>` (a tombstone is `None`), [`Record`] with key, headers, timestamp and position, `&Settings`
//! for the configuration, and anything that implements [`FromRecord`].
//!
//! # Results
//! A [`Row`], `Option` (none: the record is filtered), `Vec`, tuples and enums of rows for several tables ([`Rows`]), and
//! `Result<_, Reject>` of any of these. A rejected record goes to the dead-letter table with its bytes and the reason.
//!
//! # The contract
//! A transform is a pure function of its record and its configuration: nothing is carried from one record to the next.
//! It sees no clock, no randomness, no network and no files. A panic, an endless loop or too much memory costs only the
//! record that causes it.
//!
//! # Reading order
//! [`transform`](mod@transform) is the whole run of a batch; [`batch`] is what comes in; [`row`], [`cell`] and [`writer`] are
//! how rows become columns; [`json`] is the reader; `guest` and `allocator` (in a component only) are the boundary and its
//! memory.

#[cfg(any(test, all(target_arch = "wasm32", feature = "allocator")))]
mod allocator;
pub mod batch;
pub mod cell;
pub mod column;
pub mod configuration;
mod decimal;
pub mod description;
mod extract;
#[cfg(target_arch = "wasm32")]
pub mod guest;
pub mod json;
mod last_words;
mod limits;
pub mod log;
pub mod outcome;
mod reject;
#[doc(hidden)]
pub mod role;
pub mod row;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod time;
pub mod transform;
pub mod writer;

pub use batch::Record;
pub use cell::Bytes;
pub use configuration::Configuration;
pub use decimal::Decimal;
pub use extract::{FromRecord, Json};
pub use limits::{Limits, limits};
pub use reject::{At, Reject};
pub use row::{IntoRows, Row, Rows};
pub use sluicebox_macros::{Configuration, Row, Rows, transform};
pub use time::{Date, NaiveTimestamp, Timestamp};
pub use transform::Transform;

/// The README's examples, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// What a transform usually needs: `use sluicebox::prelude::*;`.
pub mod prelude {
    pub use serde::{Deserialize, Serialize};

    pub use crate::{
        At, Bytes, Configuration, Date, Decimal, Json, NaiveTimestamp, Record, Reject, Row, Rows, Timestamp, log,
        transform,
    };
}
