//! The virtual WASI: always the same answers, from every instance, and nothing of this machine.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod guest;

use std::time::{Duration, Instant};

use guest::{batch, sandbox};
use sluicebox_sandbox::{Limits, Outcome, Rows, Transform, Values, Verdict};

fn worldly() -> Transform {
    sandbox()
        .load(&guest::build("tests/guests/worldly"), &Limits::default(), None)
        .unwrap_or_else(|error| panic!("{error}"))
}

fn ask(transform: &Transform, question: &str) -> Outcome {
    transform.worker("{}").unwrap().process(&batch([question])).unwrap()
}

fn answer(transform: &Transform, question: &str) -> String {
    let outcome = ask(transform, question);
    assert_eq!(outcome.verdicts, [Verdict::Emitted], "{question}: {:?}", outcome.rejections);
    let Rows::Columns(columns) = &outcome.parts[0].tables[0].rows else { panic!("columns are declared") };
    let Values::Utf8(answers) = &columns[0].values else { panic!("the answer is text") };
    String::from_utf8_lossy(answers.get(0)).into_owned()
}

#[test]
fn a_transform_that_asks_the_world_gets_the_same_answers_always() {
    let transform = worldly();
    assert!(transform.imports().iter().any(|import| import.starts_with("wasi:clocks/")));
    assert_eq!(answer(&transform, "time"), "Datetime { seconds: 946684800, nanoseconds: 0 }");
    // Each answer comes from an instance of its own.
    assert_eq!(answer(&transform, "chance"), answer(&transform, "chance"));
    assert_eq!(answer(&transform, "surroundings"), "[] [] 0 folders");
    assert_eq!(answer(&transform, "print"), "printed");
}

#[test]
fn sleeping_takes_no_time() {
    let transform = worldly();
    let start = Instant::now();
    assert_eq!(answer(&transform, "sleep"), "slept 1 h");
    // Far below the hour, and far above what a busy machine takes to start the guest.
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn what_a_runtime_prints_before_it_gives_up_is_the_message() {
    let outcome = ask(&worldly(), "traceback");
    assert_eq!(outcome.rejections[0].code, "panic");
    assert_eq!(outcome.rejections[0].message, "Traceback: it went wrong");
}

#[test]
fn a_transform_that_exits_ends_itself_and_not_us() {
    let outcome = ask(&worldly(), "exit");
    assert_eq!(outcome.verdicts, [Verdict::Rejected]);
    assert!(outcome.rejections[0].message.contains("exit"), "{:?}", outcome.rejections[0]);
}
