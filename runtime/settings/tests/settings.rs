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
    assert!(count >= 60, "only {count} cases");
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

/// Text stays text, from whichever place it comes: what YAML or a number would make of it changes nothing.
#[test]
fn text_from_the_environment_stays_text() {
    let texts = [
        "0123456",
        "1e3",
        "0x10",
        "1_000",
        "NO",
        "true",
        "null",
        "~",
        "a: b",
        "# x",
        "[x]",
        "{env: HOME}",
        "\"quoted\"",
        "'q'",
        "two\nlines",
        "- item",
        "123456789012345678901234567890",
        "&a",
        "*a",
        "!t x",
        "",
    ];
    for text in texts {
        let document = parsed(&[
            ("SLUICEBOX__SOURCE__KAFKA__PROPERTIES__SASL_PASSWORD", text),
            ("SLUICEBOX__SOURCE__KAFKA__PROPERTIES__CLIENT_ID", text),
            ("SLUICEBOX__SOURCE__KAFKA__GROUP", if text.is_empty() { "g" } else { text }),
            ("SLUICEBOX__TRANSFORM__CONFIGURATION__SALT", text),
        ]);
        let settings = document.unwrap_or_else(|error| panic!("{text}: {error}")).into_settings();
        let SourceSettings::Kafka(kafka) = &settings.source else { unreachable!("the source is Kafka") };
        assert_eq!(kafka.properties["sasl.password"].reveal(), text);
        assert_eq!(kafka.properties["client.id"].reveal(), text);
        assert_eq!(kafka.group, if text.is_empty() { "g" } else { text });
        assert_eq!(settings.transform.configuration["salt"], *text);
        assert_eq!(settings.name, "orders", "{text} changes nothing around it");
    }
}

#[test]
fn a_number_from_the_environment_is_a_number_where_a_setting_or_the_file_says_so() {
    let text =
        GOOD.replace("wasm: orders.wasm", "wasm: orders.wasm, configuration: {max: 5, on: true, list: [1], text: x}");
    let read = |environment: &[(&str, &str)]| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("orders.wasm"), "").unwrap();
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Document::parse(&folder.path().join("pipeline.yaml"), text.clone(), environment)
            .map_err(|error| error.to_string())
    };
    let settings = read(&[
        ("SLUICEBOX__FLUSH__ROWS_MAX", "7"),
        ("SLUICEBOX__FLUSH__BYTES_MAX", "1024"),
        ("SLUICEBOX__PROVENANCE", "false"),
        ("SLUICEBOX__BREAKER", "{window_records: 10}"),
        ("SLUICEBOX__SOURCE__KAFKA__TOPICS", "[007, NO, 1e3]"),
        ("SLUICEBOX__TRANSFORM__CONFIGURATION__MAX", "12"),
        ("SLUICEBOX__TRANSFORM__CONFIGURATION__ON", "false"),
        ("SLUICEBOX__TRANSFORM__CONFIGURATION__LIST", "[2, 3]"),
        ("SLUICEBOX__TRANSFORM__CONFIGURATION__TEXT", "12"),
    ]);
    let settings = settings.unwrap().into_settings();
    assert_eq!((settings.flush.rows_max, settings.flush.bytes_max, settings.provenance), (7, 1024, false));
    assert_eq!(settings.breaker.map(|breaker| breaker.window_records), Some(10));
    let SourceSettings::Kafka(kafka) = &settings.source else { unreachable!("the source is Kafka") };
    assert_eq!(kafka.topics, Topics::Named(["007", "NO", "1e3"].map(str::to_owned).to_vec()));
    let configuration = serde_json::json!({"max": 12, "on": false, "list": [2, 3], "text": "12"});
    assert_eq!(settings.transform.configuration, configuration);

    for (name, value) in [("SLUICEBOX__FLUSH__ROWS_MAX", "many"), ("SLUICEBOX__PROVENANCE", "NO")] {
        let error = read(&[(name, value)]).unwrap_err();
        assert!(error.contains("E0105") && error.contains(name), "{error}");
    }
}

#[test]
fn text_in_the_file_stays_text() {
    let text = GOOD
        .replace("fetch.min.bytes: 1", "client.id: 007, sasl.username: 1e3, client.rack: NO, fetch.min.bytes: 0x10")
        .replace("wasm: orders.wasm", "wasm: orders.wasm, configuration: {country: NO, code: 007, sum: 1e3}");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("orders.wasm"), "").unwrap();
    let settings = Document::parse(&folder.path().join("pipeline.yaml"), text, []).unwrap().into_settings();
    let SourceSettings::Kafka(kafka) = &settings.source else { unreachable!("the source is Kafka") };
    let revealed: Vec<&str> = kafka.properties.values().map(sluicebox_settings::Secret::reveal).collect();
    assert_eq!(revealed, ["007", "NO", "0x10", "1e3"]);
    assert_eq!(settings.transform.configuration, serde_json::json!({"country": "NO", "code": "007", "sum": 1000.0}));
}

/// A link is not in a text: two tables that meet behind one.
#[test]
fn tables_that_meet_behind_a_link_are_one_place() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("orders.wasm"), "").unwrap();
    std::fs::create_dir(folder.path().join("tables")).unwrap();
    std::os::unix::fs::symlink("tables", folder.path().join("link")).unwrap();
    let text = GOOD.replace("{path: /dlq}", "{path: link/orders}");
    let error = Document::parse(&folder.path().join("pipeline.yaml"), text, []).unwrap_err().to_string();
    assert!(
        error.contains("E0112") && error.contains("tables.orders.path") && error.contains("dead_letters.path"),
        "{error}"
    );
}
