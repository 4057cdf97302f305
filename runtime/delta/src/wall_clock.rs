//! The wall clock, for what has to hold while a process is suspended or after it has ended: how long staged rows wait, and when
//! a record was rejected. It must order no commits: the simulation does not turn it.

use std::time::SystemTime;

/// The time of now.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}
