//! Invocations without a walk or brokers: what is read, asked about, tried again and answered.

use super::super::delivery::{EventRecord, Settled};
use super::*;

fn partition(number: i32) -> TopicPartition {
    TopicPartition::new("orders", number)
}

fn begin(
    offsets: &[(i32, &[i64])],
    time: Duration,
    reserve: Duration,
) -> (Option<Invocation>, oneshot::Receiver<EventResult>) {
    let record = |&offset: &i64| EventRecord { offset, value: Some(b"{}".to_vec()), ..EventRecord::default() };
    let records = offsets.iter().map(|(number, offsets)| (partition(*number), offsets.iter().map(record).collect()));
    let (reply, result) = oneshot::channel();
    let event = Event { records: records.collect(), deadline: Instant::now() + time, reserve };
    (Invocation::begin(event, reply, Duration::ZERO), result)
}

fn begun(offsets: &[(i32, &[i64])]) -> (Invocation, oneshot::Receiver<EventResult>) {
    let (invocation, result) = begin(offsets, Duration::from_secs(60), Duration::from_secs(5));
    (invocation.expect("there are records"), result)
}

fn offsets(entries: &[(i32, i64)]) -> Offsets {
    entries.iter().map(|&(number, offset)| (partition(number), offset)).collect()
}

fn read(invocation: &mut Invocation) -> Vec<(i32, Vec<i64>)> {
    let mut intake = Intake::new(100, 1 << 20);
    assert_eq!(invocation.poll(&mut intake), Polled::Records);
    intake.batches().map(|batch| (batch.partition, batch.offsets.clone())).collect()
}

#[test]
fn the_result_names_exactly_what_is_not_committed() {
    let (mut invocation, mut result) = begun(&[(0, &[5, 6, 9]), (1, &[7]), (2, &[1, 2])]);
    invocation.note_stopped(&partition(2), "E0301");
    invocation.ack(&offsets(&[(0, 7), (1, 8), (2, 3)]));
    invocation.settle();
    let result = result.try_recv().expect("a result");
    assert!(matches!(result[&partition(0)], Settled::Open { first: 9, .. }), "{result:?}");
    assert_eq!(result[&partition(1)], Settled::Committed);
    assert_eq!(result[&partition(2)], Settled::Open { first: 1, why: "E0301".to_owned() });
}

#[test]
fn records_are_handed_over_once_in_order_and_again_after_a_rewind() {
    let (mut invocation, _result) = begun(&[(0, &[6, 5, 6, 9])]);
    invocation.start(&offsets(&[(0, 0)]));
    assert_eq!(read(&mut invocation), [(0, vec![5, 6, 9])]);
    invocation.start(&offsets(&[(0, 6)]));
    assert_eq!(read(&mut invocation), [(0, vec![6, 9])]);
    let over = invocation.poll(&mut Intake::new(100, 1 << 20));
    assert_eq!(over, Polled::Revoked { partitions: vec![partition(0)], lost: false });
}

#[test]
fn what_was_not_committed_is_tried_again_a_few_times() {
    let (mut invocation, _result) = begun(&[(0, &[5]), (1, &[7])]);
    invocation.ack(&offsets(&[(1, 8)]));
    for _ in 1..ATTEMPTS_MAX {
        assert!(invocation.tries_again());
        let mut intake = Intake::new(100, 1 << 20);
        assert_eq!(invocation.poll(&mut intake), Polled::Assigned(vec![partition(0)]));
    }
    assert!(!invocation.tries_again());
}

#[test]
fn a_partition_that_does_not_join_the_ledger_is_checked_once() {
    let (mut invocation, _result) = begun(&[(0, &[5, 6]), (1, &[5, 6]), (2, &[5, 6]), (3, &[5, 6])]);
    let starts = offsets(&[(0, 5), (1, 6), (2, 7), (3, 3)]);
    let gap_checks = invocation.gap_checks(&starts, Gaps::Verify);
    let found: Vec<_> = gap_checks.iter().map(|s| (s.partition.partition, s.missing)).collect();
    assert_eq!(found, [(1, None), (2, None), (3, Some(OffsetRange { from: 3, to: 5 }))]);
    assert!(invocation.gap_checks(&starts, Gaps::Accept).is_empty());
    gap_checks.iter().for_each(|gap_check| invocation.note_answer(gap_check, None));
    assert!(invocation.gap_checks(&starts, Gaps::Verify).is_empty());
    invocation.start(&starts);
    assert_eq!(invocation.reading(), [partition(0), partition(1), partition(2)], "the gap could not be checked");
}

#[test]
fn half_of_the_time_at_most_is_kept_for_the_flush() {
    let (invocation, _result) = begin(&[(0, &[5])], Duration::from_secs(4), Duration::from_secs(5));
    let left = invocation.expect("there are records").flush_at - Instant::now();
    assert!(left > Duration::from_millis(1_900) && left <= Duration::from_secs(2), "{left:?}");
    let (nothing, mut result) = begin(&[(0, &[])], Duration::from_secs(4), Duration::from_secs(5));
    assert!(nothing.is_none());
    assert_eq!(result.try_recv().ok(), Some(EventResult::new()));
}
