//! What a replay needs besides the transform itself to repeat its verdicts: configuration, limits and version. Pure.

use serde::{Deserialize, Serialize};
use sluicebox_sandbox::Limits;
use sluicebox_settings::Settings;

use crate::TableError;

/// Configuration, limits and version that a record was judged with; JSON in the column `replay_context`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReplayContext {
    /// The transform's configuration.
    pub configuration: serde_json::Value,
    /// The transform's limits.
    pub limits: Limits,
    /// The version of Sluicebox.
    pub sluicebox: String,
}

impl ReplayContext {
    /// The context of a pipeline with these settings.
    pub fn of(settings: &Settings) -> Self {
        Self {
            configuration: settings.transform.configuration.clone(),
            limits: settings.transform.limits.clone(),
            sluicebox: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// As JSON, for the column.
    pub fn to_json(&self) -> Result<String, TableError> {
        serde_json::to_string(self).map_err(TableError::ReplayContext)
    }

    /// Reads the column's text.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}
