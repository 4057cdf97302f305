//! A partition without a leader holds up only itself: topics of one replica, whose broker dies.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use sluicebox_tests::feed::Feed;
use sluicebox_tests::http::{free_address, get};
use sluicebox_tests::kafka::{Cluster, Message};
use sluicebox_tests::pipeline::{Pipeline, Run, await_until};
use sluicebox_tests::tables;

use crate::kafka::source;
use crate::orders;

const PATIENCE: Duration = Duration::from_secs(90);

fn await_ledger(pipeline: &Pipeline, run: &mut Run, topic: &str, wanted: i64) -> Result<()> {
    let reached = await_until(&format!("the ledger of {topic} is at {wanted}"), PATIENCE, || {
        ensure!(run.lives()?, "it ended:\n{}", run.said());
        let table = pipeline.table("orders");
        Ok(pipeline.versions("orders") > 0 && tables::ledger(&table, pipeline.name(), topic, 1)? == [Some(wanted)])
    });
    reached.with_context(|| run.said())
}

fn produce(cluster: &Cluster, feed: &mut Feed, count: usize) -> Result<()> {
    let from = feed.records.len();
    feed.extend((from..from + count).map(|number| Message { partition: 0, ..orders::order(number) }));
    cluster.produce(&feed.topic, feed.records[from..].iter().map(|record| &record.message))
}

#[test]
fn a_partition_without_a_leader_holds_up_only_itself() -> Result<()> {
    needs!(kafka, readers);
    let mut cluster = Cluster::start()?;
    cluster.create_topic("led", 1, &[])?;
    cluster.create_topic_of("alone", 1, 1, &[])?;
    let (mut led, mut alone) = (Feed::new("led"), Feed::new("alone"));
    produce(&cluster, &mut led, 200)?;
    produce(&cluster, &mut alone, 100)?;
    let set_up = |name: &str| -> Result<Pipeline> {
        let mut pipeline = orders::pipeline(name, source(&cluster, &["led", "alone"]))?;
        pipeline.settings["flush"] = json!({"interval": "200ms"});
        Ok(pipeline)
    };
    let (mut pipeline, drained) = (set_up("leaderless")?, set_up("leaderless-drain")?);
    let address = free_address()?;
    pipeline.settings["http"] = json!({"listen": address.to_string()});

    let widow = cluster.leader("alone", 0)?;
    cluster.kill_broker(widow)?;
    await_until("the others have noticed", PATIENCE, || Ok(cluster.leader("alone", 0).is_err()))?;
    let mut run = pipeline.start(&[])?;
    let mut drain = drained.start(&["--drain"])?;
    await_ledger(&pipeline, &mut run, "led", 200)?;
    await_ledger(&drained, &mut drain, "led", 200)?;
    // A partition is read and committed while the other waits.
    produce(&cluster, &mut led, 100)?;
    await_ledger(&pipeline, &mut run, "led", 300)?;
    let status = get(address, "/status")?.1;
    ensure!(status.contains("alone/0: no leader of the partition answers"), "{status}");
    assert_eq!(tables::ledger(&pipeline.table("orders"), "leaderless", "alone", 1)?, [None]);
    // A drain waits for the leader, but not for ever.
    assert_eq!(drain.wait(PATIENCE)?.code(), Some(3), "{}", drain.said());
    ensure!(drain.said().contains("alone/0 has no leader that answers"), "{}", drain.said());

    cluster.start_broker(widow)?;
    cluster.await_brokers()?;
    await_ledger(&pipeline, &mut run, "alone", 100)?;
    run.terminate()?;
    ensure!(run.wait(PATIENCE)?.success(), "it did not end well:\n{}", run.said());
    drained.drain()?;
    orders::ensure_exactly_once(&pipeline, &[&led, &alone])?;
    orders::ensure_exactly_once(&drained, &[&led, &alone])
}
