//! The boundary alone: a guest that hands every batch back as it came, at memcpy speed.

use sluicebox_console::exit::{Blame as _, Failure};
use sluicebox_sandbox::{Batch, NO_HEADERS, Transform};

use super::contest::{BATCH_RECORDS, ROUND_BATCHES};
use super::figures::{median, nanoseconds_each};

/// A value of the size of an order.
const VALUE: &[u8] = &[b'x'; 200];

/// Nanoseconds a record.
pub(super) fn measure(echo: &Transform, rounds: usize) -> Result<f64, Failure> {
    let mut worker = echo.worker(r#"{"mode": "echo"}"#).usage("the echo cannot be configured")?;
    let mut batch = Batch::new("bench", 0);
    for offset in 0..BATCH_RECORDS as i64 {
        batch.push(offset, 0, Some(b"key-0000"), Some(VALUE), NO_HEADERS);
    }
    let mut round = || {
        nanoseconds_each(BATCH_RECORDS * ROUND_BATCHES, || {
            (0..ROUND_BATCHES).try_for_each(|_| worker.process(&batch).map(drop))
        })
        .environment("the sandbox failed")
    };
    // Not counted: the first round meets cold caches.
    round()?;
    let figures: Result<Vec<f64>, Failure> = (0..rounds).map(|_| round()).collect();
    Ok(median(figures?))
}
