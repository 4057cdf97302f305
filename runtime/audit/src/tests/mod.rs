//! The audit finds nothing wrong in a clean history, and finds each planted fault. Without a store and files: the tests make
//! up their contents.

mod doubled;
mod others;
mod plants;
mod redriven;
mod shared;
mod told;
mod world;

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::Index;
use sluicebox_ledger::TopicPartition;

use self::plants::{FAULTS, plant};
use self::world::stories;
use crate::history::Commit;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_clean_history_is_sound(story in stories()) {
        let findings = story.world().audit();
        prop_assert!(findings.violations.is_empty(), "{:?}", findings.violations);
        prop_assert!(findings.notes.is_empty(), "{:?}", findings.notes);
    }

    /// A crash between the commits of two tables is not a fault.
    #[test]
    fn a_table_may_be_behind(story in stories(), table in 0usize..3) {
        let mut world = story.world();
        let told = &mut world.tables[table];
        let Some(last) = told.commits.pop() else { unreachable!("there are some") };
        told.history.version -= 1;
        told.files.remove(&last.added[0].0);
        for (partition, _) in &last.ledger {
            let before = told.commits.iter().rev().flat_map(|commit| &commit.ledger);
            match before.clone().find(|(other, _)| other == partition) {
                Some((_, next)) => told.ledger.insert(partition.clone(), *next),
                None => told.ledger.remove(partition),
            };
        }
        let findings = world.audit();
        prop_assert!(findings.violations.is_empty(), "{:?}", findings.violations);
        prop_assert!(findings.notes.iter().all(|note| note.message.starts_with("is behind")), "{:?}", findings.notes);
        prop_assert!(!findings.notes.is_empty());
    }

    /// A log without its oldest entries is sound: the ledger covers them.
    #[test]
    fn a_log_may_lose_its_oldest_entries(story in stories(), table in 0usize..3, at: Index, is_exact: bool) {
        let mut world = story.world();
        let told = &mut world.tables[table];
        let gone: Vec<Commit> = told.commits.drain(..1 + at.index(told.commits.len())).collect();
        told.history.first = gone.len() as u64;
        told.before.files = gone.iter().flat_map(|commit| commit.added.clone()).collect();
        let entries = gone.iter().flat_map(|commit| commit.ledger.clone());
        if is_exact {
            told.before.ledger = entries.collect();
        } else {
            let moved: BTreeSet<&TopicPartition> =
                told.commits.iter().flat_map(|commit| &commit.ledger).map(|(partition, _)| partition).collect();
            let (unknown, known): (Vec<_>, Vec<_>) = entries.partition(|(partition, _)| moved.contains(partition));
            told.before.ledger = known.into_iter().collect();
            told.before.unknown = unknown.into_iter().map(|(partition, _)| partition).collect();
        }
        let findings = world.audit();
        prop_assert!(findings.violations.is_empty(), "{:?}", findings.violations);
    }

    #[test]
    fn every_planted_fault_is_found(story in stories(), fault in 0..FAULTS.len(), table in 0usize..3, at: Index) {
        let (name, wanted) = FAULTS[fault];
        let mut world = story.world();
        prop_assume!(plant(&mut world, name, table, at).is_some());
        let found = world.faults();
        prop_assert!(found.contains(&wanted), "{name}: {found:?}");
    }
}
