//! A strict JSON reader for serde, made for the sandbox: there every loop iteration pays for the host's interruption
//! checks, so strings and numbers are read eight bytes at a time, and what has no escapes is borrowed. The sample
//! `clean-orders` takes 420 ns a record in the sandbox with it, 630 ns with `serde_json`, and is 90 KB smaller.
//!
//! It takes exactly the texts of RFC 8259, 128 levels deep at most. It differs from `serde_json` in this:
//! - errors know the path (`items[3].price`), and never repeat the record's contents;
//! - a struct is read from an object only, not also from an array;
//! - `-0` is a whole number where a whole number is asked for;
//! - floats are rounded to the nearest, always;
//! - [`Decimal`](crate::Decimal) gets a number's digits, never a float;
//! - a number too large for an `f64` is an error also where it is skipped.

mod access;
mod deserializer;
mod error;
mod number;
mod reader;
mod scan;
#[cfg(test)]
mod tests;

use serde::Deserialize;

pub use error::Error;

/// Levels of arrays and objects that may be open at once.
pub const DEPTH_MAX: u8 = 128;

/// The name by which a newtype asks for a number's text.
pub(crate) const NUMBER_TEXT: &str = "$sluicebox::json::NumberText";

/// Reads a value from a whole text.
///
/// # Errors
/// Where the text is not JSON, or not what `T` asks for.
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct Item { price: f64 }
/// # #[derive(serde::Deserialize)]
/// # struct Order { items: Vec<Item> }
///
/// let error = sluicebox::json::from_slice::<Order>(br#"{"items": [{"price": 1}, {"price": "2"}]}"#).err().unwrap();
/// assert_eq!(error.to_string(), "items[1].price: expected f64, found a string");
/// ```
#[inline]
pub fn from_slice<'de, T: Deserialize<'de>>(text: &'de [u8]) -> Result<T, Error> {
    let mut reader = reader::Reader::new(text);
    let value = T::deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}
