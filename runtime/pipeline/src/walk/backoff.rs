//! How long to wait between attempts while the infrastructure fails: pauses that grow, without end in a service, bounded in
//! a drain. Knows nothing of the walk.

use std::time::{Duration, SystemTime};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::wall_clock;

const PAUSE_MAX: Duration = Duration::from_secs(30);
/// For an event that waits, with a deadline of its own.
const BRIEF_PAUSE_MAX: Duration = Duration::from_secs(2);
/// How long a store may refuse: long enough for a policy or a credential to arrive, and short enough that an operator hears of it.
const REFUSED_MAX: Duration = Duration::from_secs(5 * 60);
/// The caller of a drain waits for its exit code.
const DRAIN_FAILURES_MAX: usize = 5;

/// Pauses between attempts.
pub(crate) struct Backoff {
    builder: ExponentialBuilder,
    pauses: ExponentialBackoff,
    failures: u32,
    /// The first of these failures.
    since: Option<SystemTime>,
    /// Since when the store refuses.
    refused_since: Option<Instant>,
}

/// The wait before the next attempt.
pub(crate) struct Pause {
    pub(crate) duration: Duration,
    /// Failures in a row.
    pub(crate) failures: u32,
    /// When the first of them was.
    pub(crate) since: SystemTime,
}

impl Backoff {
    pub(crate) fn new(drain: bool) -> Self {
        let builder = builder().with_min_delay(Duration::from_millis(500)).with_max_delay(PAUSE_MAX);
        Self::of(if drain { builder.with_max_times(DRAIN_FAILURES_MAX) } else { builder.without_max_times() })
    }

    /// Without end, too, but in small steps: the event gives up by itself when its time is over.
    pub(crate) fn brief() -> Self {
        let builder = builder().with_min_delay(Duration::from_millis(100)).with_max_delay(BRIEF_PAUSE_MAX);
        Self::of(builder.without_max_times())
    }

    fn of(builder: ExponentialBuilder) -> Self {
        Self { builder, pauses: builder.build(), failures: 0, since: None, refused_since: None }
    }

    /// The next pause; none if there were enough attempts.
    pub(crate) fn next_pause(&mut self) -> Option<Pause> {
        let duration = self.pauses.next()?;
        self.failures += 1;
        let since = *self.since.get_or_insert_with(wall_clock::now);
        Some(Pause { duration, failures: self.failures, since })
    }

    /// An attempt succeeded.
    pub(crate) fn restore(&mut self) {
        self.pauses = self.builder.build();
        self.failures = 0;
        self.since = None;
        self.refused_since = None;
    }

    /// The store refuses once more: whether it has done so for too long.
    pub(crate) fn is_refused_for_good(&mut self, now: Instant) -> bool {
        now.duration_since(*self.refused_since.get_or_insert(now)) >= REFUSED_MAX
    }
}

impl Pause {
    /// Waits, unless `stop` cuts the pause short.
    pub(crate) async fn wait(&self, stop: &mut watch::Receiver<bool>) {
        tokio::select! {
            () = tokio::time::sleep(self.duration) => {}
            _ = stop.wait_for(|stopped| *stopped) => {}
        }
    }
}

fn builder() -> ExponentialBuilder {
    // The seed: without its `std`, backon jitters alike in every process.
    ExponentialBuilder::default().with_jitter().with_jitter_seed(fastrand::u64(..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drain_gives_up_and_a_success_begins_again() {
        let mut backoff = Backoff::new(true);
        for failures in 1..=DRAIN_FAILURES_MAX {
            assert_eq!(backoff.next_pause().map(|pause| pause.failures as usize), Some(failures));
        }
        assert!(backoff.next_pause().is_none());
        backoff.restore();
        assert_eq!(backoff.next_pause().map(|pause| pause.failures), Some(1));
    }

    #[test]
    fn a_refusal_ends_a_service_after_a_while_and_a_success_forgives_it() {
        let (mut backoff, start) = (Backoff::new(false), Instant::now());
        assert!(!backoff.is_refused_for_good(start));
        assert!(!backoff.is_refused_for_good(start + REFUSED_MAX / 2));
        assert!(backoff.is_refused_for_good(start + REFUSED_MAX));
        backoff.restore();
        assert!(!backoff.is_refused_for_good(start + REFUSED_MAX));
    }

    #[test]
    fn a_service_waits_without_end_and_never_longer_than_the_longest_pause() {
        let mut backoff = Backoff::new(false);
        let pauses: Vec<Duration> = (0..200).filter_map(|_| backoff.next_pause()).map(|pause| pause.duration).collect();
        assert_eq!(pauses.len(), 200);
        // Jitter adds as much again as the pause itself, at most.
        assert!(pauses.iter().all(|pause| *pause <= PAUSE_MAX * 2));
    }
}
