//! Rows that are missing or too many, and those that a redrive adds.

use proptest::prelude::*;
use proptest::sample::Index;
use sluicebox_ledger::TopicPartition;

use super::world::{Fate, Row, Story, World, stories};
use crate::finding::Fault;

/// The rows of the first file of `orders`.
fn first(world: &mut World) -> &mut Vec<Row> {
    world.tables[0].contents.entry("1.parquet".into()).or_default()
}

#[test]
fn a_row_that_is_missing_or_too_many_is_found() {
    let fates = vec![Fate::Emitted, Fate::Filtered, Fate::Emitted, Fate::Rejected];
    let story = Story { partitions: vec![fates], cuts: vec![vec![2], vec![4], vec![3]] };
    let faults = |change: &dyn Fn(&mut World)| {
        let mut world = story.world();
        change(&mut world);
        world.faults()
    };
    assert_eq!(faults(&|_| {}), []);
    // Offset 0 has its row in `orders` only.
    assert_eq!(faults(&|world| first(world).clear()), [Fault::Missing]);
    let filtered = (TopicPartition::new("orders", 0), 1);
    assert_eq!(faults(&|world| first(world).push(filtered.clone())), [Fault::Doubled]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// A dead letter may have rows only when it is no longer open, and only once in each table.
    #[test]
    fn a_redrive_adds_only_rejected_records_and_adds_them_once(story in stories(), at: Index, table in 0usize..2) {
        let mut world = story.world();
        let letter = world.rows(2, at)[0].clone();
        world.apply(table, &letter);
        prop_assert_eq!(world.faults(), [Fault::RowAndDeadLetter]);
        world.settle(&letter);
        prop_assert_eq!(world.faults(), []);
        world.apply(1 - table, &letter);
        prop_assert_eq!(world.faults(), []);

        // An OPTIMIZE changes nothing of that.
        let mut optimized = world.clone();
        let files = optimized.tables[table].all_files();
        optimized.tables[table].rewrite("OPTIMIZE", &files, |_| true);
        prop_assert_eq!(optimized.faults(), []);

        let mut doubled = world.clone();
        doubled.apply(table, &letter);
        prop_assert_eq!(doubled.faults(), [Fault::Doubled]);
        let row = world.rows(0, at)[0].clone();
        world.apply(0, &row);
        prop_assert!(world.faults().contains(&Fault::Doubled));
    }
}
