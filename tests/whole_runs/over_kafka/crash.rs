//! Killed with SIGKILL, again and again, and started anew: nothing lost, nothing doubled.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use sluicebox_tests::kafka::Cluster;
use sluicebox_tests::pipeline::await_until;

use super::source;
use crate::orders;

#[test]
fn killed_in_the_middle_and_resumed_delivers_every_record_once() -> Result<()> {
    const KILLS: i64 = 3;
    let cluster = Cluster::shared()?;
    let feed = orders::feed("crash", 20_000);
    feed.produce(cluster)?;
    let mut pipeline = orders::pipeline("crash", source(cluster, &["crash"]))?;
    pipeline.settings["flush"] = json!({"rows_max": 500});
    pipeline.settings["source"]["kafka"]["properties"] = json!({"session.timeout.ms": 2000});

    let group = "sluicebox-crash";
    let committed = || -> Result<i64> {
        (0..orders::PARTITIONS).map(|partition| Ok(cluster.committed(group, "crash", partition)?.unwrap_or(0))).sum()
    };
    for kill in 1..=KILLS {
        let before = committed()?;
        let mut run = pipeline.start(&[])?;
        await_until("a commit past the last kill", Duration::from_secs(60), || {
            ensure!(run.lives()?, "it ended by itself:\n{}", run.said());
            Ok(committed()? > before)
        })?;
        run.kill()?;
        ensure!(committed()? < 20_000, "kill {kill} came too late to be in the middle");
    }
    pipeline.drain()?;
    orders::ensure_exactly_once(&pipeline, &[&feed])
}
