//! `docs/settings.md` and `docs/pipeline.schema.json` are what the settings' types say.
//!
//! `UPDATE_EXPECTED=1 cargo test` rewrites both.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write;
use std::path::Path;

use serde_json::Value;
use sluicebox_settings::json_schema;

/// Where the generated part of the page begins.
const MARK: &str =
    "<!-- Generated from runtime/settings; `UPDATE_EXPECTED=1 cargo test --test reference` rewrites it. -->\n";

#[test]
fn the_schema_is_current() {
    is_current("docs/pipeline.schema.json", &format!("{:#}\n", json_schema()));
}

#[test]
fn the_page_is_current() {
    let page = std::fs::read_to_string(path("docs/settings.md")).unwrap();
    let (prose, _) = page.split_once(MARK).expect("the page has a mark where the generated part begins");
    let mut text = format!("{prose}{MARK}");
    section(&mut text, "", &json_schema());
    is_current("docs/settings.md", &text);
}

/// All `"description"`s are the sentences that a reader needs; a setting without one is a hole in the page.
#[test]
fn every_setting_has_a_sentence() {
    let mut text = String::new();
    section(&mut text, "", &json_schema());
    let bare: Vec<&str> = text.lines().filter(|line| line.starts_with('|') && line.ends_with("|  |")).collect();
    assert!(bare.is_empty(), "{bare:#?}");
}

fn path(file: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file)
}

fn is_current(file: &str, text: &str) {
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(path(file), text).unwrap();
    }
    let found = std::fs::read_to_string(path(file)).unwrap_or_default();
    // Not `assert_eq!`, which would print both pages in full.
    assert!(found == text, "{file} is stale: run the tests with UPDATE_EXPECTED=1, and read the difference");
}

/// A heading, a sentence and a table for a section and each section within it.
fn section(page: &mut String, path: &str, schema: &Value) {
    let object = object(schema);
    let properties = object["properties"].as_object().unwrap();
    let required = object.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let heading = if path.is_empty() { "The whole file".to_owned() } else { format!("`{path}`") };
    writeln!(page, "\n## {heading}\n{}\n", words(schema)).unwrap();
    writeln!(page, "| setting | type | default | limits | meaning |\n|---|---|---|---|---|").unwrap();
    // Required ones first: a reader who writes a new file needs them all.
    let (first, rest): (Vec<&String>, Vec<&String>) = properties.keys().partition(|key| is_in(key, &required));
    for key in first.iter().chain(&rest) {
        let inner = &properties[*key];
        let default = if is_in(key, &required) { "**required**".to_owned() } else { default(inner) };
        let (kind, limits) = (kind(inner, &within(path, key)), limits(inner));
        writeln!(page, "| `{key}` | {kind} | {default} | {limits} | {} |", words(inner)).unwrap();
    }
    for key in first.iter().chain(&rest) {
        if has_section(&properties[*key]) {
            section(page, &within(path, key), &properties[*key]);
        }
        // The entries of `tables` have a section, too. Those of `properties` do not: the sentence there explains them.
        if let Some(entry) = properties[*key]
            .get("additionalProperties")
            .filter(|entry| has_section(entry) && alternatives(entry).len() == 1)
        {
            section(page, &format!("{}.<name>", within(path, key)), entry);
        }
    }
}

fn is_in(key: &str, required: &[Value]) -> bool {
    required.iter().any(|required| required == key)
}

