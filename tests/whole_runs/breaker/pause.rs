//! A transform that rejects too much pauses its pipeline: the process lives, stays in its group, writes nothing and says
//! why. With a right transform, every record ends in the tables once.

use std::net::SocketAddr;
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sluicebox_tests::http::{free_address, get};
use sluicebox_tests::kafka::{Cluster, Message};
use sluicebox_tests::pipeline::{Pipeline, await_until};
use sluicebox_tests::{place, tables};

use crate::kafka::{await_all_taken_in, source};
use crate::orders;
use crate::ready::await_ready;

const PATIENCE: Duration = Duration::from_secs(60);
const GOOD: usize = 400;
const POISONED: usize = 100;

fn status(pipeline: &Pipeline, arguments: &[&str]) -> Result<Output> {
    let file = pipeline.folder().join("pipeline.yaml");
    Ok(Command::new(place::sluicebox()?).arg("status").arg(file).args(arguments).output()?)
}

#[test]
fn a_tripped_breaker_keeps_its_member_and_its_offsets_and_a_right_transform_goes_on() -> Result<()> {
    needs!(kafka, readers);
    let cluster = Cluster::shared()?;
    let mut feed = orders::feed("breaker", GOOD);
    // One transform panics at these orders, the other accepts them.
    let poisoned = orders::with("poison", "\"panic\"");
    feed.extend((0..POISONED).map(|number| Message {
        partition: number as i32 % orders::PARTITIONS,
        timestamp: Some(1),
        ..Message::new(0, poisoned.as_bytes())
    }));
    let (good, bad) = feed.records.split_at(GOOD);
    cluster.create_topic("breaker", orders::PARTITIONS, &[])?;
    cluster.produce("breaker", good.iter().map(|record| &record.message))?;

    let address = free_address()?;
    let mut pipeline = Pipeline::new("breaker", "orders_with_poison", &["orders"], source(cluster, &["breaker"]))?;
    pipeline.settings["breaker"] = json!({"window_records": 60});
    pipeline.settings["http"] = json!({"listen": address.to_string()});
    // A flush takes the good orders; the bad ones trip the breaker before the next flush is due.
    pipeline.settings["flush"] = json!({"rows_max": GOOD * 95 / 100, "interval": "30m"});
    pipeline.settings["source"]["kafka"]["properties"] =
        json!({"session.timeout.ms": 2000, "heartbeat.interval.ms": 300, "max.poll.interval.ms": 3000});
    let mut paused = pipeline.start(&[])?;
    let flushed = await_until("the first flush", PATIENCE, || Ok(paused.said().contains("\"flushed\"")));
    flushed.with_context(|| paused.said())?;
    await_ready(&mut paused, address, 200)?;
    let healthy = status(&pipeline, &[])?;
    ensure!(healthy.status.success(), "{healthy:?}");
    let dead_letters = tables::rows(&pipeline.table("dead_letters"))?.len();
    let table = pipeline.table("orders");
    let ledger = || tables::ledger(&table, "breaker", "breaker", orders::PARTITIONS);
    let before = ledger()?;

    cluster.produce("breaker", bad.iter().map(|record| &record.message))?;
    let why = await_ready(&mut paused, address, 503)?;
    for word in ["paused", "E0301", "31 of the last", "breaker/", "--ignore-breaker"] {
        ensure!(why.contains(word), "`{word}` is missing: {why}");
    }
    // Longer than a member may be silent.
    std::thread::sleep(Duration::from_secs(5));
    ensure!(paused.lives()?, "{}", paused.said());
    assert_eq!(cluster.members("sluicebox-breaker")?, 1, "{}", paused.said());
    ensure!(!paused.said().contains("maximum poll interval"), "{}", paused.said());
    assert_eq!(ledger()?, before);
    assert_eq!(tables::rows(&pipeline.table("dead_letters"))?.len(), dead_letters);
    ensure_tells(&pipeline, address)?;

    // A process with a right transform joins the group: it gets its share at once, and the rest when the paused one leaves.
    pipeline.settings["transform"]["wasm"] = json!(place::guest(orders::GUEST)?);
    pipeline.settings["flush"] = json!({"interval": "200ms"});
    pipeline.settings["http"] = Value::Null;
    let mut right = pipeline.start(&[])?;
    await_until("the right one has its share", PATIENCE, || Ok(ledger()? != before))?;
    paused.terminate()?;
    ensure!(paused.wait(PATIENCE)?.success(), "{}", paused.said());
    await_all_taken_in(cluster, &pipeline, &mut [&mut right])?;
    right.terminate()?;
    ensure!(right.wait(PATIENCE)?.success(), "{}", right.said());
    orders::ensure_exactly_once(&pipeline, &[&feed])
}

/// `/status`, `/metrics` and `sluicebox status` say that the pipeline is paused, and where.
fn ensure_tells(pipeline: &Pipeline, address: SocketAddr) -> Result<()> {
    assert_eq!(get(address, "/live")?.0, 200);
    let (_, body) = get(address, "/status")?;
    let told: Value = serde_json::from_str(&body)?;
    assert_eq!(told["health"]["state"], "paused", "{told}");
    assert_eq!(told["health"]["partitions"].as_array().map(Vec::len), Some(orders::PARTITIONS as usize), "{told}");
    let (_, metrics) = get(address, "/metrics")?;
    for line in ["sluicebox_breaker_tripped{", "sluicebox_ready{", "sluicebox_records_total{", "sluicebox_lag_records{"]
    {
        ensure!(metrics.contains(line), "`{line}` is missing:\n{metrics}");
    }
    let value =
        |name: &str| metrics.lines().find(|line| line.starts_with(name)).and_then(|line| line.split(' ').nth(1));
    assert_eq!(value("sluicebox_breaker_tripped{"), Some("1"));
    assert_eq!(value("sluicebox_ready{"), Some("0"));

    let output = status(pipeline, &["--format", "json"])?;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let shown: Value = serde_json::from_slice(&output.stdout)?;
    assert_eq!(shown["healthy"], false);
    assert_eq!(shown["process"]["health"]["state"], "paused");
    // The lag is all bad orders, and the good ones since the flush: no other process writes.
    let lag = shown["lag_records"].as_i64().context("no lag")?;
    ensure!((POISONED as i64..=(POISONED + GOOD) as i64).contains(&lag), "lag {lag}");
    let output = status(pipeline, &[])?;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(text.contains("paused") && text.contains("breaker/0") && text.contains("dead_letters"), "{text}");
    Ok(())
}
