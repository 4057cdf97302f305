//! A run ends when it is asked to: by SIGTERM, or at the end of the topic with `--drain`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use sluicebox_tests::kafka::Cluster;
use sluicebox_tests::pipeline::await_until;
use sluicebox_tests::tables;

use crate::kafka::source;
use crate::orders;

#[test]
fn sigterm_flushes_commits_and_leaves_the_group() -> Result<()> {
    needs!(kafka, readers);
    let cluster = Cluster::shared()?;
    let feed = orders::feed("sigterm", 2_000);
    feed.produce(cluster)?;
    let mut pipeline = orders::pipeline("sigterm", source(cluster, &["sigterm"]))?;
    // Only the signal can cause a flush here. A member that does not leave stays in the group until its session expires.
    pipeline.settings["flush"] = json!({"interval": "30m"});
    pipeline.settings["source"]["kafka"]["properties"] = json!({"session.timeout.ms": 30_000});

    let mut run = pipeline.start(&[])?;
    await_until("the group has a member", Duration::from_secs(30), || Ok(cluster.members("sluicebox-sigterm")? == 1))?;
    std::thread::sleep(Duration::from_secs(3));
    run.terminate()?;
    let status = run.wait(Duration::from_secs(20))?;
    ensure!(status.success(), "it ended with {status}:\n{}", run.said());

    assert_eq!(cluster.members("sluicebox-sigterm")?, 0, "it has left the group");
    let ledger = tables::ledger(&pipeline.table("orders"), "sigterm", "sigterm", orders::PARTITIONS)?;
    assert!(ledger.iter().any(Option::is_some), "what it had taken in is committed: {ledger:?}");
    for (partition, next) in (0..).zip(ledger) {
        assert_eq!(cluster.committed("sluicebox-sigterm", "sigterm", partition)?, next, "partition {partition}");
    }
    pipeline.drain()?;
    orders::ensure_exactly_once(&pipeline, &[&feed])
}

#[test]
fn drain_ends_at_the_end_that_it_saw_though_records_keep_coming() -> Result<()> {
    needs!(kafka, readers);
    let cluster = Cluster::shared()?;
    let feed = orders::feed("drain", 2_000);
    feed.produce(cluster)?;
    let pipeline = orders::pipeline("drain", source(cluster, &["drain"]))?;

    let stop = AtomicBool::new(false);
    let late = orders::feed("drain", 40);
    std::thread::scope(|scope| -> Result<()> {
        let producing = scope.spawn(|| -> Result<()> {
            while !stop.load(Ordering::Relaxed) {
                cluster.produce("drain", late.records.iter().map(|record| &record.message))?;
            }
            Ok(())
        });
        let drained = pipeline.drain();
        stop.store(true, Ordering::Relaxed);
        producing.join().ok().context("the producer panicked")??;
        drained
    })?;

    let ledger = tables::ledger(&pipeline.table("orders"), "drain", "drain", orders::PARTITIONS)?;
    for (partition, next) in (0..).zip(ledger) {
        assert!(next >= Some(feed.end(partition)), "partition {partition} is drained to {next:?}");
    }
    // A second drain takes in the rest, and no record twice.
    pipeline.drain()?;
    let all = sluicebox_tests::feed::Feed::read(cluster, "drain", orders::PARTITIONS)?;
    assert!(all.records.len() > feed.records.len(), "records kept coming");
    orders::ensure_exactly_once(&pipeline, &[&all])
}

#[test]
fn draining_an_empty_topic_ends_at_once() -> Result<()> {
    needs!(kafka, readers);
    let cluster = Cluster::shared()?;
    cluster.create_topic("empty", 2, &[])?;
    let pipeline = orders::pipeline("empty", source(cluster, &["empty"]))?;
    pipeline.drain()?;
    assert_eq!(tables::rows(&pipeline.table("orders"))?, Vec::<serde_json::Value>::new());
    Ok(())
}
