//! What the walk does about an error: go back to the ledger, wait, or end. Who can mend it decides ([`ErrorKind`]). Does not know
//! how the walk came to fail.

use sluicebox_ledger::ErrorKind;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::error::PipelineError;
use crate::metrics;
use crate::source::Source;
use crate::walk::Walk;

impl<S: Source> Walk<S> {
    /// Makes the walk ready for another step, or hands the error back.
    pub(super) async fn recover(&mut self, error: PipelineError) -> Result<(), PipelineError> {
        if error.is_over_rows() && self.suspects.accuse(self.unflushed.offsets()) {
            metrics::rewound("rows");
            warn!(%error, "a table's writer fails over a record: going back to the ledger to find it");
            self.rewind();
            return Ok(());
        }
        match error.kind() {
            ErrorKind::Configuration | ErrorKind::Stop => return Err(error),
            // An operator who stops the process does not want to wait for a store that is out of reach.
            ErrorKind::Environment | ErrorKind::Refused if *self.stop.borrow() => return Err(error),
            ErrorKind::Refused if self.backoff.is_refused_for_good(Instant::now()) => return Err(error),
            ErrorKind::Environment | ErrorKind::Refused => {
                metrics::rewound("environment");
                self.back_off(error).await?;
            }
            ErrorKind::Rewind => {
                let is_canary = matches!(error, PipelineError::Canary(_));
                metrics::rewound(if is_canary { "canary" } else { "fenced" });
                info!(%error, "rewind: going back to the ledger");
                self.withdraw_canary(&error);
            }
            ErrorKind::Pause if self.source.is_endless() => {
                metrics::rewound("breaker");
                self.report.pause(&error);
            }
            ErrorKind::Pause => return Err(error),
        }
        self.rewind();
        Ok(())
    }

    /// Waits before the next attempt, or hands the error back when a drain has tried often enough.
    async fn back_off(&mut self, error: PipelineError) -> Result<(), PipelineError> {
        let Some(pause) = self.backoff.next_pause() else { return Err(error) };
        self.report.back_off(&error, &pause);
        let pause_seconds = pause.duration.as_secs_f32();
        warn!(%error, pause_seconds, "environment failed: going back to the ledger after a pause");
        pause.wait(&mut self.stop).await;
        Ok(())
    }
}
