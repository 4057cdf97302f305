//! Stores and brokers that go and come back. Two brokers die, below `min.insync.replicas` and the quorum, then all three:
//! the process stays alive, is not ready while no broker answers, and goes on when they are back.

use std::fs;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use sluicebox_tests::http::free_address;
use sluicebox_tests::kafka::Cluster;

use crate::kafka::{await_all_taken_in, source};
use crate::orders;
use crate::ready::await_ready;

const PATIENCE: Duration = Duration::from_secs(90);

#[test]
fn survives_the_loss_of_two_brokers_and_of_all_three() -> Result<()> {
    needs!(kafka, readers);
    let mut cluster = Cluster::start()?;
    let feed = orders::feed("outage", 2_000);
    let (before, after) = feed.records.split_at(1_000);
    cluster.create_topic("outage", orders::PARTITIONS, &[])?;
    cluster.produce("outage", before.iter().map(|record| &record.message))?;

    let mut pipeline = orders::pipeline("outage", source(&cluster, &["outage"]))?;
    pipeline.settings["flush"] = json!({"interval": "200ms"});
    let address = free_address()?;
    pipeline.settings["http"] = json!({"listen": address.to_string()});
    let mut run = pipeline.start(&[])?;
    await_all_taken_in(&cluster, &pipeline, &mut [&mut run])?;

    cluster.kill_broker(0)?;
    cluster.kill_broker(1)?;
    std::thread::sleep(Duration::from_secs(5));
    ensure!(run.lives()?, "it ended when the brokers did:\n{}", run.said());

    cluster.kill_broker(2)?;
    let why = await_ready(&mut run, address, 503)?;
    ensure!(why.contains("no broker answers"), "{why}");

    for broker in 0..3 {
        cluster.start_broker(broker)?;
    }
    cluster.await_brokers()?;
    await_ready(&mut run, address, 200)?;
    cluster.produce("outage", after.iter().map(|record| &record.message))?;
    await_all_taken_in(&cluster, &pipeline, &mut [&mut run])?;
    run.terminate()?;
    ensure!(run.wait(PATIENCE)?.success(), "it did not end well:\n{}", run.said());
    orders::ensure_exactly_once(&pipeline, &[&feed])
}

#[test]
fn a_store_out_of_reach_is_put_up_with_and_said() -> Result<()> {
    needs!(kafka, readers);
    let cluster = Cluster::shared()?;
    let feed = orders::feed("store-outage", 800);
    let (before, after) = feed.records.split_at(400);
    cluster.create_topic("store-outage", orders::PARTITIONS, &[])?;
    cluster.produce("store-outage", before.iter().map(|record| &record.message))?;
    let mut pipeline = orders::pipeline("store-outage", source(cluster, &["store-outage"]))?;
    let address = free_address()?;
    pipeline.settings["http"] = json!({"listen": address.to_string()});
    pipeline.settings["flush"] = json!({"interval": "200ms"});
    let mut run = pipeline.start(&[])?;
    await_all_taken_in(cluster, &pipeline, &mut [&mut run])?;

    // A link that leads to itself can be neither read nor written, and no operator has set that up: the store is down.
    let log = pipeline.table("orders").join("_delta_log");
    let away = log.with_file_name("away");
    fs::rename(&log, &away)?;
    std::os::unix::fs::symlink(&log, &log)?;
    cluster.produce("store-outage", after.iter().map(|record| &record.message))?;
    let why = await_ready(&mut run, address, 503)?;
    ensure!(why.contains("backing off") && why.contains("table `orders`"), "{why}");

    fs::remove_file(&log)?;
    fs::rename(&away, &log)?;
    await_ready(&mut run, address, 200)?;
    await_all_taken_in(cluster, &pipeline, &mut [&mut run])?;
    run.terminate()?;
    ensure!(run.wait(PATIENCE)?.success(), "it did not end well:\n{}", run.said());
    orders::ensure_exactly_once(&pipeline, &[&feed])
}
