//! Whether a transform judges each record by itself: the same records, cut in other ways, must get the same verdicts.
//!
//! The sandbox reuses an instance from batch to batch and takes a fresh one after a trap, so a transform that remembers
//! anything gives other verdicts on a replay, and exactly-once is lost.

use crate::exit::Failure;
use crate::samples::Samples;
use crate::trial::{Judgement, Trial};

/// Seeds of the random cuts; fixed, so that a failure can be seen again.
const SEEDS: [u64; 3] = [1, 2, 3];

/// The first record that gets another verdict when the records are cut in another way, and which way.
pub(super) fn first_impurity(
    trial: &Trial<'_>,
    samples: &Samples,
    whole: &[Judgement],
) -> Result<Option<String>, Failure> {
    let count = samples.len();
    let singly = ("record by record".to_owned(), (0..count).collect());
    let random = SEEDS.iter().map(|&seed| (format!("cut at random (seed {seed})"), cuts(seed, count)));
    for (way, cuts) in std::iter::once(singly).chain(random) {
        let again = trial.judge(samples, &cuts)?;
        let differs = |(left, right): (&Judgement, &Judgement)| left.value() != right.value();
        if let Some(index) = whole.iter().zip(&again).position(differs) {
            let offset = samples.position(index).offset;
            return Ok(Some(format!(
                "record {offset} gives {} in one batch, but {} {way}",
                whole.get(index).map_or_else(String::new, |judgement| judgement.value().to_string()),
                again.get(index).map_or_else(String::new, |judgement| judgement.value().to_string()),
            )));
        }
    }
    Ok(None)
}

/// Indices before which to cut, about one in four.
fn cuts(seed: u64, count: usize) -> Vec<usize> {
    let mut state = seed;
    (0..count)
        .filter(|_| {
            // SplitMix64: small, seeded, and good enough to cut with.
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            (mixed ^ (mixed >> 27)) % 4 == 0
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_are_repeatable_and_differ_by_seed() {
        assert_eq!(cuts(1, 100), cuts(1, 100));
        assert_ne!(cuts(1, 100), cuts(2, 100));
        let share = cuts(3, 10_000).len();
        assert!((2_000..3_000).contains(&share), "{share}");
    }
}
