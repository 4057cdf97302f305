//! What bounds memory: many partitions, large rows, uploads that are given up.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{Fixture, one_column, stats};

fn users(ids: std::ops::Range<i64>) -> RecordBatch {
    let name =
        |prefix: &'static str| Arc::new(StringArray::from_iter_values(ids.clone().map(|id| format!("{prefix}{id}"))));
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(ids.clone()));
    let mut columns: Vec<(String, ArrayRef)> = vec![("user".to_owned(), name("user-"))];
    columns.extend((0..4).map(|column| (format!("t{column}"), name("some text ") as ArrayRef)));
    columns.extend((0..5).map(|column| (format!("n{column}"), Arc::clone(&numbers))));
    RecordBatch::try_from_iter(columns).expect("rows")
}

fn require_send<T: Send>(value: T) -> T {
    value
}

/// In MiB: now, and the most that the process has had.
fn memory() -> [u64; 2] {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    ["VmRSS:", "VmHWM:"].map(|name| {
        let line = status.lines().find(|line| line.starts_with(name)).expect("a line");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") / 1024
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_many_partitions_gets_its_rows() {
    let mut fixture = Fixture::new(users(0..0).schema(), &["user"], &[]).await;
    // Twice, so that values come again after their files have been finished.
    for _ in 0..2 {
        fixture.writer.write(users(0..500)).await.expect("writes");
    }
    // The walk moves its tables between threads.
    let adds = require_send(fixture.writer.finish()).await.expect("finishes");
    let rows = adds.iter().map(|add| stats(add)["numRecords"].as_u64().expect("a count"));
    assert_eq!(rows.sum::<u64>(), 1_000);
    let mut users: Vec<_> = adds.iter().map(|add| add.partition_values["user"].clone()).collect();
    users.sort();
    users.dedup();
    assert_eq!(users.len(), 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn very_many_partitions_stay_within_bounds() {
    // 100,000 take two minutes: SLUICEBOX_PARTITION_VALUES=100000 cargo test … -- --nocapture very_many
    let values: i64 =
        std::env::var("SLUICEBOX_PARTITION_VALUES").map_or(3_000, |count| count.parse().expect("a number"));
    let mut fixture = Fixture::new(users(0..0).schema(), &["user"], &[]).await;
    let started = tokio::time::Instant::now();
    for start in (0..values).step_by(10_000) {
        fixture.writer.write(users(start..(start + 10_000).min(values))).await.expect("writes");
        println!("{start} values: {:.1} s, {:?} MiB", started.elapsed().as_secs_f64(), memory());
    }
    let adds = fixture.writer.finish().await.expect("finishes");
    println!("{} files: {:.1} s, {:?} MiB", adds.len(), started.elapsed().as_secs_f64(), memory());
    assert!(adds.len() as i64 >= values);
    assert!(memory()[1] <= 512, "too much memory");
}

/// Rows that take 36 MiB of a file, because little of them can be compressed.
async fn write_large_rows(fixture: &mut Fixture) {
    // A fixed seed: how well the bytes compress decides how many row groups there are.
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..12 {
        let mut bytes = vec![0; 4 << 20];
        random.fill(&mut bytes);
        let text: String = bytes.iter().map(|byte| char::from(b'0' + byte % 64)).collect();
        fixture.writer.write(one_column("text", StringArray::from(vec![text]))).await.expect("writes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_groups_are_bounded_in_bytes_and_an_abandoned_upload_leaves_nothing() {
    let mut fixture = Fixture::new(one_column("text", StringArray::from(vec![""])).schema(), &[], &[]).await;
    write_large_rows(&mut fixture).await;
    let adds = fixture.writer.finish().await.expect("finishes");
    let file = fixture.file(&adds[0].path).await;
    assert_eq!(i64::try_from(file.len()).ok(), Some(adds[0].size));
    let footer = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet").metadata().clone();
    assert!(footer.num_row_groups() > 1);
    let created_by = footer.file_metadata().created_by().expect("a writer").to_owned();
    assert!(created_by.starts_with("parquet-rs version ") && created_by.ends_with(')'), "{created_by}");

    write_large_rows(&mut fixture).await;
    assert_eq!(fixture.files_on_disk(), 2, "an upload is under way");
    fixture.writer.abandon();
    assert_eq!(fixture.writer.finish().await.expect("finishes"), []);
    // `abandon` aborts in the background, so the upload goes a little later.
    for _ in 0..100 {
        if fixture.files_on_disk() == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the upload is still there");
}
