//! Tables on S3: the same promises, on a quiet line and on a bad one.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use sluicebox_tests::fault_proxy::{FaultProxy, Faults};
use sluicebox_tests::kafka::Cluster;
use sluicebox_tests::pipeline::Pipeline;
use sluicebox_tests::s3::S3;

use super::source;
use crate::orders;

const RECORDS: usize = 4_000;

fn pipeline(cluster: &Cluster, name: &str, store: &'static S3, address: &str) -> Result<Pipeline> {
    Ok(orders::pipeline(name, source(cluster, &[name]))?.on_s3(store, address.to_owned()))
}

#[test]
fn rows_and_dead_letters_land_on_s3_each_once() -> Result<()> {
    let (cluster, store) = (Cluster::shared()?, S3::shared()?);
    let feed = orders::feed("s3-quiet", RECORDS);
    feed.produce(cluster)?;
    let pipeline = pipeline(cluster, "s3-quiet", store, store.address())?;
    pipeline.drain()?;
    // Nothing is left to do for a second one.
    pipeline.drain()?;
    orders::ensure_exactly_once(&pipeline, &[&feed])
}

#[test]
fn a_bad_line_to_s3_costs_time_and_nothing_else() -> Result<()> {
    let (cluster, store) = (Cluster::shared()?, S3::shared()?);
    let feed = orders::feed("s3-bad", 4 * RECORDS);
    feed.produce(cluster)?;
    let proxy = FaultProxy::start(store.address(), 3)?;
    let mut pipeline = pipeline(cluster, "s3-bad", store, &proxy.address())?;
    pipeline.settings["flush"] = json!({"rows_max": 100});
    pipeline.settings["batch"] = json!({"records_max": 100});
    proxy.set(Faults { lost_commit_response: 0.5, pause_max: Duration::from_millis(100), ..Faults::DRIZZLE });
    pipeline.drain()?;
    let counts = proxy.counts();
    ensure!(counts.lost_commit_responses > 0, "no response to a commit was lost: {counts:?}");
    orders::ensure_exactly_once(&pipeline, &[&feed])
}
