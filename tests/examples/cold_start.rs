//! What a cold start costs: from the start of the process to its first question for an event, in CPU time and by the clock,
//! against the smallest function there is, in turns; and how long the first event of 1,000 records takes then. The transform
//! comes precompiled out of a registry; registry and tables are on a local S3. `make cold-start`; an argument sets the number of rounds. Ends with 1 if a target is missed.

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sluicebox_tests::lambda::event::event;
use sluicebox_tests::lambda::{Function, Outcome};
use sluicebox_tests::pipeline::Pipeline;
use sluicebox_tests::s3::{BUCKET, S3};
use sluicebox_tests::{orders, place};

const ROUNDS: usize = 20;
const RECORDS: usize = 1_000;
const CPU_MAX: Duration = Duration::from_millis(100);
const RATIO_MAX: f64 = 3.0;
const FIRST_EVENT_MAX: Duration = Duration::from_millis(500);

/// One kind of function, over all rounds.
#[derive(Default)]
struct Starts {
    cpu: Vec<Duration>,
    clock: Vec<Duration>,
}

impl Starts {
    fn note(&mut self, function: &Function) -> Result<()> {
        let environment = function.environment()?;
        self.cpu.push(cpu_time(environment.id())?);
        self.clock.push(environment.init_duration());
        Ok(())
    }
}

fn main() -> Result<ExitCode> {
    let rounds = std::env::args().nth(1).map_or(Ok(ROUNDS), |given| given.parse()).context("how many rounds?")?;
    let store = S3::shared()?;
    let source = json!({"kafka": {"brokers": "127.0.0.1:1", "topics": ["cold"]}});
    let mut pipeline =
        Pipeline::new("cold", "clean_orders", &["orders"], source)?.on_s3(store, store.address().to_owned());
    pipeline.settings["transform"] = push(&pipeline)?;
    let hello = Function::new(hello()?, Vec::new(), pipeline.folder().join("hello.log"))?;
    let (mut ours, mut smallest, mut first_events) = (Starts::default(), Starts::default(), Vec::new());
    let feed = orders::feed("cold", 4 * RECORDS);
    // The first creates the tables, which is done once in a pipeline's life.
    first_event(&pipeline, &feed, 0)?;
    for round in 0..rounds {
        smallest.note(&hello)?;
        ours.note(&Function::of(&pipeline)?)?;
        if round < 3 {
            first_events.push(first_event(&pipeline, &feed, 1 + round as i32)?);
        }
    }
    let (cpu, hello_cpu) = (median(&mut ours.cpu), median(&mut smallest.cpu));
    let first = median(&mut first_events);
    let ratio = cpu.as_secs_f64() / hello_cpu.as_secs_f64();
    println!("cold start, medians of {rounds} rounds        CPU       by the clock");
    println!("  sluicebox                        {:>8.1?}{:>15.1?}", cpu, median(&mut ours.clock));
    println!("  hello world                      {:>8.1?}{:>15.1?}", hello_cpu, median(&mut smallest.clock));
    println!("  ratio                            {ratio:>8.1}");
    println!("first event of {RECORDS} records committed in {first:.0?}");
    let is_kept = cpu <= CPU_MAX && ratio <= RATIO_MAX && first <= FIRST_EVENT_MAX;
    println!(
        "targets: {CPU_MAX:?} CPU, {RATIO_MAX} times hello world, {FIRST_EVENT_MAX:?}: {}",
        if is_kept { "kept" } else { "missed" }
    );
    Ok(if is_kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Pushes the transform into a registry, with its precompiled forms, and says how the pipeline file names it there.
fn push(pipeline: &Pipeline) -> Result<Value> {
    let registry = format!("s3://{BUCKET}/cold-registry");
    let output = Command::new(place::sluicebox()?)
        .arg("push")
        .arg(place::guest("clean_orders")?)
        .args(["--to", &format!("{registry}/orders"), "--format", "json"])
        .envs(pipeline.environment())
        .output()?;
    ensure!(output.status.success(), "pushing failed: {}", String::from_utf8_lossy(&output.stderr));
    let pushed: Value = serde_json::from_slice(&output.stdout)?;
    let digest = pushed["digest"].as_str().context("no digest")?;
    Ok(json!({"artifact": format!("orders@{digest}"), "registry": registry}))
}

/// A new environment, and how long its first event takes. Each time of another partition.
fn first_event(pipeline: &Pipeline, feed: &sluicebox_tests::feed::Feed, partition: i32) -> Result<Duration> {
    let function = Function::of(pipeline)?;
    let mut environment = function.environment()?;
    let event = event("cold", feed.records.iter().filter(|placed| placed.message.partition == partition));
    let started = Instant::now();
    let outcome = environment.invoke("first", event, Duration::from_secs(60))?;
    let duration = started.elapsed();
    ensure!(outcome == Outcome::Answered(json!({"batchItemFailures": []})), "{outcome:?}\n{}", function.log()?);
    Ok(duration)
}

fn hello() -> Result<PathBuf> {
    let examples = place::target()?.join("release/examples/hello_lambda");
    ensure!(
        examples.exists(),
        "{} is missing; `cargo build --release --workspace --examples` makes it",
        examples.display()
    );
    Ok(examples)
}

/// The time on a processor of all threads of a process so far; threads that have ended meanwhile are left out, as the kernel
/// does not report theirs to the nanosecond.
fn cpu_time(process: u32) -> Result<Duration> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task"))?;
    let mut nanoseconds = 0;
    for task in tasks {
        let schedstat = std::fs::read_to_string(task?.path().join("schedstat"))?;
        nanoseconds += schedstat.split_whitespace().next().context("no figures")?.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

fn median(durations: &mut [Duration]) -> Duration {
    durations.sort_unstable();
    durations.get(durations.len() / 2).copied().unwrap_or_default()
}
