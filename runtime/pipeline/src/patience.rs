//! How long to put up with an infrastructure that fails: pauses that grow, without end in a service, bounded in a drain.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::sync::watch;
use tracing::warn;

use crate::error::PipelineError;

const PAUSE_MAX: Duration = Duration::from_secs(30);
/// In a drain, somebody waits for the exit code.
const DRAIN_FAILURES_MAX: usize = 5;

/// Pauses between attempts.
pub(crate) struct Patience {
    builder: ExponentialBuilder,
    pauses: ExponentialBackoff,
}

impl Patience {
    pub(crate) fn new(drain: bool) -> Self {
        // The seed: without its `std`, backon jitters alike in every process.
        let builder = ExponentialBuilder::default().with_jitter().with_jitter_seed(fastrand::u64(..));
        let builder = builder.with_min_delay(Duration::from_millis(500)).with_max_delay(PAUSE_MAX);
        let builder = if drain { builder.with_max_times(DRAIN_FAILURES_MAX) } else { builder.without_max_times() };
        Self { builder, pauses: builder.build() }
    }

    /// Waits before the next attempt, or hands the error back when patience has run out. Cut short by `stop`.
    pub(crate) async fn wait(
        &mut self,
        error: PipelineError,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), PipelineError> {
        let Some(pause) = self.pauses.next() else {
            return Err(error);
        };
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
    }
}
