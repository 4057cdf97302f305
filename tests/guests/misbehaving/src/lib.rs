//! A transform that does everything a transform must not, for the sandbox's tests: `runtime/sandbox/tests/behaviours.rs`.
//!
//! It speaks the boundary raw, without the SDK, which would not let it misbehave. A record's value names what happens;
//! any other value is echoed as a row. The configuration `{"mode": "echo"}` hands whole batches back at memcpy speed,
//! which measures the boundary and nothing else; `{"mode": "limits"}` refuses itself with the limits that it was told.
//!
//! Natively, this crate is only the list of behaviours.

#[cfg(target_arch = "wasm32")]
mod deeds;
#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, missing_docs, unreachable_pub, reason = "the generated bindings are in it")]
mod guest;
#[cfg(target_arch = "wasm32")]
mod lies;

/// What the code does while it works on a record: `deeds.rs`.
pub const DEEDS: &[&str] = &[
    "panic",
    "panic-without-words",
    "words-about-no-record",
    "words-about-another-record",
    "divide-by-zero",
    "out-of-bounds",
    "recursion",
    "loop",
    "loop-over-memory",
    "slow",
    "memory-bomb",
    "memory-refused-and-handled",
    "leak",
    "remember",
    "count",
    "log-flood",
    "log-long-line",
    "log-bad-utf8",
    "huge-output",
    "too-many-rows",
    "not-a-number",
    "whereabouts",
    "filter",
    "reject",
];

/// What is wrong with the outcome that it returns: `lies.rs`.
pub const LIES: &[&str] = &[
    "huge-output-beyond-batch",
    "verdict-missing",
    "verdict-unknown",
    "emitted-without-row",
    "filtered-with-row",
    "rejected-without-rejection",
    "rejection-of-a-stranger",
    "rejection-bad-utf8",
    "table-unknown",
    "table-twice",
    "record-out-of-range",
    "rows-as-json",
    "column-missing",
    "column-extra",
    "column-of-wrong-type",
    "column-too-short",
    "ends-descending",
    "ends-beyond-data",
    "text-bad-utf8",
    "text-split-character",
    "null-in-required",
    "null-out-of-range",
    "nulls-unordered",
    "boolean-of-two",
    "decimal-too-long",
    "map-with-a-key-twice",
    "map-key-null",
    "map-value-of-wrong-type",
    "operations-missing",
    "operation-unknown",
    "operation-upsert",
    "operation-delete",
];
