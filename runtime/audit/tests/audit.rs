//! The audit on real Delta tables in a temporary folder: sound tables, tables without their old log entries, and tables that
//! were tampered with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Int32Array, Int64Array, ListArray, RecordBatch, StringArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType as ArrowType, Field};
use deltalake::DeltaTableBuilder;
use deltalake::kernel::{DataType, StructField};
use serde_json::Value;
use sluicebox_audit::{AuditReport, audit};
use sluicebox_delta::{Shape, Table, dead_letter};
use sluicebox_ledger::TopicPartition;
use sluicebox_sandbox::Verdict::{self, Emitted, Filtered, Rejected};
use sluicebox_settings::{Document, Settings};

const DIGEST: &str = "sha256:test";

/// A pipeline of one table, in a folder of its own.
struct Pipeline {
    folder: tempfile::TempDir,
}

impl Pipeline {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        // The settings require it, although the audit does not use it.
        std::fs::write(folder.path().join("transform.wasm"), "").expect("writes");
        std::fs::write(folder.path().join("records"), "").expect("writes");
        Self { folder }
    }

    fn settings(&self) -> Settings {
        let text = "{name: counting, source: {file: {path: records}}, transform: {wasm: transform.wasm}, \
                    tables: {numbers: {path: numbers}}, dead_letters: {path: dead}}";
        let file = self.folder.path().join("pipeline.yaml");
        Document::parse(&file, text.to_owned(), []).expect("legal settings").into_settings()
    }

    async fn audit(&self) -> AuditReport {
        audit(&self.settings(), true).await.expect("reads the tables")
    }

    async fn open(&self, table: &str) -> Table {
        let shape = match table {
            "numbers" => Shape {
                columns: vec![
                    StructField::not_null("_kafka_topic", DataType::STRING),
                    StructField::not_null("_kafka_partition", DataType::INTEGER),
                    StructField::not_null("_kafka_offset", DataType::LONG),
                ],
                partition_columns: Vec::new(),
            },
            _ => dead_letter::shape(),
        };
        let location = self.folder.path().join(table);
        let mut table = Table::open("counting", table, location.to_str().expect("UTF-8"), &shape).await.expect("opens");
        table.read_ledger(&[partition()]).await.expect("reads the ledger");
        table
    }

    /// Both tables take in the records from `from` on.
    async fn take_in(&self, from: i64, verdicts: &[Verdict]) {
        for (name, with_row) in [("dead", Rejected), ("numbers", Emitted)] {
            let mut table = self.open(name).await;
            take_in(&mut table, from, verdicts, with_row).await;
        }
    }

    fn log_entry(&self, table: &str, version: u64) -> PathBuf {
        self.folder.path().join(format!("{table}/_delta_log/{version:020}.json"))
    }

    /// Changes each action of a log entry.
    fn tamper(&self, table: &str, version: u64, change: impl Fn(&mut Value)) {
        let path = self.log_entry(table, version);
        let text = std::fs::read_to_string(&path).expect("reads");
        let changed = text.lines().map(|line| {
            let mut action: Value = serde_json::from_str(line).expect("JSON");
            change(&mut action);
            action.to_string() + "\n"
        });
        std::fs::write(&path, changed.collect::<String>()).expect("writes");
    }
}

fn partition() -> TopicPartition {
    TopicPartition::new("numbers", 0)
}

async fn take_in(table: &mut Table, from: i64, verdicts: &[Verdict], with_row: Verdict) {
    let offsets: Vec<i64> = (from..).take(verdicts.len()).collect();
    let rows = offsets.iter().zip(verdicts).filter(|(_, verdict)| **verdict == with_row).map(|(offset, _)| *offset);
    let rows: Vec<i64> = rows.collect();
    table.stage(batch(table, &rows)).await.expect("stages");
    table.account(&partition(), &offsets, verdicts);
    table.commit(DIGEST).await.expect("commits");
}

