//! How long to put up with an infrastructure that fails: pauses that grow, without end in a service, bounded in a drain.

use std::time::{Duration, SystemTime};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::sync::watch;
use tracing::warn;

use crate::error::PipelineError;
use crate::walk::report::Report;

const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Where an event waits, with a deadline of its own.
const BRIEF_PAUSE_MAX: Duration = Duration::from_secs(2);
/// In a drain, somebody waits for the exit code.
const DRAIN_FAILURES_MAX: usize = 5;

/// Pauses between attempts.
pub(crate) struct Backoff {
    builder: ExponentialBuilder,
    pauses: ExponentialBackoff,
    failures: u32,
    /// The first of these failures.
    since: Option<SystemTime>,
}

impl Backoff {
    pub(crate) fn new(drain: bool) -> Self {
        let builder = builder().with_min_delay(Duration::from_millis(500)).with_max_delay(PAUSE_MAX);
        Self::of(if drain { builder.with_max_times(DRAIN_FAILURES_MAX) } else { builder.without_max_times() })
    }

    /// Without end, too, but in small steps: whose event it is gives up by itself when its time is over.
    pub(crate) fn brief() -> Self {
        let builder = builder().with_min_delay(Duration::from_millis(100)).with_max_delay(BRIEF_PAUSE_MAX);
        Self::of(builder.without_max_times())
    }

    fn of(builder: ExponentialBuilder) -> Self {
        Self { builder, pauses: builder.build(), failures: 0, since: None }
    }

    /// Waits before the next attempt, or hands the error back when backoff has run out. Cut short by `stop`.
    pub(crate) async fn wait(
        &mut self,
        error: PipelineError,
        stop: &mut watch::Receiver<bool>,
        report: &Report,
    ) -> Result<(), PipelineError> {
        let Some(pause) = self.pauses.next() else {
            return Err(error);
        };
        self.failures += 1;
        report.back_off(&error, self.failures, *self.since.get_or_insert_with(SystemTime::now));
        warn!(%error, pause_seconds = pause.as_secs_f32(), "going back to the ledger after a pause");
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.wait_for(|stopped| *stopped) => {}
        }
        Ok(())
    }

    /// Something went well.
    pub(crate) fn restore(&mut self) {
        self.pauses = self.builder.build();
        (self.failures, self.since) = (0, None);
    }
}

fn builder() -> ExponentialBuilder {
    // The seed: without its `std`, backon jitters alike in every process.
    ExponentialBuilder::default().with_jitter().with_jitter_seed(fastrand::u64(..))
}
