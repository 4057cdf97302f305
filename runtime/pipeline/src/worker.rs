//! An instance of a transform that has accepted the pipeline's configuration.

use sluicebox_sandbox::{Transform, Worker};
use sluicebox_settings::Settings;

use crate::PipelineError;

/// Starts an instance and configures it.
///
/// # Errors
/// The transform refuses its configuration, or the sandbox fails.
pub(crate) fn worker(settings: &Settings, transform: &Transform) -> Result<Worker, PipelineError> {
    let configuration = settings.transform.configuration.to_string();
    Ok(transform.worker(&configuration)?)
}
