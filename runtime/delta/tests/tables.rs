//! Real Delta tables in a temporary folder: the ledger in the table's own log decides what is committed, with other writers
//! and with repeated attempts.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use deltalake::DeltaTableBuilder;
use deltalake::kernel::{DataType, StructField};
use sluicebox_delta::{Shape, Table, TableError};
use sluicebox_ledger::{
    COMMIT_INFO_KEY, CommitRecord, Entry, Loss, LossCause, OffsetRange, PartitionStart, Skip, SkipReason,
    TopicPartition,
};
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
    // From the statistics, as delta-rs reads them: that also proves that the log has them.
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
    // Both are staged on the same version before either commits.
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
    // Its ledger has all that the twin brings: to be second with equal rows is success.
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
    assert!(matches!(fenced, TableError::Fenced { next: 6, .. }), "{fenced}");
    assert_eq!(rows(&folder).await, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_snapshot_brings_the_ledger_of_every_partition() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut worker, mut other) = (open_at(&folder, &[0, 1]).await, open_at(&folder, &[1]).await);
    stage(&mut other, 1, 0..6).await;
    other.commit(DIGEST).await.expect("commits");
    // Taking over a partition makes what the worker knew of the others out of date, and so does a lost commit.
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
    for number in 0..64 {
        let mut table = open_at(&folder, &[number]).await;
        writers.push(tokio::spawn(async move {
            stage(&mut table, number, 0..10).await;
            table.commit(DIGEST).await
        }));
    }
    for writer in writers {
        writer.await.expect("does not panic").expect("commits");
    }
    assert_eq!(rows(&folder).await, 640);
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

/// A ledger that was read before only catches up with newer entries; that must give the same as reading the whole log.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_catches_up_equals_one_that_is_read_afresh() {
    let folder = tempfile::tempdir().expect("a folder");
    let partitions = [partition(0), partition(1), partition(2)];
    let mut reader = open_at(&folder, &[0, 1, 2]).await;
    let mut writer = open_at(&folder, &[0, 1]).await;
    let mut next = 0;
    // None, few, and several in a row, so that each way of catching up is taken.
    for commits in [0, 1, 5, 40] {
        for _ in 0..commits {
            stage(&mut writer, i32::from(next % 3 == 0), next..next + 1).await;
            writer.commit(DIGEST).await.expect("commits");
            next += 1;
        }
        reader.read_ledger(&partitions).await.expect("catches up");
        let afresh = open_at(&folder, &[0, 1, 2]).await;
        assert_eq!(reader.ledger(), afresh.ledger(), "after {commits} more commits");
    }
    assert_eq!(reader.ledger().next(&partition(0)), Some(next - 1));
}

fn start(to: i64, topic_id: Option<i64>, accepted: Option<LossCause>) -> [PartitionStart; 1] {
    let accepted = accepted.map(|cause| Loss { partition: partition(0), cause });
    [PartitionStart { partition: partition(0), to, topic_id, accepted }]
}

fn versions(folder: &tempfile::TempDir) -> usize {
    std::fs::read_dir(folder.path().join("_delta_log")).expect("a log").count()
}

