//! The audit on real Delta tables in a temporary folder: sound tables, tables without their old log entries, tables that
//! were tampered with, and tables that others write to.

mod shared;
mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use deltalake::DeltaTableBuilder;
use serde_json::Value;
use sluicebox_audit::audit;
use sluicebox_sandbox::Verdict::{Emitted, Filtered, Rejected};

use self::support::{DIGEST, Pipeline, faults};

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
    pipeline.take_in_one(&mut pipeline.open("dead").await, 2, &[Rejected], Rejected).await;
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
    table.stage(pipeline.batch(&table, &[2, 2])).await.expect("stages");
    table.account(&pipeline.partition(), &[2, 3], &[Rejected, Rejected]);
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
