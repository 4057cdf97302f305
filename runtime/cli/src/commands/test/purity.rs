//! Whether a transform judges each record by itself: the same records, cut in other ways, must get the same verdicts.
//!
//! The sandbox reuses an instance from batch to batch and takes a fresh one after a trap, so a transform that remembers
//! anything gives other verdicts on a replay, and exactly-once is lost.

use crate::exit::Failure;
use crate::samples::Samples;
use crate::trial::{Instance, Judgement};

/// Seeds of the random cuts; fixed, so that a failure can be seen again.
const SEEDS: [u64; 3] = [1, 2, 3];

/// The first record that gets another verdict when the records are cut in another way, and which way. `judge` judges all
/// of them, cut before the indices that it is given; `whole` is what it said without cuts.
///
/// Instances are reused in most ways, which finds what is carried from call to call. In one way each record has its own:
/// a transform that counts all its records gives the same numbers however they are cut, as long as it lives.
pub(super) fn first_impurity(
    judge: impl Fn(&[usize], Instance) -> Result<Vec<Judgement>, Failure>,
    samples: &Samples,
    whole: &[Judgement],
) -> Result<Option<String>, Failure> {
    let count = samples.len();
    let singly = |way: &str, instance| (way.to_owned(), (0..count).collect(), instance);
    let ways = [
        singly("record by record", Instance::Reused),
        singly("record by record, each on a fresh instance", Instance::Fresh),
    ];
    let random =
        SEEDS.iter().map(|&seed| (format!("cut at random (seed {seed})"), cuts(seed, count), Instance::Reused));
    for (way, cuts, instance) in ways.into_iter().chain(random) {
        let again = judge(&cuts, instance)?;
        let first = whole.iter().zip(&again).position(|(left, right)| left.value() != right.value());
        if let Some(index) = first {
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
            (mixed ^ (mixed >> 27)).is_multiple_of(4)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twenty records, each of which becomes what `row` makes of its index and of its index within its batch.
    /// An instance counts from its first record, or, if it starts over with each call, from the call's.
    fn impurity(starts_over: bool, row: fn(usize, usize) -> usize) -> Option<String> {
        let judge = |cuts: &[usize], instance| {
            let mut start = 0;
            let judged = (0..20).map(|index| {
                if cuts.contains(&index) && (starts_over || instance == Instance::Fresh) {
                    start = index;
                }
                let rows = vec![format!("{{\"n\":{}}}", row(index, index - start))];
                Judgement::Rows([("rows".to_owned(), rows)].into())
            });
            Ok(judged.collect())
        };
        let samples = Samples { records: vec![Default::default(); 20] };
        first_impurity(judge, &samples, &judge(&[], Instance::Reused).unwrap()).unwrap()
    }

    #[test]
    fn a_transform_that_counts_is_not_pure() {
        assert_eq!(impurity(true, |index, _| index), None);
        let said = impurity(true, |_, within| within).unwrap();
        assert!(said.starts_with("record 1 gives") && said.ends_with("record by record"), "{said}");
        let said = impurity(false, |_, within| within).unwrap();
        assert!(said.starts_with("record 1 gives") && said.ends_with("fresh instance"), "{said}");
        let said = impurity(true, |index, within| if index == within { index } else { index + within / 2 * 100 });
        assert!(said.unwrap().contains("cut at random (seed "), "seen only in batches of three or more");
    }

    #[test]
    fn cuts_are_repeatable_and_differ_by_seed() {
        assert_eq!(cuts(1, 100), cuts(1, 100));
        assert_ne!(cuts(1, 100), cuts(2, 100));
        let share = cuts(3, 10_000).len();
        assert!((2_000..3_000).contains(&share), "{share}");
    }
}
