//! A pipeline with real tables, filled as the walk fills them.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use arrow::array::{Int32Array, Int64Array, ListArray, RecordBatch, StringArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::DataType as ArrowType;
use deltalake::kernel::{DataType, StructField};
use serde_json::Value;
use sluicebox_audit::{AuditReport, audit};
use sluicebox_delta::{Shape, Table, dead_letter};
use sluicebox_ledger::TopicPartition;
use sluicebox_sandbox::Verdict::{self, Emitted, Rejected};
use sluicebox_settings::{Document, Settings};

pub(crate) const DIGEST: &str = "sha256:test";

/// A pipeline of one table, in a folder that it may share with others.
pub(crate) struct Pipeline {
    pub(crate) folder: Rc<tempfile::TempDir>,
    name: &'static str,
    topic: &'static str,
}

impl Pipeline {
    pub(crate) fn new() -> Self {
        let folder = Rc::new(tempfile::tempdir().expect("a folder"));
        // The settings require it, although the audit does not use it.
        std::fs::write(folder.path().join("transform.wasm"), "").expect("writes");
        std::fs::write(folder.path().join("records"), "").expect("writes");
        Self { folder, name: "counting", topic: "numbers" }
    }

    /// Another pipeline with the same tables.
    pub(crate) fn beside(&self, name: &'static str, topic: &'static str) -> Self {
        Self { folder: Rc::clone(&self.folder), name, topic }
    }

    pub(crate) fn settings(&self) -> Settings {
        let text = "{name: NAME, source: {file: {path: records}}, transform: {wasm: transform.wasm}, \
                    tables: {numbers: {path: numbers}}, dead_letters: {path: dead}}";
        let file = self.folder.path().join("pipeline.yaml");
        Document::parse(&file, text.replace("NAME", self.name), []).expect("legal settings").into_settings()
    }

    pub(crate) async fn audit(&self) -> AuditReport {
        audit(&self.settings(), true).await.expect("reads the tables")
    }

    pub(crate) async fn open(&self, table: &str) -> Table {
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
        let mut table = Table::open(self.name, table, location.to_str().expect("UTF-8"), &shape).await.expect("opens");
        table.read_ledger(&[self.partition()]).await.expect("reads the ledger");
        table
    }

    /// Both tables take in the records from `from` on.
    pub(crate) async fn take_in(&self, from: i64, verdicts: &[Verdict]) {
        for (name, with_row) in [("dead", Rejected), ("numbers", Emitted)] {
            let mut table = self.open(name).await;
            self.take_in_one(&mut table, from, verdicts, with_row).await;
        }
    }

    pub(crate) fn log_entry(&self, table: &str, version: u64) -> PathBuf {
        self.folder.path().join(format!("{table}/_delta_log/{version:020}.json"))
    }

    /// Changes each action of a log entry.
    pub(crate) fn tamper(&self, table: &str, version: u64, change: impl Fn(&mut Value)) {
        let path = self.log_entry(table, version);
        let text = std::fs::read_to_string(&path).expect("reads");
        let changed = text.lines().map(|line| {
            let mut action: Value = serde_json::from_str(line).expect("JSON");
            change(&mut action);
            action.to_string() + "\n"
        });
        std::fs::write(&path, changed.collect::<String>()).expect("writes");
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn partition(&self) -> TopicPartition {
        TopicPartition::new(self.topic, 0)
    }

    pub(crate) async fn take_in_one(&self, table: &mut Table, from: i64, verdicts: &[Verdict], with_row: Verdict) {
        let offsets: Vec<i64> = (from..).take(verdicts.len()).collect();
        let rows = offsets.iter().zip(verdicts).filter(|(_, verdict)| **verdict == with_row).map(|(offset, _)| *offset);
        let rows: Vec<i64> = rows.collect();
        table.stage(self.batch(table, &rows)).await.expect("stages");
        table.account(&self.partition(), &offsets, verdicts);
        table.commit(DIGEST).await.expect("commits");
    }

    /// Rows of these offsets; the table's other columns are empty.
    pub(crate) fn batch(&self, table: &Table, offsets: &[i64]) -> RecordBatch {
        let schema = table.schema().clone();
        let columns = schema.fields().iter().map(|field| -> arrow::array::ArrayRef {
            let count = offsets.len();
            match field.name().as_str() {
                "topic" | "_kafka_topic" => Arc::new(StringArray::from(vec![self.topic; count])),
                "partition" | "_kafka_partition" => Arc::new(Int32Array::from(vec![0; count])),
                "offset" | "_kafka_offset" => Arc::new(Int64Array::from(offsets.to_vec())),
                _ if field.is_nullable() => arrow::array::new_null_array(field.data_type(), count),
                "headers" => {
                    let ArrowType::List(item) = field.data_type() else { unreachable!("headers are a list") };
                    let none = arrow::array::new_empty_array(item.data_type());
                    Arc::new(ListArray::new(item.clone(), OffsetBuffer::new_zeroed(count), none, None))
                }
                "pipeline" => Arc::new(StringArray::from(vec![self.name; count])),
                "status" => Arc::new(StringArray::from(vec!["open"; count])),
                "attempts" => Arc::new(Int32Array::from(vec![1; count])),
                "rejected_at" => {
                    arrow::compute::cast(&Int64Array::from(vec![0; count]), field.data_type()).expect("a time")
                }
                _ => Arc::new(StringArray::from(vec![""; count])),
            }
        });
        let columns = columns.collect();
        RecordBatch::try_new(schema, columns).expect("fits")
    }
}

pub(crate) fn faults(report: &AuditReport) -> Vec<Value> {
    assert_eq!(report.sound, report.violations.is_empty());
    report.violations.iter().map(|it| serde_json::to_value(it.fault).expect("JSON")).collect()
}
