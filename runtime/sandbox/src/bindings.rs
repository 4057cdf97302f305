//! The world of `wit/transform.wit` in Rust, generated: what is lowered is borrowed, what is lifted is owned.
#![allow(missing_docs, unreachable_pub, reason = "generated; wit/transform.wit is the documentation")]
#![allow(clippy::pedantic, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "transform",
    ownership: Borrowing { duplicate_if_necessary: true },
});
