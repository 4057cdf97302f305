//! What other programs do to a table is judged by what it does to the rows.

use sluicebox_ledger::TopicPartition;

use super::told::{Told, file};
use super::world::{Fate, Story, World};
use crate::finding::{Fault, Findings};
use crate::history::{Commit, FileKey};
use crate::other_commits::OtherCommits;

/// Three commits a table: offsets 0 to 2, 3 to 5, 6 to 8. Of three offsets, the first has a row in `orders` only, the second
/// in `lines` only.
pub(super) fn world() -> World {
    Story { partitions: vec![vec![Fate::Emitted; 9]], cuts: vec![vec![3]; 3] }.world()
}

pub(super) fn faults(told: &Told) -> (Vec<Fault>, String) {
    let mut findings = Findings::default();
    told.follow(&mut findings);
    let notes: Vec<String> = findings.notes.into_iter().map(|note| note.message).collect();
    (findings.violations.iter().map(|violation| violation.fault).collect(), notes.join("; "))
}

pub(super) fn others(told: &mut Told, operation: &str, added: &[u64], removed: &[&str], changes_data: bool) {
    told.history.version += 1;
    let added: Vec<_> = added.iter().map(|rows| (FileKey::from(format!("theirs-{rows}")), file(*rows))).collect();
    let removed: Vec<FileKey> = removed.iter().map(|path| FileKey::from(*path)).collect();
    told.files.retain(|key, _| !removed.contains(key));
    told.files.extend(added.clone());
    let version = told.history.version;
    told.commits.push(Commit {
        version,
        operation: operation.into(),
        added,
        removed,
        changes_data,
        ..Commit::default()
    });
}

fn judged(operation: &str, added: &[u64], removed: &[&str], changes_data: bool) -> (Vec<Fault>, String) {
    let mut told = world().tables.swap_remove(0);
    others(&mut told, operation, added, removed, changes_data);
    faults(&told)
}

#[test]
fn what_others_do_is_judged_by_what_it_does_to_the_rows() {
    let both = ["1.parquet", "2.parquet"];
    let (found, notes) = judged("OPTIMIZE", &[4], &both, false);
    assert_eq!((found, notes.as_str()), (vec![], "other programs: 1 commit of OPTIMIZE (version 4): 4 rows rewritten"));
    assert_eq!(judged("OPTIMIZE", &[3], &both, false).0, [Fault::RowsGone]);
    assert_eq!(judged("OPTIMIZE", &[5], &both, false).0, [Fault::RowsUnbalanced]);
    let (found, notes) = judged("DELETE", &[1], &["1.parquet"], true);
    assert!(found.is_empty() && notes.ends_with("DELETE (version 4): 1 of 2 rows removed"), "{notes}");
    assert_eq!(judged("RESTORE", &[], &["3.parquet"], true).0, [Fault::RowsGone]);
    let (found, notes) = judged("WRITE", &[7], &[], true);
    assert!(found.is_empty() && notes.contains("7 rows added, which are not in the pipeline's books"), "{notes}");
    let (found, notes) = judged("VACUUM END", &[], &[], false);
    assert_eq!((found, notes.as_str()), (vec![], "other programs: 1 commit of VACUUM END (version 4)"));
}

fn count(commits: u64, first: u64, last: u64, removed: u64, added: u64) -> OtherCommits {
    OtherCommits { commits, first, last, rows_added: Some(added), rows_removed: Some(removed) }
}

#[test]
fn the_commits_of_others_are_counted_by_operation() {
    let mut told = world().tables.swap_remove(0);
    others(&mut told, "SET TBLPROPERTIES", &[], &[], false);
    others(&mut told, "OPTIMIZE", &[4], &["1.parquet", "2.parquet"], false);
    others(&mut told, "DELETE", &[3], &["theirs-4"], true);
    others(&mut told, "OPTIMIZE", &[5], &["theirs-3", "3.parquet"], false);
    let mut findings = Findings::default();
    let (_, files) = told.follow(&mut findings);
    assert!(findings.violations.is_empty(), "{:?}", findings.violations);
    let counted: Vec<_> = files.others.into_iter().collect();
    assert_eq!(
        counted,
        [
            ("DELETE".to_owned(), count(1, 6, 6, 4, 3)),
            ("OPTIMIZE".to_owned(), count(2, 5, 7, 9, 9)),
            ("SET TBLPROPERTIES".to_owned(), count(1, 4, 4, 0, 0)),
        ]
    );
}

#[test]
fn a_delete_hides_only_the_offsets_of_the_files_that_it_rewrote() {
    let mut world = world();
    world.tables[0].rewrite("DELETE", &["1.parquet".into()], |row| row.1 != 0);
    assert_eq!(world.faults(), []);

    // A row of a file that the DELETE did not touch is missing.
    let mut missing = world.clone();
    missing.tables[0].contents.entry("2.parquet".into()).or_default().retain(|row| row.1 != 3);
    assert_eq!(missing.faults(), [Fault::Missing]);

    // After an OPTIMIZE, a DELETE touches what the OPTIMIZE merged, and nothing else.
    let merged = ["2.parquet".into(), "4.parquet".into()];
    world.tables[0].rewrite("OPTIMIZE", &merged, |_| true);
    world.tables[0].rewrite("DELETE", &["5.parquet".into()], |row| row.1 != 3);
    assert_eq!(world.faults(), []);
    world.tables[0].contents.entry("3.parquet".into()).or_default().retain(|row| row.1 != 6);
    assert_eq!(world.faults(), [Fault::Missing]);
}

#[test]
fn others_cannot_have_removed_more_records_than_rows() {
    let mut world = world();
    let files = ["1.parquet".into(), "2.parquet".into()];
    world.tables[0].rewrite("DELETE", &files, |row| row.1 != 0);
    assert_eq!(world.faults(), []);
    world.tables[0].contents.entry("4.parquet".into()).or_default().retain(|row| row.1 != 3);
    assert_eq!(world.faults(), [Fault::Missing]);
}

#[test]
fn dead_letters_that_others_delete_make_no_alarm() {
    let fates = vec![Fate::Rejected, Fate::Emitted, Fate::Rejected, Fate::Rejected];
    let mut world = Story { partitions: vec![fates], cuts: vec![vec![4]; 3] }.world();
    let letter = (TopicPartition::new("orders", 0), 0);
    world.apply(0, &letter);
    world.settle(&letter);
    assert_eq!(world.faults(), []);
    let letters = world.tables[2].all_files();
    world.tables[2].rewrite("DELETE", &letters, |row| *row != letter);
    assert_eq!(world.faults(), []);
    let rows = world.tables[0].all_files();
    world.tables[0].rewrite("OPTIMIZE", &rows, |_| true);
    let findings = world.audit();
    assert!(findings.violations.is_empty(), "{:?}", findings.violations);
    assert_eq!(findings.not_judged, 1, "the redrive's row cannot be told from a row of the pipeline");
}
