//! A transform whose records are its rows: a value is the name of a table, a space, and a row as JSON. So whole runs bring any
//! row to the host's decoder (`tests/whole_runs/values/`). What is not such a text is rejected.
//!
//! It speaks the boundary raw, with rows as JSON. Natively, it is empty.

#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, missing_docs, unreachable_pub, reason = "the generated bindings are in it")]
mod guest;
