//! How much time an invocation has. Lambda kills whoever is late, and takes back what it has not been told in time.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// How long before the deadline the answer goes out, whatever it is.
pub(crate) const ANSWER_RESERVE: Duration = Duration::from_millis(250);

/// The deadline by our own clock. One that lies in the past is none: emulators send such. Then there is `timeout`.
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
    fn a_deadline_in_the_past_is_none() {
        let timeout = Duration::from_secs(60);
        let emulated = SystemTime::UNIX_EPOCH + Duration::from_millis(600_000);
        assert!(deadline(emulated, timeout) > Instant::now() + Duration::from_secs(59));
        let real = SystemTime::now() + Duration::from_secs(3);
        assert!(deadline(real, timeout) <= Instant::now() + Duration::from_secs(3));
    }
}
