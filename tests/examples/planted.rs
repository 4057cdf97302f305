//! Tests the simulation: plants one bug after the other into the product, and counts the worlds that notice. `make planted`.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::{Result, anyhow};
use clap::Parser;
use sluicebox_sandbox::planted::{Bug, plant};
use sluicebox_tests::place;
use sluicebox_tests::simulation::Simulation;

/// Plants bugs into the product, and counts the simulated worlds that notice.
#[derive(Parser)]
struct Arguments {
    /// Within so many seeds each bug must be caught.
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// So many seeds are run for each bug, whether it has been caught or not.
    #[arg(long, default_value_t = 40)]
    counted: u64,
    /// This bug only, by its name.
    #[arg(long)]
    bug: Option<String>,
}

/// A world that noticed.
struct Catch {
    seed: u64,
    invariant: String,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let simulation = Simulation::load(&place::guest("scripted")?)?;
    plant(None);
    let clean = caught(&simulation, 0..arguments.counted)?;
    if let Some(first) = clean.first() {
        return Err(anyhow!("without a bug planted, seed {} violates: {}", first.seed, first.invariant));
    }
    println!("{:24} {:>6} {:>9}  by                  what it does", "bug", "first", "seeds");
    let mut missed = 0;
    for &bug in Bug::ALL {
        let name = format!("{bug:?}");
        if arguments.bug.as_ref().is_some_and(|wanted| *wanted != name) {
            continue;
        }
        plant(Some(bug));
        let mut end = arguments.counted;
        let mut catches = caught(&simulation, 0..end)?;
        while catches.is_empty() && end < arguments.seeds {
            catches = caught(&simulation, end..end + arguments.counted)?;
            end += arguments.counted;
        }
        let share = format!("{}/{end}", catches.len());
        match catches.first() {
            Some(Catch { seed, invariant }) => {
                println!("{name:24} {seed:6} {share:>9}  {invariant:18}  {}", bug.text())
            }
            None => {
                missed += 1;
                println!("{name:24}      - {share:>9}  NOT CAUGHT          {}", bug.text());
            }
        }
    }
    println!("{} bugs, {missed} not caught within {} seeds", Bug::ALL.len(), arguments.seeds);
    Ok(if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The worlds among `seeds` that notice something.
fn caught(simulation: &Simulation, seeds: std::ops::Range<u64>) -> Result<Vec<Catch>> {
    let next = AtomicU64::new(seeds.start);
    let catches = Mutex::new(Vec::new());
    thread::scope(|scope| -> Result<()> {
        let work = || -> Result<()> {
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= seeds.end {
                    return Ok(());
                }
                let outcome = simulation.run(seed)?;
                if let Some(violation) = outcome.violations.first() {
                    let mut catches = catches.lock().map_err(|_| anyhow!("a thread panicked"))?;
                    catches.push(Catch { seed, invariant: violation.invariant.to_string() });
                }
            }
        };
        let threads: Vec<_> = (0..3 * thread::available_parallelism()?.get()).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| anyhow!("a thread panicked"))?)
    })?;
    let mut catches = catches.into_inner().map_err(|_| anyhow!("a thread panicked"))?;
    catches.sort_unstable_by_key(|catch| catch.seed);
    Ok(catches)
}
