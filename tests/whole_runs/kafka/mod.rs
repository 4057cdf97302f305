//! Three real Kafka brokers: that they keep what they acknowledge, whom they let in, and what all runs over them share.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sluicebox_tests::kafka::Cluster;
use sluicebox_tests::pipeline::{Pipeline, Run, await_until};
use sluicebox_tests::tables;

use crate::orders;

mod brokers;
mod tokens;

/// The `source` of a pipeline file.
pub(crate) fn source(cluster: &Cluster, topics: &[&str]) -> Value {
    json!({"kafka": {"brokers": cluster.bootstrap(), "topics": topics}})
}

/// Waits until the pipeline's table has taken in the whole topic of the pipeline's name, while its processes live. Asks the
/// table's ledger: the group's offsets are only advice, and a rebalance may lose one commit of them.
pub(crate) fn await_all_taken_in(cluster: &Cluster, pipeline: &Pipeline, runs: &mut [&mut Run]) -> Result<()> {
    let topic = pipeline.name();
    let ends = (0..orders::PARTITIONS).map(|partition| Ok(Some(cluster.offsets(topic, partition)?.1)));
    let ends = ends.collect::<Result<Vec<_>>>()?;
    let taken_in = await_until("all records are taken in", Duration::from_secs(60), || {
        for run in runs.iter_mut() {
            ensure!(run.lives()?, "a process ended:\n{}", run.said());
        }
        Ok(tables::ledger(&pipeline.table("orders"), topic, topic, orders::PARTITIONS)? == ends)
    });
    taken_in.with_context(|| runs.first().map(|run| run.said()).unwrap_or_default())
}
