//! A ledger goes where its rows go: with a folder that is moved, copied or cloned. One folder, or a copy of it, never counts as two
//! tables of a pipeline.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use deltalake::kernel::{DataType, StructField};
use sluicebox_delta::{Identity, Shape, Table, TableError};
use sluicebox_ledger::TopicPartition;
use sluicebox_sandbox::Verdict;

fn shape() -> Shape {
    Shape { columns: vec![StructField::not_null("n", DataType::LONG)], partition_columns: Vec::new() }
}

fn partition() -> TopicPartition {
    TopicPartition::new("numbers", 0)
}

async fn open(name: &str, folder: &Path) -> Table {
    let mut table = Table::open("p", name, folder.to_str().expect("UTF-8"), &shape()).await.expect("opens");
    table.read_ledger(&[partition()]).await.expect("reads the ledger");
    table
}

/// A table with ten rows, and a ledger that says so.
async fn filled(name: &str, folder: &Path) -> Table {
    let mut table = open(name, folder).await;
    let offsets: Vec<i64> = (0..10).collect();
    let rows = RecordBatch::try_new(table.schema().clone(), vec![Arc::new(Int64Array::from(offsets.clone()))]);
    table.stage(rows.expect("fits")).await.expect("stages");
    table.account(&partition(), &offsets, &[Verdict::Emitted; 10]);
    table.commit("sha256:test").await.expect("commits");
    table
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).expect("an entry");
        match path.is_dir() {
            true => copy(&path, &to.join(name)),
            false => std::fs::copy(&path, to.join(name)).map(|_| ()).expect("copies"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_or_restored_table_goes_on_where_its_rows_end() {
    let folder = tempfile::tempdir().expect("a folder");
    filled("a", &folder.path().join("a")).await;
    copy(&folder.path().join("a"), &folder.path().join("restored"));
    let table = open("a", &folder.path().join("restored")).await;
    assert_eq!(table.ledger().next(&partition()), Some(10), "ten rows are there: none may come again");
}

/// As a deep clone of another engine makes it: the same log under an id of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_cloned_table_goes_on_where_its_rows_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let original = filled("a", &folder.path().join("a")).await.identity();
    let clone = folder.path().join("clone");
    copy(&folder.path().join("a"), &clone);
    let first = clone.join("_delta_log/00000000000000000000.json");
    let log = std::fs::read_to_string(&first).expect("a log");
    let (_, id) = log.split_once("\"metaData\":{\"id\":\"").expect("an id");
    let id = id.split('"').next().expect("an id").to_owned();
    std::fs::write(&first, log.replace(&id, "0b1f6f7e-5d7c-4c0e-9a53-0d2d5c1f2a10")).expect("writes");
    let table = open("a", &clone).await;
    assert_eq!(table.ledger().next(&partition()), Some(10));
    Identity::require_distinct(&[original, table.identity()]).expect("two tables");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_and_a_link_are_not_two_tables() {
    let folder = tempfile::tempdir().expect("a folder");
    let [a, b, link, other] = ["a", "b", "link", "other"].map(|name| folder.path().join(name));
    let original = filled("a", &a).await.identity();
    copy(&a, &b);
    std::os::unix::fs::symlink(&a, &link).expect("links");
    for place in [&b, &link] {
        // Without the refusal this ledger would say that table `b` has ten records that it has never seen.
        let second = open("b", place).await;
        assert_eq!(second.ledger().next(&partition()), Some(10));
        let refused = Identity::require_distinct(&[original.clone(), second.identity()]).expect_err("one table");
        assert!(matches!(refused, TableError::OneTable { .. }), "{refused}");
        let said = refused.to_string();
        assert!(said.contains("E0112") && said.contains("`a`") && said.contains("`b`"), "{said}");
    }
    let third = open("c", &other).await;
    Identity::require_distinct(&[original, third.identity()]).expect("two tables");
}
