//! What is wrong with a text, and where. An error is made only when there is one: paths are put together while it
//! travels outwards, so that reading pays nothing for them.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use crate::reject::Reject;

/// Why a text could not be read. Converts into a [`Reject`] with one of the codes `invalid_json`, `invalid_utf8`,
/// `missing_field` and `invalid_record`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Inner {
    code: &'static str,
    message: String,
    /// From the inside outwards.
    path: Vec<Segment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Key(String),
    Index(usize),
}

/// Names from a record are cut to this length in paths and messages.
const NAME_BYTES_MAX: usize = 64;

impl Error {
    fn new(code: &'static str, message: String) -> Self {
        Self(Box::new(Inner { code, message, path: Vec::new() }))
    }

    /// The text is not JSON from byte `at`.
    #[cold]
    pub(super) fn syntax(what: &str, at: usize) -> Self {
        Self::new("invalid_json", format!("{what} at byte {at}"))
    }

    /// A string that ends at byte `at` is not UTF-8.
    #[cold]
    pub(super) fn utf8(at: usize) -> Self {
        Self::new("invalid_utf8", format!("a string is not UTF-8 at byte {at}"))
    }

    /// JSON, but not what was asked for.
    #[cold]
    pub(super) fn data(message: impl fmt::Display) -> Self {
        Self::new("invalid_record", message.to_string())
    }

    /// The same error, within the member `key` of an object.
    #[cold]
    pub(super) fn in_key(mut self, key: &[u8]) -> Self {
        self.0.path.push(Segment::Key(shortened(&String::from_utf8_lossy(key)).to_owned()));
        self
    }

    /// The same error, within an item of an array.
    #[cold]
    pub(super) fn in_item(mut self, index: usize) -> Self {
        self.0.path.push(Segment::Index(index));
        self
    }

    /// Where, such as `items[3].price`; empty for the whole.
    #[must_use]
    pub fn path(&self) -> String {
        let mut path = String::new();
        for segment in self.0.path.iter().rev() {
            match segment {
                Segment::Key(key) if path.is_empty() => path.push_str(key),
                Segment::Key(key) => path.extend([".", key]),
                Segment::Index(index) => path.push_str(&format!("[{index}]")),
            }
        }
        path
    }
}

fn shortened(name: &str) -> &str {
    &name[..name.floor_char_boundary(NAME_BYTES_MAX)]
}

/// A kind of value, without the value.
fn kind(unexpected: Unexpected<'_>) -> &'static str {
    match unexpected {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "a whole number",
        Unexpected::Float(_) => "a number",
        Unexpected::Char(_) | Unexpected::Str(_) | Unexpected::Bytes(_) => "a string",
        Unexpected::Unit | Unexpected::Option => "null",
        Unexpected::Seq | Unexpected::TupleVariant => "an array",
        Unexpected::Map | Unexpected::StructVariant | Unexpected::NewtypeStruct => "an object",
        Unexpected::Enum | Unexpected::UnitVariant | Unexpected::NewtypeVariant => "a variant",
        Unexpected::Other(_) => "something else",
    }
}

impl de::Error for Error {
    #[cold]
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::data(message)
    }

    #[cold]
    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = expected.to_string();
        if matches!(unexpected, Unexpected::Str(_)) && expected == "a borrowed string" {
            return Self::data(
                "the string has escapes, which `&str` cannot hold: the transform should take `Cow<str>` or `String`",
            );
        }
        Self::data(format_args!("expected {expected}, found {}", kind(unexpected)))
    }

    #[cold]
    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::data(format_args!("expected {expected}, found {} outside of its values", kind(unexpected)))
    }

    #[cold]
    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::data(format_args!("expected {expected}, found {length} items"))
    }

    #[cold]
    fn unknown_variant(_variant: &str, expected: &'static [&'static str]) -> Self {
        Self::data(format_args!("expected one of {}", expected.join(", ")))
    }

    #[cold]
    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let known = if expected.is_empty() {
            "there are none".to_owned()
        } else {
            format!("there are {}", expected.join(", "))
        };
        Self::data(format_args!("unknown field `{}`, {known}", shortened(field)))
    }

    #[cold]
    fn missing_field(field: &'static str) -> Self {
        let mut error = Self::new("missing_field", format!("the field `{field}` is missing"));
        error.0.path.push(Segment::Key(field.to_owned()));
        error
    }

    #[cold]
    fn duplicate_field(field: &'static str) -> Self {
        Self::data(format_args!("the field `{field}` occurs twice"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path();
        if !path.is_empty() {
            write!(f, "{path}: ")?;
        }
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}

impl From<Error> for Reject {
    #[cold]
    fn from(error: Error) -> Self {
        let path = error.path();
        let reject = Self::new(error.0.code, error.0.message);
        if path.is_empty() { reject } else { reject.at(path) }
    }
}
