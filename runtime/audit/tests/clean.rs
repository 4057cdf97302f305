//! `clean` finds what killed writers leave in a table's folder, and nothing that the table's log still mentions.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arrow::array::{Int64Array, RecordBatch};
use deltalake::DeltaTableBuilder;
use deltalake::kernel::{DataType, StructField};
use sluicebox_audit::clean::{Orphans, orphans};
use sluicebox_delta::{Shape, Table};
use sluicebox_ledger::TopicPartition;
use sluicebox_sandbox::Verdict;
use sluicebox_settings::{Document, Settings};

fn settings(folder: &Path) -> Settings {
    std::fs::write(folder.join("numbers.wasm"), "").unwrap();
    std::fs::write(folder.join("numbers.jsonl"), "").unwrap();
    let text = "{name: counting, source: {file: {path: numbers.jsonl}}, transform: {wasm: numbers.wasm}, \
                tables: {numbers: {path: tables}}, dead_letters: {path: dead_letters}}";
    Document::parse(&folder.join("pipeline.yaml"), text.to_owned(), []).unwrap().into_settings()
}

async fn commit(table: &mut Table, offsets: std::ops::Range<i64>) {
    let offsets: Vec<i64> = offsets.collect();
    let rows = RecordBatch::try_new(table.schema().clone(), vec![Arc::new(Int64Array::from(offsets.clone()))]);
    table.stage(rows.unwrap()).await.unwrap();
    table.account(&TopicPartition::new("numbers", 0), &offsets, &vec![Verdict::Emitted; offsets.len()]);
    table.commit("sha256:test").await.unwrap();
}

async fn open(location: &Path) -> Table {
    let shape = Shape { columns: vec![StructField::not_null("n", DataType::LONG)], partition_columns: Vec::new() };
    let mut table = Table::open("counting", "numbers", location.to_str().unwrap(), &shape).await.unwrap();
    table.read_ledger(&[TopicPartition::new("numbers", 0)]).await.unwrap();
    table
}

fn data_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|it| it == "parquet")).collect()
}

async fn found(settings: &Settings, before: SystemTime) -> Vec<Orphans> {
    orphans(settings, before).await.unwrap()
}

fn paths(all: &[Orphans]) -> Vec<String> {
    all.iter().flat_map(|it| &it.files).map(|file| file.path.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_no_entry_and_no_checkpoint_mentions_is_an_orphan() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    let tables = folder.path().join("tables");
    let later = SystemTime::now() + Duration::from_secs(60);
    assert!(found(&settings, later).await.is_empty(), "no tables, no orphans");

    let mut table = open(&tables).await;
    commit(&mut table, 0..10).await;
    commit(&mut table, 10..20).await;
    // Another table within the table's folder.
    let mut inner = open(&tables.join("dead_letters")).await;
    commit(&mut inner, 0..10).await;
    let written = data_files(&tables);
    assert_eq!(written.len(), 2);
    assert_eq!(paths(&found(&settings, later).await), Vec::<String>::new());

    // Files that a writer left when it was killed before its commit, and files that only look like them.
    std::fs::copy(&written[0], tables.join("part-00000-left-behind-c000.zstd.parquet")).unwrap();
    for kept in ["_transforms", "_redrives", "_change_data"] {
        std::fs::create_dir(tables.join(kept)).unwrap();
        std::fs::copy(&written[0], tables.join(kept).join("kept.parquet")).unwrap();
    }
    std::fs::write(tables.join("notes.txt"), "").unwrap();
    assert_eq!(paths(&found(&settings, later).await), ["part-00000-left-behind-c000.zstd.parquet"]);
    let young = found(&settings, SystemTime::now() - Duration::from_secs(3600)).await;
    assert_eq!((paths(&young).len(), young[0].too_young), (0, 1));

    // The oldest entries are cleaned up: only the checkpoint mentions their files.
    let url = deltalake::table::builder::ensure_table_uri(tables.to_str().unwrap()).unwrap();
    let loaded = DeltaTableBuilder::from_url(url).unwrap().load().await.unwrap();
    deltalake::checkpoints::create_checkpoint(&loaded, None).await.unwrap();
    let newest = loaded.version().unwrap();
    for version in 0..newest {
        std::fs::remove_file(tables.join(format!("_delta_log/{version:020}.json"))).unwrap();
    }
    let all = found(&settings, later).await;
    assert_eq!(paths(&all), ["part-00000-left-behind-c000.zstd.parquet"]);

    for orphans in &all {
        orphans.delete().await.unwrap();
        // Deleting again finds them gone, which is not an error.
        orphans.delete().await.unwrap();
    }
    assert_eq!(data_files(&tables).len(), 2);
    assert!(tables.join("_transforms/kept.parquet").exists());
    assert_eq!(paths(&found(&settings, later).await), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_cannot_be_read_makes_no_orphans() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    let tables = folder.path().join("tables");
    commit(&mut open(&tables).await, 0..10).await;
    // A truncated entry of a future version, which the table itself does not read.
    std::fs::write(tables.join("_delta_log/00000000000000000099.json.part.json"), "{\"add\":{\"path\":").unwrap();
    assert!(orphans(&settings, SystemTime::now() + Duration::from_secs(60)).await.is_err());
}
