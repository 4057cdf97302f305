//! Every way in which a guest can misbehave, alone and among good records: the verdict is the same, names the culprit,
//! and touches no other record.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod guest;

use std::time::Duration;

use guest::{batch, worker};
use sluicebox_sandbox::{Outcome, Rows, Stage, Values, Verdict, code};

/// What must become of a record.
#[derive(Debug)]
enum Expected {
    Emitted,
    Filtered,
    /// By the transform, with this code.
    Unwanted(&'static str),
    /// By the sandbox: the code, and a part of the message.
    Condemned(&'static str, &'static str),
}
use Expected::{Condemned, Emitted, Filtered, Unwanted};

const MALFORMED: &str = code::MALFORMED_OUTCOME;

const EXPECTED: &[(&str, Expected)] = &[
    ("panic", Condemned(code::PANIC, "this order is haunted")),
    ("panic-without-words", Condemned("trap_unreachable", "`unreachable` instruction")),
    ("words-about-no-record", Condemned(code::PANIC, "one of them did it")),
    ("words-about-another-record", Condemned(code::PANIC, "record four billion did it")),
    ("divide-by-zero", Condemned("trap_integer_division_by_zero", "divide by zero")),
    ("out-of-bounds", Condemned("trap_out_of_bounds", "out of bounds")),
    ("recursion", Condemned("trap_stack_overflow", "call stack exhausted")),
    ("loop", Condemned(code::LIMIT_FUEL, "record_fuel_max")),
    ("loop-over-memory", Condemned(code::LIMIT_FUEL, "record_fuel_max")),
    ("slow", Emitted),
    ("memory-bomb", Condemned(code::LIMIT_MEMORY, "memory")),
    ("memory-refused-and-handled", Emitted),
    ("leak", Emitted),
    ("remember", Emitted),
    ("count", Emitted),
    ("log-flood", Emitted),
    ("log-long-line", Emitted),
    ("log-bad-utf8", Condemned("trap_other", "utf-8")),
    ("huge-output", Condemned(code::LIMIT_OUTPUT_BYTES, "record_output_bytes_max")),
    ("huge-output-beyond-batch", Condemned(code::LIMIT_OUTPUT_BYTES, "output_bytes_max")),
    ("too-many-rows", Condemned(code::LIMIT_ROWS, "100001 rows")),
    ("not-a-number", Emitted),
    ("whereabouts", Emitted),
    ("filter", Filtered),
    ("reject", Unwanted("unwanted")),
    ("verdict-missing", Condemned(MALFORMED, "0 verdicts for 1 records")),
    ("verdict-unknown", Condemned(MALFORMED, "verdicts[0] is 3")),
    ("emitted-without-row", Condemned(MALFORMED, "it has no rows")),
    ("filtered-with-row", Condemned(MALFORMED, "has rows, but its verdict is Filtered")),
    ("rejected-without-rejection", Condemned(MALFORMED, "rejections.records must name")),
    ("rejection-of-a-stranger", Condemned(MALFORMED, "rejections.records must name")),
    ("rejection-bad-utf8", Condemned(MALFORMED, "rejections.codes: value 0 is not UTF-8")),
    ("table-unknown", Condemned(MALFORMED, "table 7")),
    ("table-twice", Condemned(MALFORMED, "table `rows` comes twice")),
    ("record-out-of-range", Condemned(MALFORMED, "the batch has 1 records")),
    ("rows-as-json", Condemned(MALFORMED, "row format")),
    ("column-missing", Condemned(MALFORMED, "column `labels.value`: missing")),
    ("column-extra", Condemned(MALFORMED, "1 more columns than fields")),
    ("column-of-wrong-type", Condemned(MALFORMED, "column `offset`: is timestamp")),
    ("column-too-short", Condemned(MALFORMED, "column `offset`: 0 values for 1 slots")),
    ("ends-descending", Condemned(MALFORMED, "column `text`: 2 ends for 1 values")),
    ("ends-beyond-data", Condemned(MALFORMED, "column `text`: the last end is 1000")),
    ("text-bad-utf8", Condemned(MALFORMED, "column `text`: value 0 is not UTF-8")),
    ("text-split-character", Condemned(MALFORMED, "column `text`")),
    ("null-in-required", Condemned(MALFORMED, "column `offset`: slot 0 is null")),
    ("null-out-of-range", Condemned(MALFORMED, "column `flag`: null slot 1 of 1")),
    ("nulls-unordered", Condemned(MALFORMED, "column `flag`: nulls[1] is 0")),
    ("boolean-of-two", Condemned(MALFORMED, "column `flag`: slot 0 is 2")),
    ("decimal-too-long", Condemned(MALFORMED, "column `price`: slot 0 has more than 4 digits")),
    ("map-with-a-key-twice", Condemned(MALFORMED, "column `labels`: entry 1 of slot 0 has the key")),
    ("map-key-null", Condemned(MALFORMED, "column `labels.key`: slot 0 is null")),
    ("map-value-of-wrong-type", Condemned(MALFORMED, "column `labels.value`: is timestamp, but")),
    ("operations-missing", Condemned(MALFORMED, "2 operations for 1 rows")),
    ("operation-unknown", Condemned(MALFORMED, "operations[0] is 3")),
    ("operation-upsert", Condemned(MALFORMED, "operations[0] is 1 (upsert), but the table's write mode is `append`")),
    ("operation-delete", Condemned(MALFORMED, "operations[0] is 2 (delete)")),
];

#[test]
fn every_behaviour_has_a_test() {
    // From the guest's own crate: a behaviour that is added there fails here until it is expected.
    let mut behaviours: Vec<&str> = misbehaving::DEEDS.iter().chain(misbehaving::LIES).copied().collect();
    let mut tested: Vec<&str> = EXPECTED.iter().map(|(behaviour, _)| *behaviour).collect();
    behaviours.sort_unstable();
    tested.sort_unstable();
    assert_eq!(behaviours, tested);
}

#[test]
fn a_misbehaving_record_alone_gets_its_verdict() {
    for (behaviour, expected) in EXPECTED {
        let outcome = worker().process(&batch([behaviour])).unwrap();
        check(&outcome, 0, behaviour, expected);
    }
}

#[test]
fn a_misbehaving_record_among_others_gets_the_same_verdict_and_spoils_none() {
    // First, in the middle and last: behind the culprit, before it, and on both sides are innocent records.
    for position in [0, 5, 8] {
        // One worker for all of them: what a record leaves behind would show at the next.
        let mut worker = worker();
        for (behaviour, expected) in EXPECTED {
            let mut values: Vec<String> = (0..9).map(|index| format!("good {index}")).collect();
            values[position] = (*behaviour).to_owned();
            let outcome = worker.process(&batch(&values)).unwrap();
            check(&outcome, position, behaviour, expected);
            let good: Vec<usize> = (0..9).filter(|&index| index != position).collect();
            assert!(good.iter().all(|&index| outcome.verdicts[index] == Verdict::Emitted), "{behaviour}: {outcome:?}");
            let rows: Vec<(u32, String)> =
                rows(&outcome).into_iter().filter(|(record, _)| *record as usize != position).collect();
            let expected: Vec<_> = good.iter().map(|&index| (index as u32, format!("good {index}"))).collect();
            assert_eq!(rows, expected, "{behaviour} at {position}");
        }
    }
}

fn check(outcome: &Outcome, record: usize, behaviour: &str, expected: &Expected) {
    let rejection = outcome.rejections.iter().find(|rejection| rejection.record == record);
    let at = format!("{behaviour}: {:?}, {rejection:?}, {:?}", outcome.verdicts[record], outcome.effort);
    assert_eq!(outcome.rejections.len(), usize::from(rejection.is_some()), "{at}");
    match (expected, rejection) {
        (Emitted, None) => assert_eq!(outcome.verdicts[record], Verdict::Emitted, "{at}"),
        (Filtered, None) => assert_eq!(outcome.verdicts[record], Verdict::Filtered, "{at}"),
        (Unwanted(code), Some(rejection)) => {
            assert_eq!((rejection.stage, &*rejection.code), (Stage::Transform, *code), "{at}");
            assert_eq!(
                (&*rejection.message, rejection.path.as_deref()),
                ("not wanted", Some("items[3].price")),
                "{at}"
            );
        }
        (Condemned(code, message), Some(rejection)) => {
            assert_eq!(outcome.verdicts[record], Verdict::Rejected, "{at}");
            assert_eq!((rejection.stage, &*rejection.code), (Stage::Sandbox, *code), "{at}");
            assert!(outcome.effort.calls > 1 || rejection.message.contains(message), "{at}");
        }
        _ => panic!("expected {expected:?}; {at}"),
    }
}

/// Record and value of each row of the first table.
fn rows(outcome: &Outcome) -> Vec<(u32, String)> {
    let mut rows = Vec::new();
    for table in outcome.parts.iter().flat_map(|part| &part.tables) {
        let Rows::Columns(columns) = &table.rows else { panic!("columns are declared") };
        let Values::Binary(values) = &columns[1].values else { panic!("the second column is the value") };
        let texts = (0..values.len()).map(|row| String::from_utf8_lossy(values.get(row)).into_owned());
        rows.extend(table.records.iter().copied().zip(texts));
    }
    rows
}

#[test]
fn a_transform_learns_source_and_position() {
    let mut whole = batch(["whereabouts", "panic", "whereabouts"]);
    whole.source = "kinesis".into();
    ["49a", "49b", "49c"].into_iter().for_each(|position| whole.push_position(position));
    let outcome = worker().process(&whole).unwrap();
    assert_eq!(rows(&outcome), [(0, "kinesis/49a".to_owned()), (2, "kinesis/49c".to_owned())]);
}

#[test]
fn a_panic_tells_what_where_and_how_it_came_to_it() {
    let outcome = worker().process(&batch(["fine", "panic", "fine"])).unwrap();
    let rejection = &outcome.rejections[0];
    assert!(rejection.message.contains("deeds.rs:"), "{}", rejection.message);
    let backtrace = rejection.backtrace.as_deref().unwrap();
    assert!(backtrace.contains("misbehaving::deeds::work"), "{backtrace}");
    assert!(!backtrace.contains("_ZN"), "demangled: {backtrace}");
}

#[test]
fn one_culprit_in_a_thousand_costs_at_most_twenty_more_calls() {
    for behaviour in ["panic", "panic-without-words", "too-many-rows", "verdict-unknown", "memory-bomb", "loop"] {
        // A loop takes its 100 ms at each level, a memory bomb fills 128 MiB: one place is enough for them.
        let dear = ["loop", "memory-bomb"].contains(&behaviour);
        for position in if dear { &[999][..] } else { &[0, 1, 499, 500, 998, 999] } {
            let position = *position;
            let mut values = vec!["good"; 1000];
            values[position] = behaviour;
            let outcome = worker().process(&batch(&values)).unwrap();
            assert_eq!(outcome.rejections.len(), 1, "{behaviour}");
            assert!(outcome.effort.calls <= 21, "{behaviour} at {position}: {:?}", outcome.effort);
        }
    }
}

#[test]
fn a_batch_of_loops_comes_back_in_pieces() {
    let mut worker = worker();
    let (mut loops, mut judged, mut pieces) = (batch(vec!["loop"; 3]), 0, 0);
    while !loops.is_empty() {
        // A budget that each loop exceeds by far: each call brings back one verdict.
        let outcome = worker.process_for(&loops, Duration::from_millis(1)).unwrap();
        assert!(outcome.verdicts.iter().all(|&verdict| verdict == Verdict::Rejected));
        assert_eq!(outcome.rejections.len(), outcome.verdicts.len());
        judged += outcome.verdicts.len();
        pieces += 1;
        loops = loops.slice(outcome.verdicts.len()..loops.len());
    }
    assert_eq!((judged, pieces), (3, 3));
}

#[test]
fn what_earlier_records_left_behind_decides_nothing() {
    for behaviour in ["leak", "remember"] {
        let outcome = worker().process(&batch(vec![behaviour; 400])).unwrap();
        assert!(
            outcome.verdicts.iter().all(|&verdict| verdict == Verdict::Emitted),
            "{behaviour}: {:?}",
            outcome.rejections
        );
    }
}

#[test]
fn a_slow_record_is_suspected_and_acquitted() {
    let outcome = worker().process(&batch(["good", "slow"])).unwrap();
    assert_eq!(outcome.verdicts, [Verdict::Emitted; 2]);
    assert!(outcome.effort.timeouts > 0 && outcome.effort.fuel_runs > 0, "{:?}", outcome.effort);
}

#[test]
fn a_clean_batch_is_one_call_of_one_instance() {
    let mut worker = worker();
    for _ in 0..3 {
        let effort = worker.process(&batch(vec!["good"; 1000])).unwrap().effort;
        // No instance: the worker came with one, and keeps it.
        assert_eq!((effort.calls, effort.instances), (1, 0));
    }
}

#[test]
fn an_empty_batch_needs_no_call() {
    let outcome = worker().process(&batch::<&str>([])).unwrap();
    assert_eq!(outcome, Outcome::default());
}
