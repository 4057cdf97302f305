//! Rows that are in a table twice, or not at all, by the log alone.

use super::others::{faults, others, world};
use crate::finding::{Fault, Findings};
use crate::history::{Commit, FileKey};

#[test]
fn two_optimizes_at_once_double_the_rows() {
    let mut told = world().tables.swap_remove(0);
    let files = told.all_files();
    told.rewrite("OPTIMIZE", &files, |_| true);
    assert_eq!(faults(&told).0, []);
    // The second was made from the same version.
    told.rewrite("OPTIMIZE", &files, |_| true);
    let mut findings = Findings::default();
    told.follow(&mut findings);
    let violation = &findings.violations[0];
    assert_eq!(
        (findings.violations_total, violation.fault, violation.place.version),
        (1, Fault::FileRemovedTwice, Some(5))
    );
    for part in ["OPTIMIZE", "1.parquet", "version 4 had removed", "3 such files", "`RESTORE` version 4"] {
        assert!(violation.message.contains(part), "{part}: {}", violation.message);
    }

    // Another OPTIMIZE hides nothing.
    let mut merged = told.clone();
    merged.rewrite("OPTIMIZE", &["4.parquet".into(), "5.parquet".into()], |_| true);
    assert_eq!(faults(&merged).0, [Fault::FileRemovedTwice]);

    // A RESTORE of the version before, or distinct rows written over the table, do mend it.
    let mut overwritten = merged;
    overwritten.rewrite("WRITE", &["6.parquet".into()], |_| true);
    assert_eq!(faults(&overwritten).0, []);
    others(&mut told, "RESTORE", &[], &["5.parquet"], true);
    let (found, notes) = faults(&told);
    assert!(
        found.is_empty() && notes.contains("version 5 had doubled rows; they have been taken out since"),
        "{notes}"
    );
}

#[test]
fn a_file_that_two_deletes_remove_whole_doubles_nothing() {
    let mut told = world().tables.swap_remove(0);
    others(&mut told, "DELETE", &[], &["1.parquet"], true);
    others(&mut told, "DELETE", &[], &["1.parquet"], true);
    assert_eq!(faults(&told).0, []);
}

#[test]
fn a_file_is_another_one_with_another_deletion_vector() {
    let mut told = world().tables.swap_remove(0);
    let mut delete = |vector: &str, rows| {
        told.history.version += 1;
        let file = crate::history::LoggedFile { bytes: 1, rows: Some(rows) };
        told.files.remove(&"1.parquet".into());
        told.files.insert(with_deletions(vector), file);
        told.commits.push(Commit {
            version: told.history.version,
            operation: "DELETE".into(),
            added: vec![(with_deletions(vector), file)],
            removed: vec!["1.parquet".into()],
            changes_data: true,
            ..Commit::default()
        });
        let (found, notes) = faults(&told);
        let mut findings = Findings::default();
        let untold = told.follow(&mut findings).1.untold;
        (found, notes, untold.iter().collect::<Vec<_>>())
    };
    let (found, notes, untold) = delete("ua", 1);
    assert_eq!((found, untold), (vec![], vec![1]));
    assert!(notes.contains("1 of 2 rows removed"), "{notes}");
    // At the same time as the first.
    assert_eq!(delete("ub", 1).0, [Fault::FileRemovedTwice]);
}

fn with_deletions(vector: &str) -> FileKey {
    FileKey { path: "1.parquet".into(), deletions: Some(vector.into()) }
}

#[test]
fn the_rows_of_all_files_are_what_the_commits_left() {
    let mut told = world().tables.swap_remove(0);
    told.files.pop_first();
    assert_eq!(faults(&told).0, [Fault::RowsUnbalanced], "a checkpoint has lost a file");

    // The rows from before the log count, if a checkpoint names their files.
    let mut told = world().tables.swap_remove(0);
    let gone: Vec<Commit> = told.commits.drain(..2).collect();
    told.history.first = 2;
    told.before.ledger = gone[1].ledger.iter().cloned().collect();
    assert_eq!(faults(&told).0, [Fault::RowsUnbalanced]);
    told.before.files = gone[1].added.iter().cloned().collect();
    assert_eq!(faults(&told).0, []);

    // Without them, an old file may be removed, but only once.
    told.before.files.clear();
    told.before.files_from = u64::MAX;
    assert_eq!(faults(&told).0, []);
    others(&mut told, "OPTIMIZE", &[4], &["1.parquet", "2.parquet"], false);
    assert_eq!(faults(&told).0, []);
    others(&mut told, "OPTIMIZE", &[2], &["1.parquet"], false);
    assert_eq!(faults(&told).0, [Fault::FileRemovedTwice]);
}
