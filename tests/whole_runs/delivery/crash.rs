//! The test kills the process with SIGKILL several times and restarts it: no record is lost, none is doubled.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use sluicebox_tests::kafka::Cluster;
use sluicebox_tests::pipeline::await_until;
use sluicebox_tests::tables;

use crate::kafka::source;
use crate::orders;

#[test]
fn killed_in_the_middle_and_resumed_delivers_every_record_once() -> Result<()> {
    needs!(kafka, readers);
    const RECORDS: usize = 80_000;
    const KILLS: usize = 3;
    let cluster = Cluster::shared()?;
    let feed = orders::feed("crash", RECORDS);
    feed.produce(cluster)?;
    let mut pipeline = orders::pipeline("crash", source(cluster, &["crash"]))?;
    pipeline.settings["flush"] = json!({"rows_max": 500});
    pipeline.settings["batch"] = json!({"records_max": 500});
    pipeline.settings["source"]["kafka"]["properties"] =
        json!({"session.timeout.ms": 2000, "heartbeat.interval.ms": 300});

    for _ in 0..KILLS {
        let before = pipeline.versions("orders");
        let mut run = pipeline.start(&[])?;
        let progressed = await_until("a commit past the last kill", Duration::from_secs(60), || {
            ensure!(run.lives()?, "it ended by itself");
            Ok(pipeline.versions("orders") > before)
        });
        progressed.with_context(|| run.said())?;
        run.kill()?;
    }
    let ledger = tables::ledger(&pipeline.table("orders"), "crash", "crash", orders::PARTITIONS)?;
    let taken: i64 = ledger.into_iter().flatten().sum();
    ensure!(
        (1..RECORDS as i64).contains(&taken),
        "{taken} records were in the table: the kills were not in the middle"
    );
    pipeline.drain()?;
    orders::ensure_exactly_once(&pipeline, &[&feed])
}
