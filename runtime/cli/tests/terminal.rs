//! What a producer, a guest or a registry wrote does not steer the terminal of the person who looks at it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/guest.rs"]
mod guest;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::json;

/// A window's title, the clipboard, a colour, a forged line, the end of it all, and the reading direction.
const HOSTILE: &str = "\u{1b}]0;owned\u{7}\u{1b}]52;c;cm0=\u{7}\u{1b}[31m\r\nerror: forged\u{9b}2J\u{202e}\u{2066}\0";

fn sluicebox(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sluicebox"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("SLUICEBOX_LOG")
        .env("USER", HOSTILE.replace('\0', ""))
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Nothing that a terminal obeys, and no line that begins as only our own may.
fn require_harmless(arguments: &[&str], output: &Output) {
    for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        let text = std::str::from_utf8(bytes).unwrap();
        let obeyed = text.chars().find(|char| {
            (char.is_control() && *char != '\n') || matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        });
        assert_eq!(obeyed, None, "{arguments:?} wrote it to {name}: {text:?}");
        assert!(!text.lines().any(|line| line.starts_with("error: forged")), "{arguments:?}, {name}: {text}");
    }
}

#[test]
fn no_command_passes_foreign_control_characters_on() {
    let folder = tempfile::tempdir().unwrap();
    let order = json!({"id": "o-1", "currency": HOSTILE, "amount": HOSTILE});
    let record =
        json!({"topic": "orders", "key": HOSTILE, "value": order.to_string(), "headers": [[HOSTILE, HOSTILE]]});
    fs::write(folder.path().join("records.jsonl"), record.to_string()).unwrap();
    let transform = guest::guest("sample-transforms/clean-orders");
    let settings = json!({
        "name": "orders",
        "source": {"file": {"path": "records.jsonl"}},
        "transform": {"wasm": transform},
        "tables": {"orders": {"path": "tables/orders"}},
        "dead_letters": {"path": "tables/dead_letters"},
    });
    fs::write(folder.path().join("pipeline.yaml"), settings.to_string()).unwrap();
    let transform = transform.to_str().unwrap();
    let ran = sluicebox(folder.path(), &["run"]);
    assert!(ran.status.success(), "{ran:?}");
    let pushed = sluicebox(folder.path(), &["push", transform, "--to", "registry/orders", "--format", "json"]);
    let pushed: serde_json::Value = serde_json::from_slice(&pushed.stdout).unwrap();
    let reference = format!("registry/orders@{}", pushed["digest"].as_str().unwrap());
    for arguments in [
        &["try", transform, "records.jsonl"][..],
        &["dlq", "ls"],
        &["dlq", "ls", "--by", "message", "--format", "json"],
        &["dlq", "show", "orders/0@0"],
        &["dlq", "show", "orders/0@0", "--payloads"],
        &["dlq", "show", "orders/0@0", "--payloads", "--format", "json"],
        &["replay", "orders/0@0"],
        &["dlq", "discard", "--note", HOSTILE.trim_end_matches('\0')],
        &["promote", &reference, "--channel", "prod", "--note", HOSTILE.trim_end_matches('\0')],
        &["ls", "registry"],
        &["ls", "registry/orders@prod"],
        &["audit"],
        &["check", HOSTILE.trim_end_matches('\0')],
    ] {
        let output = sluicebox(folder.path(), arguments);
        require_harmless(arguments, &output);
        assert!(!output.stdout.is_empty() || !output.stderr.is_empty(), "{arguments:?} says nothing");
    }
}
