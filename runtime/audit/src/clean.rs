//! Finds orphans in the tables' folders: finished data files that killed writers left and no commit mentions. Delta's VACUUM
//! would find them too, but it writes to the table's log and deletes files of older table versions. This deletes nothing that
//! the log still mentions.
//!
//! A file is an orphan if no log entry and no checkpoint mentions it, as added or as removed, and if it is too old for a
//! future commit: the walk does not commit rows that were staged longer than [`STAGED_AGE_MAX`] ago. The folder is listed
//! before the log is read, so a file that is committed meanwhile counts as mentioned.

mod mentioned;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};
use sluicebox_delta::log::DeltaResult;
use sluicebox_delta::table::{TableLog, find_log, table_error};
use sluicebox_delta::{STAGED_AGE_MAX, TableError};
use sluicebox_settings::Settings;

use self::mentioned::Mentioned;

/// Files younger than this are never orphans: [`STAGED_AGE_MAX`], and half of it again for clocks that differ.
pub const AGE_MIN: Duration = STAGED_AGE_MAX.saturating_add(Duration::from_secs(STAGED_AGE_MAX.as_secs() / 2));

/// The folder of a table's log.
const LOG: &str = "_delta_log";

/// The orphans of one table.
pub struct Orphans {
    /// The table's name.
    pub table: String,
    /// The table's location.
    pub location: String,
    /// The orphans, oldest first.
    pub files: Vec<Orphan>,
    /// How many unmentioned files are too young to be judged.
    pub too_young: u64,
    /// The folders of other tables within this table's folder.
    inner: BTreeSet<Path>,
    store: Arc<dyn ObjectStore>,
}

/// A file that nothing mentions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// The path, relative to the table.
    pub path: Path,
    /// Its size.
    pub bytes: u64,
    /// When it was written, according to the store.
    pub written_at: SystemTime,
}

/// The orphans of all tables of a pipeline that were written before `before`. A missing table has none. `before` must be at
/// least [`AGE_MIN`] ago.
pub async fn orphans(settings: &Settings, before: SystemTime) -> Result<Vec<Orphans>, TableError> {
    let mut all = Vec::new();
    for (name, location) in settings.all_tables() {
        let Some(table) = find_log(name, location).await? else { continue };
        let found = search(&table, name, location, before).await;
        all.push(found.map_err(|source| table_error(name, location, "looking for orphans", source))?);
    }
    Ok(all)
}

impl Orphans {
    /// Whether a path, relative to the table, can be a data file of this table, and not another file in its folder.
    pub fn may_be_ours(&self, path: &str) -> bool {
        Path::parse(path).is_ok_and(|path| self.is_ours(&path))
    }

    fn is_ours(&self, path: &Path) -> bool {
        is_data_file(path) && !self.inner.iter().any(|table| path.prefix_matches(table))
    }

    /// Deletes them. A file that is gone already is not an error.
    pub async fn delete(&self) -> Result<(), TableError> {
        let paths: Vec<_> = self.files.iter().map(|file| Ok(file.path.clone())).collect();
        let mut deleted = self.store.delete_stream(futures::stream::iter(paths).boxed());
        while let Some(result) = deleted.next().await {
            match result {
                Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(table_error(&self.table, &self.location, "deleting orphans", error.into())),
            }
        }
        Ok(())
    }
}

async fn search(table: &TableLog, name: &str, location: &str, before: SystemTime) -> DeltaResult<Orphans> {
    let store = table.store.object_store(None);
    // Before the log. The other way round, a file that is committed in between would look like an orphan.
    let listed: Vec<ObjectMeta> = store.list(None).try_collect().await?;
    // An error here ends the search: with half of the log read, files in use would pass for orphans.
    let mentioned = Mentioned::read(&store, LOG).await?;
    let mut orphans = Orphans {
        table: name.to_owned(),
        location: location.to_owned(),
        files: Vec::new(),
        too_young: 0,
        inner: inner_tables(&listed),
        store: store.clone(),
    };
    for object in listed {
        if !orphans.is_ours(&object.location) || mentioned.has(&object.location) {
            continue;
        }
        let written_at = SystemTime::from(object.last_modified);
        // By the store's clock, which stamped the file; `AGE_MIN` leaves room for its difference from ours.
        if written_at < before {
            orphans.files.push(Orphan { path: object.location, bytes: object.size, written_at });
        } else {
            orphans.too_young += 1;
        }
    }
    orphans.files.sort_by_key(|file| file.written_at);
    Ok(orphans)
}

/// The folders within the table's folder that are tables themselves: this table's log does not know their files.
fn inner_tables(listed: &[ObjectMeta]) -> BTreeSet<Path> {
    let inner = listed.iter().filter_map(|object| {
        let parts: Vec<_> = object.location.parts().collect();
        let log = parts.iter().rposition(|part| part.as_ref() == LOG)?;
        // At 0 it is this table's own log.
        (log > 0).then(|| Path::from_iter(parts.into_iter().take(log)))
    });
    inner.collect()
}

/// Whether a path is a Parquet file outside of the folders for the log, change data, archived transforms and redrives. A
/// folder whose name has an `=` is a partition, even if its name begins with `_`.
fn is_data_file(path: &Path) -> bool {
    let mut parts: Vec<_> = path.parts().collect();
    let Some(name) = parts.pop() else { return false };
    name.as_ref().ends_with(".parquet")
        && !name.as_ref().starts_with(['_', '.'])
        && !parts.iter().any(|it| is_hidden(it.as_ref()))
}

fn is_hidden(folder: &str) -> bool {
    folder.starts_with(['_', '.']) && !folder.contains('=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_data_files_can_be_orphans() {
        let is = |path: &str| is_data_file(&Path::from(path));
        assert!(is("part-00000-1.zstd.parquet"));
        assert!(is("day=2026-01-01/part-00000-1.parquet"));
        assert!(is("_day=2026-01-01/part-00000-1.parquet"), "a partition");
        assert!(!is("_delta_log/00000000000000000010.checkpoint.parquet"));
        assert!(!is("_change_data/part-1.parquet"));
        assert!(!is("_transforms/0123.wasm"));
        assert!(!is("_redrives/x.parquet"));
        assert!(!is("notes.txt"));
        assert!(!is("_orders.parquet"));
    }

    #[test]
    fn a_table_within_a_table_is_seen_by_its_log() {
        let object = |path: &str| ObjectMeta {
            location: Path::from(path),
            last_modified: SystemTime::now().into(),
            size: 1,
            e_tag: None,
            version: None,
        };
        let listed = ["_delta_log/0.json", "dlq/_delta_log/0.json", "dlq/part-1.parquet", "part-2.parquet"].map(object);
        let inner = inner_tables(&listed);
        assert_eq!(inner.into_iter().collect::<Vec<_>>(), [Path::from("dlq")]);
    }
}
