//! A set of offsets of one partition, one bit an offset: a billion records fit in 128 MiB. Pure.

use std::collections::BTreeMap;

const CHUNK_OFFSETS: i64 = 4096;
const WORDS: usize = (CHUNK_OFFSETS / 64) as usize;

/// Offsets, each at most once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OffsetSet {
    /// By `offset / 4096`; no chunk is empty.
    chunks: BTreeMap<i64, Box<[u64; WORDS]>>,
}

impl OffsetSet {
    /// Whether the offset is new.
    pub fn insert(&mut self, offset: i64) -> bool {
        let (chunk, word, bit) = place(offset);
        let word = &mut self.chunks.entry(chunk).or_insert_with(|| Box::new([0; WORDS]))[word];
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    /// Whether the offset is in it.
    pub fn has(&self, offset: i64) -> bool {
        let (chunk, word, bit) = place(offset);
        self.chunks.get(&chunk).is_some_and(|words| words[word] & bit != 0)
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.chunks.values().map(|words| count(words.iter().copied())).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// How many there are in `from..to`.
    pub fn count(&self, from: i64, to: i64) -> u64 {
        if from >= to {
            return 0;
        }
        let touched = self.chunks.range(from.div_euclid(CHUNK_OFFSETS)..=(to - 1).div_euclid(CHUNK_OFFSETS));
        touched
            .map(|(chunk, words)| {
                let start = chunk * CHUNK_OFFSETS;
                // Most chunks lie inside, and need no masks.
                if from <= start && start + CHUNK_OFFSETS <= to {
                    return count(words.iter().copied());
                }
                count(words.iter().enumerate().map(|(index, word)| word & mask(start + 64 * index as i64, from, to)))
            })
            .sum()
    }

    /// Takes in all of `other`.
    pub fn extend(&mut self, other: &Self) {
        for (chunk, theirs) in &other.chunks {
            let ours = self.chunks.entry(*chunk).or_insert_with(|| Box::new([0; WORDS]));
            ours.iter_mut().zip(theirs.iter()).for_each(|(our, their)| *our |= their);
        }
    }

    /// Those that are in `other` too.
    pub fn common(&self, other: &Self) -> Self {
        let mut chunks = BTreeMap::new();
        for (chunk, ours) in &self.chunks {
            let Some(theirs) = other.chunks.get(chunk) else { continue };
            let mut both = ours.clone();
            both.iter_mut().zip(theirs.iter()).for_each(|(word, their)| *word &= their);
            // An empty chunk would make `is_empty` and `==` wrong.
            if both.iter().any(|word| *word != 0) {
                chunks.insert(*chunk, both);
            }
        }
        Self { chunks }
    }

    /// Those that are not in `other`.
    pub fn without(&self, other: &Self) -> Self {
        let mut chunks = self.chunks.clone();
        for (chunk, ours) in &mut chunks {
            let Some(theirs) = other.chunks.get(chunk) else { continue };
            ours.iter_mut().zip(theirs.iter()).for_each(|(word, their)| *word &= !their);
        }
        chunks.retain(|_, words| words.iter().any(|word| *word != 0));
        Self { chunks }
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = i64> + '_ {
        self.chunks.iter().flat_map(|(chunk, words)| {
            let start = chunk * CHUNK_OFFSETS;
            let set = (0..CHUNK_OFFSETS).filter(|bit| words[(*bit / 64) as usize] & (1 << (*bit % 64)) != 0);
            set.map(move |bit| start + bit)
        })
    }

    /// The first that is not in `from..to`.
    pub fn first_outside(&self, from: i64, to: i64) -> Option<i64> {
        self.iter().find(|offset| *offset < from || *offset >= to)
    }
}

impl FromIterator<i64> for OffsetSet {
    fn from_iter<T: IntoIterator<Item = i64>>(offsets: T) -> Self {
        let mut set = Self::default();
        for offset in offsets {
            set.insert(offset);
        }
        set
    }
}

fn place(offset: i64) -> (i64, usize, u64) {
    // Euclidean, so that a negative offset in a damaged file finds its place, too.
    let bit = offset.rem_euclid(CHUNK_OFFSETS);
    (offset.div_euclid(CHUNK_OFFSETS), (bit / 64) as usize, 1 << (bit % 64))
}

/// The bits of the word that begins at `start` which stand for offsets in `from..to`.
fn mask(start: i64, from: i64, to: i64) -> u64 {
    low_bits(to - start) & !low_bits(from - start)
}

fn low_bits(count: i64) -> u64 {
    match count {
        ..=0 => 0,
        bits @ 1..64 => (1u64 << bits) - 1,
        _ => u64::MAX,
    }
}

fn count(words: impl Iterator<Item = u64>) -> u64 {
    words.map(|word| u64::from(word.count_ones())).sum()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::btree_set;
    use proptest::prelude::*;

    use super::*;

    fn set(offsets: &BTreeSet<i64>) -> OffsetSet {
        let mut set = OffsetSet::default();
        offsets.iter().for_each(|offset| assert!(set.insert(*offset)));
        set
    }

    proptest! {
        /// It is a set like any other.
        #[test]
        fn it_counts_like_a_set(
            one in btree_set(-9_000i64..9_000, 0..300),
            other in btree_set(-9_000i64..9_000, 0..300),
            (from, to) in (-10_000i64..10_000, -10_000i64..10_000),
        ) {
            let mut both = set(&one);
            prop_assert!(one.iter().all(|offset| !both.insert(*offset)));
            prop_assert_eq!(both.len(), one.len() as u64);
            prop_assert_eq!(both.iter().collect::<BTreeSet<_>>(), one.clone());
            let inside = |offset: &&i64| (from..to).contains(*offset);
            prop_assert_eq!(both.count(from, to), one.iter().filter(inside).count() as u64);
            let outside = one.iter().find(|offset| !(from..to).contains(*offset));
            prop_assert_eq!(both.first_outside(from, to), outside.copied());
            prop_assert_eq!(both.common(&set(&other)), set(&one.intersection(&other).copied().collect()));
            prop_assert_eq!(both.without(&set(&other)), set(&one.difference(&other).copied().collect()));
            both.extend(&set(&other));
            prop_assert_eq!(both, set(&one.union(&other).copied().collect()));
        }
    }
}
