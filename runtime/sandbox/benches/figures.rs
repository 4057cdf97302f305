//! Figures of the sandbox alone, printed: `cargo bench --bench figures`. The product's own are `make bench`.
#![allow(clippy::panic, clippy::unwrap_used, reason = "what cannot be measured ends it")]

#[path = "../tests/guest/mod.rs"]
mod guest;

use std::time::Instant;

use guest::{batch, sandbox, transform, worker};
use sluicebox_sandbox::{Batch, Limits, Metering, NO_HEADERS, Target, Verdict, Worker};

const RECORDS: usize = 1000;

/// What the sample that panics looks for in an order.
const POISON: &str = r#""poison":"panic","#;

/// The best of many runs, in nanoseconds a record.
fn best(worker: &mut Worker, batch: &Batch, runs: usize) -> f64 {
    (0..runs)
        .map(|_| {
            let start = Instant::now();
            let outcome = worker.process(batch).unwrap();
            assert_eq!(outcome.verdicts.len(), batch.len());
            start.elapsed().as_nanos() as f64 / batch.len() as f64
        })
        .fold(f64::MAX, f64::min)
}

/// 191 bytes.
fn small_order(index: usize) -> String {
    format!(r#"{{"id":{index:010},"note":"{:155}"}}"#, "x")
}

/// Small orders, with a key.
fn orders(records: usize) -> Batch {
    let mut orders = Batch::new("orders", 0);
    for index in 0..records {
        let value = small_order(index);
        orders.push(index as i64, 1_700_000_000_000, Some(b"customer-17"), Some(value.as_bytes()), NO_HEADERS);
    }
    orders
}

fn boundary_echo() {
    let transform = transform(&Limits::default());
    let mut worker = transform.worker(r#"{"mode": "echo"}"#).unwrap();
    for records in [1, 10, 100, 1000, 5000] {
        println!("echo, batches of {records}: {:.1} ns a record", best(&mut worker, &orders(records), 2000));
    }
}

/// An order for the samples, with more fields if wanted.
fn order(index: usize, more: &str) -> String {
    let amount = format!("{}.{:02}", index % 500, index % 100);
    let head =
        format!(r#""id":"o-{index:07}","customer":"Ada{index}@Example.com ","amount":{amount},"currency":"eur","#);
    let placed = format!(r#""placed_at":"2024-03-01T00:{:02}:00+01:00""#, index % 60);
    format!(r#"{{{head}{more}"note":"please leave the parcel at the door",{placed}}}"#)
}

fn orders_with_panics() {
    let sample = guest::build("sample-transforms/orders-with-poison");
    let transform = sandbox().load(&sample, &Limits::default(), None).unwrap();
    for every in [usize::MAX, 1000, 100, 10, 1] {
        let batches: Vec<Batch> = (0..20)
            .map(|number| {
                let indices = (0..RECORDS).map(|index| number * RECORDS + index);
                batch(indices.map(|index| order(index, if index % every == every / 2 { POISON } else { "" })))
            })
            .collect();
        // A worker of its own: the pace of the last one is slow from its panics.
        let mut worker = transform.worker("{}").unwrap();
        let runs = (0..10).map(|_| {
            let start = Instant::now();
            batches.iter().for_each(|batch| drop(worker.process(batch).unwrap()));
            start.elapsed().as_nanos() as f64 / (20 * RECORDS) as f64
        });
        let best = runs.fold(f64::MAX, f64::min);
        println!("orders, a panic in every {every}: {best:.0} ns a record");
    }
}

fn the_orders_sample() {
    let transform = sandbox().load(&guest::build("sample-transforms/clean-orders"), &Limits::default(), None).unwrap();
    let mut worker = transform.worker("{}").unwrap();
    let orders = batch((0..RECORDS).map(|index| order(index, "")));
    let outcome = worker.process(&orders).unwrap();
    assert!(outcome.rejections.is_empty(), "{:?}", outcome.rejections[0]);
    let bytes = orders.bytes() / RECORDS;
    println!("orders of {bytes} bytes, batches of {RECORDS}: {:.0} ns a record", best(&mut worker, &orders, 2000));
}

fn a_fresh_instance() {
    let transform = transform(&Limits::default());
    let mut times: Vec<f64> = Vec::new();
    for _ in 0..2000 {
        let start = Instant::now();
        drop(transform.worker("{}").unwrap());
        times.push(start.elapsed().as_nanos() as f64 / 1000.0);
    }
    times.sort_by(f64::total_cmp);
    println!("instantiate, configure, drop: median {:.1} us, p99 {:.1} us", times[1000], times[1980]);
    let mut worker = worker();
    for behaviour in ["panic", "panic-without-words"] {
        let poison = batch([behaviour]);
        println!("one {behaviour}, alone: {:.1} us", best(&mut worker, &poison, 500) / 1000.0);
    }
}

/// From bytes in memory to a transform that has described itself.
fn compiled_here_and_beforehand() {
    for sample in ["sample-transforms/clean-orders", "sample-transforms/split-invoices"] {
        let path = guest::build(sample);
        let (wasm, limits) = (std::fs::read(&path).unwrap(), Limits::default());
        let transform = sandbox().load_bytes(&path, wasm.clone(), &limits, None).unwrap();
        let forms = sandbox().precompile(&transform, Target::here().unwrap()).unwrap();
        let (compiled, precompiled) = (
            milliseconds(10, || sandbox().load_bytes(&path, wasm.clone(), &limits, None).unwrap()),
            milliseconds(200, || {
                let transform = sandbox().load_precompiled(&path, wasm.clone(), &limits, forms.clone(), None).unwrap();
                assert!(transform.is_precompiled());
                transform
            }),
        );
        let (bytes, code) = (wasm.len(), forms.of(Metering::Epochs).len());
        println!(
            "{sample}, {bytes} bytes, {code} of code: compiled here {compiled:.1} ms, beforehand {precompiled:.3} ms, {:.0} times as fast",
            compiled / precompiled
        );
    }
}

/// The median of many runs.
fn milliseconds<T>(runs: usize, mut run: impl FnMut() -> T) -> f64 {
    let mut times: Vec<f64> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            let made = run();
            let time = start.elapsed().as_secs_f64() * 1000.0;
            drop(made);
            time
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[runs / 2]
}

fn poison() {
    let _ = sandbox();
    for behaviour in ["panic", "panic-without-words", "verdict-unknown"] {
        for every in [usize::MAX, 1000, 100, 10, 1] {
            let values: Vec<String> = (0..RECORDS * 20)
                .map(|index| if index % every == every / 2 { behaviour.to_owned() } else { small_order(index) })
                .collect();
            let batches: Vec<Batch> = values.chunks(RECORDS).map(batch).collect();
            let mut worker = worker();
            let (mut rejected, mut calls, mut nanoseconds) = (0, 0, u128::MAX);
            for _ in 0..5 {
                let start = Instant::now();
                (rejected, calls) = (0, 0);
                for batch in &batches {
                    let outcome = worker.process(batch).unwrap();
                    rejected += outcome.verdicts.iter().filter(|&&verdict| verdict == Verdict::Rejected).count();
                    calls += outcome.effort.calls;
                }
                nanoseconds = nanoseconds.min(start.elapsed().as_nanos());
            }
            let each = nanoseconds as f64 / values.len() as f64;
            println!("{behaviour}: {rejected} of {} rejected, {calls} calls, {each:.0} ns a record", values.len());
        }
    }
}

fn main() {
    compiled_here_and_beforehand();
    boundary_echo();
    orders_with_panics();
    the_orders_sample();
    a_fresh_instance();
    poison();
}
