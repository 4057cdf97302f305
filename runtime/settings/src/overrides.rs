//! Environment variables replace leaves of the tree: `SLUICEBOX__SOURCE__KAFKA__BROKERS=b1:9092,b2:9092`.
//!
//! The document is parsed first and its leaves replaced then, so a variable can never change the structure around it.

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
        set(root, &keys, &value, &place, false);
    }
}

fn set(node: &mut Node, keys: &[&str], value: &str, place: &Place, in_properties: bool) {
    let Some((key, rest)) = keys.split_first() else {
        *node = leaf(value, place);
        return;
    };
    // A scalar or nothing in the way of a deeper key: the variable wins, as it does over a leaf.
    if !matches!(node.value, Value::Map(_)) {
        *node = Node { value: Value::Map(Vec::new()), place: place.clone() };
    }
    let Value::Map(entries) = &mut node.value else { return };
    // By the folded form: a variable's name can hold neither dots nor hyphens nor lower case.
    let known = entries.iter().position(|entry| folded(&entry.key) == folded(key));
    let index = known.unwrap_or_else(|| {
        // librdkafka's properties have dots where a variable's name can only have underscores.
        let lower = key.to_lowercase();
        let key = if in_properties { lower.replace('_', ".") } else { lower };
        let node = Node { value: Value::Null, place: place.clone() };
        entries.push(Entry { key, key_place: place.clone(), node });
        entries.len() - 1
    });
    if let Some(entry) = entries.get_mut(index) {
        let in_properties = entry.key == "properties";
        set(&mut entry.node, rest, value, place, in_properties);
    }
}

/// A key as it can stand in the name of a variable.
fn folded(key: &str) -> String {
    key.to_lowercase().replace(['.', '-'], "_")
}

/// Reads numbers, booleans, `[lists]` and `{maps}` as YAML; everything else stays text.
fn leaf(text: &str, place: &Place) -> Node {
    let value = match Node::parse(text).map(|node| node.value) {
        Ok(parsed @ (Value::Boolean(_) | Value::Integer(_) | Value::Unsigned(_) | Value::Float(_))) => parsed,
        // Only in brackets: a password such as `a: b` is a map to YAML.
        Ok(parsed @ (Value::List(_) | Value::Map(_))) if text.starts_with(['[', '{']) => parsed,
        _ => Value::Text(text.to_owned()),
    };
    moved(value, place)
}

/// Gives all values the variable as their place: places within its text mean nothing in the document.
fn moved(value: Value, place: &Place) -> Node {
    let value = match value {
        Value::List(items) => Value::List(items.into_iter().map(|item| moved(item.value, place)).collect()),
        Value::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|entry| Entry { key: entry.key, key_place: place.clone(), node: moved(entry.node.value, place) })
                .collect(),
        ),
        scalar => scalar,
    };
    Node { value, place: place.clone() }
}
