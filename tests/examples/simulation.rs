//! The simulation as a command: `make sim SEEDS=10000`, or `make sim SEED=4711` to see one world's story.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, available_parallelism};
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use clap::Parser;
use sluicebox_tests::place;
use sluicebox_tests::simulation::{Outcome, Simulation};

/// Stories of failed worlds that are told in full.
const FAILURES_TOLD_MAX: usize = 3;

/// Runs the real walk in worlds made of numbers, one a seed, and checks that nothing is lost, doubled or out of order.
#[derive(Parser)]
struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// This seed alone, with everything that happens in it.
    #[arg(long, conflicts_with_all = ["seeds", "first"])]
    seed: Option<u64>,
    /// Worlds at a time; three a processor unless said otherwise: a world often waits for the kernel's own threads.
    #[arg(long)]
    threads: Option<usize>,
    /// The transform `scripted`; the one that `make guests` built unless said otherwise.
    #[arg(long)]
    wasm: Option<PathBuf>,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let wasm = arguments.wasm.clone().map_or_else(|| place::guest("scripted"), Ok)?;
    let simulation = Simulation::load(&wasm)?;
    match arguments.seed {
        Some(seed) => tell(&simulation.run(seed)?),
        None => survey(&simulation, &arguments),
    }
}

fn tell(outcome: &Outcome) -> Result<ExitCode> {
    outcome.trace.lines().iter().for_each(|line| println!("{line}"));
    println!("seed {}: {} commits, trace {:016x}", outcome.seed, outcome.commits, outcome.trace.hash());
    for violation in &outcome.violations {
        println!("VIOLATION {violation}");
    }
    Ok(if outcome.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[derive(Default)]
struct Totals {
    commits: usize,
    deaths: usize,
    faults: usize,
    /// Of all stories, in any order.
    hash: u64,
    failed: Vec<Outcome>,
}

fn survey(simulation: &Simulation, arguments: &Arguments) -> Result<ExitCode> {
    let started = Instant::now();
    let threads = arguments.threads.unwrap_or(3 * available_parallelism()?.get());
    let next = AtomicU64::new(arguments.first);
    let end = arguments.first + arguments.seeds;
    let totals = Mutex::new(Totals::default());
    thread::scope(|scope| -> Result<()> {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| work(simulation, &next, end, &totals))).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| anyhow!("a thread panicked"))?)
    })?;
    let totals = totals.into_inner().map_err(|_| anyhow!("a thread panicked"))?;
    report(&totals, arguments.seeds, started)
}

fn work(simulation: &Simulation, next: &AtomicU64, end: u64, totals: &Mutex<Totals>) -> Result<()> {
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            return Ok(());
        }
        let outcome = simulation.run(seed).with_context(|| format!("seed {seed}"))?;
        let mut totals = totals.lock().map_err(|_| anyhow!("a thread panicked"))?;
        totals.commits += outcome.commits;
        totals.deaths += outcome.deaths;
        totals.faults += outcome.faults;
        totals.hash ^= outcome.trace.hash();
        if let Some(violation) = outcome.violations.first() {
            println!("seed {seed}: {violation}");
            totals.failed.push(outcome);
        }
    }
}

fn report(totals: &Totals, seeds: u64, started: Instant) -> Result<ExitCode> {
    let seconds = started.elapsed().as_secs_f64();
    let Totals { commits, deaths, faults, hash, failed } = totals;
    for outcome in failed.iter().take(FAILURES_TOLD_MAX) {
        println!();
        tell(outcome)?;
    }
    println!(
        "{seeds} seeds in {seconds:.0} s ({:.0} a minute): {commits} commits, {deaths} deaths, {faults} faults, traces {hash:016x}, {} with violations",
        seeds as f64 / seconds * 60.0,
        failed.len(),
    );
    if let Some(outcome) = failed.first() {
        println!("see one alone: make sim SEED={}", outcome.seed);
    }
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
