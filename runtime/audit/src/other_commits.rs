//! What is counted of other programs' commits, and what is said of them. Pure.

use serde::Serialize;

use super::history::{Commit, FileKey};

/// Commits of other programs, of one operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OtherCommits {
    /// How many there are.
    pub commits: u64,
    /// The version of the first.
    pub first: u64,
    /// The version of the last.
    pub last: u64,
    /// The rows in files that they added; none if unknown.
    pub rows_added: Option<u64>,
    /// The rows in files that they removed; none if unknown.
    pub rows_removed: Option<u64>,
}

/// A commit that replaced files which were not in the table any more, so that their rows are there twice.
#[derive(Debug)]
pub(super) struct Doubling {
    pub(super) version: u64,
    operation: String,
    path: String,
    removed_by: Option<u64>,
    files: usize,
}

impl OtherCommits {
    /// What became of the rows, for people.
    pub(super) fn rows(&self) -> String {
        match (self.rows_removed, self.rows_added) {
            (Some(0), Some(0)) => String::new(),
            (Some(removed), Some(added)) if added == removed => format!(": {removed} rows rewritten"),
            (Some(removed), Some(added)) if added < removed => {
                format!(": {} of {removed} rows removed", removed - added)
            }
            (Some(0), Some(added)) => format!(": {added} rows added, which are not in the pipeline's books"),
            (Some(removed), Some(added)) => format!(": {removed} rows replaced by {added}"),
            _ => ": an unknown number of rows changed".to_owned(),
        }
    }
}

impl Doubling {
    pub(super) fn new(commit: &Commit, removed_twice: Vec<(FileKey, Option<u64>)>) -> Self {
        let files = removed_twice.len();
        let (path, removed_by) = removed_twice.into_iter().next().map(|(key, by)| (key.path, by)).unwrap_or_default();
        Self { version: commit.version, operation: commit.operation().to_owned(), path, removed_by, files }
    }

    pub(super) fn message(&self) -> String {
        let Self { version, operation, path, files, .. } = self;
        let removed = match self.removed_by {
            Some(by) => format!("version {by} had removed already"),
            None => "was not in the table".to_owned(),
        };
        format!(
            "{operation} rewrote the file {path}, which {removed} ({files} such files): their rows are in the table twice. \
             Let one program at a time rewrite files. If no later version has rows that you want, `RESTORE` version {}; \
             otherwise overwrite the table with its distinct rows",
            version.saturating_sub(1)
        )
    }
}
