//! Records that are gone before any table has them: the partition stops and says exactly what is missing, the others go
//! on, and the pipeline skips only what the operator accepts.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sluicebox_tests::feed::Feed;
use sluicebox_tests::kafka::Cluster;
use sluicebox_tests::pipeline::{Pipeline, Run, await_until};
use sluicebox_tests::{place, tables};

use crate::kafka::{await_all_taken_in, source};
use crate::orders;

const PATIENCE: Duration = Duration::from_secs(60);

/// Drains, and returns the exit code and the log.
fn drain(pipeline: &Pipeline, arguments: &[&str]) -> Result<(Option<i32>, String)> {
    let before = pipeline.log()?.len();
    let mut run = pipeline.start(&[&["--drain"], arguments].concat())?;
    let code = run.wait(Duration::from_secs(120))?.code();
    Ok((code, pipeline.log()?[before..].to_owned()))
}

fn ledger(pipeline: &Pipeline, topic: &str) -> Result<Vec<Option<i64>>> {
    tables::ledger(&pipeline.table("orders"), pipeline.name(), topic, orders::PARTITIONS)
}

/// The skips in a table's log, without those that say where a partition starts.
fn skips(pipeline: &Pipeline, table: &str) -> Result<Vec<Value>> {
    let commits = tables::commits(&pipeline.table(table))?;
    let skips = commits.iter().filter_map(|commit| commit.get("skips")?.as_array()).flatten();
    Ok(skips.filter(|skip| skip["why"] != "start").cloned().collect())
}

/// The flags that error messages ask for.
fn flags(said: &str) -> Vec<&str> {
    let error =
        said.lines().filter(|line| line.contains("; to continue without what is missing: ") && !line.starts_with('{'));
    error.filter_map(|line| line.rsplit_once("--accept-gap ").map(|(_, gap)| gap)).collect()
}

fn accepting<'a>(gaps: &[&'a str]) -> Vec<&'a str> {
    gaps.iter().flat_map(|gap| ["--accept-gap", *gap]).collect()
}

