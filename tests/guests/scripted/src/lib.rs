//! A transform that does what a record's value says, for the simulation (`tests/src/simulation/`): so many rows for this
//! table, so many for that, or a rejection, a row that does not fit, a trap.
//!
//! It speaks the boundary raw, with rows as JSON: only those can fail to fit their table. After a trap its instance is
//! haunted, and says so in every row: a host that reuses it is found out.
//!
//! Natively, this crate is only the vocabulary of the scripts.

#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, missing_docs, unreachable_pub, reason = "the generated bindings are in it")]
mod guest;

/// What a record's value may say: `<deed> <lines> <totals> <token>`, parted by one space.
pub mod deed {
    /// So many rows for the table `lines`, so many for `totals`; none at all means filtered.
    pub const EMIT: &str = "emit";
    /// A rejection with the code `unwanted`.
    pub const REJECT: &str = "reject";
    /// As `emit`, but the last row lacks a required field.
    pub const MISFIT: &str = "misfit";
    /// A trap that names its record.
    pub const CONFESS: &str = "confess";
    /// A trap without a word.
    pub const TRAP: &str = "trap";
}
