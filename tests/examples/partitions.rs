//! What thousands of partitions cost one worker: `make partitions`; an argument sets another number than 5,000.
//!
//! A topic of so many partitions on three brokers, tables on S3 behind a proxy that counts requests. One worker starts on all of
//! them for the first time, and stops; then it starts again with a second one beside it, and the first is killed: the second
//! takes all over. At last the rate of 512 partitions is compared with that of 4, on folders. Ends with 1 if a bound is broken.

use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sluicebox_tests::fault_proxy::{Counts, FaultProxy, Faults};
use sluicebox_tests::kafka::{Cluster, Message};
use sluicebox_tests::orders;
use sluicebox_tests::pipeline::{Pipeline, await_until};
use sluicebox_tests::s3::S3;

const PARTITIONS: i32 = 5_000;
/// One table, and the dead letters.
const TABLES: f64 = 2.0;
const START_MAX: Duration = Duration::from_secs(30);
const TAKE_OVER_MAX: Duration = Duration::from_secs(10);
/// Of a start, for 1,000 partitions and a table.
const REQUESTS_MAX: f64 = 3.0;
const RATE_MIN: f64 = 0.8;
const FEW: i32 = 4;
const MANY: i32 = 512;
const RECORDS: usize = 1_000_000;
const ROUNDS: usize = 3;
const PATIENCE: Duration = Duration::from_secs(240);
const SESSION: Duration = Duration::from_secs(10);

fn main() -> Result<ExitCode> {
    let partitions = std::env::args().nth(1).map_or(Ok(PARTITIONS), |count| count.parse()).context("how many?")?;
    let cluster = Cluster::start()?;
    let is_quick = starts_and_take_over(&cluster, partitions)?;
    let is_even = rates(&cluster)?;
    Ok(if is_quick && is_even { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn starts_and_take_over(cluster: &Cluster, partitions: i32) -> Result<bool> {
    cluster.create_wide_topic("wide", partitions)?;
    produce(cluster, "wide", partitions, partitions as usize)?;
    let store = S3::shared()?;
    let proxy = FaultProxy::start(store.address(), 1)?;
    proxy.set(Faults::NONE);
    let pipeline = || -> Result<Pipeline> { Ok(pipeline(cluster, "wide")?.on_s3(store, proxy.address())) };
    let (first, second) = (pipeline()?, pipeline()?);

    let mut is_kept = true;
    for what in ["the first start", "the next start"] {
        let (before, counted) = (count(&first, "flushed")?, proxy.counts());
        let began = SystemTime::now();
        let mut run = first.start(&[])?;
        await_until("a flush", PATIENCE, || Ok(run.lives()? && count(&first, "flushed")? > before))?;
        let took = last_of(&first, "flushed")?.duration_since(began)?;
        is_kept &= report_start(what, took, &counted, &proxy.counts(), partitions);
        run.terminate()?;
        ensure!(run.wait(PATIENCE)?.success(), "{}", run.said());
        produce(cluster, "wide", partitions, partitions as usize)?;
    }
    Ok(take_over(cluster, &first, &second, partitions)? && is_kept)
}

fn report_start(what: &str, took: Duration, before: &Counts, after: &Counts, partitions: i32) -> bool {
    let requests = after.requests - before.requests;
    let share = requests as f64 / TABLES / (f64::from(partitions) / 1_000.0);
    println!("{what} with {partitions} partitions: {:.1} s until the first flush is done", took.as_secs_f64());
    println!(
        "  {requests} requests, that flush's included ({} PUT, of these {} LIST, and {} GET): {share:.1} for 1,000 partitions and table",
        after.puts - before.puts,
        after.lists - before.lists,
        after.gets - before.gets
    );
    took <= START_MAX && share <= REQUESTS_MAX
}

/// Kills the worker that has half of the partitions. What counts is the time from the assignment of its half to another worker
/// until that one has committed records of it.
fn take_over(cluster: &Cluster, first: &Pipeline, second: &Pipeline, partitions: i32) -> Result<bool> {
    let mut dying = first.start(&[])?;
    let flushed = count(first, "flushed")?;
    await_until("a flush", PATIENCE, || Ok(count(first, "flushed")? > flushed))?;
    let mut heir = second.start(&[])?;
    await_until("a share of the partitions", PATIENCE, || Ok(count(second, "partitions assigned")? > 0))?;
    // The group goes on in steps until each has its half.
    std::thread::sleep(2 * SESSION);
    dying.kill()?;
    produce(cluster, "wide", partitions, partitions as usize)?;
    let assigned = count(second, "partitions assigned")?;
    await_until("the other half", PATIENCE, || Ok(count(second, "partitions assigned")? > assigned))?;
    let given = last_of(second, "partitions assigned")?;
    let caught_up = || Ok(last_of(second, "flushed")? > given);
    await_until("a flush after that", PATIENCE, caught_up)?;
    let done = first_after(second, "flushed", given)?.context("no flush")?;
    let took = done.duration_since(given)?;
    println!(
        "taking over half of {partitions} partitions: {:.1} s until their first flush is done",
        took.as_secs_f64()
    );
    heir.terminate()?;
    ensure!(heir.wait(PATIENCE)?.success(), "{}", heir.said());
    Ok(took <= TAKE_OVER_MAX)
}

/// Many partitions against few, in turns.
fn rates(cluster: &Cluster) -> Result<bool> {
    for partitions in [FEW, MANY] {
        let topic = format!("rate-{partitions}");
        cluster.create_wide_topic(&topic, partitions)?;
        produce(cluster, &topic, partitions, RECORDS)?;
    }
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (partitions, rates) in [FEW, MANY].into_iter().zip(&mut rates) {
            let mut pipeline = pipeline(cluster, &format!("rate-{partitions}"))?;
            pipeline.settings["flush"] = json!({"interval": "10s"});
            pipeline.drain()?;
            let began =
                first_after(&pipeline, "partitions assigned", SystemTime::UNIX_EPOCH)?.context("no partitions")?;
            let took = last_of(&pipeline, "flushed")?.duration_since(began)?;
            rates.push(RECORDS as f64 / took.as_secs_f64());
        }
    }
    let [few, many] = rates.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    });
    println!("{few:.0} records a second of {FEW} partitions, {many:.0} of {MANY}: {:.2} times", many / few);
    Ok(many >= RATE_MIN * few)
}

