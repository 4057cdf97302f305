//! The command from outside: its help, its exit codes, what it says where. `INSTA_UPDATE=always` accepts new texts.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/guest.rs"]
mod guest;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

fn sluicebox(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sluicebox"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("SLUICEBOX_LOG")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// `clean-orders` as a component, built once.
fn clean_orders() -> PathBuf {
    guest::guest("sample-transforms/clean-orders")
}

#[test]
fn help_says_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    for command in [
        "",
        "new",
        "build",
        "inspect",
        "try",
        "test",
        "check",
        "run",
        "status",
        "health",
        "audit",
        "dlq",
        "dlq ls",
        "dlq show",
        "dlq redrive",
        "dlq discard",
        "replay",
        "push",
        "promote",
        "rollback",
        "shadow",
        "canary",
        "withdraw",
        "ls",
        "diff",
        "clean",
        "cost",
        "demo",
        "bench",
        "explain",
        "completions",
    ] {
        let arguments: Vec<&str> = command.split(' ').chain(["--help"]).filter(|word| !word.is_empty()).collect();
        let output = sluicebox(folder.path(), &arguments);
        assert!(output.status.success());
        insta::assert_snapshot!(format!("help-{}", command.replace(' ', "-")), stdout(&output));
    }
}

#[test]
fn a_wrong_command_line_is_usage() {
    let folder = tempfile::tempdir().unwrap();
    let output = sluicebox(folder.path(), &["runn"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("'run'"), "{}", stderr(&output));
    assert!(output.stdout.is_empty());
}

#[test]
fn check_shows_the_place_and_the_fix() {
    let folder = tempfile::tempdir().unwrap();
    let output = sluicebox(folder.path(), &["check", "none.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("none.yaml"), "{}", stderr(&output));

    fs::write(folder.path().join("pipeline.yaml"), pipeline(&clean_orders(), json!({"ordres": {"path": "t"}})))
        .unwrap();
    let output = sluicebox(folder.path(), &["check"]);
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!("check-misspelt-table", stderr(&output));
}

#[test]
fn check_accepts_what_is_right_and_touches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pipeline.yaml");
    fs::write(&file, pipeline(&clean_orders(), json!({"orders": {"path": "tables/orders"}}))).unwrap();
    let output = sluicebox(folder.path(), &["check"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stdout(&output).contains("clean-orders"));
    assert!(!folder.path().join("tables").exists());
}

/// A pipeline that reads an empty file.
fn pipeline(wasm: &Path, tables: Value) -> String {
    let settings = json!({
        "name": "orders",
        "source": { "file": { "path": "-" } },
        "transform": { "wasm": wasm },
        "tables": tables,
        "dead_letters": { "path": "tables/dead_letters" },
    });
    serde_json::to_string_pretty(&settings).unwrap()
}

#[test]
fn new_makes_a_crate_and_overwrites_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let output = sluicebox(folder.path(), &["new", "first-try"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let manifest = fs::read_to_string(folder.path().join("first-try/Cargo.toml")).unwrap();
    assert!(manifest.contains("name = \"first-try\""), "{manifest}");
    for file in ["src/lib.rs", "README.md", "pipeline.yaml", "pipeline.kafka.yaml", "sample.jsonl"] {
        let text = fs::read_to_string(folder.path().join("first-try").join(file)).unwrap();
        assert!(!text.contains("{{"), "{file} has a placeholder left");
    }
    assert_eq!(sluicebox(folder.path(), &["new", "first-try"]).status.code(), Some(2));
    assert_eq!(sluicebox(folder.path(), &["new", "First"]).status.code(), Some(2));
}

const RECORDS: &str = r#"{"value": {"id": "o-1", "customer": "Ada", "amount": 19.9, "currency": "eur", "placed_at": "2024-03-01T00:30:00Z"}}
{"value": {"id": "o-2", "customer": "Ada", "amount": -1, "currency": "eur", "placed_at": "2024-03-01T00:30:00Z"}, "offset": 7}
{"value": {"id": "o-3", "customer": "Ada", "amount": 1, "currency": "eur", "placed_at": "2024-03-01T00:30:00Z", "test": true}}
"#;

#[test]
fn try_shows_a_verdict_for_each_record() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("records.jsonl"), RECORDS).unwrap();
    let wasm = clean_orders();
    let output = sluicebox(folder.path(), &["try", wasm.to_str().unwrap(), "records.jsonl"]);
    assert!(output.status.success(), "{}", stderr(&output));
    insta::assert_snapshot!("try", stdout(&output));
    assert_eq!(stderr(&output), "3 records · 1 row · 1 filtered · 1 rejected\n");

    let output = sluicebox(folder.path(), &["try", wasm.to_str().unwrap(), "records.jsonl", "--format", "jsonl"]);
    let lines: Vec<Value> = stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // Text, not a number: a decimal keeps its digits.
    assert_eq!(lines[0]["rows"]["orders"][0]["amount"], "19.90");
    assert_eq!((&lines[1]["offset"], &lines[1]["rejected"]["code"]), (&json!(7), &json!("negative_amount")));
    assert_eq!(lines[2], json!({"offset": 2, "filtered": true}));
}

/// `sluicebox test` of the cases in a folder.
fn test_cases(folder: &Path, wasm: &Path, more: &[&str]) -> Output {
    sluicebox(folder, &[&["test", wasm.to_str().unwrap(), "--cases", "cases"], more].concat())
}

#[test]
fn test_compares_cell_by_cell_and_update_accepts() {
    let folder = tempfile::tempdir().unwrap();
    let case = folder.path().join("cases/first");
    fs::create_dir_all(&case).unwrap();
    fs::write(case.join("input.jsonl"), RECORDS).unwrap();
    let wasm = clean_orders();

    assert_eq!(test_cases(folder.path(), &wasm, &[]).status.code(), Some(2), "nothing is expected yet");
    assert!(test_cases(folder.path(), &wasm, &["--update"]).status.success());
    assert!(test_cases(folder.path(), &wasm, &[]).status.success());

    let expected = fs::read_to_string(case.join("expected.jsonl")).unwrap();
    // One wrong cell in a row, and one in a rejection.
    fs::write(case.join("expected.jsonl"), expected.replace("\"EUR\"", "null").replace("negative", "positive"))
        .unwrap();
    let output = test_cases(folder.path(), &wasm, &[]);
    assert_eq!(output.status.code(), Some(1));
    let said = stdout(&output);
    assert!(said.contains("cases/first/expected.jsonl:1"), "{said}");
    assert!(said.contains("rows.orders[0].currency   expected null   actual \"EUR\""), "{said}");
    assert!(said.contains("rejected.code   expected \"positive_amount\"   actual \"negative_amount\""), "{said}");
    assert!(said.contains("0 passed · 1 failed"), "{said}");
}

#[test]
fn test_finds_a_transform_that_remembers() {
    let folder = tempfile::tempdir().unwrap();
    let case = folder.path().join("cases/counting");
    fs::create_dir_all(&case).unwrap();
    fs::write(case.join("input.jsonl"), "{\"value\": \"count\"}\n".repeat(3)).unwrap();
    let wasm = guest::guest("tests/guests/misbehaving");
    let output = sluicebox(folder.path(), &["test", wasm.to_str().unwrap(), "--cases", "cases", "--update"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("not a pure function: record 1 gives"), "{}", stdout(&output));
    assert!(!case.join("expected.jsonl").exists(), "what is not pure is not accepted");
}

#[test]
fn inspect_names_tables_digest_and_imports() {
    let output = sluicebox(&repository(), &["inspect", clean_orders().to_str().unwrap(), "--format", "json"]);
    let seen: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert!(seen["digest"].as_str().unwrap().starts_with("sha256:"));
    assert_eq!(seen["tables"][0]["name"], "orders");
    assert_eq!(seen["tables"][0]["partition_columns"], json!(["placed_on"]));
    assert_eq!(seen["imports"][0], "sluicebox:transform/log@2.0.0");
}

/// A run over a file, then the audit of what it left: sound, until the test changes what a commit says.
#[test]
fn an_audit_tells_sound_tables_from_tampered_ones() {
    let folder = tempfile::tempdir().unwrap();
    let settings = json!({
        "name": "audited",
        "source": {"file": {"path": "records"}},
        "transform": {"wasm": clean_orders()},
        "tables": {"orders": {"path": "tables/orders"}},
        "dead_letters": {"path": "tables/dead_letters"},
    });
    let order = json!({"id": "o-1", "customer": "a@b.example", "amount": 1.5, "currency": "EUR", "items": 3,
        "placed_at": "2024-02-29T12:30:00Z"});
    let records = [order.to_string().as_str(), "no order"].map(|value| json!({"value": value}).to_string() + "\n");
    fs::write(folder.path().join("records"), records.concat()).unwrap();
    fs::write(folder.path().join("pipeline.yaml"), settings.to_string()).unwrap();
    let output = sluicebox(folder.path(), &["run"]);
    assert!(output.status.success(), "{}", stderr(&output));

    let output = sluicebox(folder.path(), &["audit"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("✓ audited: every offset is accounted for"), "{}", stdout(&output));

    let entry = folder.path().join("tables/orders/_delta_log/00000000000000000002.json");
    let text = fs::read_to_string(&entry).unwrap();
    fs::write(&entry, text.replace("\"emitted\":1", "\"emitted\":0")).unwrap();
    let output = sluicebox(folder.path(), &["audit", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!((&report["sound"], &report["violations"][0]["version"]), (&json!(false), &json!(2)));
    let output = sluicebox(folder.path(), &["audit", "--quick"]);
    assert!(stdout(&output).contains("its files hold 1 rows, but no record became a row"), "{}", stdout(&output));

    let output = sluicebox(folder.path(), &["audit", "nowhere.yaml"]);
    assert_eq!(output.status.code(), Some(2));
}
