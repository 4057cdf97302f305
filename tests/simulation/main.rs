//! A bounded number of simulated worlds; `make sim` runs as many as one likes, and tells the story of one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use sluicebox_tests::place;
use sluicebox_tests::simulation::{Outcome, Simulation};

const SEEDS: u64 = 150;

fn simulation() -> Simulation {
    Simulation::load(&place::guest("scripted").expect("the guests are built")).expect("it loads")
}

#[test]
fn whatever_the_weather_nothing_is_lost_or_doubled() {
    let (simulation, next) = (simulation(), AtomicU64::new(0));
    let outcomes: Vec<Outcome> = thread::scope(|scope| {
        let threads: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let seeds = std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)));
                    seeds
                        .take_while(|&seed| seed < SEEDS)
                        .map(|seed| simulation.run(seed).expect("it runs"))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!(outcomes.len() as u64, SEEDS);
    for outcome in &outcomes {
        let seed = outcome.seed;
        assert!(outcome.violations.is_empty(), "{:?}; see it: make sim SEED={seed}", outcome.violations);
    }
    let sum = |count: fn(&Outcome) -> usize| outcomes.iter().map(count).sum::<usize>();
    // Not in every world: in some, retention is quicker than any worker.
    assert!(sum(|outcome| outcome.commits) > 1_000, "hardly anything is committed");
    let (deaths, faults) = (sum(|outcome| outcome.deaths), sum(|outcome| outcome.faults));
    assert!(deaths > 100 && faults > 500, "the weather is too good: {deaths} deaths, {faults} faults");
}

#[test]
fn the_same_seed_is_the_same_story() {
    let simulation = simulation();
    for seed in [3, 14, 15, 92, 65] {
        let [first, second] = [(); 2].map(|()| simulation.run(seed).expect("it runs"));
        assert_eq!(first.trace.lines(), second.trace.lines(), "seed {seed}");
        assert_eq!(first.trace.hash(), second.trace.hash(), "seed {seed}");
    }
    assert_ne!(simulation.run(1).expect("it runs").trace.hash(), simulation.run(2).expect("it runs").trace.hash());
}
