//! A transform that does what a record's value says, for the simulation (`tests/src/simulation/`): so many rows for this
//! table, so many for that, or a rejection, a row that does not fit, a trap.
//!
//! It speaks the boundary raw, with typed columns: one of every type in the table `lines`, two of them partition columns.
//! After a trap its instance is haunted, and says so in every row: a host that reuses it is found out.
//!
//! Natively, this crate is only the vocabulary of the scripts, and what a row of `lines` holds.

#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, missing_docs, unreachable_pub, reason = "the generated bindings are in it")]
mod guest;
mod line;

pub use line::Line;

/// What a record's value may say: `<deed> <lines> <totals> <token>`, parted by one space.
pub mod deed {
    /// So many rows for the table `lines`, so many for `totals`; none at all means filtered.
    pub const EMIT: &str = "emit";
    /// A rejection with the code `unwanted`.
    pub const REJECT: &str = "reject";
    /// As `emit`, but no table can hold the last row of `lines`.
    pub const MISFIT: &str = "misfit";
    /// A trap that names its record.
    pub const CONFESS: &str = "confess";
    /// A trap without a word.
    pub const TRAP: &str = "trap";
}
