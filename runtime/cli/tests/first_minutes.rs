//! The first five minutes, from outside: a new crate needs no checkout and no Kafka, and each wrong turn of a newcomer has an
//! answer.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/guest.rs"]
mod guest;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn sluicebox(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sluicebox"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("SLUICEBOX_LOG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Taken, so that it is closed after this line: a command that reads its stdin would wait for ever.
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// What it says on stdout and stderr, where it ends with this code.
fn said(folder: &Path, code: i32, arguments: &[&str], input: &str) -> String {
    let output = sluicebox(folder, arguments, input);
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    text
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A new crate in a folder without any checkout above it. Its target folder is shared between runs of the tests: only the
/// crate itself is built each time.
fn new_crate(folder: &Path) -> PathBuf {
    let said = said(folder, 0, &["new", "hello"], "");
    assert!(said.contains("sluicebox run"), "{said}");
    let made = folder.join("hello");
    let target = repository().join("target/new-crate");
    fs::create_dir_all(&target).unwrap();
    // Outside of the temporary folder, which goes with the test.
    std::os::unix::fs::symlink(target, made.join("target")).unwrap();
    made
}

#[test]
fn a_new_crate_ends_with_rows_in_a_table_and_no_broker() {
    let folder = tempfile::tempdir().unwrap();
    let made = new_crate(folder.path());

    let tested = said(&made, 0, &["test"], "");
    assert!(tested.contains("1 passed · 0 failed") && tested.contains("built in"), "{tested}");
    let run = said(&made, 0, &["run"], "");
    assert!(
        run.contains("8 records") && run.contains("5 written to tables") && run.contains("3 dead letters"),
        "{run}"
    );
    let audit = said(&made, 0, &["audit"], "");
    assert!(audit.contains("every offset is accounted for"), "{audit}");
    let letters = said(&made, 0, &["dlq", "ls"], "");
    for code in ["negative_amount", "missing_field", "invalid_json"] {
        assert!(letters.contains(code), "{code}: {letters}");
    }
    said(&made, 0, &["check", "pipeline.yaml"], "");
    // No broker runs: `check` must not ask for one.
    said(&made, 0, &["check", "pipeline.kafka.yaml"], "");

    let position = letters.split_whitespace().find(|word| word.contains('@')).unwrap().trim_matches('`').to_owned();
    let replayed = said(&made, 1, &["replay", &position, "--transform", "."], "");
    assert!(!replayed.contains("Is a directory"), "{replayed}");
    assert_try_takes_a_pipeline_and_names_raw(&made);
    assert_a_missing_expectation_is_told_before_the_build(&made);
}

fn assert_try_takes_a_pipeline_and_names_raw(made: &Path) {
    let tried = said(made, 0, &["try", ".", "sample.jsonl", "--pipeline", "pipeline.yaml"], "");
    assert!(tried.contains("8 records · 5 rows"), "{tried}");
    let bare = said(made, 2, &["try", "."], "{\"id\": \"o-1\", \"amount\": 5}\n");
    assert!(bare.contains("--raw") && bare.contains("-:1"), "{bare}");
    said(made, 0, &["try", ".", "--raw"], "{\"id\": \"o-1\", \"amount\": 5}\n");
}

fn assert_a_missing_expectation_is_told_before_the_build(made: &Path) {
    fs::remove_file(made.join("cases/hello/expected.jsonl")).unwrap();
    // A second fault: which of the two is told shows which check came first.
    fs::write(made.join("src/lib.rs"), "this does not compile").unwrap();
    let missing = said(made, 2, &["test"], "");
    assert!(missing.contains("expected.jsonl is missing") && missing.contains("--update"), "{missing}");
    assert!(!missing.contains("compile"), "the build came first: {missing}");
}

#[test]
fn a_new_crate_names_nothing_of_the_machine_that_built_the_command() {
    let folder = tempfile::tempdir().unwrap();
    said(folder.path(), 0, &["new", "hello"], "");
    let manifest = fs::read_to_string(folder.path().join("hello/Cargo.toml")).unwrap();
    assert!(!manifest.contains(&repository().display().to_string()), "{manifest}");
    assert!(folder.path().join("hello/sluicebox-sdk/sluicebox/src/lib.rs").is_file());
    let pipeline = fs::read_to_string(folder.path().join("hello/pipeline.yaml")).unwrap();
    let file = pipeline.strip_prefix("# yaml-language-server: $schema=").unwrap().lines().next().unwrap();
    let schema = fs::read_to_string(folder.path().join("hello").join(file)).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    assert!(schema["properties"]["dead_letters"].is_object(), "{schema}");
}

#[test]
fn names_that_cargo_would_refuse_later_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["fn", "test", "sluicebox", "Upper"] {
        let refused = said(folder.path(), 2, &["new", name], "");
        assert!(refused.contains("cannot name a transform"), "{name}: {refused}");
    }
}

#[test]
fn a_case_without_the_configuration_it_needs_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let case = folder.path().join("cases/first");
    fs::create_dir_all(&case).unwrap();
    fs::write(case.join("input.jsonl"), "{\"value\": {\"id\": \"m-1\"}}\n").unwrap();
    let wasm = guest::guest("sample-transforms/mask-pii");
    let test = ["test", wasm.to_str().unwrap(), "--cases", "cases", "--update"];
    let refused = said(folder.path(), 2, &test, "");
    assert!(refused.contains("configuration.json"), "{refused}");
}

#[test]
fn a_code_is_explained_with_its_runbook() {
    let folder = tempfile::tempdir().unwrap();
    let runbook = said(folder.path(), 0, &["explain", "e0201"], "");
    assert!(runbook.contains("E0201") && runbook.contains("## Act") && runbook.contains("--accept-gap"), "{runbook}");
    let short = said(folder.path(), 0, &["explain", "E0104"], "");
    assert!(short.contains("a key is missing") && short.contains("What to do: add it"), "{short}");
    let all: Value = serde_json::from_str(&said(folder.path(), 0, &["explain", "--format", "json"], "")).unwrap();
    assert!(all.as_array().unwrap().iter().any(|it| it["code"] == "E0301" && it["runbook"].is_string()));
    assert!(said(folder.path(), 2, &["explain", "E9999"], "").contains("lists all codes"));
}

#[test]
fn shells_and_packages_get_completions_and_man_pages() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = said(folder.path(), 0, &["completions", shell], "");
        assert!(script.contains("ignore-breaker") && script.contains("redrive"), "{shell}");
    }
    said(folder.path(), 0, &["man", "pages"], "");
    let page = fs::read_to_string(folder.path().join("pages/sluicebox-run.1")).unwrap();
    assert!(page.contains("SIGTERM"), "{page}");
}

#[test]
fn the_version_names_wasmtime_and_the_commit() {
    let folder = tempfile::tempdir().unwrap();
    let version = said(folder.path(), 0, &["--version"], "");
    let lock = fs::read_to_string(repository().join("Cargo.lock")).unwrap();
    let wasmtime = lock.split_once("name = \"wasmtime\"\nversion = \"").unwrap().1.split_once('"').unwrap().0;
    assert!(version.contains(&format!("wasmtime {wasmtime}")) && version.contains("commit "), "{version}");
}

#[test]
fn a_wrong_log_filter_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_sluicebox"))
        .args(["explain"])
        .current_dir(folder.path())
        .env("SLUICEBOX_LOG", "sluicebox=loud=1")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("SLUICEBOX_LOG"), "{text}");
}
