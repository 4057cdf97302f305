//! A transform that asks WASI for the time, for chance, for files and for sleep, as the runtimes of Python and JavaScript
//! do: `runtime/sandbox/tests/wasi.rs` checks that it always gets the same answers.
//!
//! It imports the few functions it needs straight from its own copy of the interfaces. Natively, it is empty.

#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, missing_docs, unreachable_pub, reason = "the generated bindings are in it")]
mod guest;
