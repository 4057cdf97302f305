//! Reads which data files a table's log mentions anywhere: in entries, compacted entries, checkpoints of all forms and their
//! sidecars. Judges nothing.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryFutureExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _};
use serde::Deserialize;
use sluicebox_delta::log::{DeltaResult, DeltaTableError};
use sluicebox_delta::parquet_file::ParquetFile;

/// How many requests run concurrently.
const READS_MAX: usize = 16;
/// The columns of a checkpoint that mention files.
const COLUMNS: [&str; 2] = ["add", "remove"];

/// The names of the mentioned files, without their folders. Writers make each name unique, and the log may encode folder
/// names in several ways, so comparing names alone never takes a mentioned file for an orphan. Of each name only a hash is
/// kept: two names with one hash keep an orphan, and delete nothing.
#[derive(Default)]
pub(super) struct Mentioned {
    hashes: HashSet<u64>,
    hasher: RandomState,
}

impl Mentioned {
    /// Reads every file in the log's folder, a few at a time and each piece by piece: checkpoints repeat the names of all
    /// files. An entry that disappears meanwhile is an error, because its mentions may be in no other file that was read.
    pub(super) async fn read(store: &Arc<dyn ObjectStore>, log: &str) -> DeltaResult<Self> {
        let mut mentioned = Self::default();
        let objects = store.list(Some(&Path::from(log))).map_err(DeltaTableError::from);
        let reading = objects.map_ok(|object| names(store.clone(), object).try_flatten_stream().boxed());
        // Unordered: only the set matters, and one large checkpoint must not hold up the entries.
        let mut reading = reading.try_flatten_unordered(READS_MAX);
        while let Some(names) = reading.try_next().await? {
            mentioned.hashes.extend(names.iter().map(|name| mentioned.hasher.hash_one(name)));
        }
        Ok(mentioned)
    }

    /// Whether a file of this name is mentioned.
    pub(super) fn has(&self, path: &Path) -> bool {
        path.filename().is_some_and(|name| self.hashes.contains(&self.hasher.hash_one(name)))
    }
}

/// The names in one file of the log, piece by piece.
async fn names(
    store: Arc<dyn ObjectStore>,
    object: ObjectMeta,
) -> DeltaResult<BoxStream<'static, DeltaResult<Vec<String>>>> {
    match object.location.extension() {
        Some("json") => {
            let text = store.get(&object.location).await?.bytes().await?;
            let names = in_lines(&text);
            let names = names.map_err(|error| DeltaTableError::generic(format!("{}: {error}", object.location)));
            Ok(futures::stream::iter([names]).boxed())
        }
        Some("parquet") => {
            let batches =
                ParquetFile::new(store, object.location, object.size).read(&["add.path", "remove.path"]).await?;
            Ok(batches.map(|batch| in_checkpoint(&batch?)).boxed())
        }
        // `_last_checkpoint` and checksums mention no files.
        _ => Ok(futures::stream::empty().boxed()),
    }
}

#[derive(Deserialize)]
struct ActionLine {
    add: Option<ActionPath>,
    remove: Option<ActionPath>,
}

#[derive(Deserialize)]
struct ActionPath {
    path: String,
}

fn in_lines(text: &[u8]) -> serde_json::Result<Vec<String>> {
    let lines = serde_json::Deserializer::from_slice(text).into_iter::<ActionLine>();
    let mut names = Vec::new();
    for line in lines {
        let ActionLine { add, remove } = line?;
        names.extend([add, remove].into_iter().flatten().map(|file| name(&file.path)));
    }
    Ok(names)
}

fn in_checkpoint(batch: &RecordBatch) -> DeltaResult<Vec<String>> {
    let mut names = Vec::new();
    for column in COLUMNS {
        let Some(actions) = batch.column_by_name(column).and_then(|column| column.as_struct_opt()) else {
            continue;
        };
        let Some(paths) = actions.column_by_name("path") else { continue };
        let paths: ArrayRef = cast(paths, &DataType::Utf8)?;
        names.extend(paths.as_string::<i32>().iter().flatten().map(name));
    }
    Ok(names)
}

/// The file name in a path of the log, decoded to the form that stores use.
fn name(path: &str) -> String {
    let last = path.rsplit('/').next().unwrap_or(path);
    Path::from_url_path(last).map_or_else(|_| last.to_owned(), |path| path.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn added_and_removed_files_are_mentioned_and_other_lines_mention_none() {
        let text = r#"{"commitInfo":{"operation":"WRITE"}}
{"add":{"path":"day=a%2520b/part-1.parquet","size":1}}
{"remove":{"path":"part%202.parquet","deletionTimestamp":1}}
{"txn":{"appId":"x","version":1}}"#;
        assert_eq!(in_lines(text.as_bytes()).unwrap(), ["part-1.parquet", "part 2.parquet"]);
        assert!(in_lines(b"{\"add\":{\"path\":").is_err(), "an entry cut short");
    }
}
