//! Runs that read from three real Kafka brokers.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use sluicebox_tests::kafka::Cluster;
use sluicebox_tests::pipeline::{Run, await_until};

use crate::orders;

mod brokers;
mod crash;
mod gaps;
mod group;
mod outage;
mod poison;
mod samples;
mod stop;
mod topics;

/// The `source` of a pipeline file.
fn source(cluster: &Cluster, topics: &[&str]) -> Value {
    json!({"kafka": {"brokers": cluster.bootstrap(), "topics": topics}})
}

/// Waits until the pipeline of that name has committed all of the topic of that name, while its processes live.
fn await_all_committed(cluster: &Cluster, name: &str, runs: &mut [&mut Run]) -> Result<()> {
    let group = format!("sluicebox-{name}");
    await_until("all records are committed", Duration::from_secs(90), || {
        for run in runs.iter_mut() {
            ensure!(run.lives()?, "a process ended:\n{}", run.said());
        }
        for partition in 0..orders::PARTITIONS {
            let (_, end) = cluster.offsets(name, partition)?;
            if cluster.committed(&group, name, partition)? != Some(end) {
                return Ok(false);
            }
        }
        Ok(true)
    })
}
