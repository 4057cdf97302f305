//! Lists the folder of a table's log: entries and checkpoints by version. Reads names only.

use std::collections::{BTreeMap, BTreeSet};

use futures::TryStreamExt as _;
use object_store::ObjectStore as _;
use sluicebox_delta::log::{DeltaResult, LogStoreRef, Path};

/// A file of a checkpoint: its path and size.
pub(super) type CheckpointFile = (Path, u64);

/// The files of a table's log folder.
#[derive(Default)]
pub(super) struct Listing {
    entries: BTreeSet<u64>,
    checkpoints: BTreeMap<u64, Vec<CheckpointFile>>,
}

impl Listing {
    pub(super) async fn read(store: &LogStoreRef, newest: u64) -> DeltaResult<Self> {
        let mut listing = Self::default();
        let objects = store.object_store(None);
        let mut objects = objects.list(Some(store.log_path()));
        while let Some(object) = objects.try_next().await? {
            let Some(name) = object.location.filename() else { continue };
            let Some((version, rest)) = name.split_once('.') else { continue };
            let Some(version) = (version.len() == 20).then(|| version.parse::<u64>().ok()).flatten() else { continue };
            // Entries that came after the table was opened are not part of this audit.
            if version > newest {
                continue;
            }
            if rest == "json" {
                listing.entries.insert(version);
            } else if rest.starts_with("checkpoint.") {
                listing.checkpoints.entry(version).or_default().push((object.location.clone(), object.size));
            }
        }
        listing.checkpoints.retain(|_, files| is_complete(files));
        Ok(listing)
    }

    /// The oldest version from which on no entry is missing; above `newest` if the newest entry is missing too.
    pub(super) fn first(&self, newest: u64) -> u64 {
        let mut first = newest + 1;
        // Backwards from the newest: old entries beyond a gap prove nothing, because the books must join.
        while first > 0 && self.entries.contains(&(first - 1)) {
            first -= 1;
        }
        first
    }

    /// The oldest complete checkpoint of this version or a later one.
    pub(super) fn checkpoint_from(&self, version: u64) -> Option<(u64, &[CheckpointFile])> {
        self.checkpoints.range(version..).next().map(|(version, files)| (*version, files.as_slice()))
    }

    /// The newest complete checkpoint.
    pub(super) fn newest_checkpoint(&self) -> Option<(u64, &[CheckpointFile])> {
        self.checkpoints.last_key_value().map(|(version, files)| (*version, files.as_slice()))
    }
}

/// Whether a checkpoint is a single file, or has as many parts as each part's name says.
fn is_complete(files: &[CheckpointFile]) -> bool {
    files.iter().any(|file| parts(file).is_none_or(|parts| parts == files.len()))
}

fn parts((path, _): &CheckpointFile) -> Option<usize> {
    // `<version>.checkpoint.<part>.<parts>.parquet`
    let fields: Vec<&str> = path.filename()?.split('.').collect();
    (fields.len() == 5).then(|| fields[3].parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_that_lacks_a_part_does_not_count() {
        let file = |name: &str| (Path::from(format!("_delta_log/00000000000000000010.checkpoint.{name}")), 1);
        assert!(is_complete(&[file("parquet")]));
        assert!(is_complete(&[file("80a083e8-7026-4e79-81be-64bd76c43a11.parquet")]));
        let parts = [file("0000000001.0000000002.parquet"), file("0000000002.0000000002.parquet")];
        assert!(is_complete(&parts));
        assert!(!is_complete(&parts[..1]));
    }
}
