//! What a commit of 100,000 files costs, and what a table with as many live files costs afterwards: time and memory, each with a
//! bound. `make many-files`; an argument sets another number. Ends with 1 if a bound is broken.

use std::fs;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use arrow::array::{Int64Array, RecordBatch, StringArray};
use deltalake::kernel::{DataType, StructField};
use sluicebox_delta::{Shape, Table};
use sluicebox_ledger::TopicPartition;
use sluicebox_sandbox::Verdict;

const FILES: i64 = 100_000;
/// Rows that are staged at once.
const BATCH: i64 = 1_000;
const MEBIBYTES_MAX: u64 = 512;
/// Writing the files and the entry that names them all.
const A_FILE_MAX: Duration = Duration::from_millis(5);
/// A flush of one file beside so many, and opening such a table again.
const FLUSH_RATIO_MAX: f64 = 1.5;
const FLUSHES: usize = 40;
const OPEN_MAX: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let files = std::env::args().nth(1).map_or(Ok(FILES), |count| count.parse()).context("how many files?")?;
    let folder = tempfile::tempdir()?;
    let mut table = open(&folder).await?;
    let mut next = 0;
    let before = median_flush(&mut table, &mut next).await?;
    println!("a flush of one file into a table of few: {:.1} ms", milliseconds(before));

    let began = Instant::now();
    let from = next;
    while next < from + files {
        let batch = BATCH.min(from + files - next);
        stage(&mut table, next..next + batch).await?;
        next += batch;
    }
    table.commit("sha256:measured").await?;
    let took = began.elapsed();
    println!(
        "a commit of {files} files: {:.1} s, {:.2} ms a file; at most {} MiB of memory so far",
        took.as_secs_f64(),
        milliseconds(took) / files as f64,
        peak_mebibytes()?
    );
    let is_bounded = took <= A_FILE_MAX * u32::try_from(files)?;

    let after = median_flush(&mut table, &mut next).await?;
    let ratio = after.as_secs_f64() / before.as_secs_f64();
    println!("a flush of one file beside {files}: {:.1} ms, {ratio:.2} times", milliseconds(after));
    table.settle().await;
    drop(table);
    let began = Instant::now();
    let table = open(&folder).await?;
    ensure!(
        table.ledger().next(&partition()) == Some(next),
        "the ledger is at {:?}",
        table.ledger().next(&partition())
    );
    let opened = began.elapsed();
    let peak = peak_mebibytes()?;
    println!(
        "opening it again: {:.2} s; at most {peak} MiB of memory in all (at most {MEBIBYTES_MAX})",
        opened.as_secs_f64()
    );
    let is_kept = is_bounded && ratio <= FLUSH_RATIO_MAX && opened <= OPEN_MAX && peak <= MEBIBYTES_MAX;
    Ok(if is_kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn partition() -> TopicPartition {
    TopicPartition::new("values", 0)
}

async fn open(folder: &tempfile::TempDir) -> Result<Table> {
    let columns = vec![StructField::not_null("n", DataType::LONG), StructField::not_null("p", DataType::STRING)];
    let shape = Shape { columns, partition_columns: vec!["p".to_owned()] };
    let location = folder.path().to_str().context("a folder's name that is text")?;
    let mut table = Table::open("measuring", "values", location, &shape).await?;
    table.read_ledger(&[partition()]).await?;
    Ok(table)
}

/// Stages a row for each offset, each with a partition value of its own.
async fn stage(table: &mut Table, offsets: std::ops::Range<i64>) -> Result<()> {
    let offsets: Vec<i64> = offsets.collect();
    let values = StringArray::from_iter_values(offsets.iter().map(|offset| format!("value-{offset}")));
    let columns = vec![Arc::new(Int64Array::from(offsets.clone())) as _, Arc::new(values) as _];
    table.stage(RecordBatch::try_new(table.schema().clone(), columns)?).await?;
    table.account(&partition(), &offsets, &vec![Verdict::Emitted; offsets.len()]);
    Ok(())
}

async fn median_flush(table: &mut Table, next: &mut i64) -> Result<Duration> {
    let mut times = Vec::new();
    for _ in 0..FLUSHES {
        let began = Instant::now();
        stage(table, *next..*next + 1).await?;
        table.commit("sha256:measured").await?;
        times.push(began.elapsed());
        *next += 1;
    }
    times.sort();
    Ok(times[FLUSHES / 2])
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

fn peak_mebibytes() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(peak.split_whitespace().next().context("no number")?.parse::<u64>()? / 1_024)
}
