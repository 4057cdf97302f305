//! Tables on S3: the same promises, on a quiet line and on a bad one.

use std::fs;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use sluicebox_tests::fault_proxy::{FaultProxy, Faults};
use sluicebox_tests::kafka::Cluster;
use sluicebox_tests::pipeline::{Pipeline, Run};
use sluicebox_tests::s3::S3;

use crate::kafka::source;
use crate::orders;

const RECORDS: usize = 4_000;

fn pipeline(cluster: &Cluster, name: &str, store: &'static S3, address: &str) -> Result<Pipeline> {
    Ok(orders::pipeline(name, source(cluster, &[name]))?.on_s3(store, address.to_owned()))
}

#[test]
fn rows_and_dead_letters_land_on_s3_each_once() -> Result<()> {
    needs!(kafka, s3, readers);
    let (cluster, store) = (Cluster::shared()?, S3::shared()?);
    let feed = orders::feed("s3-quiet", RECORDS);
    feed.produce(cluster)?;
    let pipeline = pipeline(cluster, "s3-quiet", store, store.address())?;
    pipeline.drain()?;
    // A second drain has nothing left to do.
    pipeline.drain()?;
    orders::ensure_exactly_once(&pipeline, &[&feed])
}

#[test]
fn a_bad_line_to_s3_costs_time_and_nothing_else() -> Result<()> {
    needs!(kafka, s3, readers);
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

/// The environment has no keys: a profile names a program that prints keys which hold for a few minutes.
#[test]
fn credentials_may_come_from_a_profile_and_the_store_from_the_file() -> Result<()> {
    needs!(kafka, s3, readers);
    let (cluster, store) = (Cluster::shared()?, S3::shared()?);
    let feed = orders::feed("s3-profile", RECORDS);
    feed.produce(cluster)?;
    let mut pipeline = pipeline(cluster, "s3-profile", store, store.address())?;
    pipeline.settings["s3"] = json!({
        "endpoint": format!("http://{}", store.address()),
        "region": "us-east-1",
        "path_style": true,
    });
    let variable = |name: &str| {
        let found = store.environment().into_iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value).unwrap_or_default()
    };
    let expiry = std::time::SystemTime::now() + Duration::from_secs(360);
    let answer = json!({
        "Version": 1,
        "AccessKeyId": variable("AWS_ACCESS_KEY_ID"),
        "SecretAccessKey": variable("AWS_SECRET_ACCESS_KEY"),
        "Expiration": humantime::format_rfc3339_seconds(expiry).to_string(),
    });
    let at = |name: &str| pipeline.folder().join(name);
    fs::write(at("answer.json"), answer.to_string())?;
    fs::write(at("keys.sh"), "cd \"$(dirname \"$0\")\" && echo asked >> asked && cat answer.json")?;
    fs::write(at("config"), format!("[profile lake]\ncredential_process = sh {}\n", at("keys.sh").display()))?;

    let config = at("config").display().to_string();
    let environment = [("AWS_PROFILE", "lake"), ("AWS_CONFIG_FILE", &config), ("AWS_EC2_METADATA_DISABLED", "true")];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut run = Run::start(&pipeline.write()?, &["--drain"], &environment)?;
    let status = run.wait(Duration::from_secs(120))?;
    ensure!(status.success(), "draining ended with {status}:\n{}", run.said());
    orders::ensure_exactly_once(&pipeline, &[&feed])?;
    let asked = fs::read_to_string(at("asked"))?.lines().count();
    ensure!(asked <= 3, "for hundreds of requests the keys were asked for {asked} times");
    ensure!(!run.said().contains(&variable("AWS_SECRET_ACCESS_KEY")), "the secret is in the log");

    fs::remove_file(at("answer.json"))?;
    let mut run = Run::start(&pipeline.write()?, &["--drain"], &environment)?;
    let status = run.wait(Duration::from_secs(120))?;
    ensure!(status.code() == Some(3), "without keys it ended with {status}:\n{}", run.said());
    ensure!(run.said().contains("no AWS credentials"), "{}", run.said());
    Ok(())
}
