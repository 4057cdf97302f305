//! What a transform may take as parameters: each reads itself from the record.

use std::ops::{Deref, DerefMut};

use serde::Deserialize;

use crate::{Reject, batch::Record, json};

/// A parameter of a transform that reads itself from the record: [`Json`], `Option<Json>`, [`Record`], or your own.
#[diagnostic::on_unimplemented(
    message = "a transform cannot take `{Self}`",
    note = "take `Json<T>`, `Option<Json<T>>`, `Record`, `&Record`, or `&Settings` for the configuration"
)]
pub trait FromRecord<'r>: Sized {
    /// Reads itself.
    ///
    /// # Errors
    /// The reason to reject the record.
    fn from_record(record: Record<'r>) -> Result<Self, Reject>;
}

impl<'r> FromRecord<'r> for Record<'r> {
    #[inline]
    fn from_record(record: Record<'r>) -> Result<Self, Reject> {
        Ok(record)
    }
}

/// The value of the record, read as JSON. What it borrows (`&str` without escapes), it borrows from the batch.
///
/// A tombstone is rejected with the code `tombstone`; take `Option<Json<T>>` to get it as `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T> Deref for Json<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Json<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<'r, T: Deserialize<'r>> FromRecord<'r> for Json<T> {
    #[inline]
    fn from_record(record: Record<'r>) -> Result<Self, Reject> {
        record.json().map(Json)
    }
}

impl<'r, T: Deserialize<'r>> FromRecord<'r> for Option<Json<T>> {
    #[inline]
    fn from_record(record: Record<'r>) -> Result<Self, Reject> {
        match record.value() {
            Some(value) => Ok(Some(Json(json::from_slice(value)?))),
            None => Ok(None),
        }
    }
}

impl<'r> Record<'r> {
    /// The value read as JSON.
    ///
    /// # Errors
    /// `tombstone` where there is no value, else as [`json::from_slice`].
    #[inline]
    pub fn json<T: Deserialize<'r>>(&self) -> Result<T, Reject> {
        Ok(json::from_slice(self.value().ok_or_else(tombstone)?)?)
    }

    /// The value as text.
    ///
    /// # Errors
    /// `tombstone` where there is no value, `invalid_utf8` where it is not UTF-8.
    pub fn text(&self) -> Result<&'r str, Reject> {
        Ok(std::str::from_utf8(self.value().ok_or_else(tombstone)?)?)
    }
}

#[cold]
fn tombstone() -> Reject {
    Reject::new("tombstone", "the record has no value, and this transform has no rule for tombstones")
}
