//! Under which terms a transform judged, besides its own bytes: with these and the archive, a replay repeats its verdicts.
//! Pure.

use serde::{Deserialize, Serialize};
use sluicebox_sandbox::Limits;
use sluicebox_settings::Settings;

use crate::TableError;

/// Configuration, limits, and the version that judged; JSON in the column `judged_under`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReplayContext {
    /// What the transform was configured with.
    pub configuration: serde_json::Value,
    /// What it might use up.
    pub limits: Limits,
    /// The version of Sluicebox.
    pub sluicebox: String,
}

impl ReplayContext {
    /// Those of a pipeline, as of now.
    pub fn of(settings: &Settings) -> Self {
        Self {
            configuration: settings.transform.configuration.clone(),
            limits: settings.transform.limits.clone(),
            sluicebox: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// As the column has it.
    pub fn to_json(&self) -> Result<String, TableError> {
        serde_json::to_string(self).map_err(TableError::ReplayContext)
    }

    /// From the column's text.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}
