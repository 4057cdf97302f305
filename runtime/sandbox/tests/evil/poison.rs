//! A stream with one bad record in so many, and what the sandbox takes for it.
#![allow(dead_code, unreachable_pub, clippy::panic, clippy::unwrap_used, reason = "what cannot be measured ends it")]

use std::path::Path;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use sluicebox_sandbox::{Batch, Limits, NO_HEADERS, Sandbox, Transform, Worker};

use crate::component::component;

/// The forms of rows.
pub const FORMS: [&str; 2] = ["JSON", "columns"];

/// What a bad record does, and how its value begins.
pub const KINDS: [(&str, u8); 6] =
    [("reject", b'r'), ("panic", b'p'), ("trap", b't'), ("output", b'o'), ("memory", b'm'), ("loop", b'l')];

const BATCH_RECORDS: usize = 1_000;

/// The guest of `poison.wat`.
pub struct Poison(Transform);

impl Poison {
    pub fn new(form: &str) -> Self {
        let columns = "(global $form i32 (i32.const 1))";
        let guest = include_str!("poison.wat");
        let guest = match form {
            "columns" => guest.replace("(global $form i32 (i32.const 0))", columns),
            _ => guest.to_owned(),
        };
        let sandbox = Sandbox::new().unwrap();
        Self(sandbox.load_bytes(Path::new("poison.wasm"), component(&guest), &Limits::default(), None).unwrap())
    }

    /// Processor time for a record of a stream in which each `every`th does this.
    pub fn nanoseconds_a_record(&self, deed: u8, every: usize) -> f64 {
        // A loop takes a second or two, a bomb fills 128 MiB: few of them tell as much.
        let culprits_max = match deed {
            b'l' => 2,
            b'm' | b'o' => 10,
            _ => 2_000,
        };
        let records = every.saturating_mul(culprits_max).clamp(1, 40 * BATCH_RECORDS);
        let mut worker = self.0.worker("{}").unwrap();
        // The pace has to learn how dense the culprits are.
        if culprits_max > 10 {
            self.walk(&mut worker, deed, every, records);
        }
        self.walk(&mut worker, deed, every, records).as_nanos() as f64 / records as f64
    }

    fn walk(&self, worker: &mut Worker, deed: u8, every: usize, records: usize) -> Duration {
        let mut took = Duration::ZERO;
        for from in (0..records).step_by(BATCH_RECORDS) {
            let mut batch = Batch::new("orders", 0);
            for record in from..(from + BATCH_RECORDS).min(records) {
                let is_bad = record % every == every / 2;
                let value = [if is_bad { deed } else { b'g' }; 200];
                batch.push(record as i64, 0, None, Some(&value), NO_HEADERS);
            }
            let started = processor_time();
            let outcome = worker.process(&batch).unwrap();
            took += processor_time() - started;
            let bad = (from..from + batch.len()).filter(|record| record % every == every / 2).count();
            assert_eq!(outcome.rejections.len(), bad, "{:?}", outcome.rejections.first());
        }
        took
    }
}

/// Of this thread.
pub fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
