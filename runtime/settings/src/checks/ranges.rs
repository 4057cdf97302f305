//! Limits of single values, as the JSON Schema states them. Limits that compare two values are checked elsewhere.

use std::time::Duration;

use serde_json::Value as Schema;

use super::Checker;
use crate::diagnostic::Diagnostic;
use crate::schema;
use crate::tree::{Node, Value};

impl Checker<'_> {
    /// Checks a value and everything below it against the limits of its schema.
    pub(super) fn ranges(&mut self, node: &Node, schema: &Schema, path: &[&str]) {
        if let Value::Map(entries) = &node.value {
            for entry in entries {
                // The path is for the message; the schema is followed one key at a time beside it.
                let path = [path, &[entry.key.as_str()]].concat();
                if let Some(inner) = schema::at(schema, &[&entry.key]) {
                    self.ranges(&entry.node, inner, &path);
                }
            }
        } else if let Some(limit) = broken_limit(&node.value, schema) {
            let default = schema.get("default").map(schema_text);
            let label = default.map_or_else(
                || "choose another value".to_owned(),
                |default| format!("leave it out for the default, {default}"),
            );
            let fault = Diagnostic::new("E0113", format!("`{}` must be {limit}", path.join("."))).label(label);
            let meaning = schema.get("description").map(schema_text);
            let fault = match meaning {
                Some(meaning) => fault.help(meaning.replace('\n', " ")),
                None => fault,
            };
            self.fault(path, fault);
        }
    }
}

/// The limit that a value breaks, in words.
fn broken_limit(value: &Value, schema: &Schema) -> Option<String> {
    let number = number(value, schema)?;
    let limit = |keyword: &str| {
        let limit = schema.get(keyword)?;
        let text = schema_text(limit);
        // A limit of our own (`x-minimum`) is text, in the unit of the setting.
        let number = limit.as_f64().or_else(|| quantity(&text, schema))?;
        Some((number, text))
    };
    let too_small = ["minimum", "x-minimum"].into_iter().filter_map(limit).find(|(least, _)| number < *least);
    let too_large = ["maximum", "x-maximum"].into_iter().filter_map(limit).find(|(most, _)| number > *most);
    let not_below = limit("exclusiveMaximum").filter(|(bound, _)| number >= *bound);
    too_small
        .map(|(_, text)| format!("at least {text}"))
        .or_else(|| too_large.map(|(_, text)| format!("at most {text}")))
        .or_else(|| not_below.map(|(_, text)| format!("less than {text}")))
}

/// A value as a number: of bytes if it is a size, of seconds if it is a duration.
fn number(value: &Value, schema: &Schema) -> Option<f64> {
    match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Unsigned(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        Value::Text(text) => quantity(text, schema),
        _ => None,
    }
}

fn quantity(text: &str, schema: &Schema) -> Option<f64> {
    match schema.get("title")?.as_str()? {
        "size" => text.parse::<bytesize::ByteSize>().ok().map(|size| size.as_u64() as f64),
        "duration" => humantime::parse_duration(text).ok().as_ref().map(Duration::as_secs_f64),
        _ => None,
    }
}

fn schema_text(value: &Schema) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
