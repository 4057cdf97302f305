//! What bad records cost: the whole walk over orders from a file (no broker, so that the transform's share is largest), all
//! good against one in a hundred bad. CPU seconds of processes of their own, in turns, medians.

use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use sluicebox_console::exit::{Blame as _, Failure};
use sluicebox_console::itself;

use super::figures::median;
use crate::orders;

const RECORDS: usize = 300_000;
const ROUNDS: usize = 3;

/// What is wrong with one order in a hundred.
const KINDS: [(&str, Spoil); 4] = [
    ("is good like the others", |order| order),
    ("is not JSON", |_| b"{\"id\": ".to_vec()),
    ("has a negative amount", |order| with(&order, "amount", json!(-1))),
    ("panics", |order| with(&order, "poison", json!("panic"))),
];

type Spoil = fn(Vec<u8>) -> Vec<u8>;

/// One kind of bad order, and how fast the walk was with them.
pub(super) struct Poisoned {
    pub(super) kind: &'static str,
    /// CPU seconds for all records.
    pub(super) seconds: f64,
    /// Of the clean rate.
    pub(super) rate: f64,
}

/// Walks the orders through `wasm`, which panics when an order says so.
pub(super) fn measure(wasm: &Path) -> Result<Vec<Poisoned>, Failure> {
    let folder = tempfile::Builder::new().prefix("sluicebox-bench-").tempdir()?;
    for (number, (_, spoil)) in KINDS.iter().enumerate() {
        write_orders(&folder.path().join(format!("{number}.txt")), *spoil)?;
    }
    let mut seconds = vec![Vec::new(); KINDS.len()];
    // Round by round, not kind by kind: a disturbance of the machine hits all kinds.
    for round in 0..ROUNDS {
        for (number, seconds) in seconds.iter_mut().enumerate() {
            seconds.push(walk(folder.path(), number, round, wasm)?);
        }
    }
    let medians: Vec<f64> = seconds.into_iter().map(median).collect();
    let clean = medians.first().copied().unwrap_or_default();
    let poisoned =
        KINDS.iter().zip(medians).map(|((kind, _), seconds)| Poisoned { kind, seconds, rate: clean / seconds });
    Ok(poisoned.collect())
}

fn write_orders(file: &Path, spoil: Spoil) -> Result<(), Failure> {
    let mut out = BufWriter::new(std::fs::File::create(file)?);
    for index in 0..RECORDS {
        let order = orders::good(index);
        out.write_all(&if index % 100 == 50 { spoil(order) } else { order })?;
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

/// CPU seconds of one run into fresh tables.
fn walk(folder: &Path, number: usize, round: usize, wasm: &Path) -> Result<f64, Failure> {
    let pipeline = folder.join(format!("{number}-{round}.yaml"));
    let settings = json!({
        "name": "bench",
        "source": { "file": { "path": format!("{number}.txt"), "format": "lines" } },
        "transform": { "wasm": wasm.canonicalize()? },
        "tables": { "orders": { "path": format!("tables/{number}-{round}/orders") } },
        "dead_letters": { "path": format!("tables/{number}-{round}/dead_letters") },
    });
    std::fs::write(&pipeline, settings.to_string())?;
    let mut run = itself::command()?;
    // With backtraces on, the host's own errors would be what is measured.
    run.env("SLUICEBOX_LOG", "error").env("RUST_BACKTRACE", "0").stderr(Stdio::inherit());
    let output = run.arg("run").arg(&pipeline).arg("--progress").output()?;
    let last = String::from_utf8_lossy(&output.stdout).lines().last().map(str::to_owned).unwrap_or_default();
    let last: Value = serde_json::from_str(&last).environment("the run's progress")?;
    let [records, cpu_seconds] =
        ["records", "cpu_seconds"].map(|name| last.get(name).and_then(Value::as_f64).unwrap_or_default());
    if !output.status.success() || records != RECORDS as f64 {
        return Err(Failure::environment(format!("the run ended with {} after {records}", output.status)));
    }
    Ok(cpu_seconds)
}

fn with(order: &[u8], key: &str, value: Value) -> Vec<u8> {
    let mut order: Value = serde_json::from_slice(order).unwrap_or_default();
    order[key] = value;
    order.to_string().into_bytes()
}
