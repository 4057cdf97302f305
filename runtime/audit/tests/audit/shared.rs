//! Tables that two pipelines and another program write to: the other program is Python's `deltalake`.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use sluicebox_audit::AuditReport;
use sluicebox_delta::Once;
use sluicebox_sandbox::Verdict::{Emitted, Filtered, Rejected};

use super::support::{Pipeline, faults};

/// The Python that `make setup` installed `deltalake` for, or none and a line that says so.
fn python() -> Option<PathBuf> {
    let binary = std::env::current_exe().expect("a test binary");
    let python = binary.ancestors().nth(3).map(|target| target.join("readers/bin/python"));
    let python = python.filter(|python| python.exists());
    if python.is_none() {
        // Straight to stderr: libtest captures what the print macros of a passing test say. `tests/run` counts these lines.
        let thread = std::thread::current();
        let line = format!("SKIPPED {}: needs readers\n", thread.name().unwrap_or("a test"));
        std::io::stderr().write_all(line.as_bytes()).expect("stderr");
    }
    python
}

impl Pipeline {
    /// Lets the other program do something to a table, and returns how many rows it has then.
    fn others(&self, python: &PathBuf, table: &str, operation: &str, predicate: &[&str]) -> u64 {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/audit/others.py");
        let location = self.folder.path().join(table);
        let mut command = Command::new(python);
        let output = command.arg(script).arg(location).arg(operation).args(predicate).output().expect("Python runs");
        assert!(output.status.success(), "{operation}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().parse().expect("a count")
    }

    /// Judges the open letter at `offset` again: its row comes into the table, and the letter is settled.
    async fn redrive(&self, python: &PathBuf, offset: i64) {
        let mut table = self.open("numbers").await;
        table.stage(self.batch(&table, &[offset])).await.expect("stages");
        let once = Once { app_id: format!("redrive/{}/{offset}", self.name()), step: 1 };
        table.append_once(&once, &self.redrive_record("apply", 1)).await.expect("commits");
        let is_letter = format!("pipeline = '{}' and \"offset\" = {offset}", self.name());
        self.others(python, "dead", "settle", &[&is_letter]);
        self.tamper("dead", self.newest("dead"), |action| {
            if let Some(info) = action.get_mut("commitInfo") {
                info["sluicebox"] = self.redrive_record("settle", 0);
            }
        });
    }

    fn redrive_record(&self, phase: &str, rows: u64) -> Value {
        let partition =
            json!({"topic": self.partition().topic.to_string(), "partition": 0, "letters": 1, "rows": rows});
        json!({"pipeline": self.name(), "redrive": {"id": "r", "phase": phase, "partitions": [partition]}})
    }

    fn newest(&self, table: &str) -> u64 {
        (0..).take_while(|version| self.log_entry(table, *version).exists()).last().expect("an entry")
    }
}

fn operations(report: &AuditReport, table: usize) -> Vec<(String, u64)> {
    let others = report.tables[table].others.iter();
    others.map(|(operation, counted)| (operation.clone(), counted.commits)).collect()
}

/// Everything that another program may do to the tables of two pipelines, one after the other.
async fn no_alarm(topic: &'static str) -> Option<[AuditReport; 2]> {
    let python = python()?;
    let ours = Pipeline::new();
    let theirs = ours.beside("adding", topic);
    let both = [&ours, &theirs];
    for round in 0..4 {
        take_in(&both, round).await;
    }
    let mut reports = Vec::new();
    // The first time, files are one pipeline's; the second time, some hold the rows of both.
    for (round, offset) in [(4, 2), (5, 6)] {
        for pipeline in both {
            pipeline.redrive(&python, offset).await;
            sound(&both).await;
            pipeline.others(&python, "dead", "optimize", &[]);
            pipeline.others(&python, "numbers", "optimize", &[]);
            sound(&both).await;
        }
        ours.others(&python, "numbers", "delete", &[&format!("_kafka_offset = {}", offset + 6)]);
        ours.others(&python, "dead", "delete", &[&format!("\"offset\" = {offset} and status = 'redriven'")]);
        sound(&both).await;
        ours.others(&python, "numbers", "vacuum", &[]);
        ours.others(&python, "dead", "vacuum", &[]);
        take_in(&both, round).await;
        reports = sound(&both).await;
    }
    reports.try_into().ok()
}

async fn take_in(pipelines: &[&Pipeline], round: i64) {
    for pipeline in pipelines {
        pipeline.take_in(round * 4, &[Emitted, Filtered, Rejected, Emitted]).await;
    }
}

async fn sound(pipelines: &[&Pipeline]) -> Vec<AuditReport> {
    let mut reports = Vec::new();
    for pipeline in pipelines {
        let report = pipeline.audit().await;
        assert!(report.sound, "{}: {:?}", report.pipeline, report.violations);
        reports.push(report);
    }
    reports
}

#[tokio::test(flavor = "multi_thread")]
async fn two_pipelines_with_topics_of_their_own_raise_no_alarm() {
    let Some([ours, theirs]) = no_alarm("letters").await else { return };
    for report in [ours, theirs] {
        // A row of each redrive cannot be told from a row of the pipeline once its letter is deleted.
        assert_eq!(report.not_judged, 2, "{:?}", report.notes);
        let expected = [("DELETE", 2), ("OPTIMIZE", 4), ("VACUUM END", 2), ("VACUUM START", 2)];
        assert_eq!(operations(&report, 0), expected.map(|(name, commits)| (name.to_owned(), commits)));
        let note = report.notes.iter().find(|it| it.table == "numbers" && it.message.contains("DELETE"));
        assert!(
            note.is_some_and(|it| it.message.contains("other programs: 2 commits of DELETE (versions")),
            "{note:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_pipelines_with_one_topic_raise_no_alarm() {
    let Some(reports) = no_alarm("numbers").await else { return };
    for report in reports {
        assert!(report.not_judged > 0 && report.notes.iter().any(|it| it.message.contains("not judged of numbers/0")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_optimizes_at_once_are_found_and_a_restore_mends_them() {
    let Some(python) = python() else { return };
    let pipeline = Pipeline::new();
    for round in 0..3 {
        pipeline.take_in(round * 2, &[Emitted, Emitted]).await;
    }
    if pipeline.others(&python, "numbers", "optimize-twice", &[]) == 6 {
        panic!("this deltalake refuses the second OPTIMIZE: docs/delivery.md says otherwise");
    }
    for reads_positions in [true, false] {
        let report = sluicebox_audit::audit(&pipeline.settings(), reads_positions).await.expect("reads the tables");
        assert_eq!(faults(&report), [Value::from("file_removed_twice")], "{:?}", report.violations);
        assert_eq!(report.violations[0].place.version, Some(pipeline.newest("numbers")));
    }
    assert_eq!(pipeline.others(&python, "numbers", "restore-before", &[]), 6);
    let report = pipeline.audit().await;
    assert!(report.sound, "{:?}", report.violations);
}
