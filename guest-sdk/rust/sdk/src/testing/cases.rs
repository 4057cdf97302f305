//! A transform's case folders, run natively: `cases/<case>/input.jsonl` against `cases/<case>/expected.jsonl`. The same
//! folders are what `sluicebox test` runs in the sandbox.

use std::{fs, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Verdict, base64, verdicts};
use crate::{Transform, batch::Batch};

/// One line of `input.jsonl`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    key: Option<String>,
    key_base64: Option<String>,
    value: Option<Value>,
    value_base64: Option<String>,
    #[serde(default)]
    headers: Vec<(String, Option<String>)>,
    timestamp: Option<i64>,
    topic: Option<String>,
    partition: Option<i32>,
    offset: Option<i64>,
}

/// One line of `expected.jsonl`.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Expected {
    offset: i64,
    #[serde(flatten)]
    verdict: Verdict,
}

/// Runs every case of a folder; `configuration.json` in a case is the transform's configuration.
///
/// Records of a case go through as one batch, and then once more each alone: the verdicts must be the same.
/// With `UPDATE_CASES=1` in the environment the expectation is written again; look at what changed before you commit it.
///
/// # Panics
/// Where a verdict is not the expected one, or a file is not what it should be; the message says which.
pub fn check_cases<T: Transform>(folder: impl AsRef<Path>) {
    let folder = folder.as_ref();
    let entries = fs::read_dir(folder).unwrap_or_else(|error| failed(folder, error));
    let mut cases: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).collect();
    cases.sort();
    assert!(!cases.is_empty(), "{}: no cases", folder.display());
    for case in cases {
        check_case::<T>(&case);
    }
}

fn check_case<T: Transform>(case: &Path) {
    let configuration = case.join("configuration.json");
    let configuration = if configuration.exists() { read(&configuration) } else { "{}".to_owned() };
    let transform = T::configure(&configuration).unwrap_or_else(|error| failed(case, error));
    let description = T::describe();

    let records: Vec<Line> = lines(&case.join("input.jsonl"));
    let batch = records.iter().fold(empty_batch(&records), push);
    let together = verdicts(&description, &transform.process(&batch));
    let found = batch.offsets.iter().zip(&together);
    let found: Vec<_> = found.map(|(offset, verdict)| Expected { offset: *offset, verdict: verdict.clone() }).collect();

    let expectation = case.join("expected.jsonl");
    if std::env::var_os("UPDATE_CASES").is_some() {
        write(&expectation, &found);
    }
    let expected: Vec<Expected> = lines(&expectation);
    assert_eq!(found.len(), expected.len(), "{}: one line a record in expected.jsonl", case.display());
    for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert_eq!(found, expected, "{}: record on line {}", case.display(), index + 1);
    }
    for (index, (record, together)) in records.iter().zip(&together).enumerate() {
        let alone = verdicts(&description, &transform.process(&push(empty_batch(&records), record)));
        assert_eq!(
            &alone[0],
            together,
            "{}: not a pure function: line {} alone and in the batch",
            case.display(),
            index + 1
        );
    }
}

fn empty_batch(records: &[Line]) -> Batch {
    let first = records.first();
    let topic = first.and_then(|record| record.topic.clone()).unwrap_or_else(|| "test".to_owned());
    Batch::new(topic, first.and_then(|record| record.partition).unwrap_or(0))
}

fn push(mut batch: Batch, record: &Line) -> Batch {
    let bytes = |text: &Option<String>, base64: &Option<String>| match (text, base64) {
        (_, Some(base64)) => Some(base64::decode(base64).expect("base64 in a case's input.jsonl")),
        (text, None) => text.as_ref().map(|text| text.clone().into_bytes()),
    };
    let text = record.value.as_ref().and_then(|value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    });
    let (key, value) = (bytes(&record.key, &record.key_base64), bytes(&text, &record.value_base64));
    let headers = record.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_ref().map(String::as_bytes)));
    let offset = record.offset.unwrap_or(batch.len() as i64);
    batch.push(offset, record.timestamp.unwrap_or(-1), key.as_deref(), value.as_deref(), headers);
    batch
}

fn lines<L: for<'de> Deserialize<'de>>(path: &Path) -> Vec<L> {
    let text = read(path);
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| failed(path, format_args!("{error}: {line}"))))
        .collect()
}

fn write(path: &Path, lines: &[Expected]) {
    let lines: String = lines.iter().map(|line| format!("{}\n", serde_json::json!(line))).collect();
    fs::write(path, lines).unwrap_or_else(|error| failed(path, error));
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| failed(path, error))
}

#[track_caller]
#[expect(clippy::panic, reason = "a broken case should fail its test")]
fn failed(path: &Path, error: impl std::fmt::Display) -> ! {
    panic!("{}: {error}", path.display())
}
