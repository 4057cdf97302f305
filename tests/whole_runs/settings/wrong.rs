//! A wrong pipeline file fails within two seconds, before the first poll, naming the field and the fix.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use sluicebox_tests::pipeline::Pipeline;

use crate::orders;

/// No broker listens at this address: a run that got as far as polling would not end.
const NO_BROKER: &str = "127.0.0.1:1";
const FAILURE_DURATION_MAX: Duration = Duration::from_secs(2);
const USAGE: i32 = 2;

fn pipeline() -> Result<Pipeline> {
    orders::pipeline("wrong", json!({"kafka": {"brokers": NO_BROKER, "topics": ["orders"]}}))
}

/// Runs the pipeline, and demands an early end whose message has all of `words`.
fn ensure_refused(pipeline: &Pipeline, words: &[&str]) -> Result<()> {
    let mut run = pipeline.start(&[])?;
    let status = run.wait(FAILURE_DURATION_MAX)?;
    let said = run.said();
    assert_eq!(status.code(), Some(USAGE), "{said}");
    for word in words {
        ensure!(said.contains(word), "the message does not say `{word}`:\n{said}");
    }
    Ok(())
}

#[test]
fn a_misspelt_key_is_named_with_the_right_one() -> Result<()> {
    let mut pipeline = pipeline()?;
    pipeline.settings["flsuh"] = json!({"interval": "10s"});
    ensure_refused(&pipeline, &["flsuh", "flush", "pipeline.yaml:"])
}

#[test]
fn a_bad_duration_is_named_with_a_good_one() -> Result<()> {
    let mut pipeline = pipeline()?;
    pipeline.settings["flush"] = json!({"interval": "ten seconds"});
    ensure_refused(&pipeline, &["interval", "10s", "pipeline.yaml:"])
}

#[test]
fn a_table_that_the_transform_does_not_write_is_named_with_those_that_it_does() -> Result<()> {
    let mut pipeline = pipeline()?;
    pipeline.settings["tables"] = json!({"ordres": {"path": "tables/orders"}});
    ensure_refused(&pipeline, &["ordres", "orders"])
}

#[test]
fn a_missing_wasm_is_named() -> Result<()> {
    let mut pipeline = pipeline()?;
    pipeline.settings["transform"]["wasm"] = json!("nowhere.wasm");
    ensure_refused(&pipeline, &["wasm", "nowhere.wasm"])
}

#[test]
fn a_component_of_another_world_is_refused() -> Result<()> {
    // The smallest component: it imports nothing and exports nothing.
    with_wasm(b"\0asm\x0d\0\x01\0", &["sluicebox:transform/transform@2", "export"])
}

#[test]
fn a_module_that_is_no_component_is_refused() -> Result<()> {
    with_wasm(b"\0asm\x01\0\0\0", &["component", "sluicebox build"])
}

#[test]
fn a_corrupt_wasm_is_refused() -> Result<()> {
    let whole = fs::read(sluicebox_tests::place::guest(orders::GUEST)?)?;
    with_wasm(&whole[..whole.len() / 2], &["transform.wasm"])?;
    let mut flipped = whole;
    flipped[4..64].iter_mut().for_each(|byte| *byte ^= 0x5a);
    with_wasm(&flipped, &["transform.wasm"])
}

fn with_wasm(bytes: &[u8], words: &[&str]) -> Result<()> {
    let mut pipeline = pipeline()?;
    fs::write(pipeline.folder().join("transform.wasm"), bytes)?;
    pipeline.settings["transform"]["wasm"] = json!("transform.wasm");
    ensure_refused(&pipeline, words)
}

#[test]
fn a_table_whose_schema_does_not_fit_is_refused_with_each_difference() -> Result<()> {
    let pipeline = pipeline()?;
    foreign_table(&pipeline.table("orders"))?;
    ensure_refused(&pipeline, &[&pipeline.table("orders").to_string_lossy(), "stranger"])?;
    // The run has read the table and written nothing.
    assert_eq!(fs::read_dir(pipeline.table("orders").join("_delta_log"))?.count(), 1);
    Ok(())
}

/// Writes a Delta table of another program, with one column that no order has: only its log, as the protocol has it.
fn foreign_table(folder: &Path) -> Result<()> {
    let schema = json!({"type": "struct", "fields": [
        {"name": "stranger", "type": "integer", "nullable": false, "metadata": {}},
    ]});
    let actions: [Value; 2] = [
        json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}),
        json!({"metaData": {
            "id": "0b1f6f7e-5d7c-4c0e-9a53-0d2d5c1f2a10",
            "format": {"provider": "parquet", "options": {}},
            "schemaString": schema.to_string(),
            "partitionColumns": [],
            "configuration": {},
            "createdTime": 0,
        }}),
    ];
    let log = folder.join("_delta_log");
    fs::create_dir_all(&log)?;
    Ok(fs::write(log.join("00000000000000000000.json"), actions.map(|action| action.to_string()).join("\n"))?)
}
