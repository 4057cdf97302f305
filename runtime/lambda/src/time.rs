//! The time of an invocation. Lambda kills a function that is late, and delivers its batch again.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// How long before the deadline the function answers in any case.
pub(crate) const ANSWER_RESERVE: Duration = Duration::from_millis(250);

/// The deadline on the local clock. Emulators send deadlines in the past; then `timeout` counts instead.
pub(crate) fn deadline(deadline: SystemTime, timeout: Duration) -> Instant {
    let left = deadline.duration_since(SystemTime::now()).unwrap_or(timeout);
    Instant::now() + left
}

/// When to answer at the latest.
pub(crate) fn answer_by(deadline: Instant) -> Instant {
    deadline.checked_sub(ANSWER_RESERVE).unwrap_or(deadline)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_in_the_past_is_replaced_by_the_timeout() {
        let timeout = Duration::from_secs(60);
        let emulated = SystemTime::UNIX_EPOCH + Duration::from_millis(600_000);
        assert!(deadline(emulated, timeout) > Instant::now() + Duration::from_secs(59));
        let real = SystemTime::now() + Duration::from_secs(3);
        assert!(deadline(real, timeout) <= Instant::now() + Duration::from_secs(3));
    }
}
