//! Reads serde types from a [`Node`], and remembers at which node that failed.
//!
//! The types themselves stay plain serde: they need no spans of their own.

mod parts;

use std::fmt::{self, Display};

use serde::de::{self, DeserializeOwned, Expected, IntoDeserializer, Unexpected, Visitor};

use self::parts::{Entries, Items, Variant};
use super::tree::{Entry, Node, Place, Value};

/// The name of a newtype that takes a number or a boolean as the text that is written: `007`, `1e3`.
pub(super) const AS_WRITTEN: &str = "$as written";

/// Why a node does not fit a type, and where.
#[derive(Debug)]
pub(super) struct Misfit {
    pub(super) kind: Kind,
    /// The innermost place that is known; none only if the fault is in the whole document.
    pub(super) place: Option<Place>,
    /// The keys that lead there, outermost first.
    pub(super) path: Vec<String>,
}

/// What is wrong with a node.
#[derive(Debug)]
pub(super) enum Kind {
    UnknownKey { key: String, expected: &'static [&'static str] },
    UnknownVariant { variant: String, expected: &'static [&'static str] },
    MissingKey(&'static str),
    DuplicateKey(&'static str),
    WrongType { found: String, expected: String },
    Other(String),
}

/// Reads a `T` from a tree.
pub(super) fn read<T: DeserializeOwned>(root: &Node) -> Result<T, Misfit> {
    T::deserialize(root)
}

impl Misfit {
    fn new(kind: Kind) -> Self {
        Misfit { kind, place: None, path: Vec::new() }
    }

    /// Names the entry in which reading failed, unless a deeper one has been named already.
    fn within(mut self, entry: &Entry) -> Self {
        // At the front: errors come back from the innermost level outwards.
        self.path.insert(0, entry.key.clone());
        // The innermost place is set first and stays.
        self.place.get_or_insert_with(|| match self.kind {
            Kind::MissingKey(_) => entry.key_place.clone(),
            _ => entry.blame().clone(),
        });
        self
    }

    fn at(mut self, place: &Place) -> Self {
        self.place.get_or_insert_with(|| place.clone());
        self
    }
}

impl Display for Misfit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.kind)
    }
}

impl std::error::Error for Misfit {}

impl de::Error for Misfit {
    fn custom<T: Display>(message: T) -> Self {
        Misfit::new(Kind::Other(message.to_string()))
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Misfit::new(Kind::WrongType { found: describe(unexpected), expected: expected.to_string() })
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Misfit::new(Kind::UnknownKey { key: field.to_owned(), expected })
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Misfit::new(Kind::UnknownVariant { variant: variant.to_owned(), expected })
    }

    fn missing_field(field: &'static str) -> Self {
        Misfit::new(Kind::MissingKey(field))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Misfit::new(Kind::DuplicateKey(field))
    }
}

/// The type alone: the value may be a secret, and the message shows its line anyway.
fn describe(unexpected: Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "a whole number",
        Unexpected::Float(_) => "a number with a fraction",
        Unexpected::Str(_) | Unexpected::Char(_) => "text",
        Unexpected::Unit | Unexpected::Option => "nothing",
        Unexpected::Seq => "a list",
        Unexpected::Map => "a map",
        other => return other.to_string(),
    }
    .to_owned()
}

/// Numbers and booleans: the text of a variable is read as one only where a setting asks for one.
macro_rules! from_variables {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
            match &self.value {
                Value::Loose { text, .. } => scalar(text, visitor),
                _ => self.deserialize_any(visitor),
            }
        }
    )*};
}

fn scalar<'de, V: Visitor<'de>>(text: &str, visitor: V) -> Result<V::Value, Misfit> {
    match Node::parse(text).map(|node| node.value) {
        Ok(Value::Boolean(value)) => visitor.visit_bool(value),
        Ok(Value::Integer(value)) => visitor.visit_i64(value),
        Ok(Value::Unsigned(value)) => visitor.visit_u64(value),
        Ok(Value::Float(value)) => visitor.visit_f64(value),
        _ => visitor.visit_str(text),
    }
}

impl<'de> de::Deserializer<'de> for &'de Node {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.value {
            Value::Null => visitor.visit_unit(),
            Value::Boolean(value) => visitor.visit_bool(*value),
            Value::Integer(value) => visitor.visit_i64(*value),
            Value::Unsigned(value) => visitor.visit_u64(*value),
            Value::Float(value) => visitor.visit_f64(*value),
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::Loose { text, structure } => match structure.as_deref() {
                Some(Value::Map(entries)) => visitor.visit_map(Entries { rest: entries.iter(), current: None }),
                _ => visitor.visit_borrowed_str(text),
            },
            Value::List(items) => visitor.visit_seq(Items(items.iter())),
            Value::Map(entries) => visitor.visit_map(Entries { rest: entries.iter(), current: None }),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.value {
            Value::Loose { text, .. } => visitor.visit_borrowed_str(text),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_str(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.value {
            Value::Loose { text, structure } => match structure.as_deref() {
                Some(Value::List(items)) => visitor.visit_seq(Items(items.iter())),
                _ => visitor.visit_borrowed_str(text),
            },
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Misfit> {
        match (name, &self.written) {
            (AS_WRITTEN, Some(written)) => visitor.visit_str(written),
            (AS_WRITTEN, None) => self.deserialize_any(visitor),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    from_variables! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16
        deserialize_u32 deserialize_u64 deserialize_f32 deserialize_f64
    }

    /// Serde reads a struct from a list as well. In a pipeline file that is always a mistake.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match self.value {
            Value::List(_) => Err(de::Error::invalid_type(Unexpected::Seq, &visitor)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match &self.value {
            Value::Text(text) | Value::Loose { text, structure: None } => {
                visitor.visit_enum(text.as_str().into_deserializer())
            }
            Value::Loose { structure: Some(structure), .. } => {
                let Value::Map(entries) = structure.as_ref() else { return Err(expected_one_of(variants)) };
                variant(entries, variants, visitor)
            }
            Value::Map(entries) => variant(entries, variants, visitor),
            _ => Err(expected_one_of(variants)),
        }
    }

    serde::forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct tuple tuple_struct map identifier ignored_any
    }
}

fn variant<'de, V: Visitor<'de>>(
    entries: &'de [Entry],
    variants: &'static [&'static str],
    visitor: V,
) -> Result<V::Value, Misfit> {
    match entries {
        [entry] => visitor.visit_enum(Variant(entry)),
        [] => Err(expected_one_of(variants)),
        [_, second, ..] => {
            let fault = Misfit::new(Kind::Other(format!("expected only one of {}", quoted(variants))));
            Err(fault.at(&second.key_place))
        }
    }
}

fn expected_one_of(variants: &'static [&'static str]) -> Misfit {
    de::Error::custom(format!("expected one of {}", quoted(variants)))
}

/// `a`, `b`, `c`, for messages.
pub(super) fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
