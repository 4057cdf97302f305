//! Several processes, one group: partitions move, records do not double.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use sluicebox_tests::kafka::Cluster;
use sluicebox_tests::pipeline::{Pipeline, await_until};

use crate::kafka::{await_all_taken_in, source};
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
    needs!(kafka, readers);
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

#[test]
fn a_worker_that_slept_through_its_session_works_on_and_commits_nothing_twice() -> Result<()> {
    needs!(kafka, readers);
    let cluster = Cluster::shared()?;
    let feed = orders::feed("sleeper", 9_000);
    let parts: Vec<Vec<_>> = feed.records.chunks(3_000).map(|part| part.iter().map(|r| &r.message).collect()).collect();
    cluster.create_topic("sleeper", orders::PARTITIONS, &[])?;
    let pipeline = pipeline(cluster, "sleeper")?;
    let members =
        |count| await_until("the group has settled", PATIENCE, || Ok(cluster.members("sluicebox-sleeper")? == count));

    let mut sleeper = pipeline.start(&[])?;
    members(1)?;
    cluster.produce("sleeper", parts[0].iter().copied())?;
    // It falls asleep in the middle of its work, possibly with rows staged.
    await_until("it has begun", PATIENCE, || Ok(pipeline.versions("orders") > 1))?;
    sleeper.pause()?;
    let mut successor = pipeline.start(&[])?;
    cluster.produce("sleeper", parts[1].iter().copied())?;
    await_all_taken_in(cluster, &pipeline, &mut [&mut successor])?;
    sleeper.resume()?;
    members(2)?;
    cluster.produce("sleeper", parts[2].iter().copied())?;
    await_all_taken_in(cluster, &pipeline, &mut [&mut sleeper, &mut successor])?;

    // From now on the sleeper is the only member.
    successor.terminate()?;
    ensure!(successor.wait(PATIENCE)?.success(), "the successor did not end well:\n{}", successor.said());
    let last = orders::order(0);
    cluster.produce("sleeper", [&last])?;
    await_all_taken_in(cluster, &pipeline, &mut [&mut sleeper])?;
    sleeper.terminate()?;
    ensure!(sleeper.wait(PATIENCE)?.success(), "the sleeper did not end well:\n{}", sleeper.said());

    let mut all = feed;
    all.push(last);
    orders::ensure_exactly_once(&pipeline, &[&all])
}

/// librdkafka gives up for good then: polls bring nothing more, and a process that lives on would only look alive.
#[test]
fn a_worker_whose_place_another_has_taken_says_so_and_ends() -> Result<()> {
    needs!(kafka);
    let cluster = Cluster::shared()?;
    cluster.create_topic("twins", orders::PARTITIONS, &[])?;
    let mut pipeline = pipeline(cluster, "twins")?;
    pipeline.settings["source"]["kafka"]["properties"]["group.instance.id"] = json!("twin");
    let mut first = pipeline.start(&[])?;
    await_until("the group has a member", PATIENCE, || Ok(cluster.members("sluicebox-twins")? == 1))?;
    let mut second = pipeline.start(&[])?;
    assert_eq!(first.wait(PATIENCE)?.code(), Some(3), "{}", first.said());
    let said = pipeline.log()?;
    ensure!(said.contains("does another worker have the same `group.instance.id`?"), "{}", first.said());
    ensure!(second.lives()?, "it ended:\n{}", second.said());
    Ok(())
}

#[test]
fn where_the_group_claims_to_be_is_nothing_but_advice() -> Result<()> {
    needs!(kafka, readers);
    let cluster = Cluster::shared()?;
    let feed = orders::feed("advice", 800);
    let (before, after) = feed.records.split_at(400);
    cluster.create_topic("advice", orders::PARTITIONS, &[])?;
    let pipeline = orders::pipeline("advice", source(cluster, &["advice"]))?;
    // The group's offset is too far ahead, before there is a ledger.
    cluster.produce("advice", before.iter().map(|record| &record.message))?;
    cluster.commit("sluicebox-advice", "advice", 0, 50)?;
    pipeline.drain()?;
    // With a ledger, the group's offset is too far ahead, too far back, and past the end.
    cluster.produce("advice", after.iter().map(|record| &record.message))?;
    for (partition, offset) in [(0, 150), (1, 0), (2, 1_000)] {
        cluster.commit("sluicebox-advice", "advice", partition, offset)?;
    }
    pipeline.drain()?;
    for partition in 0..orders::PARTITIONS {
        assert_eq!(cluster.committed("sluicebox-advice", "advice", partition)?, Some(200), "partition {partition}");
    }
    orders::ensure_exactly_once(&pipeline, &[&feed])
}
