//! The world of `wit/transform.wit` in Rust, generated: what is lowered is borrowed, what is lifted is owned.
#![allow(missing_docs, unreachable_pub, reason = "generated; wit/transform.wit is the documentation")]
#![allow(clippy::pedantic, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "transform",
    ownership: Borrowing { duplicate_if_necessary: true },
});

/// What a guest hands back, under short names: types that cross in both directions exist twice.
pub(crate) mod wire {
    pub(crate) use super::sluicebox::transform::columns::{
        ByteStringsResult as ByteStrings, ColumnResult as Column, StringsResult as Strings, ValuesResult as Values,
    };
    pub(crate) use super::sluicebox::transform::description::{Description, RowFormat, Table, WriteMode};
    pub(crate) use super::sluicebox::transform::output::{Outcome, Rejections, Rows, TableRows};
    pub(crate) use super::sluicebox::transform::types::{DataType, DecimalType, Field};
}
