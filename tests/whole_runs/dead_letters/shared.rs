//! Two pipelines with the same tables, and another program that maintains them: after each redrive and each deed of the
//! program, the audit of both finds nothing to complain of.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sluicebox_tests::command::{Said, sluicebox};
use sluicebox_tests::feed::Feed;
use sluicebox_tests::kafka::Message;
use sluicebox_tests::pipeline::Pipeline;
use sluicebox_tests::{place, tables};
use tempfile::TempDir;

use crate::orders;

const RECORDS: usize = 200;

/// A pipeline over a topic of its own; the transform panics at a tenth of its records.
fn pipeline(name: &str, lake: &TempDir) -> Result<Pipeline> {
    let mut feed = Feed::new(name);
    feed.extend((0..RECORDS).map(orders::order).enumerate().map(|(number, message)| {
        let value = message.value.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        let value = if number % 10 == 3 { value.replacen('{', r#"{"poison":"panic","#, 1) } else { value.into_owned() };
        Message { value: Some(value.into_bytes()), ..message }
    }));
    let source = json!({"file": {"path": "orders.jsonl", "format": "jsonl"}});
    let mut pipeline = Pipeline::new(name, "orders_with_poison", &["orders"], source)?;
    pipeline.settings["tables"]["orders"]["path"] = json!(lake.path().join("orders"));
    pipeline.settings["dead_letters"]["path"] = json!(lake.path().join("dead_letters"));
    pipeline.settings["flush"] = json!({"rows_max": 40});
    pipeline.settings["batch"] = json!({"records_max": 20});
    feed.write_jsonl(&pipeline.folder().join("orders.jsonl"))?;
    Ok(pipeline)
}

fn run(pipeline: &Pipeline, arguments: &[&str]) -> Result<Said> {
    sluicebox(pipeline.folder(), arguments)
}

/// Redrives the letters that a mended transform takes, and says how many it has put into the table.
fn redrive(pipeline: &Pipeline) -> Result<u64> {
    let fixed = place::guest("clean_orders")?.to_string_lossy().into_owned();
    let said = run(pipeline, &["dlq", "redrive", "--transform", &fixed, "--format", "json"])?;
    ensure!(said.code == Some(1), "the letters of other faults fail again: {said:?}");
    let report: Value = serde_json::from_str(&said.stdout)?;
    report["redriven"].as_u64().context("no count")
}

/// Lets another program do something to a table.
fn others(table: &Path, arguments: &[&str]) -> Result<()> {
    let script = place::repository().join("runtime/audit/tests/audit/others.py");
    let output = Command::new(place::python()?).arg(script).arg(table).args(arguments).output()?;
    ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn ensure_no_alarm(pipelines: [&Pipeline; 2], after: &str) -> Result<()> {
    for pipeline in pipelines {
        for further in [&[][..], &["--quick"][..]] {
            let said = run(pipeline, &[&["audit"][..], further].concat())?;
            ensure!(said.code == Some(0), "{} {further:?} after {after}: {said:?}", pipeline.name());
        }
    }
    Ok(())
}

#[test]
fn a_redrive_and_other_programs_on_shared_tables_raise_no_alarm() -> Result<()> {
    needs!(readers);
    let lake = tempfile::tempdir()?;
    let (ours, theirs) = (pipeline("ours", &lake)?, pipeline("theirs", &lake)?);
    let both = [&ours, &theirs];
    let (rows, letters) = (lake.path().join("orders"), lake.path().join("dead_letters"));
    both.iter().try_for_each(|pipeline| pipeline.drain())?;
    ensure_no_alarm(both, "the runs")?;
    let before = tables::rows(&rows)?.len() as u64;

    let mut redriven = redrive(&ours)?;
    ensure_no_alarm(both, "a redrive")?;
    for table in [&rows, &letters] {
        others(table, &["optimize"])?;
    }
    ensure_no_alarm(both, "OPTIMIZE")?;
    redriven += redrive(&theirs)?;
    ensure_no_alarm(both, "a redrive of optimized tables")?;
    ensure!(redriven > 20 && tables::rows(&rows)?.len() as u64 == before + redriven, "{redriven} redriven");

    others(&rows, &["delete", "_kafka_offset = 3"])?;
    others(&letters, &["delete", "status = 'redriven' and \"offset\" = 5"])?;
    ensure_no_alarm(both, "DELETE")?;
    for table in [&rows, &letters] {
        others(table, &["vacuum"])?;
    }
    ensure_no_alarm(both, "VACUUM")?;
    ensure!(redrive(&ours)? == 0 && redrive(&theirs)? == 0, "a letter is redriven twice");
    ensure_no_alarm(both, "redrives of nothing")?;

    // The test would not notice an audit that finds nothing at all.
    std::fs::remove_file(any_file(&rows)?)?;
    // A file may hold the rows of one pipeline only, and the other's audit has no word on those.
    let said = [run(&ours, &["audit"])?, run(&theirs, &["audit"])?];
    ensure!(said.iter().any(|said| said.code == Some(1)), "a lost file is not found: {said:?}");
    Ok(())
}

/// A data file that the table has: after VACUUM there are no others.
fn any_file(table: &Path) -> Result<PathBuf> {
    let entries = || std::fs::read_dir(table).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_data = |path: &PathBuf| path.extension().is_some_and(|it| it == "parquet");
    let is_partition = |path: &PathBuf| path.is_dir() && !path.ends_with("_delta_log");
    let file = entries().find(is_data).or_else(|| entries().filter(is_partition).find_map(|it| any_file(&it).ok()));
    file.context("the table has no file")
}
