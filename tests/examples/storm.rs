//! What rebalances cost: the same records are taken in by a group of two that stays as it is, and by a group whose second
//! member leaves or comes back every two seconds; in turns, until the storm has lasted two minutes. `make storm`; an
//! argument sets another number of seconds. Ends with 1 if less than half of the calm rate is left, or if a row is lost or
//! doubled.

use std::fs;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sluicebox_tests::kafka::{Cluster, Message};
use sluicebox_tests::orders;
use sluicebox_tests::pipeline::{Pipeline, Run};
use sluicebox_tests::{place, tables};

/// So many that joining the group is the smaller part of a round.
const RECORDS: usize = 6_000_000;
/// 95 of a hundred orders become a row.
const ROWS: u64 = RECORDS as u64 / 100 * 95;
const SECONDS: u64 = 120;
const REBALANCE_INTERVAL: Duration = Duration::from_secs(2);
const ROUND_DURATION_MAX: Duration = Duration::from_secs(300);
const SHARE_MIN: f64 = 0.5;

/// What one kind of weather came to.
#[derive(Default)]
struct Tally {
    rounds: u32,
    duration: Duration,
    rebalances: u32,
}

impl Tally {
    fn records_per_second(&self) -> f64 {
        f64::from(self.rounds) * RECORDS as f64 / self.duration.as_secs_f64()
    }
}

fn main() -> Result<ExitCode> {
    let seconds = std::env::args().nth(1).map_or(Ok(SECONDS), |given| given.parse()).context("how many seconds?")?;
    let cluster = Cluster::start()?;
    cluster.create_topic("storm", orders::PARTITIONS, &[])?;
    for from in (0..RECORDS).step_by(100_000) {
        let messages: Vec<Message> = (from..from + 100_000).map(orders::order).collect();
        cluster.produce("storm", &messages)?;
    }
    let (mut calm, mut storm) = (Tally::default(), Tally::default());
    while storm.duration < Duration::from_secs(seconds) {
        let number = calm.rounds;
        round(&cluster, &format!("calm-{number}"), None, &mut calm)?;
        round(&cluster, &format!("storm-{number}"), Some(REBALANCE_INTERVAL), &mut storm)?;
    }
    let share = storm.records_per_second() / calm.records_per_second();
    for (name, tally) in [("calm", &calm), ("storm", &storm)] {
        println!(
            "{name:<6}{:>4} rounds of {RECORDS} records in {:>6.1} s: {:>8.0} records a second, {} times a member came or left",
            tally.rounds,
            tally.duration.as_secs_f64(),
            tally.records_per_second(),
            tally.rebalances,
        );
    }
    println!(
        "{:.0} % of the calm rate is left (at least {:.0} %); lost 0, duplicated 0",
        100.0 * share,
        100.0 * SHARE_MIN
    );
    Ok(if share >= SHARE_MIN { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A group of its own takes in the whole topic, into tables of its own, which are then looked through.
fn round(cluster: &Cluster, name: &str, flaps: Option<Duration>, tally: &mut Tally) -> Result<()> {
    let properties = json!({"session.timeout.ms": 6000, "heartbeat.interval.ms": 500});
    let source = json!({"kafka": {"brokers": cluster.bootstrap(), "topics": ["storm"], "properties": properties}});
    let mut pipeline = Pipeline::new(name, "clean_orders", &["orders"], source)?;
    // Otherwise calm rounds end with a wait for the interval, which rebalances cut short.
    pipeline.settings["flush"] = json!({"interval": "1s"});
    let mut first = pipeline.start(&[])?;
    let mut second = Some(pipeline.start(&[])?);
    let started = Instant::now();
    let mut changed = started;
    while flushed(&pipeline)? < RECORDS as u64 {
        ensure!(started.elapsed() < ROUND_DURATION_MAX, "{name} takes for ever:\n{}", first.said());
        ensure!(first.lives()?, "a process ended by itself:\n{}", first.said());
        if flaps.is_some_and(|interval| changed.elapsed() >= interval) {
            changed = Instant::now();
            tally.rebalances += 1;
            second = match second {
                Some(mut leaving) => {
                    leave(&mut leaving)?;
                    None
                }
                None => Some(pipeline.start(&[])?),
            };
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    tally.duration += started.elapsed();
    tally.rounds += 1;
    for run in [Some(first), second].iter_mut().flatten() {
        leave(run)?;
    }
    let (rows, positions) = tables::count(&pipeline.table("orders"))?;
    ensure!((rows, positions) == (ROWS, ROWS), "{name}: {rows} rows of {positions} records, not {ROWS} of as many");
    let audit = Command::new(place::sluicebox()?).arg("audit").arg(pipeline.write()?).output()?;
    ensure!(audit.status.success(), "{name}: the audit objects:\n{}", String::from_utf8_lossy(&audit.stdout));
    Ok(())
}

fn leave(run: &mut Run) -> Result<()> {
    run.terminate()?;
    let status = run.wait(Duration::from_secs(60))?;
    ensure!(status.success(), "told to leave, a process ended with {status}:\n{}", run.said());
    Ok(())
}

/// Records that all processes together say they have flushed.
fn flushed(pipeline: &Pipeline) -> Result<u64> {
    let log = fs::read_to_string(pipeline.folder().join("pipeline.log"))?;
    let lines = log.lines().filter(|line| line.contains(r#""message":"flushed""#));
    let lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    Ok(lines.filter_map(|line| line.get("records")?.as_u64()).sum())
}