/// The tables account for every offset, and for what was accepted.
fn ensure_audited(pipeline: &Pipeline) -> Result<()> {
    let output = Command::new(place::sluicebox()?).arg("audit").arg(pipeline.write()?).output()?;
    ensure!(output.status.success(), "the audit says:\n{}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}

#[test]
fn what_retention_took_is_named_and_the_other_partitions_go_on() -> Result<()> {
    needs!(kafka, readers);
    let cluster = Cluster::shared()?;
    let feed = orders::feed("overrun", 800);
    let (before, after) = feed.records.split_at(400);
    cluster.create_topic("overrun", orders::PARTITIONS, &[])?;
    let pipeline = orders::pipeline("overrun", source(cluster, &["overrun"]))?;
    cluster.produce("overrun", before.iter().map(|record| &record.message))?;
    pipeline.drain()?;
    cluster.produce("overrun", after.iter().map(|record| &record.message))?;
    cluster.delete_records("overrun", 0, 130)?;

    let (code, said) = drain(&pipeline, &[])?;
    assert_eq!((code, flags(&said)), (Some(3), vec!["overrun/0@100-130"]), "{said}");
    ensure!(said.contains("error: E0201 overrun/0: offsets 100..130 are gone"), "{said}");
    let stopped = [100, 200, 200, 200].map(Some);
    assert_eq!(ledger(&pipeline, "overrun")?, stopped, "the others are drained");

    let (code, said) = drain(&pipeline, &["--accept-gap", "overrun/0@100-120"])?;
    assert_eq!((code, flags(&said)), (Some(3), vec!["overrun/0@100-130"]), "{said}");
    assert_eq!(ledger(&pipeline, "overrun")?, stopped, "another gap than that is not accepted");

    for _again in 0..2 {
        let (code, said) = drain(&pipeline, &["--accept-gap", "overrun/0@100-130"])?;
        assert_eq!(code, Some(0), "{said}");
    }
    let skip = json!({"topic": "overrun", "partition": 0, "from": 100, "to": 130, "why": "accepted_gap"});
    for table in ["orders", "dead_letters"] {
        assert_eq!(skips(&pipeline, table)?, std::slice::from_ref(&skip), "in {table}");
    }
    ensure_audited(&pipeline)?;
    let mut left = feed;
    left.records.retain(|record| record.message.partition != 0 || !(100..130).contains(&record.offset));
    orders::ensure_exactly_once(&pipeline, &[&left])
}

#[test]
fn what_retention_takes_from_a_running_worker_stops_that_partition_only() -> Result<()> {
    needs!(kafka, readers);
    let cluster = Cluster::shared()?;
    let feed = orders::feed("overtaken", 1_200);
    let parts: Vec<Vec<_>> = feed.records.chunks(400).map(|part| part.iter().map(|r| &r.message).collect()).collect();
    cluster.create_topic("overtaken", orders::PARTITIONS, &[])?;
    let mut pipeline = orders::pipeline("overtaken", source(cluster, &["overtaken"]))?;
    pipeline.settings["flush"] = json!({"interval": "200ms"});
    let mut run = pipeline.start(&[])?;
    cluster.produce("overtaken", parts[0].iter().copied())?;
    await_all_taken_in(cluster, &pipeline, &mut [&mut run])?;

    // The sleep is too short for it to lose its place in the group.
    run.pause()?;
    cluster.produce("overtaken", parts[1].iter().copied())?;
    cluster.delete_records("overtaken", 0, 150)?;
    run.resume()?;
    await_ledger(&pipeline, &mut run, [100, 200, 200, 200])?;
    cluster.produce("overtaken", parts[2].iter().copied())?;
    await_ledger(&pipeline, &mut run, [100, 300, 300, 300])?;
    ensure!(run.said().contains("E0201 overtaken/0: offsets 100..150 are gone"), "{}", run.said());
    run.terminate()?;
    ensure!(run.wait(PATIENCE)?.success(), "it did not end well:\n{}", run.said());

    let (code, said) = drain(&pipeline, &["--accept-gap", "overtaken/0@100-150"])?;
    assert_eq!(code, Some(0), "{said}");
    let mut left = feed;
    left.records.retain(|record| record.message.partition != 0 || !(100..150).contains(&record.offset));
    orders::ensure_exactly_once(&pipeline, &[&left])
}

#[test]
fn a_topic_that_was_made_anew_is_recognised_though_it_is_longer_than_the_old() -> Result<()> {
    needs!(kafka, readers);
    let cluster = Cluster::shared()?;
    let (old, other) = (orders::feed("reborn", 200), orders::feed("bystander", 200));
    old.produce(cluster)?;
    other.produce(cluster)?;
    let pipeline = orders::pipeline("reborn", source(cluster, &["reborn", "bystander"]))?;
    pipeline.drain()?;

    cluster.delete_topic("reborn")?;
    let new = orders::feed("reborn", 400);
    new.produce(cluster)?;
    cluster.produce("bystander", other.records.iter().map(|record| &record.message))?;
    let (code, said) = drain(&pipeline, &[])?;
    let gaps = flags(&said);
    assert_eq!((code, gaps.len()), (Some(3), orders::PARTITIONS as usize), "{said}");
    ensure!(said.contains("error: E0203 reborn/0: the topic has been deleted"), "{said}");
    assert_eq!(gaps[0], "reborn/0@50-0");
    assert_eq!(ledger(&pipeline, "reborn")?, [Some(50); 4], "nothing of the new topic is taken in");
    assert_eq!(ledger(&pipeline, "bystander")?, [Some(100); 4], "the other topic is drained");

    for arguments in [accepting(&gaps), Vec::new()] {
        let (code, said) = drain(&pipeline, &arguments)?;
        assert_eq!(code, Some(0), "{said}");
    }
    assert_eq!(ledger(&pipeline, "reborn")?, [Some(100); 4]);
    for table in ["orders", "dead_letters"] {
        let skips = skips(&pipeline, table)?;
        let first = json!({"topic": "reborn", "partition": 0, "from": 50, "to": 0, "why": "topic_recreated"});
        assert_eq!((skips.len(), &skips[0]), (orders::PARTITIONS as usize, &first), "in {table}");
    }
    ensure_audited(&pipeline)?;
    let bystander = Feed::read(cluster, "bystander", orders::PARTITIONS)?;
    orders::ensure_exactly_once(&pipeline, &[&old, &new, &bystander])
}

#[test]
fn a_topic_made_anew_under_a_running_worker_is_stopped_before_the_next_commit() -> Result<()> {
    needs!(kafka, readers);
    let cluster = Cluster::shared()?;
    let old = orders::feed("exchanged", 200);
    old.produce(cluster)?;
    let mut pipeline = orders::pipeline("exchanged", source(cluster, &["exchanged"]))?;
    pipeline.settings["flush"] = json!({"interval": "200ms"});
    pipeline.settings["source"]["kafka"]["properties"] = json!({"topic.metadata.refresh.interval.ms": 500});
    let mut run = pipeline.start(&[])?;
    await_all_taken_in(cluster, &pipeline, &mut [&mut run])?;

    cluster.delete_topic("exchanged")?;
    let new = orders::feed("exchanged", 400);
    new.produce(cluster)?;
    let said_so = |run: &mut Run| {
        await_until("every partition is stopped", PATIENCE, || {
            ensure!(run.lives()?, "it ended:\n{}", run.said());
            let said = pipeline.log()?;
            Ok((0..orders::PARTITIONS)
                .all(|partition| said.contains(&format!("E0203 exchanged/{partition}: the topic"))))
        })
    };
    said_so(&mut run).with_context(|| run.said())?;
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(ledger(&pipeline, "exchanged")?, [Some(50); 4], "nothing of the new topic is taken in");
    run.terminate()?;
    ensure!(run.wait(PATIENCE)?.success(), "it did not end well:\n{}", run.said());

    let gaps: Vec<String> = (0..orders::PARTITIONS).map(|partition| format!("exchanged/{partition}@50-0")).collect();
    let (code, said) = drain(&pipeline, &accepting(&gaps.iter().map(String::as_str).collect::<Vec<_>>()))?;
    assert_eq!(code, Some(0), "{said}");
    orders::ensure_exactly_once(&pipeline, &[&old, &new])
}

#[test]
fn a_start_at_the_end_is_remembered_before_the_first_flush() -> Result<()> {
    needs!(kafka, readers);
    let cluster = Cluster::shared()?;
    let feed = orders::feed("latest", 400);
    let (before, after) = feed.records.split_at(200);
    cluster.create_topic("latest", orders::PARTITIONS, &[])?;
    cluster.produce("latest", before.iter().map(|record| &record.message))?;
    let mut pipeline = orders::pipeline("latest", source(cluster, &["latest"]))?;
    pipeline.settings["source"]["kafka"]["start"] = json!("latest");
    pipeline.settings["source"]["kafka"]["properties"] =
        json!({"session.timeout.ms": 2000, "heartbeat.interval.ms": 300});
    pipeline.settings["flush"] = json!({"interval": "30m"});

    let mut run = pipeline.start(&[])?;
    await_ledger(&pipeline, &mut run, [50; 4])?;
    cluster.produce("latest", after.iter().map(|record| &record.message))?;
    std::thread::sleep(Duration::from_secs(1));
    run.kill()?;
    pipeline.drain()?;
    ensure_audited(&pipeline)?;
    let mut wanted = feed;
    wanted.records.drain(..200);
    orders::ensure_exactly_once(&pipeline, &[&wanted])
}

fn await_ledger(pipeline: &Pipeline, run: &mut Run, wanted: [i64; 4]) -> Result<()> {
    let topic = pipeline.name();
    let reached = await_until("the ledger is there", PATIENCE, || {
        ensure!(run.lives()?, "it ended:\n{}", run.said());
        Ok(pipeline.versions("orders") > 0 && ledger(pipeline, topic)? == wanted.map(Some))
    });
    reached.with_context(|| run.said())
}
