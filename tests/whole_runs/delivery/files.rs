//! The file source walks the same walk: the same records make the same tables as over Kafka.

use std::fs;

use anyhow::Result;
use serde_json::json;
use sluicebox_tests::feed::Feed;
use sluicebox_tests::kafka::Message;
use sluicebox_tests::tables;

use crate::orders;

#[test]
fn a_file_of_records_makes_the_tables_that_their_topic_would() -> Result<()> {
    needs!(readers);
    let source = json!({"file": {"path": "orders.jsonl", "format": "jsonl"}});
    let pipeline = orders::pipeline("from-file", source)?;
    let feed = orders::feed("orders", 5_000);
    feed.write_jsonl(&pipeline.folder().join("orders.jsonl"))?;
    pipeline.drain()?;
    // A second run finds every record in the ledger and takes in none.
    pipeline.drain()?;
    orders::ensure_exactly_once(&pipeline, &[&feed])
}

#[test]
fn each_line_of_a_plain_file_is_a_value() -> Result<()> {
    needs!(readers);
    let source = json!({"file": {"path": "orders.txt", "format": "lines", "topic": "plain"}});
    let pipeline = orders::pipeline("from-lines", source)?;
    let mut feed = Feed::new("plain");
    feed.extend(orders::feed("plain", 300).records.into_iter().map(|record| Message {
        partition: 0,
        timestamp: None,
        key: None,
        headers: Vec::new(),
        ..record.message
    }));
    let lines: Vec<u8> =
        feed.records.iter().flat_map(|r| r.message.value.iter().flatten().chain(b"\n")).copied().collect();
    fs::write(pipeline.folder().join("orders.txt"), lines)?;
    pipeline.drain()?;
    orders::ensure_exactly_once(&pipeline, &[&feed])
}

#[test]
fn a_killed_run_over_files_resumes_where_its_tables_are() -> Result<()> {
    needs!(readers);
    let source = json!({"file": {"path": "orders.jsonl", "format": "jsonl"}});
    let mut pipeline = orders::pipeline("file-crash", source)?;
    pipeline.settings["flush"] = json!({"rows_max": 1_000});
    let feed = orders::feed("orders", 30_000);
    feed.write_jsonl(&pipeline.folder().join("orders.jsonl"))?;
    let mut run = pipeline.start(&["--drain"])?;
    while pipeline.versions("orders") < 4 && run.lives()? {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    run.kill()?;
    let ledger: i64 = tables::ledger(&pipeline.table("orders"), "file-crash", "orders", orders::PARTITIONS)?
        .into_iter()
        .flatten()
        .sum();
    assert!(ledger < 30_000, "the kill came too late to be in the middle");
    pipeline.drain()?;
    orders::ensure_exactly_once(&pipeline, &[&feed])
}
