//! The JSON Schema against the reader: what the reader takes is valid, unknown keys are not.
//!
//! The validator below knows the keywords that our schema uses, and fails on all others. A crate that knows them all
//! (`jsonschema`) would change features of `serde_json` and `regex` for the whole workspace.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sluicebox_settings::json_schema;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Whether a value is valid, by the keywords of draft 7 that our schema uses.
fn fits(value: &Value, schema: &Value) -> bool {
    // `true` and `false` are schemas, too: of everything and of nothing.
    let Value::Object(keywords) = schema else { return schema != &json!(false) };
    keywords.iter().all(|(keyword, operand)| match keyword.as_str() {
        "$schema" | "title" | "description" | "default" | "examples" => true,
        _ if keyword.starts_with("x-") => true,
        "type" => is_of_type(value, operand),
        "enum" => operand.as_array().unwrap().contains(value),
        "const" => operand == value,
        "anyOf" => operand.as_array().unwrap().iter().any(|one| fits(value, one)),
        "oneOf" => operand.as_array().unwrap().iter().filter(|one| fits(value, one)).count() == 1,
        "minimum" => value.as_f64().is_none_or(|number| number >= operand.as_f64().unwrap()),
        "exclusiveMaximum" => value.as_f64().is_none_or(|number| number < operand.as_f64().unwrap()),
        "pattern" => {
            value.as_str().is_none_or(|text| regex::Regex::new(operand.as_str().unwrap()).unwrap().is_match(text))
        }
        "items" => value.as_array().is_none_or(|items| items.iter().all(|item| fits(item, operand))),
        "required" => value
            .as_object()
            .is_none_or(|map| operand.as_array().unwrap().iter().all(|key| map.contains_key(key.as_str().unwrap()))),
        "properties" => value
            .as_object()
            .is_none_or(|map| map.iter().all(|(key, value)| operand.get(key).is_none_or(|schema| fits(value, schema)))),
        "additionalProperties" => value.as_object().is_none_or(|map| {
            let known = schema.get("properties").unwrap_or(&Value::Null);
            map.iter().filter(|(key, _)| known.get(key).is_none()).all(|(_, value)| fits(value, operand))
        }),
        other => panic!("the schema uses `{other}`, which this validator does not know"),
    })
}

fn is_of_type(value: &Value, operand: &Value) -> bool {
    let types = operand.as_array().cloned().unwrap_or_else(|| vec![operand.clone()]);
    types.iter().any(|one| match one.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the schema uses the type `{other}`"),
    })
}

/// Whole pipelines that the repository shows: templates, samples, and blocks of documents.
fn shown() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in ["docs", "guest-sdk", "sample-transforms", "infra", "tests/examples"] {
        collect(&root().join(folder), &mut found);
    }
    for page in ["README.md", "ARCHITECTURE.md"] {
        blocks(&root().join(page), &mut found);
    }
    found
}

fn collect(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            collect(&path, found);
        } else if name.starts_with("pipeline") && name.ends_with(".yaml") {
            found.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
        } else if name.ends_with(".md") {
            blocks(&path, found);
        }
    }
}

/// The yaml blocks of a page that are whole pipelines, or sections of one.
fn blocks(page: &Path, found: &mut Vec<(String, String)>) {
    let Ok(text) = std::fs::read_to_string(page) else { return };
    for block in text.split("```yaml\n").skip(1) {
        let block = block.split("```").next().unwrap_or_default();
        found.push((page.display().to_string(), block.to_owned()));
    }
}

/// A section alone is valid if the rest of a pipeline is around it.
fn completed(mut shown: Value) -> Value {
    let rest = json!({
        "name": "orders", "source": {"file": {"path": "-"}}, "transform": {"wasm": "orders.wasm"},
        "tables": {"orders": {"path": "t"}}, "dead_letters": {"path": "d"},
    });
    for (key, value) in rest.as_object().unwrap() {
        shown.as_object_mut().unwrap().entry(key).or_insert_with(|| value.clone());
    }
    shown
}

