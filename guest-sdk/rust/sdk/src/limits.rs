//! What the transform may use, as the host says.

use std::sync::OnceLock;

/// What a transform may use. A buffer can be sized by it; a verdict must not depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// All memories of an instance together.
    pub memory_bytes: u64,
    /// What one call may return: rows and rejections.
    pub call_output_bytes: u64,
    /// What one record may give: its rows, or its rejection.
    pub record_output_bytes: u64,
    /// Rows that one record may give, over all tables.
    pub record_rows: u64,
    /// Fuel for one record, a unit being about one wasm instruction.
    pub record_fuel: u64,
    /// Log lines of one batch.
    pub batch_log_lines: u64,
    /// A log line; what exceeds it is cut off.
    pub log_line_bytes: u64,
}

impl Default for Limits {
    /// The host's defaults.
    fn default() -> Self {
        Self {
            memory_bytes: 128 << 20,
            call_output_bytes: 64 << 20,
            record_output_bytes: 16 << 20,
            record_rows: 100_000,
            record_fuel: 2_000_000_000,
            batch_log_lines: 100,
            log_line_bytes: 4 << 10,
        }
    }
}

static TOLD: OnceLock<Limits> = OnceLock::new();

/// What this transform may use: what the host says, and in native tests the host's defaults.
#[must_use]
pub fn limits() -> Limits {
    TOLD.get().copied().unwrap_or_default()
}

/// Remembers what the host says, the first time.
#[cfg(target_arch = "wasm32")]
pub(crate) fn remember(told: Limits) {
    TOLD.get_or_init(|| told);
}
