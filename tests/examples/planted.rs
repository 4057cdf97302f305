//! Tests the simulation: activates one planted bug after the other, and counts the worlds that notice. `make planted` builds
//! it from the copy of the tree that has all bugs of `tests/planted`, each behind a switch. The switch is read once a process,
//! so this program runs itself once a bug.

use std::fs;
use std::ops::Range;
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::{Context, Result, anyhow, ensure};
use clap::Parser;
use sluicebox_tests::place;
use sluicebox_tests::simulation::Simulation;

/// Names the bug that is active; `tests/planted/switch` reads it.
const ACTIVE: &str = "SLUICEBOX_PLANTED_BUG";

/// Activates planted bugs one by one, and counts the simulated worlds that notice.
#[derive(Parser)]
struct Arguments {
    /// Within this many seeds each bug must be caught.
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// This many seeds are run for each bug, whether it is caught or not.
    #[arg(long, default_value_t = 40)]
    counted: u64,
    /// These bugs only, by their names in `tests/planted/series`.
    #[arg(long = "bug")]
    bugs: Vec<String>,
}

/// A patch of `tests/planted`.
struct Bug {
    name: String,
    /// The first line of its heading.
    what: String,
}

/// A world that noticed.
struct Catch {
    seed: u64,
    invariant: String,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let bugs = bugs()?;
    if let Ok(active) = std::env::var(ACTIVE) {
        let bug = bugs.iter().find(|bug| bug.name == active).with_context(|| format!("there is no bug `{active}`"))?;
        return try_out(bug, &arguments);
    }
    ensure!(
        place::repository().ends_with("planted/tree"),
        "this program has no bugs planted: `make planted` builds the one that has"
    );
    if let Some(unknown) = arguments.bugs.iter().find(|name| bugs.iter().all(|bug| bug.name != **name)) {
        return Err(anyhow!("tests/planted/series has no bug `{unknown}`"));
    }
    require_clean(&arguments)?;
    println!("{:24} {:>6} {:>9}  by                  what it does", "bug", "first", "seeds");
    let mut missed = 0;
    let mut count = 0;
    for bug in bugs.iter().filter(|bug| arguments.bugs.is_empty() || arguments.bugs.contains(&bug.name)) {
        count += 1;
        missed += u32::from(!run_itself(bug)?);
    }
    println!("{count} bugs, {missed} not caught within {} seeds", arguments.seeds);
    Ok(if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The bugs in the order of their patches.
fn bugs() -> Result<Vec<Bug>> {
    let folder = place::repository().join("tests/planted");
    let series = fs::read_to_string(folder.join("series")).context("tests/planted/series")?;
    series
        .lines()
        .map(|name| {
            let path = folder.join(name).with_extension("patch");
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            Ok(Bug { name: name.to_owned(), what: text.lines().next().unwrap_or_default().to_owned() })
        })
        .collect()
}

/// The patched tree without an active bug has to behave as the product does.
fn require_clean(arguments: &Arguments) -> Result<()> {
    let simulation = Simulation::load(&place::guest("scripted")?)?;
    match caught(&simulation, 0..arguments.counted)?.first() {
        Some(first) => Err(anyhow!("without an active bug, seed {} violates: {}", first.seed, first.invariant)),
        None => Ok(()),
    }
}

/// Runs this program with one bug active; it prints its own line. Returns whether a world noticed.
fn run_itself(bug: &Bug) -> Result<bool> {
    let arguments = std::env::args_os().skip(1);
    let status = Command::new(std::env::current_exe()?).args(arguments).env(ACTIVE, &bug.name).status()?;
    match status.code() {
        Some(0) => Ok(true),
        Some(2) => Ok(false),
        _ => Err(anyhow!("{} with `{}` active ended with {status}", ACTIVE, bug.name)),
    }
}

/// Runs the worlds with the active bug, and prints in how many it was caught.
fn try_out(bug: &Bug, arguments: &Arguments) -> Result<ExitCode> {
    let simulation = Simulation::load(&place::guest("scripted")?)?;
    let mut end = arguments.counted;
    let mut catches = caught(&simulation, 0..end)?;
    while catches.is_empty() && end < arguments.seeds {
        catches = caught(&simulation, end..end + arguments.counted)?;
        end += arguments.counted;
    }
    let Bug { name, what } = bug;
    let share = format!("{}/{end}", catches.len());
    match catches.first() {
        Some(Catch { seed, invariant }) => {
            println!("{name:24} {seed:6} {share:>9}  {invariant:18}  {what}");
            Ok(ExitCode::SUCCESS)
        }
        None => {
            println!("{name:24}      - {share:>9}  NOT CAUGHT          {what}");
            Ok(ExitCode::from(2))
        }
    }
}

/// The worlds among `seeds` that notice something.
fn caught(simulation: &Simulation, seeds: Range<u64>) -> Result<Vec<Catch>> {
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
