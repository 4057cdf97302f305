//! A transform in the sandbox against the same function as native code, on the same records: A B A B, so that other load on
//! the machine hits both.

use sluicebox_console::exit::{Blame as _, Failure};
use sluicebox_sandbox::{Batch, NO_HEADERS, Transform, Verdict};

use super::figures::{median, nanoseconds_each};
use super::samples::Sample;

/// Records in a batch: the pipeline's default.
pub(super) const BATCH_RECORDS: usize = 1000;
/// Batches in one timed run.
pub(super) const ROUND_BATCHES: usize = 50;

/// What a contest gave; all figures are medians.
pub(super) struct Contest {
    pub(super) name: &'static str,
    pub(super) sandbox_ns: f64,
    pub(super) native_ns: f64,
    /// The median of the pairs' ratios.
    pub(super) ratio: f64,
    pub(super) record_bytes: usize,
}

pub(super) fn measure(sample: &Sample, transform: &Transform, pairs: usize) -> Result<Contest, Failure> {
    let batch = batch(sample);
    let native_batch = native(&batch);
    let mut worker = transform.worker(sample.configuration).usage("the transform cannot be configured")?;
    let native = (sample.native)(sample.configuration).map_err(Failure::usage)?;
    let records = BATCH_RECORDS * ROUND_BATCHES;

    let verdicts = worker.process(&batch).environment("the sandbox failed")?.verdicts;
    // A rejection is another path through the code: the ratio would compare unlike work.
    if verdicts.contains(&Verdict::Rejected) {
        return Err(Failure::environment(format!("{} rejects records of its own benchmark", sample.name)));
    }
    // Warms up the native side, as the call above has warmed up the sandbox.
    native(&native_batch);
    let mut figures = Vec::with_capacity(pairs);
    // In turn, so that a machine that slows down meanwhile slows down both.
    for _ in 0..pairs {
        let in_sandbox =
            nanoseconds_each(records, || (0..ROUND_BATCHES).try_for_each(|_| worker.process(&batch).map(drop)));
        let in_sandbox = in_sandbox.environment("the sandbox failed")?;
        let at_home = nanoseconds_each(records, || {
            (0..ROUND_BATCHES).for_each(|_| native(&native_batch));
            Ok::<(), Failure>(())
        })?;
        figures.push((in_sandbox, at_home));
    }
    Ok(Contest {
        name: sample.name,
        sandbox_ns: median(figures.iter().map(|(sandbox, _)| *sandbox).collect()),
        native_ns: median(figures.iter().map(|(_, native)| *native).collect()),
        ratio: median(figures.iter().map(|(sandbox, native)| sandbox / native).collect()),
        record_bytes: batch.bytes() / batch.len(),
    })
}

fn batch(sample: &Sample) -> Batch {
    let mut batch = Batch::new("bench", 0);
    for index in 0..BATCH_RECORDS {
        let value = (sample.record)(index);
        batch.push(index as i64, 1_700_000_000_000, Some(b"key"), Some(&value), NO_HEADERS);
    }
    batch
}

/// The same batch, as the SDK lays it out.
fn native(batch: &Batch) -> sluicebox::batch::Batch {
    sluicebox::batch::Batch {
        source: batch.source.to_string(),
        topic: batch.topic.to_string(),
        partition: batch.partition,
        // Kafka's position is the offset.
        positions: Default::default(),
        offsets: batch.offsets.clone(),
        timestamps: batch.timestamps.clone(),
        keys: strings(&batch.keys),
        values: strings(&batch.values),
        headers: sluicebox::batch::Headers {
            ends: batch.headers.ends.clone(),
            names: strings(&batch.headers.names),
            values: strings(&batch.headers.values),
        },
    }
}

fn strings(strings: &sluicebox_sandbox::ByteStrings) -> sluicebox::batch::ByteStrings {
    sluicebox::batch::ByteStrings {
        data: strings.data.clone(),
        ends: strings.ends.clone(),
        nulls: strings.nulls.clone(),
    }
}
