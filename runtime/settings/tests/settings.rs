//! Wrong pipeline files and their error texts: `tests/cases/settings/<case>/{pipeline.yaml,error.txt}`.
//!
//! `UPDATE_EXPECTED=1 cargo test` rewrites the texts; read the difference before you commit it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use sluicebox_settings::{Document, SourceSettings, Topics};

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/settings")
}

#[test]
fn every_wrong_file_is_refused_with_its_text() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("orders.wasm"), "").unwrap();
    let mut count = 0;
    let mut wrong = Vec::new();
    for case in std::fs::read_dir(cases()).unwrap() {
        let case = case.unwrap().path();
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(case.join("pipeline.yaml")).unwrap();
        let said = match Document::parse(&folder.path().join("pipeline.yaml"), text, []) {
            Ok(_) => "accepted\n".to_owned(),
            Err(error) => format!("{error}\n").replace(&format!("{}/", folder.path().display()), ""),
        };
        // Each case with a secret uses this one; no message may quote the line that it stands on.
        assert!(!said.contains("hunter2"), "{name} shows a secret");
        let golden = case.join("error.txt");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            std::fs::write(&golden, &said).unwrap();
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        if said != expected || !said.starts_with("error[E01") {
            wrong.push(format!("--- {name}: expected\n{expected}--- but it said\n{said}"));
        }
        count += 1;
    }
    // An empty folder must not pass.
    assert!(count >= 40, "only {count} cases");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const GOOD: &str = "
name: orders
source: {kafka: {brokers: [b1:9092, b2:9092], topics: orders, properties: {fetch.min.bytes: 1}}}
transform: {wasm: orders.wasm}
tables: {orders: {path: tables/orders}}
dead_letters: {path: /dlq}
";

fn parsed(environment: &[(&str, &str)]) -> Result<Document, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("orders.wasm"), "").unwrap();
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Document::parse(&folder.path().join("pipeline.yaml"), GOOD.to_owned(), environment)
        .map_err(|error| error.to_string())
}

#[test]
fn defaults_are_filled_in() {
    let settings = parsed(&[]).unwrap().into_settings();
    let SourceSettings::Kafka(kafka) = &settings.source else { unreachable!("the source is Kafka") };
    assert_eq!(kafka.brokers, "b1:9092,b2:9092");
    assert_eq!(kafka.group, "sluicebox-orders");
    assert_eq!(kafka.topics, Topics::Named(vec!["orders".to_owned()]));
    assert_eq!(kafka.properties["fetch.min.bytes"].reveal(), "1");
    assert_eq!(settings.dead_letters.path, "/dlq");
    assert!(settings.tables["orders"].path.ends_with("/tables/orders"));
    let tables: Vec<(&str, bool)> =
        settings.all_tables().map(|(name, path)| (name, path.ends_with("/tables/orders"))).collect();
    assert_eq!(tables, [("orders", true), ("dead_letters", false)]);
    assert!(settings.provenance);
    assert_eq!(settings.batch.records_max, 1000);
}

#[test]
fn json_is_yaml_too() {
    let text = r#"{"name": "orders", "source": {"kafka": {"brokers": "b:9092", "topics": ["orders"]}},
        "transform": {"wasm": "Cargo.toml"}, "tables": {"orders": {"path": "t"}}, "dead_letters": {"path": "d"},
        "flush": {"interval": "1m", "rows_max": 5, "bytes_max": 1024}}"#;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipeline.json");
    let settings = Document::parse(&path, text.to_owned(), []).unwrap().into_settings();
    assert_eq!(settings.flush.interval.as_secs(), 60);
}

#[test]
fn the_environment_replaces_leaves() {
    let document = parsed(&[
        ("SLUICEBOX__SOURCE__KAFKA__BROKERS", "b3:9092"),
        ("SLUICEBOX__SOURCE__KAFKA__TOPICS", "[a, b]"),
        ("SLUICEBOX__SOURCE__KAFKA__PROPERTIES__FETCH_MIN_BYTES", "7"),
        // A secret that looks like broken YAML stays text.
        ("SLUICEBOX__SOURCE__KAFKA__PROPERTIES__SASL_PASSWORD", "{not: yaml"),
        ("SLUICEBOX__FLUSH__ROWS_MAX", "9"),
        ("UNRELATED", "x"),
    ]);
    let settings = document.unwrap().into_settings();
    let SourceSettings::Kafka(kafka) = &settings.source else { unreachable!("the source is Kafka") };
    assert_eq!(kafka.brokers, "b3:9092");
    assert_eq!(kafka.topics, Topics::Named(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(kafka.properties["fetch.min.bytes"].reveal(), "7");
    assert_eq!(kafka.properties["sasl.password"].reveal(), "{not: yaml");
    assert_eq!(settings.flush.rows_max, 9);
    assert!(!format!("{settings:?}").contains("not: yaml"), "secrets are not shown");
}

#[test]
fn a_wrong_variable_is_named() {
    let error = parsed(&[("SLUICEBOX__FLUSH__INTERVALL", "1s")]).unwrap_err();
    assert!(error.contains("environment variable SLUICEBOX__FLUSH__INTERVALL"), "{error}");
    assert!(error.contains("did you mean `interval`?"), "{error}");
    let error = parsed(&[("SLUICEBOX__FLUSH__INTERVAL", "1")]).unwrap_err();
    assert!(error.contains("environment variable SLUICEBOX__FLUSH__INTERVAL"), "{error}");
}
