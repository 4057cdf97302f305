//! Tests only: panics of a library over one row, and a whole walk that has to find it.

use std::path::Path;
use std::sync::Mutex;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::Int64Type;
use sluicebox_sandbox::{Limits, Sandbox};
use sluicebox_settings::{Document, SourceSettings};
use tokio::sync::watch;

use crate::health::Health;
use crate::options::RunOptions;
use crate::progress::Progress;
use crate::rollout::changes::Changes;
use crate::run::run_from;
use crate::source::file::FileSource;

// It needs `wat`, `wit_component` and `wit_parser`.
#[path = "../../sandbox/tests/evil/component.rs"]
mod component;

/// The offsets over whose rows a library panics.
static CULPRITS: Mutex<Vec<i64>> = Mutex::new(Vec::new());

/// What a broken library does with rows of these records.
pub(crate) fn panic_over(rows: &RecordBatch) {
    let culprits = CULPRITS.lock().unwrap().clone();
    let Some(offsets) = rows.column_by_name("_kafka_offset") else { return };
    let offsets = offsets.as_primitive::<Int64Type>().values();
    assert!(!offsets.iter().any(|offset| culprits.contains(offset)), "a library cannot take this row");
}

/// Gives a row `{}` for each record.
const GIVES_ROWS: &str = r#"
(func $process (export "process") (param $batch i32) (result i32)
  (local $row i32)
  (local $rows i32)
  (drop (call $filter (local.get $batch)))
  (local.set $rows (i32.load offset=4 (i32.const 1232)))
  (memory.fill (i32.const 2048) (i32.const 1) (local.get $rows))
  (i32.store offset=8 (i32.const 1232) (i32.const 1304))
  (i32.store offset=12 (i32.const 1232) (i32.const 1))
  (i32.store offset=4 (i32.const 1304) (i32.const 20000))
  (i32.store offset=8 (i32.const 1304) (local.get $rows))
  (i32.store offset=24 (i32.const 1304) (i32.const 10000))
  (i32.store offset=28 (i32.const 1304) (i32.shl (local.get $rows) (i32.const 1)))
  (i32.store offset=32 (i32.const 1304) (i32.const 40000))
  (i32.store offset=36 (i32.const 1304) (local.get $rows))
  (loop $again
    (i32.store16 (i32.add (i32.const 10000) (i32.shl (local.get $row) (i32.const 1))) (i32.const 0x7d7b))
    (i32.store (i32.add (i32.const 20000) (i32.shl (local.get $row) (i32.const 2))) (local.get $row))
    (local.set $row (i32.add (local.get $row) (i32.const 1)))
    (i32.store (i32.add (i32.const 39996) (i32.shl (local.get $row) (i32.const 2)))
      (i32.shl (local.get $row) (i32.const 1)))
    (br_if $again (i32.lt_u (local.get $row) (local.get $rows))))
  (i32.const 1232))
"#;

const PIPELINE: &str = "
name: panics
source: {file: {path: in.txt, format: lines}}
transform: {wasm: guest.wasm}
tables: {t: {path: t}}
dead_letters: {path: dlq}
provenance: true
";

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_over_a_row_costs_its_record_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("in.txt"), "an order\n".repeat(1_000)).unwrap();
    let wasm = component::component(GIVES_ROWS);
    std::fs::write(folder.path().join("guest.wasm"), &wasm).unwrap();
    let text = PIPELINE.replace("path: ", &format!("path: {}/", folder.path().display()));
    let settings = Document::of_text(&folder.path().join("pipeline.yaml"), text).unwrap().into_settings();
    let SourceSettings::File(file) = settings.source.clone() else { panic!("it has a file source") };
    let sandbox = Sandbox::new().unwrap();
    let transform = sandbox.load_bytes(Path::new("guest.wasm"), wasm, &Limits::default(), None).unwrap();
    *CULPRITS.lock().unwrap() = vec![0, 617, 618, 999];

    let (_going_on, stop) = watch::channel(false);
    let (progress, _) = watch::channel(Progress::default());
    let (health, _) = watch::channel(Health::default());
    let (drain, changes) = (true, Changes::none());
    let options = RunOptions { drain, accepted_gaps: Vec::new(), stop, progress, health, changes, copies: None };
    let total = run_from(|| FileSource::new(file), settings, &transform, options).await.unwrap();
    assert_eq!((total.records, total.emitted, total.dead_letters), (1_000, 996, 4));
}
