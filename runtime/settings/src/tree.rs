//! A document as a tree of values that know where they were written.
//!
//! Knows YAML and environment variables as places; knows nothing of what a pipeline is.

use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Bytes of the document's text.
    Text(Range<usize>),
    /// An environment variable, by its name.
    Environment(Arc<str>),
}

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) place: Place,
    /// A number or a boolean as it is written, for settings that take it as text: `007`, `1e3`.
    pub(super) written: Option<String>,
}

/// What YAML's core schema knows.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
    /// The text of an environment variable. It becomes what its setting asks for: text stays as it is.
    Loose {
        text: String,
        /// The list or map that the text is the YAML of, for a setting that asks for one.
        structure: Option<Box<Value>>,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key of a map, and what it holds.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_place: Place,
    pub(super) node: Node,
}

impl Entry {
    /// The place to point at when the value is wrong: the value if it is written on the spot, else its key.
    pub(super) fn blame(&self) -> &Place {
        match (&self.node.value, &self.node.place) {
            (Value::List(_) | Value::Map(_) | Value::Null, Place::Text(_)) => &self.key_place,
            (_, place) => place,
        }
    }
}

impl Node {
    /// Reads a YAML document.
    pub(super) fn parse(text: &str) -> Result<Node, serde_saphyr::Error> {
        let options = serde_saphyr::options! {
            // Its snippets would quote lines, and with them secrets.
            with_snippet: false,
            // YAML 1.2: `NO`, `on`, `007` and `1_000` are text.
            strict_booleans: true,
            leading_zero_numbers_as_strings: true,
            underscored_numbers_as_strings: true,
        };
        let root: Spanned<Value> = serde_saphyr::from_str_with_options(text, options)?;
        let mut root = Node::from(root);
        root.note_written(text);
        Ok(root)
    }

    /// A value with a place, and nothing else to tell.
    pub(super) fn new(value: Value, place: Place) -> Node {
        Node { value, place, written: None }
    }

    /// Notes how numbers and booleans are written.
    fn note_written(&mut self, text: &str) {
        match &mut self.value {
            Value::List(items) => items.iter_mut().for_each(|item| item.note_written(text)),
            Value::Map(entries) => entries.iter_mut().for_each(|entry| entry.node.note_written(text)),
            Value::Boolean(_) | Value::Integer(_) | Value::Unsigned(_) | Value::Float(_) => {
                let Place::Text(range) = &self.place else { return };
                let written = text.get(range.clone()).map(str::trim);
                // An alias or a tag stands before or for the value, which then says it better.
                let written = written.filter(|text| !text.is_empty() && !text.starts_with(['*', '&', '!', '"', '\'']));
                self.written = written.map(str::to_owned);
            }
            Value::Null | Value::Text(_) | Value::Loose { .. } => {}
        }
    }

    /// The entry at the end of a path of keys.
    pub(super) fn entry(&self, path: &[&str]) -> Option<&Entry> {
        let (first, rest) = path.split_first()?;
        let Value::Map(entries) = &self.value else { return None };
        let entry = entries.iter().find(|entry| entry.key == *first)?;
        if rest.is_empty() { Some(entry) } else { entry.node.entry(rest) }
    }

    /// The place to point at when the value at `path` is wrong; that of its nearest ancestor if it is not there.
    pub(super) fn blame(&self, path: &[&str]) -> Place {
        (1..=path.len())
            .rev()
            .find_map(|length| self.entry(path.get(..length)?).map(Entry::blame))
            .unwrap_or(&self.place)
            .clone()
    }

    /// The place of the key at `path`; that of its nearest ancestor if it is not there.
    pub(super) fn blame_key(&self, path: &[&str]) -> Place {
        self.entry(path).map_or_else(|| self.blame(path), |entry| entry.key_place.clone())
    }
}

impl From<Spanned<Value>> for Node {
    fn from(spanned: Spanned<Value>) -> Self {
        Node::new(spanned.value, Place::from(spanned.referenced))
    }
}

impl From<serde_saphyr::Location> for Place {
    fn from(location: serde_saphyr::Location) -> Self {
        let span = location.span();
        let start = span.byte_offset().unwrap_or(0) as usize;
        Place::Text(start..start + span.byte_len().unwrap_or(0) as usize)
    }
}

impl Place {
    /// Where a syntax error was found: the parser counts characters there, not bytes.
    pub(super) fn of_syntax_error(location: serde_saphyr::Location, text: &str) -> Place {
        let offset = location.span().offset() as usize;
        let start = text.char_indices().nth(offset).map_or(text.len(), |(byte, _)| byte);
        Place::Text(start..start)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::Unsigned(value), Value::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Spanned<Value>>()? {
            list.push(Node::from(item));
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Value, A::Error> {
        let mut entries: Vec<Entry> = Vec::new();
        while let Some(key) = pairs.next_key::<Spanned<Value>>()? {
            let Value::Text(text) = key.value else {
                // YAML reads keys such as `on` or `1` as other types, and none of our keys is one.
                return Err(A::Error::custom("a key must be text: put it in quotes"));
            };
            let node = Node::from(pairs.next_value::<Spanned<Value>>()?);
            entries.push(Entry { key: text, key_place: Place::from(key.referenced), node });
        }
        Ok(Value::Map(entries))
    }
}
