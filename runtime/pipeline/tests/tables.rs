//! Real Delta tables in a temporary folder: the ledger in the table's own log decides what is committed, whoever else
//! writes, and whatever is tried twice.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use deltalake::DeltaTableBuilder;
use deltalake::kernel::{DataType, StructField};
use sluicebox_pipeline::PipelineError;
use sluicebox_pipeline::position::TopicPartition;
use sluicebox_pipeline::sink::{COMMIT_INFO_KEY, CommitRecord, Shape, Table};
use sluicebox_sandbox::Verdict;

const DIGEST: &str = "sha256:test";

fn shape() -> Shape {
    Shape { columns: vec![StructField::not_null("n", DataType::LONG)], partition_columns: Vec::new() }
}

fn partition(number: i32) -> TopicPartition {
    TopicPartition::new("numbers", number)
}

async fn open(folder: &tempfile::TempDir) -> Table {
    let location = folder.path().to_str().expect("UTF-8");
    Table::open("counting", "numbers", location, &shape()).await.expect("opens")
}

async fn open_at(folder: &tempfile::TempDir, numbers: &[i32]) -> Table {
    let mut table = open(folder).await;
    let partitions: Vec<_> = numbers.iter().map(|&number| partition(number)).collect();
    table.read_ledger(&partitions).await.expect("reads the ledger");
    table
}

/// Stages the offsets as rows, each with its own number.
async fn stage(table: &mut Table, number: i32, offsets: std::ops::Range<i64>) {
    let offsets: Vec<i64> = offsets.collect();
    let rows = RecordBatch::try_new(table.schema().clone(), vec![Arc::new(Int64Array::from(offsets.clone()))]);
    table.stage(rows.expect("fits")).await.expect("stages");
    table.account(&partition(number), &offsets, &vec![Verdict::Emitted; offsets.len()]);
}

/// The number of rows that the log's statistics promise.
async fn rows(folder: &tempfile::TempDir) -> usize {
    let url = deltalake::table::builder::ensure_table_uri(folder.path().to_str().expect("UTF-8")).expect("a URL");
    let table = DeltaTableBuilder::from_url(url).expect("a table").load().await.expect("loads");
    let snapshot = table.snapshot().expect("a snapshot");
    let files = snapshot.log_data();
    files.iter().map(|file| file.num_records().expect("statistics")).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_carries_rows_ledger_and_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut table = open_at(&folder, &[0]).await;
    stage(&mut table, 0, 5..15).await;
    table.commit(DIGEST).await.expect("commits");
    assert_eq!(rows(&folder).await, 10);

    let again = open_at(&folder, &[0, 1]).await;
    assert_eq!(again.ledger().next(&partition(0)), Some(15));
    assert_eq!(again.ledger().next(&partition(1)), None);

    let log = std::fs::read_to_string(folder.path().join("_delta_log/00000000000000000001.json")).expect("the log");
    let info = log.lines().find(|line| line.contains("commitInfo")).expect("a commitInfo");
    let info: serde_json::Value = serde_json::from_str(info).expect("JSON");
    let record: CommitRecord =
        serde_json::from_value(info["commitInfo"][COMMIT_INFO_KEY].clone()).expect("a commit record");
    assert_eq!((record.rows, record.transform_digest.as_str()), (10, DIGEST));
    assert_eq!((record.partitions[0].from, record.partitions[0].to, record.partitions[0].emitted), (5, 15, 10));
}

