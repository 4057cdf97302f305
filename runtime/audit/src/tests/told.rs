//! A table's whole log as commits, and the contents of its files, without a store.

use std::collections::{BTreeMap, HashMap};

use sluicebox_ledger::{CommitRecord, TopicPartition};

use super::world::{PIPELINE, Row};
use crate::account::Accounts;
use crate::books::Books;
use crate::files::{Files, Tracing};
use crate::finding::Findings;
use crate::history::{Before, Commit, FileKey, History, Holds, LiveFiles, LoggedFile, LoggedRecord};
use crate::judge_properties;

/// A table's whole log, and what is in each file.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) history: History,
    pub(super) before: Before,
    pub(super) commits: Vec<Commit>,
    pub(super) ledger: BTreeMap<TopicPartition, i64>,
    pub(super) files: LiveFiles,
    pub(super) contents: BTreeMap<FileKey, Vec<Row>>,
}

/// The record of a flush that took in nothing yet.
pub(super) fn record(pipeline: &str) -> CommitRecord {
    CommitRecord {
        pipeline: pipeline.into(),
        transform_digest: "sha256:1".into(),
        rows: 0,
        partitions: Vec::new(),
        skips: Vec::new(),
    }
}

/// A file with this many rows.
pub(super) fn file(rows: u64) -> LoggedFile {
    LoggedFile { bytes: 1, rows: Some(rows) }
}

impl Told {
    pub(super) fn new(name: &str, holds: Holds) -> Self {
        let history = History { table: name.into(), holds, version: 0, first: 0, properties: HashMap::new() };
        Self {
            history,
            before: Before::default(),
            // Version 0 makes the table.
            commits: vec![Commit::default()],
            ledger: BTreeMap::new(),
            files: LiveFiles::new(),
            contents: BTreeMap::new(),
        }
    }

    /// A flush with the ledger that belongs to it, and one file.
    pub(super) fn flush(&mut self, mut record: CommitRecord, rows: Vec<Row>) {
        record.rows = rows.len() as u64;
        let moved = record.partitions.iter().map(|it| (TopicPartition::new(it.topic.as_str(), it.partition), it.to));
        let mut commit = Commit { operation: "WRITE".into(), changes_data: true, ..Commit::default() };
        if record.pipeline == PIPELINE {
            commit.ledger = moved.collect();
            self.ledger.extend(commit.ledger.iter().cloned());
        }
        commit.record = Some(LoggedRecord::Flush(record));
        self.commit(commit, &[], rows);
    }

    /// A commit on top of the others that removes the files of `removed` and adds one that holds `rows`.
    pub(super) fn commit(&mut self, commit: Commit, removed: &[FileKey], rows: Vec<Row>) {
        self.history.version += 1;
        let version = self.history.version;
        let key = FileKey::from(format!("{version}.parquet"));
        let file = file(rows.len() as u64);
        self.files.retain(|key, _| !removed.contains(key));
        self.files.insert(key.clone(), file);
        let added = vec![(key.clone(), file)];
        self.commits.push(Commit { version, added, removed: removed.to_vec(), ..commit });
        self.contents.insert(key, rows);
    }

    /// A commit of another program that rewrites these files: it keeps the rows that `keeps` says.
    pub(super) fn rewrite(&mut self, operation: &str, removed: &[FileKey], keeps: impl Fn(&Row) -> bool) {
        let rows: Vec<Row> = removed.iter().flat_map(|key| self.contents[key].clone()).filter(keeps).collect();
        let commit = Commit { operation: operation.into(), changes_data: operation != "OPTIMIZE", ..Commit::default() };
        self.commit(commit, removed, rows);
    }

    pub(super) fn all_files(&self) -> Vec<FileKey> {
        self.files.keys().cloned().collect()
    }

    /// Its books and files, as the audit's walk through the log leaves them.
    pub(super) fn follow(&self, findings: &mut Findings) -> (Accounts, Files) {
        judge_properties(&self.history, findings);
        let (name, holds) = (self.history.table.as_str(), self.history.holds);
        let mut books = Books::open(name, PIPELINE, &self.before);
        let mut tracing = Tracing::begin(name, holds, PIPELINE, false, &self.before);
        for commit in &self.commits {
            books.enter(commit);
            tracing.follow(commit);
        }
        let (accounts, of_books) = books.close(self.history.version, &self.ledger);
        let (files, of_files) = tracing.finish(self.history.version, self.files.clone());
        findings.extend(of_books);
        findings.extend(of_files);
        (accounts, files)
    }
}
