//! A transform that is ready to take the place of the one that judges: prepared beside it, with all that can fail done.

use sluicebox_delta::dead_letter::DeadLetters;
use sluicebox_sandbox::{Transform, Worker};
use sluicebox_settings::Settings;

use crate::error::PipelineError;
use crate::tables::Tables;
use crate::worker::worker;

/// A transform that is ready to judge: configured, its tables opened and found to fit.
pub struct PreparedTransform {
    pub(crate) worker: Worker,
    pub(crate) tables: Tables,
    pub(crate) dead_letters: DeadLetters,
}

impl PreparedTransform {
    /// Does all that can fail, while the other transform goes on judging.
    ///
    /// # Errors
    /// What makes it unfit: a configuration that it refuses, tables that are not as it needs them, a store out of reach.
    pub async fn prepare(settings: &Settings, transform: &Transform) -> Result<Self, PipelineError> {
        Ok(Self {
            worker: worker(settings, transform)?,
            tables: Tables::open(settings, transform).await?,
            dead_letters: DeadLetters::open(settings, transform).await?,
        })
    }

    /// The same checks, without opening or creating anything.
    ///
    /// # Errors
    /// As [`Self::prepare`].
    pub async fn check(settings: &Settings, transform: &Transform) -> Result<(), PipelineError> {
        worker(settings, transform)?;
        Tables::check(settings, transform).await
    }

    /// The digest of the transform.
    pub fn transform_digest(&self) -> &str {
        self.tables.transform_digest()
    }
}
