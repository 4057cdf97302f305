//! Whether a flush costs the same in year two: 20,000 flushes of a few records into one table, without compaction, by one
//! process. Compares the first flushes with the last: their time, the process's memory, and on S3 the requests of a flush.
//! `make endurance`; an argument sets another number of flushes. Ends with 1 if the last cost more than the first by half, or
//! the memory has grown by a tenth.
//!
//! A file is the source, and each of its polls is a flush: so nothing but the tables is measured.

use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sluicebox_tests::fault_proxy::{Counts, FaultProxy, Faults};
use sluicebox_tests::orders;
use sluicebox_tests::pipeline::Pipeline;
use sluicebox_tests::s3::S3;
use sluicebox_tests::tables;

const FLUSHES: usize = 20_000;
/// The file source hands over so many batches at a poll, each of one record here.
const RECORDS_A_FLUSH: usize = 16;
/// Flushes that are compared, at the beginning and at the end.
const COMPARED: usize = 200;
/// The first flushes open files and connections, and are not compared.
const SKIPPED: usize = 20;
const TIME_RATIO_MAX: f64 = 1.5;
const MEMORY_RATIO_MAX: f64 = 1.1;
const SAMPLE_INTERVAL: Duration = Duration::from_millis(500);
/// How long all flushes may take: a flush of a small file takes some milliseconds, and some tens on S3.
const DURATION_MAX: Duration = Duration::from_secs(900);

fn main() -> Result<ExitCode> {
    let flushes = std::env::args().nth(1).map_or(Ok(FLUSHES), |count| count.parse()).context("how many flushes?")?;
    ensure!(flushes >= SKIPPED + 2 * COMPARED, "at least {} flushes can be compared", SKIPPED + 2 * COMPARED);
    let on_folder = endure(pipeline("endurance-folder", flushes)?, flushes, None)?;
    // On S3 each flush takes several times as long, and requests are what counts there.
    let store = S3::shared()?;
    let proxy = FaultProxy::start(store.address(), 1)?;
    proxy.set(Faults::NONE);
    let pipeline = pipeline("endurance-s3", flushes / 10)?.on_s3(store, proxy.address());
    let on_s3 = endure(pipeline, flushes / 10, Some(&proxy))?;
    Ok(if on_folder && on_s3 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn pipeline(name: &str, flushes: usize) -> Result<Pipeline> {
    let mut pipeline = Pipeline::new(name, "clean_orders", &["orders"], json!({"file": {"path": "orders.jsonl"}}))?;
    pipeline.settings["flush"] = json!({"rows_max": 1, "interval": "30s"});
    pipeline.settings["batch"] = json!({"records_max": 1});
    let values = (0..flushes * RECORDS_A_FLUSH).filter_map(|number| orders::order(number).value);
    let lines = values.map(|value| format!("{}\n", json!({"value": String::from_utf8_lossy(&value)})));
    fs::write(pipeline.folder().join("orders.jsonl"), lines.collect::<String>())?;
    Ok(pipeline)
}

/// What is known of a run at one moment.
struct Sample {
    flushes: usize,
    resident_bytes: u64,
    requests: Counts,
}

fn endure(pipeline: Pipeline, flushes: usize, proxy: Option<&FaultProxy>) -> Result<bool> {
    let mut run = pipeline.start(&["--drain"])?;
    let started = Instant::now();
    let mut samples = Vec::new();
    while run.lives()? {
        ensure!(started.elapsed() < DURATION_MAX, "it takes longer than {DURATION_MAX:?}:\n{}", run.said());
        // Between the question and the look it may have gone.
        if let Some(resident_bytes) = resident_bytes(run.id()) {
            let requests = proxy.map_or_else(Counts::default, FaultProxy::counts);
            samples.push(Sample { flushes: pipeline.logged("flushed")?, resident_bytes, requests });
        }
        std::thread::sleep(SAMPLE_INTERVAL);
    }
    ensure!(run.wait(Duration::from_secs(1))?.success(), "the run did not end well:\n{}", run.said());
    let (rows, positions) = tables::count(pipeline.location("orders"))?;
    ensure!(rows == positions, "{} rows are doubled", rows - positions);
    let times = flush_times(&pipeline.log()?)?;
    ensure!(times.len() >= flushes, "{} flushes, not {flushes}", times.len());
    report(pipeline.name(), &times, &samples)
}

/// When each flush was done.
fn flush_times(log: &str) -> Result<Vec<SystemTime>> {
    log.lines()
        .filter(|line| line.contains("\"flushed\""))
        .map(|line| {
            let entry: Value = serde_json::from_str(line)?;
            Ok(humantime::parse_rfc3339(entry["timestamp"].as_str().context("a log line has no time")?)?)
        })
        .collect()
}

fn report(name: &str, times: &[SystemTime], samples: &[Sample]) -> Result<bool> {
    let median = |times: &[SystemTime]| {
        let mut gaps: Vec<Duration> =
            times.windows(2).filter_map(|pair| pair[1].duration_since(pair[0]).ok()).collect();
        gaps.sort();
        gaps.get(gaps.len() / 2).copied().unwrap_or_default().as_secs_f64() * 1_000.0
    };
    let first = median(&times[SKIPPED..SKIPPED + COMPARED]);
    let last = median(&times[times.len() - COMPARED..]);
    let early = samples.iter().find(|sample| sample.flushes >= times.len() / 40);
    let early = early.context("the run was too short to be sampled")?;
    let late = samples.last().context("the run was too short to be sampled")?;
    let middle = samples.iter().find(|sample| sample.flushes >= times.len() / 2).unwrap_or(late);
    let requests = |from: &Sample, to: &Sample, count: fn(&Counts) -> u64| {
        (count(&to.requests) - count(&from.requests)) as f64 / (to.flushes - from.flushes).max(1) as f64
    };
    let mebibytes = |sample: &Sample| sample.resident_bytes as f64 / f64::from(1 << 20);
    let memory_ratio = mebibytes(late) / mebibytes(early);
    println!("{name}: {} flushes into tables that nothing compacts", times.len());
    println!("  a flush: {first:.1} ms at first, {last:.1} ms at last: {:.2} times", last / first);
    println!(
        "  resident memory: {:.0} MiB after {} flushes, {:.0} after {}: {memory_ratio:.2} times",
        mebibytes(early),
        early.flushes,
        mebibytes(late),
        late.flushes
    );
    let (before, after) = (requests(early, middle, |it| it.requests), requests(middle, late, |it| it.requests));
    if late.requests.requests > 0 {
        println!("  requests a flush: {before:.1} in the first half, {after:.1} in the second");
        let [puts, lists, gets] = [|it: &Counts| it.puts, |it: &Counts| it.lists, |it: &Counts| it.gets]
            .map(|count: fn(&Counts) -> u64| requests(early, late, count));
        println!("  as they are charged: {puts:.2} PUT, of these {lists:.2} LIST, and {gets:.2} GET");
    }
    let is_flat = last <= first * TIME_RATIO_MAX && after <= before * TIME_RATIO_MAX;
    Ok(is_flat && memory_ratio <= MEMORY_RATIO_MAX)
}

fn resident_bytes(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(1024 * resident.split_whitespace().next()?.parse::<u64>().ok()?)
}