#[tokio::test(flavor = "multi_thread")]
async fn staged_rows_are_invisible_and_abandoned_ones_stay_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut table = open_at(&folder, &[0]).await;
    stage(&mut table, 0, 0..10).await;
    assert_eq!(rows(&folder).await, 0);
    table.abandon();
    table.commit(DIGEST).await.expect("nothing to do");
    assert_eq!(rows(&folder).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_of_other_partitions_do_not_disturb_each_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut one, mut other) = (open_at(&folder, &[0]).await, open_at(&folder, &[1]).await);
    stage(&mut one, 0, 0..10).await;
    stage(&mut other, 1, 0..7).await;
    one.commit(DIGEST).await.expect("commits");
    other.commit(DIGEST).await.expect("commits on top of the other");
    assert_eq!(rows(&folder).await, 17);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_range_is_committed_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut worker, mut twin) = (open_at(&folder, &[0]).await, open_at(&folder, &[0]).await);
    stage(&mut worker, 0, 0..10).await;
    stage(&mut twin, 0, 0..10).await;
    worker.commit(DIGEST).await.expect("commits");
    twin.commit(DIGEST).await.expect("finds that it has landed");
    assert_eq!(rows(&folder).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zombie_with_an_overlapping_range_is_fenced() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut zombie, mut successor) = (open_at(&folder, &[0]).await, open_at(&folder, &[0]).await);
    stage(&mut zombie, 0, 0..10).await;
    stage(&mut successor, 0, 0..6).await;
    successor.commit(DIGEST).await.expect("commits");
    let fenced = zombie.commit(DIGEST).await.expect_err("is fenced");
    assert!(matches!(fenced, PipelineError::Fenced { next: 6, .. }), "{fenced}");
    assert_eq!(rows(&folder).await, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_snapshot_brings_the_ledger_of_every_partition() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut worker, mut other) = (open_at(&folder, &[0, 1]).await, open_at(&folder, &[1]).await);
    stage(&mut other, 1, 0..6).await;
    other.commit(DIGEST).await.expect("commits");
    // Whether it takes over a partition or loses a commit to somebody: what it knew of the others is out of date.
    worker.read_ledger(&[partition(2)]).await.expect("reads the ledger");
    assert_eq!(worker.ledger().next(&partition(1)), Some(6));

    stage(&mut other, 1, 6..8).await;
    other.commit(DIGEST).await.expect("commits");
    stage(&mut worker, 0, 0..3).await;
    worker.commit(DIGEST).await.expect("commits on top of the other");
    assert_eq!(worker.ledger().next(&partition(1)), Some(8));
    assert_eq!(worker.ledger().next(&partition(0)), Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_table_has_is_left_out_of_its_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut table = open_at(&folder, &[0]).await;
    stage(&mut table, 0, 0..10).await;
    table.commit(DIGEST).await.expect("commits");
    table.account(&partition(0), &[3, 4, 5], &[Verdict::Emitted; 3]);
    table.commit(DIGEST).await.expect("nothing to do");
    assert_eq!(open_at(&folder, &[0]).await.ledger().next(&partition(0)), Some(10));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_of_one_table_all_get_through() {
    let folder = tempfile::tempdir().expect("a folder");
    open(&folder).await;
    let mut writers = Vec::new();
    for number in 0..16 {
        let mut table = open_at(&folder, &[number]).await;
        writers.push(tokio::spawn(async move {
            stage(&mut table, number, 0..10).await;
            table.commit(DIGEST).await
        }));
    }
    for writer in writers {
        writer.await.expect("does not panic").expect("commits");
    }
    assert_eq!(rows(&folder).await, 160);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_another_shape_is_refused_by_column() {
    let folder = tempfile::tempdir().expect("a folder");
    open(&folder).await;
    let wanted = Shape { columns: vec![StructField::not_null("n", DataType::STRING)], partition_columns: Vec::new() };
    let location = folder.path().to_str().expect("UTF-8");
    let error = Table::check("numbers", location, &wanted).await.expect_err("does not fit");
    assert!(error.to_string().contains("column `n` is long in the table, string in the transform"), "{error}");
}

/// What has been read before is only caught up with; that must give what reading it all anew gives.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_caught_up_with_is_as_good_as_one_read_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let partitions = [partition(0), partition(1), partition(2)];
    let mut reader = open_at(&folder, &[0, 1, 2]).await;
    let mut writer = open_at(&folder, &[0, 1]).await;
    let mut next = 0;
    for commits in [0, 1, 5, 40] {
        for _ in 0..commits {
            stage(&mut writer, i32::from(next % 3 == 0), next..next + 1).await;
            writer.commit(DIGEST).await.expect("commits");
            next += 1;
        }
        reader.read_ledger(&partitions).await.expect("catches up");
        let anew = open_at(&folder, &[0, 1, 2]).await;
        assert_eq!(reader.ledger(), anew.ledger(), "after {commits} more commits");
    }
    assert_eq!(reader.ledger().next(&partition(0)), Some(next));
}
