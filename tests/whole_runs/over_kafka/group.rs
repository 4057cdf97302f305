//! Several processes, one group: partitions move, records do not double.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use sluicebox_tests::kafka::Cluster;
use sluicebox_tests::pipeline::{Pipeline, await_until};

use super::{await_all_taken_in, source};
use crate::orders;

const PATIENCE: Duration = Duration::from_secs(60);

fn pipeline(cluster: &Cluster, name: &str) -> Result<Pipeline> {
    let mut pipeline = orders::pipeline(name, source(cluster, &[name]))?;
    pipeline.settings["flush"] = json!({"interval": "200ms"});
    pipeline.settings["source"]["kafka"]["properties"] =
        json!({"session.timeout.ms": 2000, "heartbeat.interval.ms": 300});
    Ok(pipeline)
}

#[test]
fn members_come_go_and_die_and_every_record_is_delivered_once() -> Result<()> {
    let cluster = Cluster::shared()?;
    let feed = orders::feed("members", 12_000);
    let parts: Vec<Vec<_>> = feed.records.chunks(3_000).map(|part| part.iter().map(|r| &r.message).collect()).collect();
    cluster.create_topic("members", orders::PARTITIONS, &[])?;
    let pipeline = pipeline(cluster, "members")?;
    let members =
        |count| await_until("the group has settled", PATIENCE, || Ok(cluster.members("sluicebox-members")? == count));

    let mut first = pipeline.start(&[])?;
    members(1)?;
    cluster.produce("members", parts[0].iter().copied())?;
    let mut second = pipeline.start(&[])?;
    cluster.produce("members", parts[1].iter().copied())?;
    members(2)?;
    await_all_taken_in(cluster, &pipeline, &mut [&mut first, &mut second])?;

    cluster.produce("members", parts[2].iter().copied())?;
    first.kill()?;
    let mut third = pipeline.start(&[])?;
    members(2)?;
    second.terminate()?;
    cluster.produce("members", parts[3].iter().copied())?;
    ensure!(second.wait(PATIENCE)?.success(), "the second did not end well:\n{}", second.said());
    await_all_taken_in(cluster, &pipeline, &mut [&mut third])?;
    third.terminate()?;
    ensure!(third.wait(PATIENCE)?.success(), "the third did not end well:\n{}", third.said());

    orders::ensure_exactly_once(&pipeline, &[&feed])
}
