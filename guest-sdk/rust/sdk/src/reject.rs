//! Why a record goes to the dead letters.

use std::{borrow::Cow, fmt};

/// A reason to reject a record: a code to group by, a message for a person, and where in the record.
///
/// The record's own bytes are kept beside it in the dead-letter table, so the message need not repeat them.
///
/// ```
/// # use sluicebox::Reject;
/// let reject = Reject::new("negative_amount", "the amount is below zero").at("items[3].amount");
/// assert_eq!(reject.to_string(), "negative_amount at items[3].amount: the amount is below zero");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    code: Cow<'static, str>,
    message: Cow<'static, str>,
    path: Option<String>,
}

impl Reject {
    /// A reason. `code` is short and stable, such as `negative_amount`: dashboards and alerts group by it.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: code.into(), message: message.into(), path: None }
    }

    /// Says where in the record, such as `items[3].price`. What was said before becomes the end of it, so that a
    /// function for a part need not know where the part stands.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>) -> Self {
        let mut path = path.into();
        if let Some(rest) = self.path.filter(|rest| !rest.is_empty()) {
            if !path.is_empty() && !rest.starts_with('[') {
                path.push('.');
            }
            path.push_str(&rest);
        }
        self.path = Some(path);
        self
    }

    /// The code to group by.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The message for a person.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where in the record, if that matters.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{} at {path}: {}", self.code, self.message),
            None => write!(f, "{}: {}", self.code, self.message),
        }
    }
}

impl std::error::Error for Reject {}

impl From<std::str::Utf8Error> for Reject {
    fn from(error: std::str::Utf8Error) -> Self {
        Self::new("invalid_utf8", format!("not UTF-8 from byte {}", error.valid_up_to()))
    }
}

/// Says where, in a chain of `?`.
///
/// ```
/// # use sluicebox::{prelude::*, Reject};
/// fn day(text: &str) -> Result<Date, Reject> {
///     Date::parse(text).at("delivery.day")
/// }
/// assert_eq!(day("yesterday").unwrap_err().path(), Some("delivery.day"));
/// ```
pub trait At<T> {
    /// The same result; an error becomes a [`Reject`] at `path`.
    ///
    /// # Errors
    /// Where there was one.
    fn at(self, path: &str) -> Result<T, Reject>;
}

impl<T, E: Into<Reject>> At<T> for Result<T, E> {
    fn at(self, path: &str) -> Result<T, Reject> {
        self.map_err(|error| error.into().at(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_grow_from_the_inside() {
        let at = |inner: &str, outer: &str| Reject::new("c", "m").at(inner).at(outer).path().map(str::to_owned);
        assert_eq!(at("price", "items[3]").as_deref(), Some("items[3].price"));
        assert_eq!(at("[3].price", "items").as_deref(), Some("items[3].price"));
        assert_eq!(at("", "items").as_deref(), Some("items"));
    }
}
