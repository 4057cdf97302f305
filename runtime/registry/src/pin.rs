//! What identifies an artifact for good. Knows neither artifacts nor the channels that point at them: both hold pins.

use serde::{Deserialize, Serialize};
use sluicebox_sandbox::Digest;

/// Identifies an artifact for good, independent of later pushes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pin {
    /// The digest of the component.
    pub digest: Digest,
    /// The digest of the manifest's file.
    pub manifest_sha256: Digest,
}
