//! How long rows may wait between their staging and their commit. Whoever sleeps for longer and wakes does not commit: its
//! files, which nothing mentions yet, may have been cleaned up meanwhile ([`sluicebox_audit::clean`]).

use std::time::{Duration, SystemTime};

/// So long after their staging rows are not committed any more. Flushes are not longer apart than three quarters of it, and
/// no file is cleaned up that is younger than half as long again.
pub const STAGED_AGE_MAX: Duration = Duration::from_secs(40 * 60);

/// Since when rows wait. By the clock on the wall: the others stand still while a machine is suspended.
#[derive(Debug, Default)]
pub(super) struct StagingAge {
    since: Option<SystemTime>,
}

impl StagingAge {
    /// Notes that rows are staged.
    pub(super) fn stage(&mut self, now: SystemTime) {
        self.since.get_or_insert(now);
    }

    /// Notes that none are.
    pub(super) fn clear(&mut self) {
        self.since = None;
    }

    /// Whether rows have waited for too long.
    pub(super) fn is_over(&self, now: SystemTime) -> bool {
        let age = self.since.and_then(|since| now.duration_since(since).ok());
        age.is_some_and(|age| age > STAGED_AGE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_rows_count_and_none_are_fresh() {
        let start = SystemTime::now();
        let mut freshness = StagingAge::default();
        assert!(!freshness.is_over(start + STAGED_AGE_MAX * 2));
        freshness.stage(start);
        freshness.stage(start + STAGED_AGE_MAX);
        assert!(!freshness.is_over(start + STAGED_AGE_MAX));
        assert!(freshness.is_over(start + STAGED_AGE_MAX + Duration::from_secs(1)));
        assert!(!freshness.is_over(start - Duration::from_secs(1)), "a clock that was set back");
        freshness.clear();
        assert!(!freshness.is_over(start + STAGED_AGE_MAX * 2));
    }
}
