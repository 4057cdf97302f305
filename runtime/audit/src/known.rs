//! The files that a table's log has named so far: where each comes from, and which commits' rows it holds. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::history::{Commit, FileKey, LiveFiles, LoggedFile};
use super::offset_set::OffsetSet;

/// Where a file comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A flush of the pipeline.
    Flush(u64),
    /// A redrive: rows of records that were rejected before.
    Redrive(u64),
    /// A commit that rewrote existing rows.
    Rewrite(u64),
    /// A commit of another pipeline, with rows of its own.
    Pipeline(u64),
    /// A commit of another program, with rows of its own.
    Others(u64),
    /// A commit that is gone from the log.
    Gone,
}

/// A file that the log has named.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) origin: Origin,
    pub(super) file: LoggedFile,
    /// The version that removed it; none while it is in the table.
    pub(super) removed_at: Option<u64>,
    /// Of a rewritten file: the versions whose rows it holds. All files of a commit share them.
    sources: Option<Arc<OffsetSet>>,
}

/// All files that the log has named.
#[derive(Debug)]
pub(super) struct KnownFiles {
    by_key: BTreeMap<FileKey, Known>,
    /// From this version on, a commit cannot remove a file that is not known.
    complete_from: u64,
}

/// What a commit did to the table's files.
#[derive(Debug, Default)]
pub(super) struct Effect {
    /// By how many rows the table grew; none if a file has no row count.
    pub(super) net: Option<i64>,
    /// Files that were in the table already.
    pub(super) added_twice: Vec<FileKey>,
    /// Files that were not in the table any more, and the version that had removed them, if one had.
    pub(super) removed_twice: Vec<(FileKey, Option<u64>)>,
}

impl Origin {
    /// The version of the commit, if the log still has it.
    pub fn version(self) -> Option<u64> {
        match self {
            Self::Flush(version)
            | Self::Redrive(version)
            | Self::Rewrite(version)
            | Self::Pipeline(version)
            | Self::Others(version) => Some(version),
            Self::Gone => None,
        }
    }
}

impl Known {
    pub(super) fn is_live(&self) -> bool {
        self.removed_at.is_none()
    }

    /// The same file, of which a commit removes rows.
    fn with_deletions(&self, file: LoggedFile, version: u64) -> Self {
        let mut sources = OffsetSet::default();
        self.add_sources(&mut sources);
        sources.insert(version.cast_signed());
        Self { origin: self.origin, file, removed_at: None, sources: Some(Arc::new(sources)) }
    }

    /// Adds the versions whose rows the file holds.
    pub(super) fn add_sources(&self, sources: &mut OffsetSet) {
        match (&self.sources, self.origin) {
            (Some(own), _) => sources.extend(own),
            (None, Origin::Flush(version) | Origin::Redrive(version) | Origin::Rewrite(version)) => {
                sources.insert(version.cast_signed());
            }
            (None, Origin::Pipeline(_) | Origin::Others(_) | Origin::Gone) => {}
        }
    }
}

impl KnownFiles {
    /// The files from before the log; `complete_from` as in [`Before`](super::history::Before).
    pub(super) fn new(before: &LiveFiles, complete_from: u64) -> Self {
        let by_key = before.iter().map(|(key, file)| {
            (key.clone(), Known { origin: Origin::Gone, file: *file, removed_at: None, sources: None })
        });
        Self { by_key: by_key.collect(), complete_from }
    }

    pub(super) fn get(&self, key: &FileKey) -> Option<&Known> {
        self.by_key.get(key)
    }

    /// The files that are in the table now.
    pub(super) fn live(&self) -> impl Iterator<Item = (&FileKey, &Known)> {
        self.by_key.iter().filter(|(_, known)| known.is_live())
    }

    /// The rows of the files that a commit removes; none if unknown.
    pub(super) fn rows_removed_by(&self, commit: &Commit) -> Option<u64> {
        commit.removed.iter().map(|key| self.get(key).and_then(|known| known.file.rows)).sum()
    }

    /// The versions whose rows are in the files that a commit removes.
    pub(super) fn sources_removed_by(&self, commit: &Commit) -> OffsetSet {
        let mut sources = OffsetSet::default();
        commit.removed.iter().filter_map(|key| self.get(key)).for_each(|known| known.add_sources(&mut sources));
        sources
    }

    /// Adds and removes the commit's files. A file that returns keeps its origin, and so does one that gets another deletion
    /// vector. The new files of a commit that `inherits` hold the rows of those that it removes.
    pub(super) fn apply(&mut self, commit: &Commit, origin: Origin, inherits: bool) -> Effect {
        let sources = (inherits && !commit.removed.is_empty()).then(|| {
            let mut sources = self.sources_removed_by(commit);
            sources.insert(commit.version.cast_signed());
            Arc::new(sources)
        });
        let mut effect = Effect { net: Some(0), ..Effect::default() };
        // Before the adds: a commit that removes a file and adds it again leaves it in the table.
        for key in &commit.removed {
            self.remove(key, commit.version, &mut effect);
        }
        let removed: BTreeMap<&str, &FileKey> = commit.removed.iter().map(|key| (key.path.as_str(), key)).collect();
        for (key, file) in &commit.added {
            // The same path without a new vector is a file that returns, not one that loses rows.
            let same = removed.get(key.path.as_str()).filter(|_| key.deletions.is_some());
            let new = match same.and_then(|key| self.get(key)) {
                Some(known) => known.with_deletions(*file, commit.version),
                None => Known { origin, file: *file, removed_at: None, sources: sources.clone() },
            };
            self.add(key, new, &mut effect);
        }
        effect
    }

    fn remove(&mut self, key: &FileKey, version: u64, effect: &mut Effect) {
        match self.by_key.get_mut(key) {
            Some(known) => match known.removed_at {
                Some(before) => effect.removed_twice.push((key.clone(), Some(before))),
                None => {
                    known.removed_at = Some(version);
                    effect.grow(known.file.rows, -1);
                }
            },
            // Below that version, an entry that is gone may have added the file.
            None if version >= self.complete_from => effect.removed_twice.push((key.clone(), None)),
            None => {
                let file = LoggedFile::default();
                let known = Known { origin: Origin::Gone, file, removed_at: Some(version), sources: None };
                self.by_key.insert(key.clone(), known);
            }
        }
    }

    fn add(&mut self, key: &FileKey, new: Known, effect: &mut Effect) {
        effect.grow(new.file.rows, 1);
        let Some(known) = self.by_key.get_mut(key) else {
            self.by_key.insert(key.clone(), new);
            return;
        };
        if known.is_live() {
            effect.grow(known.file.rows, -1);
            effect.added_twice.push(key.clone());
        }
        known.removed_at = None;
        known.file = new.file;
    }
}

impl Effect {
    fn grow(&mut self, rows: Option<u64>, sign: i64) {
        let rows = rows.and_then(|rows| i64::try_from(rows).ok());
        self.net = self.net.zip(rows).map(|(net, rows)| net + sign * rows);
    }
}
