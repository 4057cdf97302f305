//! Environment variables replace leaves of the tree: `SLUICEBOX__SOURCE__KAFKA__BROKERS=b1:9092,b2:9092`.
//!
//! The document is parsed first and its leaves replaced then, so a variable can never change the structure around it. Its text
//! is interpreted once, by the type of the setting: a password `0123456` and a name `NO` stay what they are.

use std::sync::Arc;

use super::tree::{Entry, Node, Place, Value};

/// What the names of our variables begin with; the keys follow, separated by two underscores.
pub(super) const PREFIX: &str = "SLUICEBOX__";

/// Puts the variables that begin with [`PREFIX`] into the tree. Unknown keys are left for the reader to refuse.
pub(super) fn apply(root: &mut Node, variables: impl IntoIterator<Item = (String, String)>) {
    let mut ours: Vec<_> = variables
        .into_iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?.to_owned(), name, value)))
        .collect();
    // The environment has no order, and of two variables for one key the same must win each time.
    ours.sort();
    for (path, name, value) in ours {
        let place = Place::Environment(Arc::from(name));
        let keys: Vec<&str> = path.split("__").collect();
        set(root, &keys, &value, &place, Within::Settings);
    }
}

/// Whose value a variable replaces.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    /// A setting: its type says what the text means.
    Settings,
    /// A property of librdkafka, which takes nothing but text.
    Properties,
    /// The transform's configuration: only the transform knows its types.
    Configuration,
}

fn set(node: &mut Node, keys: &[&str], value: &str, place: &Place, within: Within) {
    let Some((key, rest)) = keys.split_first() else {
        *node = match within {
            Within::Settings => loose(value, place),
            Within::Properties => Node::new(Value::Text(value.to_owned()), place.clone()),
            Within::Configuration => alike(&node.value, value, place),
        };
        return;
    };
    // A scalar or nothing in the way of a deeper key: the variable wins, as it does over a leaf.
    if !matches!(node.value, Value::Map(_)) {
        *node = Node::new(Value::Map(Vec::new()), place.clone());
    }
    let Value::Map(entries) = &mut node.value else { return };
    // By the folded form: a variable's name can hold neither dots nor hyphens nor lower case.
    let known = entries.iter().position(|entry| folded(&entry.key) == folded(key));
    let index = known.unwrap_or_else(|| {
        // librdkafka's properties have dots where a variable's name can only have underscores.
        let lower = key.to_lowercase();
        let key = if within == Within::Properties { lower.replace('_', ".") } else { lower };
        let node = Node::new(Value::Null, place.clone());
        entries.push(Entry { key, key_place: place.clone(), node });
        entries.len() - 1
    });
    if let Some(entry) = entries.get_mut(index) {
        let below = match entry.key.as_str() {
            "properties" if within == Within::Settings => Within::Properties,
            "configuration" if within == Within::Settings => Within::Configuration,
            _ => within,
        };
        set(&mut entry.node, rest, value, place, below);
    }
}

/// A key as it can stand in the name of a variable.
fn folded(key: &str) -> String {
    key.to_lowercase().replace(['.', '-'], "_")
}

/// A setting's text, and the list or map that it may stand for: `[a, b]`, `{msk_iam: {}}`.
fn loose(text: &str, place: &Place) -> Node {
    let structure = match Node::parse(text) {
        Ok(node) if text.starts_with(['[', '{']) => Some(Box::new(loosened(node, place).value)),
        _ => None,
    };
    Node::new(Value::Loose { text: text.to_owned(), structure }, place.clone())
}

/// Leaves the types of the items, too, to their settings.
fn loosened(node: Node, place: &Place) -> Node {
    let value = match node.value {
        Value::List(items) => Value::List(items.into_iter().map(|item| loosened(item, place)).collect()),
        Value::Map(entries) => {
            let loosened =
                |entry: Entry| Entry { key: entry.key, key_place: place.clone(), node: loosened(entry.node, place) };
            Value::Map(entries.into_iter().map(loosened).collect())
        }
        Value::Text(text) => Value::Loose { text, structure: None },
        scalar => match node.written {
            Some(text) => Value::Loose { text, structure: None },
            None => scalar,
        },
    };
    Node::new(value, place.clone())
}

/// A value of the configuration: what the file has there is a number, a boolean, a list or a map, and then the text is read as
/// one; otherwise it stays text.
fn alike(old: &Value, text: &str, place: &Place) -> Node {
    let read = Node::parse(text).map(|node| node.value).ok();
    let value = match (old, read) {
        (Value::Boolean(_), Some(new @ Value::Boolean(_)))
        | (
            Value::Integer(_) | Value::Unsigned(_) | Value::Float(_),
            Some(new @ (Value::Integer(_) | Value::Unsigned(_) | Value::Float(_))),
        )
        | (Value::List(_), Some(new @ Value::List(_)))
        | (Value::Map(_), Some(new @ Value::Map(_))) => new,
        _ => Value::Text(text.to_owned()),
    };
    moved(value, place)
}

/// Gives all values the variable as their place: places within its text mean nothing in the document.
fn moved(value: Value, place: &Place) -> Node {
    let value = match value {
        Value::List(items) => Value::List(items.into_iter().map(|item| moved(item.value, place)).collect()),
        Value::Map(entries) => Value::Map(entries.into_iter().map(|entry| entry_moved(entry, place)).collect()),
        scalar => scalar,
    };
    Node::new(value, place.clone())
}

fn entry_moved(entry: Entry, place: &Place) -> Entry {
    Entry { key: entry.key, key_place: place.clone(), node: moved(entry.node.value, place) }
}
