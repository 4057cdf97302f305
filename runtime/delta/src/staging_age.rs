//! How long rows may wait between staging and commit. A process that was suspended for longer does not commit them: no
//! commit mentions their files yet, so `sluicebox clean` may have deleted them.

use std::time::{Duration, SystemTime};

/// Rows older than this are not committed. Flushes are at most three quarters of it apart, and `sluicebox clean` deletes
/// no file that is younger than one and a half times it.
pub const STAGED_AGE_MAX: Duration = Duration::from_secs(40 * 60);

/// Since when the oldest staged row waits. By the wall clock: monotonic clocks stand still while a machine is suspended.
#[derive(Debug, Default)]
pub(super) struct StagingAge {
    since: Option<SystemTime>,
}

impl StagingAge {
    /// Notes that rows were staged.
    pub(super) fn stage(&mut self, now: SystemTime) {
        // The oldest row decides, so a later one does not move it.
        self.since.get_or_insert(now);
    }

    /// Notes that no rows are staged any more.
    pub(super) fn clear(&mut self) {
        self.since = None;
    }

    /// Whether the oldest rows have waited for too long.
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
        let start = SystemTime::UNIX_EPOCH + STAGED_AGE_MAX * 10;
        let mut staging_age = StagingAge::default();
        assert!(!staging_age.is_over(start + STAGED_AGE_MAX * 2));
        staging_age.stage(start);
        staging_age.stage(start + STAGED_AGE_MAX);
        assert!(!staging_age.is_over(start + STAGED_AGE_MAX));
        assert!(staging_age.is_over(start + STAGED_AGE_MAX + Duration::from_secs(1)));
        assert!(!staging_age.is_over(start - Duration::from_secs(1)), "a clock that was set back");
        staging_age.clear();
        assert!(!staging_age.is_over(start + STAGED_AGE_MAX * 2));
    }
}
