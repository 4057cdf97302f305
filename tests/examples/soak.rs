//! A long run, measured: five million orders of 200 bytes through three local brokers, while the process's resident
//! memory and processor time are sampled. `make soak`; an argument sets another number of records.
//!
//! Brokers and process share this machine, so seconds say little; processor time a record of our own process does.

use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use sluicebox_tests::kafka::{Cluster, Message};
use sluicebox_tests::orders::{self, PARTITIONS};
use sluicebox_tests::pipeline::{Pipeline, Run};
use sluicebox_tests::tables;

const RECORDS: usize = 5_000_000;
const RESIDENT_MEBIBYTES_MAX: u64 = 256;
const CPU_NANOSECONDS_MAX: u64 = 2_000;
const SAMPLE_INTERVAL: Duration = Duration::from_millis(100);
/// The unit of /proc/<pid>/stat: Linux counts processor time in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

fn main() -> Result<ExitCode> {
    let records = std::env::args().nth(1).map_or(Ok(RECORDS), |count| count.parse()).context("how many records?")?;
    let cluster = Cluster::start()?;
    let started = Instant::now();
    produce(&cluster, records)?;
    eprintln!("produced {records} records in {:.1} s", started.elapsed().as_secs_f64());

    let source = json!({"kafka": {"brokers": cluster.bootstrap(), "topics": ["soak"]}});
    let pipeline = Pipeline::new("soak", "clean_orders", &["orders"], source)?;
    let started = Instant::now();
    let mut run = pipeline.start(&["--drain"])?;
    let samples = watch(&mut run)?;
    let seconds = started.elapsed().as_secs_f64();
    ensure!(run.wait(Duration::from_secs(30))?.success(), "the run did not end well:\n{}", run.said());

    let (rows, positions) = tables::count(&pipeline.table("orders"))?;
    ensure!(rows == positions, "{} rows are doubled", rows - positions);
    let ledger = tables::ledger(&pipeline.table("orders"), "soak", "soak", PARTITIONS)?;
    let taken: i64 = ledger.into_iter().flatten().sum();
    ensure!(taken as usize == records, "the ledger counts {taken} of {records} records");
    report(&samples, records as u64, rows, seconds)
}

fn produce(cluster: &Cluster, records: usize) -> Result<()> {
    cluster.create_topic("soak", PARTITIONS, &[])?;
    for from in (0..records).step_by(100_000) {
        let messages: Vec<Message> = (from..records.min(from + 100_000)).map(orders::order).collect();
        cluster.produce("soak", &messages)?;
    }
    Ok(())
}

/// What the process held and had used at one moment.
#[derive(Clone, Copy)]
struct Sample {
    resident_bytes: u64,
    cpu: Duration,
}

fn watch(run: &mut Run) -> Result<Vec<Sample>> {
    let mut samples = Vec::new();
    while run.lives()? {
        // Between the question and the look it may have gone.
        samples.extend(sample(run.id()));
        std::thread::sleep(SAMPLE_INTERVAL);
    }
    Ok(samples)
}

fn sample(process: u32) -> Option<Sample> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = resident.split_whitespace().next()?.parse().ok()?;
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // After the name in parentheses: utime and stime are the 12th and 13th fields.
    let ticks = stat.rsplit_once(')')?.1.split_whitespace().skip(11).take(2);
    let ticks: u32 = ticks.map_while(|ticks| ticks.parse::<u32>().ok()).sum();
    Some(Sample { resident_bytes: 1024 * kibibytes, cpu: TICK * ticks })
}

fn report(samples: &[Sample], records: u64, rows: u64, seconds: f64) -> Result<ExitCode> {
    let mebibytes = |sample: &Sample| sample.resident_bytes >> 20;
    let last = samples.last().context("the run was too short to be sampled")?;
    let peak = samples.iter().map(mebibytes).max().unwrap_or_default();
    let cpu_nanoseconds = last.cpu.as_nanos() as u64 / records;
    let at = |percent: usize| samples.get(samples.len() * percent / 100).map_or(0, mebibytes);
    println!("{records} records, {rows} rows in {seconds:.1} s: {:.0} records a second", records as f64 / seconds);
    println!("processor: {cpu_nanoseconds} ns a record (at most {CPU_NANOSECONDS_MAX})");
    println!(
        "resident memory: {} MiB after a fifth, {} at half, {} near the end, {peak} at most (at most {RESIDENT_MEBIBYTES_MAX})",
        at(20),
        at(50),
        at(95)
    );
    let kept = peak <= RESIDENT_MEBIBYTES_MAX && cpu_nanoseconds <= CPU_NANOSECONDS_MAX;
    Ok(if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
