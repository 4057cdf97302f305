//! Dead letters from the command line: listed, shown without their payload, replayed bit for bit, redriven into the table
//! exactly once, discarded. Independent readers see the tables.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sluicebox_tests::command::{Said, sluicebox};
use sluicebox_tests::feed::Feed;
use sluicebox_tests::kafka::Message;
use sluicebox_tests::native::{Expected, ensure_same, timeless};
use sluicebox_tests::pipeline::Pipeline;
use sluicebox_tests::{place, tables};

use crate::orders;

/// Orders; the transform panics at a tenth of them.
fn poisoned(count: usize) -> Feed {
    let mut feed = Feed::new("orders");
    feed.extend((0..count).map(orders::order).enumerate().map(|(number, message)| {
        let value = message.value.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        let value = match number % 10 {
            3 => value.replacen('{', r#"{"poison":"panic","#, 1),
            _ => value.into_owned(),
        };
        Message { value: Some(value.into_bytes()), ..message }
    }));
    feed
}

fn run(pipeline: &Pipeline, arguments: &[&str]) -> Result<Said> {
    sluicebox(pipeline.folder(), arguments)
}

fn positions(pipeline: &Pipeline, status: &str) -> Result<Vec<String>> {
    let rows = tables::rows(&pipeline.table("dead_letters"))?;
    Ok(rows
        .iter()
        .filter(|row| row["status"] == status)
        .map(|row| format!("orders/{}@{}", row["partition"], row["offset"]))
        .collect())
}

#[test]
fn a_poisoned_run_is_repaired_exactly_once() -> Result<()> {
    needs!(readers);
    let source = json!({"file": {"path": "orders.jsonl", "format": "jsonl"}});
    let pipeline = Pipeline::new("poisoned", "orders_with_poison", &["orders"], source)?;
    let feed = poisoned(400);
    feed.write_jsonl(&pipeline.folder().join("orders.jsonl"))?;
    pipeline.drain()?;

    let listed: Value = serde_json::from_str(&run(&pipeline, &["dlq", "ls", "--format", "json"])?.stdout)?;
    ensure!(listed["groups"][0]["group"] == json!(["sandbox", "panic"]), "{listed}");
    ensure!(listed["groups"][0]["count"] == 40, "{listed}");

    let at = listed["groups"][0]["last"]["at"].as_str().context("no position")?;
    let shown = run(&pipeline, &["dlq", "show", at])?;
    ensure!(shown.stdout.contains("orders_with_poison::Poison::act"), "no symbols: {}", shown.stdout);
    ensure!(!shown.stdout.contains("Example.com"), "a payload is shown: {}", shown.stdout);
    let shown = run(&pipeline, &["dlq", "show", at, "--payload"])?;
    ensure!(shown.stdout.contains("Example.com"), "no payload is shown: {}", shown.stdout);

    for position in positions(&pipeline, "open")?.iter().step_by(5) {
        let replayed = run(&pipeline, &["replay", position])?;
        ensure!(replayed.code == Some(0), "{position}: {replayed:?}");
    }
    let fixed = place::guest("clean_orders")?.to_string_lossy().into_owned();
    ensure!(run(&pipeline, &["replay", at, "--transform", &fixed])?.stdout.contains("order_id"));

    let before = tables::rows(&pipeline.table("dead_letters"))?;
    let redrive = ["dlq", "redrive", "--transform", &fixed, "--format", "json"];
    let rehearsed = run(&pipeline, &[&redrive[..], &["--dry-run"]].concat())?;
    ensure!(tables::rows(&pipeline.table("dead_letters"))? == before, "a rehearsal has changed something");
    for _ in 0..2 {
        let redriven = run(&pipeline, &redrive)?;
        ensure!(redriven.code == Some(1), "some fail again: {redriven:?}");
    }
    let rehearsed: Value = serde_json::from_str(&rehearsed.stdout)?;
    ensure!((&rehearsed["redriven"], &rehearsed["filtered"]) == (&json!(36), &json!(4)), "four are tests: {rehearsed}");

    let expected = Expected::of::<clean_orders::clean>(&json!({}), &[&feed])?;
    ensure_same("orders", &tables::rows(&pipeline.table("orders"))?, &expected.tables["orders"])?;
    let letters = tables::rows(&pipeline.table("dead_letters"))?;
    let open: Vec<Value> = letters.iter().filter(|row| row["status"] == "open").map(timeless).collect();
    ensure_same("open dead letters", &open, &expected.dead_letters)?;
    ensure!(letters.len() == before.len(), "dead letters are lost or doubled");

    let discarded = run(&pipeline, &["dlq", "discard", "--code", "negative_amount", "--reason", "refunds"])?;
    ensure!(discarded.code == Some(0), "{discarded:?}");
    let letters = tables::rows(&pipeline.table("dead_letters"))?;
    let refunds = letters.iter().filter(|row| row["resolution"] == "refunds");
    ensure!(refunds.clone().count() == 4 && refunds.clone().all(|row| row["status"] == "discarded"), "{discarded:?}");

    let audited = run(&pipeline, &["audit"])?;
    ensure!(audited.code == Some(0), "{audited:?}");
    Ok(())
}