/// Rows of these offsets; the table's other columns are empty.
fn batch(table: &Table, offsets: &[i64]) -> RecordBatch {
    let column = |field: &Arc<Field>| -> arrow::array::ArrayRef {
        let count = offsets.len();
        match field.name().as_str() {
            "topic" | "_kafka_topic" => Arc::new(StringArray::from(vec!["numbers"; count])),
            "partition" | "_kafka_partition" => Arc::new(Int32Array::from(vec![0; count])),
            "offset" | "_kafka_offset" => Arc::new(Int64Array::from(offsets.to_vec())),
            _ if field.is_nullable() => arrow::array::new_null_array(field.data_type(), count),
            "headers" => {
                let ArrowType::List(item) = field.data_type() else { unreachable!("headers are a list") };
                let none = arrow::array::new_empty_array(item.data_type());
                Arc::new(ListArray::new(item.clone(), OffsetBuffer::new_zeroed(count), none, None))
            }
            "status" => Arc::new(StringArray::from(vec!["open"; count])),
            "attempts" => Arc::new(Int32Array::from(vec![1; count])),
            "rejected_at" => {
                arrow::compute::cast(&Int64Array::from(vec![0; count]), field.data_type()).expect("a time")
            }
            _ => Arc::new(StringArray::from(vec![""; count])),
        }
    };
    let schema = table.schema().clone();
    let columns = schema.fields().iter().map(column).collect();
    RecordBatch::try_new(schema, columns).expect("fits")
}

