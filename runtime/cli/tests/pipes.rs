//! Inputs that keep their reader waiting: what has come is committed meanwhile, and a signal is heard.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/guest.rs"]
mod guest;

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(20);

fn run(folder: &Path, input: &str) -> Child {
    let document = json!({
        "name": "piped",
        "source": {"file": {"path": input, "format": "lines"}},
        "transform": {"wasm": guest::guest("sample-transforms/clean-orders")},
        "tables": {"orders": {"path": "tables/orders"}},
        "dead_letters": {"path": "tables/dead_letters"},
        "flush": {"interval": "200ms"},
        "breaker": "off",
    });
    Command::new(env!("CARGO_BIN_EXE_sluicebox"))
        .arg("run")
        .current_dir(folder)
        .env("SLUICEBOX_PIPELINE", document.to_string())
        .env_remove("SLUICEBOX_LOG")
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn commits(folder: &Path) -> usize {
    let log = folder.join("tables/dead_letters/_delta_log");
    let entries = fs::read_dir(log).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_name().to_string_lossy().ends_with(".json")).count()
}

fn await_commits(folder: &Path, count: usize) {
    let started = Instant::now();
    while commits(folder) < count {
        assert!(started.elapsed() < PATIENCE, "{} commits after {PATIENCE:?}", commits(folder));
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn terminate(child: &mut Child) -> (Duration, ExitStatus) {
    let asked = Instant::now();
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let status = child.wait().unwrap();
    (asked.elapsed(), status)
}

#[test]
fn lines_that_come_one_by_one_are_committed_as_they_come() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = run(folder.path(), "-");
    let mut input = child.stdin.take().unwrap();
    // The first half of a line waits for the second.
    input.write_all(b"no order\nno or").unwrap();
    await_commits(folder.path(), 3);
    let before = commits(folder.path());
    input.write_all(b"der\n").unwrap();
    await_commits(folder.path(), before + 1);
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_stop_does_not_wait_for_an_input_that_says_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = run(folder.path(), "-");
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"no order\n").unwrap();
    await_commits(folder.path(), 3);
    let (taken, status) = terminate(&mut child);
    assert!(taken < Duration::from_secs(2), "{taken:?}");
    assert!(status.success(), "{status}");
}

#[test]
fn a_named_pipe_is_read_from_its_first_line() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let child = run(folder.path(), "pipe");
    // Opening waits until the child opens the other end: no line comes too early.
    let mut writer = OpenOptions::new().write(true).open(&pipe).unwrap();
    writer.write_all(b"first\nsecond\n").unwrap();
    // The end of the input, at which the run ends.
    drop(writer);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("2 records"), "{said}");
}
