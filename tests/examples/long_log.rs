//! What an audit and a `clean` of a log of 20,000 commits cost: `long_log make <folder>`, then `long_log audit <folder>` and
//! `long_log clean <folder>`, each a process of its own, so that its peak of memory is its own.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a measurement, run by hand")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use deltalake::DeltaTableBuilder;
use serde_json::json;
use sluicebox_audit::audit;
use sluicebox_audit::clean::orphans;
use sluicebox_settings::{Document, Settings};

const COMMITS: i64 = 20_000;
const PARTITIONS: i64 = 4;
const ROWS: i64 = 16;
const CHECKPOINT_EVERY: u64 = 1_000;

fn folder() -> PathBuf {
    std::env::args_os().nth(2).map(PathBuf::from).unwrap()
}

#[tokio::main]
async fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("make") => make_the_log().await,
        Some("audit") => audit_the_log().await,
        Some("clean") => clean_the_log().await,
        _ => eprintln!("long_log make|audit|clean <folder>"),
    }
}

fn settings() -> Settings {
    let folder = folder();
    std::fs::write(folder.join("transform.wasm"), "").unwrap();
    std::fs::write(folder.join("records"), "").unwrap();
    let text = "{name: counting, source: {file: {path: records}}, transform: {wasm: transform.wasm}, \
                tables: {numbers: {path: numbers}}, dead_letters: {path: dead}}";
    Document::parse(&folder.join("pipeline.yaml"), text.to_owned(), []).unwrap().into_settings()
}

/// An entry with a file and a range of each partition, as a flush leaves it.
fn entry(version: i64, has_rows: bool) -> String {
    let mut entry = String::new();
    if version == 0 {
        let field = |name: &str, kind: &str| json!({"name": name, "type": kind, "nullable": true, "metadata": {}});
        let fields =
            [field("_kafka_topic", "string"), field("_kafka_partition", "integer"), field("_kafka_offset", "long")];
        let schema = json!({"type": "struct", "fields": fields}).to_string();
        let metadata = json!({"id": "0", "format": {"provider": "parquet", "options": {}}, "schemaString": schema,
            "partitionColumns": [], "configuration": {"delta.enableExpiredLogCleanup": "false"}, "createdTime": 0});
        writeln!(entry, "{}", json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}})).unwrap();
        writeln!(entry, "{}", json!({"metaData": metadata})).unwrap();
        return entry;
    }
    let (from, to) = ((version - 1) * ROWS, version * ROWS);
    let tallies: Vec<_> = (0..PARTITIONS)
        .map(|partition| {
            json!({"topic": "orders", "partition": partition, "from": from, "to": to, "emitted": ROWS, "filtered": 0,
               "rejected": 0})
        })
        .collect();
    let rows = if has_rows { PARTITIONS * ROWS } else { 0 };
    let record = json!({"pipeline": "counting", "transform_digest": "sha256:1", "rows": rows, "partitions": tallies});
    writeln!(entry, "{}", json!({"commitInfo": {"operation": "WRITE", "sluicebox": record}})).unwrap();
    for partition in 0..PARTITIONS {
        let id = format!("sluicebox/counting/orders/{partition}");
        writeln!(entry, "{}", json!({"txn": {"appId": id, "version": to}})).unwrap();
    }
    if has_rows {
        let stats = json!({"numRecords": rows, "minValues": {"_kafka_topic": "orders", "_kafka_offset": from},
            "maxValues": {"_kafka_topic": "orders", "_kafka_offset": to - 1}, "nullCount": {"_kafka_offset": 0}});
        let add = json!({"path": format!("part-00000-{version:036}-c000.zstd.parquet"), "partitionValues": {}, "size": 4096,
            "modificationTime": 0, "dataChange": true, "stats": stats.to_string()});
        writeln!(entry, "{}", json!({"add": add})).unwrap();
    }
    entry
}

async fn checkpoint(table: &Path, version: u64) {
    let url = deltalake::ensure_table_uri(table.to_str().unwrap()).unwrap();
    let table = DeltaTableBuilder::from_url(url).unwrap().with_version(version).load().await.unwrap();
    deltalake::checkpoints::create_checkpoint(&table, None).await.unwrap();
}

async fn make_the_log() {
    for (name, has_rows) in [("numbers", true), ("dead", false)] {
        let table = folder().join(name);
        std::fs::create_dir_all(table.join("_delta_log")).unwrap();
        for version in 0..=COMMITS {
            let path = table.join(format!("_delta_log/{version:020}.json"));
            std::fs::write(path, entry(version, has_rows)).unwrap();
        }
        for version in (CHECKPOINT_EVERY..=COMMITS as u64).step_by(CHECKPOINT_EVERY as usize) {
            checkpoint(&table, version).await;
        }
    }
}

async fn audit_the_log() {
    let before = peak();
    let started = Instant::now();
    let report = audit(&settings(), false).await.unwrap();
    say("audit", started, &before);
    assert!(report.sound, "{:?}", report.violations);
    assert_eq!(report.tables[0].rows, Some((COMMITS * PARTITIONS * ROWS) as u64));
}

async fn clean_the_log() {
    let before = peak();
    let started = Instant::now();
    let found = orphans(&settings(), SystemTime::now() - Duration::from_secs(8 * 24 * 3600)).await.unwrap();
    say("clean", started, &before);
    assert!(found.iter().all(|it| it.files.is_empty()));
}

/// Prints the time, and the most memory that the process had before and has had since.
fn say(what: &str, started: Instant, before: &str) {
    let seconds = started.elapsed().as_secs_f64();
    eprintln!("{what} of {COMMITS} commits: {seconds:.1} s, at most {} of memory, {before} before", peak());
}

fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().to_owned()
}