fn within(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// What a schema offers to choose from, `null` left out.
fn alternatives(schema: &Value) -> Vec<&Value> {
    let choices = ["anyOf", "oneOf"].into_iter().filter_map(|keyword| schema.get(keyword)?.as_array());
    let choices: Vec<&Value> = choices.flatten().flat_map(alternatives).collect();
    let is_null = schema.get("type") == Some(&"null".into());
    if choices.is_empty() && !is_null { vec![schema] } else { choices }
}

/// The alternative that is a section; all of them in one where each is a map with one key, as in `source`.
fn object(schema: &Value) -> Value {
    let objects: Vec<&Value> = alternatives(schema).into_iter().filter(|one| one.get("properties").is_some()).collect();
    if objects.is_empty() || schema.get("oneOf").is_none() {
        return objects.first().map_or(Value::Null, |one| (*one).clone());
    }
    let properties = objects.iter().filter_map(|one| one["properties"].as_object()).flatten();
    let properties: serde_json::Map<_, _> = properties.map(|(key, value)| (key.clone(), value.clone())).collect();
    serde_json::json!({"properties": properties})
}

fn has_section(schema: &Value) -> bool {
    object(schema).get("properties").is_some()
}

fn words(schema: &Value) -> String {
    let inner = object(schema);
    let text = schema.get("description").or_else(|| inner.get("description")).and_then(Value::as_str);
    text.unwrap_or_default().replace('\n', " ")
}

fn kind(schema: &Value, path: &str) -> String {
    let anchor: String = path.chars().filter(|c| c.is_alphanumeric() || "_-".contains(*c)).collect();
    if let Some(title) = schema.get("title").and_then(Value::as_str) {
        return title.to_owned();
    }
    let mut words: Vec<String> = Vec::new();
    for one in alternatives(schema) {
        let kinds =
            if one.get("properties").is_some() { vec![format!("[section](#{anchor})")] } else { simple_kinds(one) };
        words.extend(kinds);
    }
    // Two alternatives of one type are one to a reader.
    words.dedup();
    words.join(" or ")
}

fn simple_kinds(schema: &Value) -> Vec<String> {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return values.iter().filter(|value| !value.is_null()).map(literal).collect();
    }
    if let Some(value) = schema.get("const") {
        return vec![literal(value)];
    }
    let types = schema.get("type").cloned().unwrap_or_default();
    let types = types.as_array().cloned().unwrap_or_else(|| vec![types]);
    types.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").map(plain).map(str::to_owned).collect()
}

fn plain(kind: &str) -> &str {
    match kind {
        "string" => "text",
        "integer" => "whole number",
        "boolean" => "`true` or `false`",
        "object" => "map",
        "array" => "list",
        other => other,
    }
}

fn literal(value: &Value) -> String {
    value.as_str().map_or_else(|| format!("`{value}`"), |text| format!("`{text}`"))
}

fn default(schema: &Value) -> String {
    if let Some(text) = schema.get("x-default").and_then(Value::as_str) {
        return text.to_owned();
    }
    match schema.get("default") {
        None | Some(Value::Null | Value::Object(_)) => "–".to_owned(),
        Some(Value::Array(items)) if items.is_empty() => "–".to_owned(),
        Some(Value::Number(number)) => grouped(&number.to_string()),
        Some(value) => literal(value),
    }
}

/// `2000000` as `2,000,000`.
fn grouped(number: &str) -> String {
    if number.contains('.') {
        return number.to_owned();
    }
    let digits: Vec<char> = number.chars().rev().collect();
    let groups: Vec<String> = digits.chunks(3).map(|group| group.iter().rev().collect()).rev().collect();
    groups.join(",")
}

/// What a number counts, and its bounds.
fn limits(schema: &Value) -> String {
    let unit = schema.get("x-unit").and_then(Value::as_str).map(str::to_owned);
    let bounds = [
        bound(schema, "minimum", "at least"),
        bound(schema, "x-minimum", "at least"),
        bound(schema, "x-maximum", "at most"),
        bound(schema, "exclusiveMaximum", "less than"),
    ];
    let all: Vec<String> = unit.into_iter().chain(bounds.into_iter().flatten()).collect();
    all.join(", ")
}

fn bound(schema: &Value, keyword: &str, words: &str) -> Option<String> {
    let value = schema.get(keyword)?;
    // Every whole number that is not negative has this bound, so it tells a reader nothing.
    if keyword == "minimum" && value == 0 && schema.get("exclusiveMaximum").is_none() {
        return None;
    }
    Some(format!("{words} {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
}
