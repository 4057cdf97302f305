//! Topics that grow: partitions that are added while a worker runs are read from their beginning.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use sluicebox_tests::feed::Feed;
use sluicebox_tests::kafka::Cluster;
use sluicebox_tests::pipeline::{Pipeline, Run, await_until};
use sluicebox_tests::tables;

use crate::kafka::source;
use crate::orders;

const PATIENCE: Duration = Duration::from_secs(60);

fn await_ledger(pipeline: &Pipeline, run: &mut Run, partitions: i32, wanted: i64) -> Result<()> {
    let reached = await_until("the ledger is there", PATIENCE, || {
        ensure!(run.lives()?, "it ended:\n{}", run.said());
        let ledger = || tables::ledger(&pipeline.table("orders"), pipeline.name(), pipeline.name(), partitions);
        Ok(pipeline.versions("orders") > 0 && ledger()? == vec![Some(wanted); partitions as usize])
    });
    reached.with_context(|| run.said())
}

/// With `start: latest`, "the end" of a partition that the group notices late would skip its first records.
#[test]
fn a_partition_that_is_added_to_a_known_topic_starts_at_its_beginning() -> Result<()> {
    needs!(kafka, readers);
    let cluster = Cluster::shared()?;
    let feed = orders::feed("growth", 400);
    let in_old = |partition: i32| partition < 2;
    let old: Vec<_> = feed.records.iter().map(|it| &it.message).filter(|it| in_old(it.partition)).collect();
    let new: Vec<_> = feed.records.iter().map(|it| &it.message).filter(|it| !in_old(it.partition)).collect();
    let (before, after) = old.split_at(100);
    cluster.create_topic("growth", 2, &[])?;
    cluster.produce("growth", before.iter().copied())?;
    let mut pipeline = orders::pipeline("growth", source(cluster, &["growth"]))?;
    pipeline.settings["source"]["kafka"]["start"] = json!("latest");
    pipeline.settings["source"]["kafka"]["properties"] = json!({"topic.metadata.refresh.interval.ms": 4000});
    pipeline.settings["flush"] = json!({"interval": "200ms"});

    let mut run = pipeline.start(&[])?;
    await_ledger(&pipeline, &mut run, 2, 50)?;
    cluster.add_partitions("growth", orders::PARTITIONS)?;
    cluster.produce("growth", new.iter().chain(after).copied())?;
    await_ledger(&pipeline, &mut run, orders::PARTITIONS, 100)?;
    run.terminate()?;
    ensure!(run.wait(PATIENCE)?.success(), "it did not end well:\n{}", run.said());

    let mut wanted = Feed::read(cluster, "growth", orders::PARTITIONS)?;
    wanted.records.retain(|record| !in_old(record.message.partition) || record.offset >= 50);
    assert_eq!(wanted.records.len(), 300);
    orders::ensure_exactly_once(&pipeline, &[&wanted])
}