#[test]
fn every_pipeline_that_we_show_is_valid() {
    let schema = json_schema();
    let mut count = 0;
    for (place, text) in shown() {
        let value = yaml(&text.replace("{{name}}", "orders"));
        // A Helm chart's values contain a pipeline.
        let pipeline = value.get("pipeline").unwrap_or(&value).clone();
        let mut keys = pipeline.as_object().into_iter().flatten().map(|(key, _)| key);
        if keys.any(|key| key != "name" && schema["properties"].get(key).is_some()) {
            assert!(fits(&completed(pipeline), &schema), "{place} is not valid:\n{text}");
            count += 1;
        }
    }
    // A moved folder must not make this test check nothing.
    assert!(count >= 6, "only {count} pipelines found");
}

/// One file with every setting, so that a setting that the schema forgets is noticed.
const EVERYTHING: &str = "
name: orders
source:
  kafka:
    brokers: [b1:9092, b2:9092]
    topics: [orders]
    group: g
    start: latest
    properties: {fetch.min.bytes: 1, a: true, sasl.password: {env: PATH}, b: {file: x}, c: text}
    authentication: {msk_iam: {region: eu-central-1}}
transform:
  artifact: orders@prod
  registry: transforms
  keys: key
  poll_interval: 1m 30s
  configuration: {any: [thing, {at: all}]}
  limits: {record_fuel_max: 2000000000, call_duration_max: 100ms, memory_bytes_max: 64 MiB, record_rows_max: 5}
tables: {orders: {path: tables/orders}, refunds: {path: s3://lake/refunds}}
dead_letters: {path: dlq, topic: orders-dlq}
flush: {rows_max: 1, bytes_max: 1.5GB, interval: 10s}
batch: {records_max: 10, bytes_max: 1024}
breaker: {window_records: 100, rejected_share_max: 0}
http: {listen: 127.0.0.1:9090}
s3: {endpoint: https://store.example.org, region: eu-central-1, path_style: false}
lambda: {gaps: accept, partial_responses: false, flush_reserve: 0s, timeout: 15m}
provenance: false
";

#[test]
fn every_setting_is_valid() {
    let value = yaml(EVERYTHING);
    assert!(fits(&value, &json_schema()));
    for off in [json!("off"), json!(false)] {
        let mut value = value.clone();
        value["breaker"] = off;
        assert!(fits(&value, &json_schema()));
    }
}

/// What is wrong in the shape or the range of one value alone, the schema finds as well as the reader.
#[test]
fn the_schema_refuses_what_the_reader_refuses() {
    let cases = [
        "misspelt_key",
        "misspelt_key_at_the_top",
        "misspelt_limit",
        "s3_misspelt",
        "breaker_misspelt",
        "lambda_misspelt",
        "authentication_misspelt",
        "authentication_unknown",
        "bad_duration",
        "bad_size",
        "bad_start",
        "bad_format",
        "breaker_on",
        "breaker_share_of_one",
        "duration_without_unit",
        "list_for_map",
        "missing_dead_letters",
        "negative_size",
        "number_for_text",
        "secret_from_elsewhere",
        "text_for_number",
        "two_sources",
        "unknown_source",
        "zero_rows",
    ];
    let schema = json_schema();
    for case in cases {
        let text = std::fs::read_to_string(root().join(format!("tests/cases/settings/{case}/pipeline.yaml"))).unwrap();
        assert!(!fits(&yaml(&text), &schema), "{case} is valid");
    }
}

/// Free keys are only where the user chooses them.
#[test]
fn sections_take_no_unknown_keys() {
    let mut open = Vec::new();
    visit(&json_schema(), "", &mut open);
    assert_eq!(open, [".source.kafka.properties", ".tables", ".transform.configuration"]);
}

fn visit(schema: &Value, path: &str, open: &mut Vec<String>) {
    for one in [schema.get("anyOf"), schema.get("oneOf")].into_iter().flatten().filter_map(Value::as_array).flatten() {
        visit(one, path, open);
    }
    let is_object = schema.get("type").is_some_and(|kind| kind.to_string().contains("object"));
    if is_object && schema.get("additionalProperties") != Some(&json!(false)) {
        open.push(path.to_owned());
    }
    for (key, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        visit(inner, &format!("{path}.{key}"), open);
    }
    if let Some(inner) = schema.get("additionalProperties") {
        visit(inner, &format!("{path}.*"), open);
    }
}
