//! The wall clock, for what operators read: since when a state lasts, and how old a record is. It must decide nothing: the
//! simulation does not turn it.

use std::time::SystemTime;

/// The time of now.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}
