//! A table that two pipelines write to.

use sluicebox_ledger::{PartitionTally, TopicPartition};

use super::others::world;
use super::told::record;
use super::world::World;
use crate::finding::Fault;

/// Three commits of this pipeline's, and one of another's with offsets 0 to 2 of this topic.
fn shared_world(topic: &str) -> World {
    let mut world = world();
    let mut theirs = record("theirs");
    theirs.partitions.push(PartitionTally {
        topic: topic.into(),
        partition: 0,
        from: 0,
        to: 3,
        emitted: 3,
        filtered: 0,
        rejected: 0,
        transform_digest: None,
    });
    let rows = (0..3).map(|offset| (TopicPartition::new(topic, 0), offset)).collect();
    world.tables[0].flush(theirs, rows);
    world
}

fn optimized(world: &World) -> World {
    let mut optimized = world.clone();
    let files = optimized.tables[0].all_files();
    optimized.tables[0].rewrite("OPTIMIZE", &files, |_| true);
    optimized
}

#[test]
fn an_optimize_of_other_topics_hides_nothing() {
    let world = shared_world("payments");
    assert_eq!(world.faults(), []);
    let mut optimized = optimized(&world);
    let findings = optimized.audit();
    assert!(findings.violations.is_empty(), "{:?}", findings.violations);
    assert_eq!(findings.not_judged, 0);
    assert!(findings.notes.iter().any(|note| note.message == "pipeline `theirs` writes to it too"));
    optimized.tables[0].contents.entry("5.parquet".into()).or_default().retain(|row| row.1 != 3);
    assert_eq!(optimized.faults(), [Fault::Missing]);
}

#[test]
fn an_optimize_of_the_same_topic_is_neither_loss_nor_duplication() {
    let world = shared_world("orders");
    assert_eq!(world.faults(), []);
    let optimized = optimized(&world);
    let findings = optimized.audit();
    assert!(findings.violations.is_empty(), "{:?}", findings.violations);
    // Offsets 0, 3 and 6 have rows in this table only.
    assert_eq!(findings.not_judged, 3);
    assert!(findings.notes.iter().any(|note| note.message.starts_with("3 records are not judged of orders/0")));

    // What no other row can hide is still missing: only this pipeline has taken in offset 3.
    let mut missing = optimized;
    missing.tables[0].contents.entry("5.parquet".into()).or_default().retain(|row| row.1 != 3);
    assert_eq!(missing.faults(), [Fault::Missing]);
    let mut missing = world;
    missing.tables[0].contents.entry("1.parquet".into()).or_default().retain(|row| row.1 != 0);
    assert_eq!(missing.faults(), [Fault::Missing]);
}
