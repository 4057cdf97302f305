//! `transform.limits`: what a transform may use. The sandbox owns the limits and their defaults.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluicebox_sandbox::Limits;

use crate::human;

/// What the transform may use. A record that exceeds a limit becomes a dead letter.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LimitSettings {
    /// Fuel for one record; a unit is about one WebAssembly instruction.
    #[schemars(extend("x-unit" = "fuel"))]
    record_fuel_max: u64,
    /// Wall-clock time of one call. If a call takes longer, the sandbox runs each of its records again under its fuel
    /// limit. At most 100 ms for each 2,000,000,000 of `record_fuel_max`.
    #[serde(deserialize_with = "human::duration", serialize_with = "human::write_duration")]
    #[schemars(with = "human::Time")]
    call_duration_max: Duration,
    /// All linear memories of an instance together.
    #[serde(deserialize_with = "human::bytes", serialize_with = "human::write_bytes")]
    #[schemars(with = "human::Bytes", extend("x-minimum" = "1MiB", "x-maximum" = "4GiB"))]
    memory_bytes_max: u64,
    /// The call stack of compiled code.
    #[serde(deserialize_with = "human::bytes", serialize_with = "human::write_bytes")]
    #[schemars(with = "human::Bytes", extend("x-minimum" = "64KiB", "x-maximum" = "1MiB"))]
    stack_bytes_max: u64,
    /// The rows or the rejection that one record gives. At most `batch_output_bytes_max`.
    #[serde(deserialize_with = "human::bytes", serialize_with = "human::write_bytes")]
    #[schemars(with = "human::Bytes")]
    record_output_bytes_max: u64,
    /// What one call returns; the sandbox splits a batch that gives more.
    #[serde(deserialize_with = "human::bytes", serialize_with = "human::write_bytes")]
    #[schemars(with = "human::Bytes", extend("x-maximum" = "1GiB"))]
    batch_output_bytes_max: u64,
    /// Rows that one record gives, over all tables.
    #[schemars(extend("x-unit" = "rows"))]
    record_rows_max: u64,
    /// Log lines of one batch; the sandbox counts further lines, but does not keep them.
    #[schemars(extend("x-unit" = "lines"))]
    batch_log_lines_max: u64,
    /// Length of a log line; the sandbox cuts longer lines.
    #[serde(deserialize_with = "human::bytes", serialize_with = "human::write_bytes")]
    #[schemars(with = "human::Bytes")]
    log_line_bytes_max: u64,
    /// The component's file, before compilation.
    #[serde(deserialize_with = "human::bytes", serialize_with = "human::write_bytes")]
    #[schemars(with = "human::Bytes")]
    module_bytes_max: u64,
}

/// Names the same fields on both sides. Both conversions destructure, so that a limit cannot be forgotten.
macro_rules! same_fields {
    ($($field:ident),* $(,)?) => {
        impl From<Limits> for LimitSettings {
            fn from(Limits { $($field),* }: Limits) -> Self {
                LimitSettings { $($field),* }
            }
        }

        impl From<LimitSettings> for Limits {
            fn from(LimitSettings { $($field),* }: LimitSettings) -> Self {
                Limits { $($field),* }
            }
        }
    };
}

same_fields!(
    record_fuel_max,
    call_duration_max,
    memory_bytes_max,
    stack_bytes_max,
    record_output_bytes_max,
    batch_output_bytes_max,
    record_rows_max,
    batch_log_lines_max,
    log_line_bytes_max,
    module_bytes_max,
);

impl Default for LimitSettings {
    fn default() -> Self {
        Limits::default().into()
    }
}
