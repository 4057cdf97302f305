//! Chaos for as long as one likes: `make chaos CHAOS_MINUTES=20 SEED=7`. Prints what was done and what came of it; ends
//! with 1 if a row was lost, doubled or made up, if a process ended by itself or got stuck, or if `sluicebox audit` objects.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use sluicebox_tests::chaos::{self, Episode, Kafka, Plan};
use sluicebox_tests::kafka::Cluster;
use sluicebox_tests::s3::S3;

/// Of 37 episodes, 26 kill processes.
fn deck() -> Vec<Episode> {
    use Episode::{Brokers, Flap, Kill, StoreOutage, StoreStorm, Zombie};
    let shares = [
        (Kill(1), 8),
        (Kill(2), 8),
        (Kill(3), 10),
        (Zombie(1), 2),
        (Zombie(2), 2),
        (Flap, 2),
        (StoreStorm, 2),
        (StoreOutage, 1),
        (Brokers(1), 1),
        (Brokers(2), 1),
    ];
    shares.into_iter().flat_map(|(episode, count)| std::iter::repeat_n(episode, count)).collect()
}

fn main() -> Result<ExitCode> {
    let minutes: f64 = argument(1)?.unwrap_or(20.0);
    let seed: u64 = argument(2)?.unwrap_or_else(|| fastrand::u64(..1_000_000));
    eprintln!("chaos for {minutes} minutes, seed {seed}");
    let plan = Plan {
        name: "chaos",
        seed,
        duration: Duration::from_secs_f64(60.0 * minutes),
        workers: 3,
        rate: 200,
        deck: deck(),
    };
    let report = chaos::run(Kafka::Own(Cluster::start()?), S3::shared()?, &plan)?;
    print!("{report}");
    for violation in &report.violations {
        println!("violation: {violation}");
    }
    Ok(if report.is_sound() && report.is_back_in_time() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn argument<T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>>(number: usize) -> Result<Option<T>> {
    let given = std::env::args().nth(number).filter(|given| !given.is_empty());
    given.map(|given| given.parse().with_context(|| format!("{given} is no number"))).transpose()
}
