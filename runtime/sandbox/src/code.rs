//! The codes by which the sandbox rejects records. They are stable: dashboards and alerts group by them.

/// The transform panicked on this record, and said so.
pub const PANIC: &str = "panic";
/// The record needs more than `record_fuel_max`.
pub const LIMIT_FUEL: &str = "limit_fuel";
/// The record needs more than `memory_bytes_max`.
pub const LIMIT_MEMORY: &str = "limit_memory";
/// The record's rows and rejection exceed `record_output_bytes_max`.
pub const LIMIT_OUTPUT_BYTES: &str = "limit_output_bytes";
/// The record gives more rows than `record_rows_max`.
pub const LIMIT_ROWS: &str = "limit_rows";
/// What the transform returned for the record breaks the contract of the boundary.
pub const MALFORMED_OUTCOME: &str = "malformed_outcome";

/// A table's writer fails over the rows that the record gives.
pub const UNWRITABLE: &str = "unwritable";

/// The code of a trap: `trap_` and wasm's name for it.
pub(crate) fn of_trap(trap: wasmtime::Trap) -> &'static str {
    use wasmtime::Trap;
    match trap {
        Trap::StackOverflow => "trap_stack_overflow",
        Trap::MemoryOutOfBounds => "trap_out_of_bounds",
        Trap::TableOutOfBounds => "trap_table_out_of_bounds",
        Trap::IndirectCallToNull => "trap_indirect_call_to_null",
        Trap::BadSignature => "trap_bad_signature",
        Trap::IntegerOverflow => "trap_integer_overflow",
        Trap::IntegerDivisionByZero => "trap_integer_division_by_zero",
        Trap::BadConversionToInteger => "trap_bad_conversion_to_integer",
        Trap::UnreachableCodeReached => "trap_unreachable",
        // wasmtime may add kinds of traps, and a dead letter needs a stable code for these too. Interrupts and spent
        // fuel do not get here: `failure::read` takes them first.
        _ => "trap_other",
    }
}
