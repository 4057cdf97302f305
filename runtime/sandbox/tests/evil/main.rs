//! Guests that mean harm, each in a process of its own: every one gets its verdict within twice its bound, in a bounded
//! memory, and none ends the host. A guest is a file of `guests/`; what becomes of it stands at its top.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod component;
mod poison;

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use component::{all, component, note};
use poison::{FORMS, Poison, processor_time};
use sluicebox_sandbox::{Batch, Limits, NO_HEADERS, Rows, Sandbox, Verdict};

/// Names the guest that this process is to try.
const GUEST: &str = "SLUICEBOX_EVIL_GUEST";

/// The published bound of a start.
const START_MAX: Duration = Duration::from_secs(5);
/// The published bound of memory.
const RSS_MIB_MAX: u64 = 512;

/// A tenth of the defaults, so that the tests take a tenth of the time.
fn limits() -> Limits {
    Limits { record_fuel_max: 200_000_000, call_duration_max: Duration::from_millis(10), ..Limits::default() }
}

/// The published bound of one record: 4 ns of the processor for each unit of fuel, a call, and what two instances take to start.
fn record_max() -> Duration {
    let Limits { record_fuel_max, call_duration_max, .. } = limits();
    Duration::from_nanos(4 * record_fuel_max) + call_duration_max + Duration::from_millis(200)
}

fn batch(records: i64) -> Batch {
    let mut batch = Batch::new("orders", 0);
    (0..records).for_each(|offset| batch.push(offset, 0, None, Some(b"an order"), NO_HEADERS));
    batch
}

/// What became of a guest, in a line: where, which verdict, what was said.
fn tried(guest: &str) -> String {
    let sandbox = Sandbox::new().unwrap();
    let wasm = component(guest);
    let started = processor_time();
    let told = |stage: &str, verdict: &str, said: &str, started: Duration| {
        let took = processor_time() - started;
        format!("{stage}\t{verdict}\t{}\t{}", took.as_millis(), said.replace(['\n', '\t'], " "))
    };
    let transform = match sandbox.load_bytes(Path::new("evil.wasm"), wasm, &limits(), None) {
        Ok(transform) => transform,
        Err(error) => return told("load", "error", &error.to_string(), started),
    };
    let mut worker = match transform.worker("{}") {
        Ok(worker) => worker,
        Err(error) => return told("configure", "error", &error.to_string(), started),
    };
    // The exact engine is set up and compiled for the first suspect only.
    let started = processor_time();
    match worker.process(&batch(1)) {
        Ok(outcome) => match outcome.rejections.first() {
            Some(rejection) => {
                let backtrace = rejection.backtrace.as_deref().unwrap_or_default();
                assert!(rejection.message.len() <= 5_000 && backtrace.len() <= 4_096, "{}", rejection.message.len());
                told("process", &rejection.code, &rejection.message, started)
            }
            None if outcome.verdicts == [Verdict::Emitted] => told("process", "emitted", "", started),
            None => told("process", "filtered", "", started),
        },
        Err(error) => told("process", "host", &error.to_string(), started),
    }
}

/// The most memory that this process has ever held.
fn rss_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() >> 10
}

/// Tries one guest where [`GUEST`] names it: the other test starts this one.
#[test]
fn one() {
    let Ok(name) = std::env::var(GUEST) else { return };
    let (_, guest) = all().into_iter().find(|(guest, _)| *guest == name).unwrap();
    let told = tried(&guest);
    println!("\nTRIED\t{told}\t{}", rss_mib());
}

#[test]
fn every_guest_gets_its_verdict_in_time_and_ends_no_host() {
    let guests = all();
    assert!(guests.len() >= 25, "{}", guests.len());
    let (left, wrong) = (Mutex::new(guests.iter()), Mutex::new(Vec::new()));
    // Those that loop before their first record wait for a clock.
    std::thread::scope(|scope| {
        (0..4).for_each(|_| {
            drop(scope.spawn(|| {
                loop {
                    let Some((name, guest)) = left.lock().unwrap().next() else { return };
                    if let Err(what) = try_apart(name, guest) {
                        wrong.lock().unwrap().push(what);
                    }
                }
            }))
        })
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Tries a guest in a process of its own, and compares what becomes of it with its notes.
fn try_apart(name: &str, guest: &str) -> Result<(), String> {
    let mut one = Command::new(std::env::current_exe().unwrap());
    let output = one.args(["one", "--exact", "--nocapture"]).env(GUEST, name).output().unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    let Some(told) = out.lines().find_map(|line| line.strip_prefix("TRIED\t")) else {
        let error = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{name}: the host died: {}{out}{error}", output.status));
    };
    println!("{name:28} {told}");
    let parts: Vec<&str> = told.split('\t').collect();
    let [stage, verdict, milliseconds, said, rss] = parts[..] else { panic!("{told}") };
    let [noted_stage, noted_verdict, noted_words] = ["stage", "verdict", "says"].map(|what| note(guest, what).unwrap());
    let max = if stage == "process" { record_max() } else { START_MAX };
    let is_as_noted = stage == noted_stage
        && (verdict == noted_verdict || noted_verdict.is_empty())
        && verdict != "host"
        && said.contains(noted_words);
    // Twice the limit: a clock's tick and a busy machine need some room.
    let is_in_time = Duration::from_millis(milliseconds.parse().unwrap()) <= 2 * max;
    match is_as_noted && is_in_time && rss.parse::<u64>().unwrap() <= RSS_MIB_MAX {
        true => Ok(()),
        false => Err(format!("{name}: {told}")),
    }
}

#[test]
fn one_bad_record_in_a_thousand_leaves_the_rate_of_the_others() {
    for form in FORMS {
        let poison = Poison::new(form);
        let clean = poison.nanoseconds_a_record(b'r', usize::MAX);
        // The sandbox alone, in a build without optimisation, where a mute trap costs most: `make poison` has the figures.
        for (deed, least) in [(b'r', 0.8), (b'p', 0.5)] {
            let rate = clean / poison.nanoseconds_a_record(deed, 1_000);
            assert!(rate >= least, "{form}: {} leaves {rate:.2} of the rate", char::from(deed));
        }
    }
}

#[test]
fn a_batch_comes_back_in_pieces_that_have_a_bound() {
    let (_, guest) = all().into_iter().find(|(name, _)| name == "rows-of-15-mib").unwrap();
    let sandbox = Sandbox::new().unwrap();
    let limits = Limits::default();
    let transform = sandbox.load_bytes(Path::new("evil.wasm"), component(&guest), &limits, None).unwrap();
    let outcome = transform.worker("{}").unwrap().process_for(&batch(40), Duration::MAX).unwrap();
    let rows = outcome.parts.iter().flat_map(|part| &part.tables).map(|table| match &table.rows {
        Rows::Json(texts) => texts.data.len() as u64,
        Rows::Columns(_) => panic!("it gives JSON"),
    });
    let bytes: u64 = rows.sum();
    assert!(bytes <= limits.batch_output_bytes_max + limits.record_output_bytes_max, "{bytes} bytes");
    assert!((1..40).contains(&outcome.verdicts.len()), "{} verdicts", outcome.verdicts.len());
}
