//! Runs that read from three real Kafka brokers.

use serde_json::{Value, json};
use sluicebox_tests::kafka::Cluster;

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