fn pipeline(cluster: &Cluster, topic: &str) -> Result<Pipeline> {
    let properties = json!({"session.timeout.ms": SESSION.as_millis().to_string(), "heartbeat.interval.ms": "1000"});
    let kafka = json!({"brokers": cluster.bootstrap(), "topics": [topic], "properties": properties});
    let mut pipeline = Pipeline::new(topic, "clean_orders", &["orders"], json!({"kafka": kafka}))?;
    pipeline.settings["flush"] = json!({"interval": "1s"});
    pipeline.settings["breaker"] = json!("off");
    Ok(pipeline)
}

fn produce(cluster: &Cluster, topic: &str, partitions: i32, records: usize) -> Result<()> {
    // A producer sends each partition's records by themselves: many partitions are many requests.
    let step = if records > partitions as usize { 100_000 } else { 500 };
    for from in (0..records).step_by(step) {
        let placed = |number: usize| Message { partition: number as i32 % partitions, ..orders::order(number) };
        let messages: Vec<Message> = (from..records.min(from + step)).map(placed).collect();
        cluster.produce(topic, &messages)?;
    }
    Ok(())
}

/// When a pipeline's processes have said this.
fn times(pipeline: &Pipeline, message: &str) -> Result<Vec<SystemTime>> {
    let log = pipeline.log()?;
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let said = lines.filter(|line| line["fields"]["message"] == message || line["message"] == message);
    said.map(|line| Ok(humantime::parse_rfc3339(line["timestamp"].as_str().context("a log line has no time")?)?))
        .collect()
}

fn count(pipeline: &Pipeline, message: &str) -> Result<usize> {
    Ok(times(pipeline, message)?.len())
}

fn last_of(pipeline: &Pipeline, message: &str) -> Result<SystemTime> {
    Ok(times(pipeline, message)?.last().copied().unwrap_or(SystemTime::UNIX_EPOCH))
}

fn first_after(pipeline: &Pipeline, message: &str, time: SystemTime) -> Result<Option<SystemTime>> {
    Ok(times(pipeline, message)?.into_iter().find(|at| *at > time))
}
