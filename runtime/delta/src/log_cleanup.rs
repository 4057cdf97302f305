//! Deletes log entries that no reader needs: those that are older than the table's retention and lie before a checkpoint which
//! is itself old enough. Holds one entry's name at a time, however long the log is. Never touches a data file.

use std::time::Duration;

use deltalake::kernel::Version;
use deltalake::logstore::{LogStore as _, LogStoreRef};
use deltalake::{DeltaTableError, Path};
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::ObjectMeta;

use crate::wall_clock;

/// Deletes the entries that are older than `retention`, up to the newest checkpoint from which every version within the
/// retention, and `newest`, can be read. Returns how many.
pub(crate) async fn clean_up(
    log_store: &LogStoreRef,
    newest: Version,
    retention: Duration,
) -> Result<usize, DeltaTableError> {
    let Some(cutoff) = wall_clock::now().checked_sub(retention) else { return Ok(0) };
    let is_expired = move |object: &ObjectMeta| std::time::SystemTime::from(object.last_modified) < cutoff;
    let store = log_store.object_store(None);

    // The oldest version that has to stay readable. Clocks of stores are rough, and names are exact.
    let mut keep = newest;
    let mut checkpoints = Vec::new();
    let mut objects = store.list(Some(log_store.log_path()));
    while let Some(object) = objects.try_next().await? {
        if let Some(version) = entry_version(&object.location).filter(|_| !is_expired(&object)) {
            keep = keep.min(version);
        }
        checkpoints.extend(checkpoint_version(&object.location));
    }
    let checkpoint = checkpoints.into_iter().filter(|&version| version <= keep).max();
    let Some(checkpoint) = checkpoint else { return Ok(0) };

    // Listed a second time rather than remembered: the names of a long log would take memory without bound.
    let expired = store.list(Some(log_store.log_path())).try_filter(move |object| {
        let version = entry_version(&object.location).or_else(|| checkpoint_version(&object.location));
        let is_unneeded = version.is_some_and(|version| version < checkpoint) && is_expired(object);
        std::future::ready(is_unneeded)
    });
    let deleted = store.delete_stream(expired.map_ok(|object| object.location).boxed());
    Ok(deleted.try_fold(0, async |count, _| Ok(count + 1)).await?)
}

/// The version of a commit's entry, `00000000000000000007.json`.
fn entry_version(path: &Path) -> Option<Version> {
    let version = path.filename()?.strip_suffix(".json")?;
    (version.len() == 20).then(|| version.parse().ok()).flatten()
}

/// The version of a checkpoint in one file, the only kind that is certain to be complete: a checkpoint in several parts may lack
/// one.
fn checkpoint_version(path: &Path) -> Option<Version> {
    let version = path.filename()?.strip_suffix(".checkpoint.parquet")?;
    (version.len() == 20).then(|| version.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_names_are_versions() {
        let entry = |name: &str| entry_version(&Path::from(format!("_delta_log/{name}")));
        assert_eq!(entry("00000000000000000007.json"), Some(7));
        assert_eq!(entry("7.json"), None);
        assert_eq!(entry("_last_checkpoint"), None);
        assert_eq!(entry("00000000000000000007.00000000000000000009.compacted.json"), None);
        let checkpoint = |name: &str| checkpoint_version(&Path::from(format!("_delta_log/{name}")));
        assert_eq!(checkpoint("00000000000000000010.checkpoint.parquet"), Some(10));
        assert_eq!(checkpoint("00000000000000000010.checkpoint.0000000001.0000000002.parquet"), None);
    }
}
