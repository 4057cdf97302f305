//! Which types can play a part in a table: as key, or as event time. The host checks the same; here the compiler does.

use std::borrow::Cow;

use crate::{Bytes, Date, Decimal, NaiveTimestamp, Timestamp};

/// A type that rows can be told apart by.
///
/// ```compile_fail,E0277
/// # use sluicebox::prelude::*;
/// #[derive(Row)]
/// #[row(key = ["id"])]
/// struct Order {
///     id: Option<String>,
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a key",
    note = "keys are text, whole numbers, decimals, booleans, bytes, dates and times; never null, as null equals no key, \
            and never floats, as NaN equals nothing"
)]
pub trait Key {}

macro_rules! keys {
    ($($rust:ty),* $(,)?) => {$(
        impl Key for $rust {}
    )*};
}

keys! { bool, i8, i16, i32, i64, u8, u16, u32, str, String, Cow<'_, str>, Date, Timestamp, NaiveTimestamp }

impl<const PRECISION: u8, const SCALE: u8> Key for Decimal<PRECISION, SCALE> {}
impl<B> Key for Bytes<B> {}
impl<K: Key + ?Sized> Key for &K {}

/// A type that says when something happened.
///
/// ```compile_fail,E0277
/// # use sluicebox::prelude::*;
/// #[derive(Row)]
/// #[row(event_time = "day")]
/// struct Order {
///     id: String,
///     day: Date,
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say when something happened",
    note = "the event time is a `Timestamp` or an `Option<Timestamp>`: dates and times without a zone are not points in time"
)]
pub trait EventTime {}

impl EventTime for Timestamp {}
impl EventTime for Option<Timestamp> {}

/// Compiles for keys only.
pub const fn is_key<K: Key + ?Sized>() {}

/// Compiles for event times only.
pub const fn is_event_time<T: EventTime>() {}
