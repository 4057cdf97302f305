//! The JSON Schema of a pipeline file, and what the reader takes from it: limits, defaults and examples for messages.
//!
//! Everything comes from the doc comments and attributes of the types in [`crate::shape`] and [`crate::sections`].
//! Beside the standard's keywords it has our own: `x-minimum` and `x-maximum` (a size or a duration as text), `x-unit`
//! (what a number counts) and `x-default` (a default in words).

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::Value;

use crate::shape::Pipeline;

/// The JSON Schema of a pipeline file, draft 7, which all editors know. No section takes a key that the reader refuses.
pub fn json_schema() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    // Formats such as `uint64` are Rust's, not the standard's.
    let without_formats = RecursiveTransform(|schema: &mut Schema| {
        schema.remove("format");
    });
    let generator = settings.with_transform(without_formats).into_generator();
    let mut schema = generator.into_root_schema_for::<Pipeline>();
    schema.insert("title".to_owned(), "Sluicebox pipeline".into());
    schema.to_value()
}

/// The schema of the value at a path of keys.
pub(crate) fn at<'a>(schema: &'a Value, path: &[impl AsRef<str>]) -> Option<&'a Value> {
    let Some((key, rest)) = path.split_first() else { return Some(schema) };
    alternatives(schema)
        .filter_map(|one| {
            let named = one.get("properties").and_then(|properties| properties.get(key.as_ref()));
            named.or_else(|| one.get("additionalProperties"))
        })
        // `find_map` over all alternatives: the key may be in one of them, and what is below it only in another.
        .find_map(|inner| at(inner, rest))
}

/// A schema and all that it offers to choose from.
pub(crate) fn alternatives(schema: &Value) -> impl Iterator<Item = &Value> {
    let choices = ["anyOf", "oneOf"].into_iter().filter_map(|keyword| schema.get(keyword)?.as_array());
    std::iter::once(schema).chain(choices.flatten())
}

/// The first example of a value, as a pipeline file would have it.
pub(crate) fn example(schema: &Value) -> Option<String> {
    alternatives(schema).find_map(|one| one.get("examples")?.get(0)).map(flow)
}

/// A value on one line of YAML.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) if !text.contains(':') => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) => {
            let entries: Vec<String> = entries.iter().map(|(key, value)| format!("{key}: {}", flow(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        other => other.to_string(),
    }
}
