//! Half a minute of chaos with every kind of fault but dying brokers, because other tests use the same brokers.

use std::time::Duration;

use anyhow::{Result, ensure};
use sluicebox_tests::chaos::{self, Episode, Kafka, Plan};
use sluicebox_tests::kafka::Cluster;
use sluicebox_tests::s3::S3;

#[test]
fn half_a_minute_of_chaos_loses_nothing_and_doubles_nothing() -> Result<()> {
    needs!(kafka, s3, readers);
    let plan = Plan {
        name: "chaos",
        seed: 11,
        duration: Duration::from_secs(30),
        workers: 2,
        rate: 200,
        deck: vec![Episode::Kill(1), Episode::Kill(2), Episode::Zombie(1), Episode::Flap, Episode::StoreStorm],
    };
    let report = chaos::run(Kafka::Shared(Cluster::shared()?), S3::shared()?, &plan)?;
    ensure!(report.is_sound(), "{report}");
    ensure!(report.kills >= 3 && report.zombies >= 1 && report.flaps >= 1, "too little was done:\n{report}");
    ensure!(report.faults.faults() >= 30, "too few faults:\n{report}");
    ensure!(report.faults.lost_commit_responses >= 2, "too few lost responses to commits:\n{report}");
    Ok(())
}
