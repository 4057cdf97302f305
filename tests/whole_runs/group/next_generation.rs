//! Groups of the next generation (KIP-848): the brokers assign partitions, and members need no common round.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use sluicebox_tests::feed::Feed;
use sluicebox_tests::kafka::Cluster;
use sluicebox_tests::pipeline::{Pipeline, Run, await_until};
use sluicebox_tests::tables;

use crate::orders;

const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until the table has taken in all of these, while the processes live.
fn await_taken_in(pipeline: &Pipeline, feeds: &[&Feed], runs: &mut [&mut Run]) -> Result<()> {
    let taken_in = await_until("all records are taken in", PATIENCE, || {
        for run in runs.iter_mut() {
            ensure!(run.lives()?, "a process ended:\n{}", run.said());
        }
        let is_taken_in = |feed: &&Feed| -> Result<bool> {
            let ends: Vec<_> = (0..orders::PARTITIONS).map(|partition| Some(feed.end(partition))).collect();
            Ok(tables::ledger(&pipeline.table("orders"), pipeline.name(), &feed.topic, orders::PARTITIONS)? == ends)
        };
        feeds.iter().try_fold(true, |all, feed| Ok(all && is_taken_in(feed)?))
    });
    taken_in.with_context(|| runs.first().map(|run| run.said()).unwrap_or_default())
}

fn produce(cluster: &Cluster, feed: &mut Feed, count: usize) -> Result<()> {
    let from = feed.records.len();
    feed.extend((from..from + count).map(orders::order));
    cluster.produce(&feed.topic, feed.records[from..].iter().map(|record| &record.message))
}

#[test]
fn members_come_go_and_die_topics_come_and_every_record_is_delivered_once() -> Result<()> {
    needs!(kafka, readers);
    let cluster = Cluster::shared()?;
    let (mut first_topic, mut second_topic) = (Feed::new("next.a"), Feed::new("next.b"));
    cluster.create_topic("next.a", orders::PARTITIONS, &[])?;
    let kafka = json!({
        "brokers": cluster.bootstrap(),
        "topics_regex": "^next\\..*",
        "properties": {"group.protocol": "consumer", "topic.metadata.refresh.interval.ms": 1000},
    });
    let mut pipeline = orders::pipeline("next-generation", json!({"kafka": kafka}))?;
    pipeline.settings["flush"] = json!({"interval": "200ms"});
    let assigned = || pipeline.logged("partitions assigned");
    let await_assigned = |run: &mut Run, before: usize| {
        let waited = await_until("the group gives partitions to a member", PATIENCE, || {
            ensure!(run.lives()?, "it ended:\n{}", run.said());
            Ok(assigned()? > before)
        });
        waited.with_context(|| run.said())
    };

    let mut first = pipeline.start(&[])?;
    produce(cluster, &mut first_topic, 2_000)?;
    await_taken_in(&pipeline, &[&first_topic], &mut [&mut first])?;
    let before = assigned()?;
    let mut second = pipeline.start(&[])?;
    produce(cluster, &mut first_topic, 2_000)?;
    await_assigned(&mut second, before)?;
    await_taken_in(&pipeline, &[&first_topic], &mut [&mut first, &mut second])?;

    // A topic that matches comes while both run.
    cluster.create_topic("next.b", orders::PARTITIONS, &[])?;
    produce(cluster, &mut second_topic, 2_000)?;
    await_taken_in(&pipeline, &[&first_topic, &second_topic], &mut [&mut first, &mut second])?;

    // One dies, one comes, one goes.
    produce(cluster, &mut first_topic, 2_000)?;
    first.kill()?;
    let mut third = pipeline.start(&[])?;
    produce(cluster, &mut second_topic, 2_000)?;
    await_taken_in(&pipeline, &[&first_topic, &second_topic], &mut [&mut second, &mut third])?;
    produce(cluster, &mut first_topic, 2_000)?;
    second.terminate()?;
    ensure!(second.wait(PATIENCE)?.success(), "the second did not end well:\n{}", second.said());
    await_taken_in(&pipeline, &[&first_topic, &second_topic], &mut [&mut third])?;
    third.terminate()?;
    ensure!(third.wait(PATIENCE)?.success(), "the third did not end well:\n{}", third.said());

    // A drain is a member as well.
    produce(cluster, &mut second_topic, 200)?;
    pipeline.drain()?;
    orders::ensure_exactly_once(&pipeline, &[&first_topic, &second_topic])
}