fn faults(report: &AuditReport) -> Vec<Value> {
    assert_eq!(report.sound, report.violations.is_empty());
    report.violations.iter().map(|it| serde_json::to_value(it.fault).expect("JSON")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_pipeline_is_counted() {
    let pipeline = Pipeline::new();
    pipeline.take_in(5, &[Emitted, Filtered, Rejected]).await;
    pipeline.take_in(10, &[Emitted, Emitted]).await;
    let report = pipeline.audit().await;
    assert!(report.sound && report.positions_read, "{:?}", report.violations);
    assert!(report.notes.is_empty(), "{:?}", report.notes);
    assert_eq!(report.tables.len(), 2);
    for (table, rows) in report.tables.iter().zip([3, 1]) {
        assert_eq!((table.version, table.log_from, table.rows), (2, 0, Some(rows)));
        let partition = &table.partitions[0];
        assert_eq!((partition.from, partition.to, partition.ledger, partition.commits), (5, 12, Some(12), 2));
        assert_eq!((partition.counts.emitted, partition.counts.filtered, partition.counts.rejected), (3, 1, 1));
        assert_eq!((partition.gaps, partition.vouched_below), (2, None));
        assert_eq!(partition.transform_digests, [DIGEST]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_old_log_entries_only_the_ledger_is_known() {
    let pipeline = Pipeline::new();
    pipeline.take_in(0, &[Emitted; 4]).await;
    pipeline.take_in(4, &[Emitted, Rejected]).await;
    checkpoint(&pipeline.folder.path().join("numbers")).await;
    pipeline.take_in(6, &[Emitted; 3]).await;
    for version in 0..=2 {
        std::fs::remove_file(pipeline.log_entry("numbers", version)).expect("removes");
    }
    let report = pipeline.audit().await;
    assert!(report.sound, "{:?}", report.violations);
    let table = &report.tables[0];
    assert_eq!((table.log_from, table.partitions[0].vouched_below), (3, Some(6)));
    assert_eq!((table.partitions[0].from, table.partitions[0].to, table.rows), (6, 9, Some(8)));
    assert!(report.notes[0].message.contains("versions 0..=2 are gone"), "{:?}", report.notes);

    // The remaining entries must join it.
    let tamper = |from: i64| {
        pipeline.tamper("numbers", 3, |action| {
            if let Some(tally) = action.pointer_mut("/commitInfo/sluicebox/partitions/0") {
                tally["from"] = from.into();
            }
        });
    };
    tamper(5);
    assert_eq!(faults(&pipeline.audit().await), ["overlap"]);
    tamper(6);

    // Even if no entry is left at all.
    checkpoint(&pipeline.folder.path().join("numbers")).await;
    std::fs::remove_file(pipeline.log_entry("numbers", 3)).expect("removes");
    let report = pipeline.audit().await;
    assert!(report.sound, "{:?}", report.violations);
    assert_eq!(report.tables[0].partitions[0].vouched_below, Some(9));
}

async fn checkpoint(folder: &Path) {
    let url = deltalake::ensure_table_uri(folder.to_str().expect("UTF-8")).expect("a URL");
    let table = DeltaTableBuilder::from_url(url).expect("a table").load().await.expect("loads");
    deltalake::checkpoints::create_checkpoint(&table, None).await.expect("a checkpoint");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_two_tables_leaves_one_behind() {
    let pipeline = Pipeline::new();
    pipeline.take_in(0, &[Emitted, Rejected]).await;
    take_in(&mut pipeline.open("dead").await, 2, &[Rejected], Rejected).await;
    let report = pipeline.audit().await;
    assert!(report.sound, "{:?}", report.violations);
    assert!(report.notes[0].message.contains("is behind: numbers/0 stands at 2, elsewhere at 3"), "{:?}", report.notes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tally_that_was_changed_is_found() {
    let pipeline = Pipeline::new();
    pipeline.take_in(0, &[Emitted, Emitted, Rejected]).await;
    pipeline.tamper("numbers", 1, |action| {
        if let Some(tally) = action.pointer_mut("/commitInfo/sluicebox/partitions/0") {
            tally["emitted"] = 1.into();
            tally["filtered"] = 1.into();
        }
    });
    let report = pipeline.audit().await;
    assert_eq!(faults(&report), ["tables_disagree", "doubled"]);
    let message = &report.violations[0].message;
    assert!(message.contains("counts 0 emitted") || message.contains("1 emitted, 1 filtered, 1 rejected"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_added_again_is_found() {
    let pipeline = Pipeline::new();
    pipeline.take_in(0, &[Emitted, Emitted]).await;
    // Under another name, in a commit of another program.
    let folder = pipeline.folder.path().join("numbers");
    let entry = std::fs::read_to_string(pipeline.log_entry("numbers", 1)).expect("reads");
    let add = entry.lines().find(|line| line.contains("\"add\"")).expect("an add");
    let mut add: Value = serde_json::from_str(add).expect("JSON");
    let path = add["add"]["path"].as_str().expect("a path").to_owned();
    std::fs::copy(folder.join(&path), folder.join("copy.parquet")).expect("copies");
    add["add"]["path"] = "copy.parquet".into();
    let commit = format!("{{\"commitInfo\":{{\"operation\":\"WRITE\"}}}}\n{add}\n");
    std::fs::write(pipeline.log_entry("numbers", 2), commit).expect("writes");
    let report = pipeline.audit().await;
    assert_eq!(faults(&report), ["doubled"], "{:?}", report.violations);

    // And in the pipeline's own.
    std::fs::remove_file(pipeline.log_entry("numbers", 2)).expect("removes");
    std::fs::write(pipeline.log_entry("numbers", 1), format!("{entry}{add}\n")).expect("writes");
    let report = pipeline.audit().await;
    assert_eq!(faults(&report), ["rows_miscounted"], "{:?}", report.violations);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_gone_and_letters_buried_twice_are_found() {
    let pipeline = Pipeline::new();
    pipeline.take_in(0, &[Emitted, Rejected]).await;
    let mut table = pipeline.open("dead").await;
    // Its record says one; the file holds the same position twice.
    table.stage(batch(&table, &[2, 2])).await.expect("stages");
    table.account(&partition(), &[2, 3], &[Rejected, Rejected]);
    table.commit(DIGEST).await.expect("commits");
    let report = pipeline.audit().await;
    assert_eq!(faults(&report), ["doubled", "missing"], "{:?}", report.violations);
    assert!(report.violations[0].message.contains("buried more than once"));

    let files: BTreeMap<String, PathBuf> = std::fs::read_dir(pipeline.folder.path().join("numbers"))
        .expect("lists")
        .map(|entry| entry.expect("an entry"))
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .filter(|(name, _)| name.ends_with(".parquet"))
        .collect();
    std::fs::remove_file(files.values().next().expect("a file")).expect("removes");
    let found = faults(&pipeline.audit().await);
    assert!(found.contains(&"file_missing".into()), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_table_is_an_error() {
    let pipeline = Pipeline::new();
    let error = audit(&pipeline.settings(), true).await.expect_err("there is nothing");
    assert!(error.to_string().contains("the pipeline has not run yet"), "{error}");
    assert!(!pipeline.folder.path().join("numbers").exists(), "an audit makes nothing");
}
