//! How much the transforms of a process may log: a burst, and then a rate in bytes. A batch has limits of its own, but a
//! trickle of small batches reaches those again and again. It decides no verdict.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// What may be logged at once.
pub(crate) const BURST_BYTES: u64 = 4 << 20;

/// What may be logged each second, for ever.
pub(crate) const SECOND_BYTES: u64 = 256 << 10;

/// What a line costs beside its own bytes: the log's own fields.
const LINE_BYTES: u64 = 200;

/// Shared by all instances of an engine room.
#[derive(Debug)]
pub(crate) struct LogAllowance(Mutex<Left>);

#[derive(Debug)]
struct Left {
    bytes: u64,
    at: Instant,
}

impl Default for LogAllowance {
    fn default() -> Self {
        Self(Mutex::new(Left { bytes: BURST_BYTES, at: Instant::now() }))
    }
}

impl LogAllowance {
    /// Whether a line of so many bytes may be logged, which then counts.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        self.take_at(bytes as u64 + LINE_BYTES, Instant::now())
    }

    fn take_at(&self, bytes: u64, now: Instant) -> bool {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let earned = now.saturating_duration_since(left.at).as_millis() * u128::from(SECOND_BYTES) / 1000;
        if earned > 0 {
            left.bytes = left.bytes.saturating_add(u64::try_from(earned).unwrap_or(u64::MAX)).min(BURST_BYTES);
            left.at = now;
        }
        match left.bytes.checked_sub(bytes) {
            Some(rest) => {
                left.bytes = rest;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_and_then_a_rate() {
        let allowance = LogAllowance::default();
        let start = Instant::now();
        let line = 4 << 10;
        let logged = |at: Duration| (0..10_000).filter(|_| allowance.take_at(line, start + at)).count() as u64;
        assert_eq!(logged(Duration::ZERO), BURST_BYTES / line);
        assert_eq!(logged(Duration::from_millis(500)), SECOND_BYTES / 2 / line);
        assert_eq!(logged(Duration::from_secs(3600)), BURST_BYTES / line);
    }
}