/// The record in the last commit's `commitInfo`.
fn last_record(folder: &tempfile::TempDir) -> CommitRecord {
    let log = std::fs::read_dir(folder.path().join("_delta_log")).expect("a log");
    let entries = log.map(|entry| entry.expect("an entry").path());
    let last = entries.filter(|path| path.extension().is_some_and(|e| e == "json")).max().expect("a commit");
    let text = std::fs::read_to_string(last).expect("the log");
    let info = text.lines().find(|line| line.contains("commitInfo")).expect("a commitInfo");
    let info: serde_json::Value = serde_json::from_str(info).expect("JSON");
    serde_json::from_value(info["commitInfo"][COMMIT_INFO_KEY].clone()).expect("a commit record")
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_partition_starts_is_in_the_table_before_its_first_record() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut table = open_at(&folder, &[0]).await;
    table.note_starts(&start(7, Some(1), None), DIGEST).await.expect("commits");
    let noted = Skip { topic: "numbers".into(), partition: 0, from: None, to: 7, why: SkipReason::Start };
    assert_eq!(last_record(&folder).skips, [noted]);

    let mut again = open_at(&folder, &[0]).await;
    assert_eq!(again.ledger().entry(&partition(0)), Entry { next: Some(7), topic_id: Some(1) });
    let before = versions(&folder);
    again.note_starts(&start(7, Some(1), None), DIGEST).await.expect("has nothing to do");
    assert_eq!(versions(&folder), before, "the table records a start once");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_start_a_partition_at_once_the_first_decides_where() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut first, mut second) = (open_at(&folder, &[0]).await, open_at(&folder, &[0]).await);
    first.note_starts(&start(7, None, None), DIGEST).await.expect("commits");
    let fenced = second.note_starts(&start(9, None, None), DIGEST).await;
    // No ledger covers a later start: the second worker reads the ledger again, and starts where the first does.
    assert!(matches!(fenced, Err(TableError::Fenced { next: 7, .. })), "{fenced:?}");
    assert_eq!(second.ledger().next(&partition(0)), Some(7));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_gap_is_in_the_log_and_rows_from_before_it_are_fenced() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut table = open_at(&folder, &[0]).await;
    table.note_starts(&start(0, Some(1), None), DIGEST).await.expect("commits");
    // It knows the table as of the old topic.
    let mut zombie = open_at(&folder, &[0]).await;
    stage(&mut zombie, 0, 0..10).await;

    let recreated = LossCause::TopicRecreated { ledger: 0, resume: 0 };
    table.note_starts(&start(0, Some(2), Some(recreated)), DIGEST).await.expect("commits");
    let skip = Skip { topic: "numbers".into(), partition: 0, from: Some(0), to: 0, why: SkipReason::TopicRecreated };
    assert_eq!(last_record(&folder).skips, [skip]);
    let fenced = zombie.commit(DIGEST).await;
    assert!(
        matches!(fenced, Err(TableError::Fenced { .. })),
        "rows of the old topic, at an offset that fits: {fenced:?}"
    );

    stage(&mut table, 0, 0..10).await;
    table.commit(DIGEST).await.expect("commits");
    let gone = LossCause::OffsetsGone { missing: OffsetRange { from: 10, to: 25 } };
    table.note_starts(&start(25, Some(2), Some(gone)), DIGEST).await.expect("commits");
    let gap = Skip { topic: "numbers".into(), partition: 0, from: Some(10), to: 25, why: SkipReason::AcceptedGap };
    assert_eq!(last_record(&folder).skips, [gap]);
    assert_eq!(open_at(&folder, &[0]).await.ledger().next(&partition(0)), Some(25));
    assert_eq!(rows(&folder).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_would_forget_its_ledger_is_refused_before_the_next_commit() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut table = open_at(&folder, &[0]).await;
    stage(&mut table, 0, 0..10).await;

    let location = folder.path().to_str().expect("UTF-8");
    let url = deltalake::table::builder::ensure_table_uri(location).expect("a URL");
    let other = DeltaTableBuilder::from_url(url).expect("a table").load().await.expect("loads");
    let property = ("delta.setTransactionRetentionDuration".to_owned(), "interval 7 days".to_owned());
    other.set_tbl_properties().with_properties(HashMap::from([property])).await.expect("sets the property");

    let refused = table.commit(DIGEST).await;
    assert!(matches!(refused, Err(TableError::LedgerExpires { .. })), "{refused:?}");
    assert_eq!(rows(&folder).await, 0);
    let refused = Table::open("counting", "numbers", location, &shape()).await.err().expect("is refused");
    assert!(refused.to_string().starts_with("E0204 table `numbers`"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timestamp_without_zone_is_possible_at_any_depth() {
    use sluicebox_sandbox::{DataType, Field, Table as Described};
    let ntz = Field::new("at", DataType::TimestampNtz, true);
    let key = Box::new(Field::new("key", DataType::Utf8, false));
    let list = DataType::List(Box::new(ntz.clone()));
    let map = DataType::Map { key: key.clone(), value: Box::new(ntz.clone()) };
    let lists = DataType::Map { key, value: Box::new(Field::new("value", list.clone(), true)) };
    for data_type in [DataType::TimestampNtz, DataType::Struct(vec![ntz]), list, map, lists] {
        let folder = tempfile::tempdir().expect("a folder");
        let location = folder.path().to_str().expect("UTF-8");
        let described = Described::new("t", vec![Field::new("c", data_type.clone(), true)]);
        let shape = Shape::of(&described, true).expect("a legal table");
        Table::open("p", "t", location, &shape).await.unwrap_or_else(|error| panic!("{data_type}: {error}"));
        Table::check("t", location, &shape).await.expect("fits itself");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn partition_values_that_look_like_paths_are_committed_and_looked_for_where_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let columns = vec![StructField::nullable("p", DataType::STRING), StructField::not_null("n", DataType::LONG)];
    let shape = Shape { columns, partition_columns: vec!["p".to_owned()] };
    let location = folder.path().to_str().expect("UTF-8");
    let open = async || {
        let mut table = Table::open("counting", "numbers", location, &shape).await.expect("opens");
        table.read_ledger(&[partition(0), partition(1)]).await.expect("reads the ledger");
        table
    };
    let (mut worker, mut other) = (open().await, open().await);
    let values = ["/", "//", "a/b", "..", ".", "%", "%2F", "%252F", "=", "?#&", " "];
    for (number, table) in [(1, &mut other), (0, &mut worker)] {
        let numbers = Int64Array::from_iter_values(0..values.len() as i64);
        let columns: Vec<ArrayRef> = vec![Arc::new(StringArray::from(values.to_vec())), Arc::new(numbers)];
        table.stage(RecordBatch::try_new(table.schema().clone(), columns).expect("fits")).await.expect("stages");
        let offsets: Vec<i64> = (0..values.len() as i64).collect();
        table.account(&partition(number), &offsets, &vec![Verdict::Emitted; offsets.len()]);
    }
    other.commit(DIGEST).await.expect("commits");
    // Its place in the log is taken, so it looks whether its files are still there before it tries again.
    worker.commit(DIGEST).await.expect("commits on top of the other");
    assert_eq!(rows(&folder).await, 2 * values.len());
}
