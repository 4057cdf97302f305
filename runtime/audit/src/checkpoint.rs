//! Reads a table's checkpoints, the needed columns only, row group by row group: the ledgers, and the files with their rows.
//! Judges nothing.

use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch, StructArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, Int64Type};
use futures::TryStreamExt as _;
use object_store::ObjectStoreExt as _;
use parquet::arrow::async_reader::ParquetRecordBatchStream;
use sluicebox_delta::log::{DeltaResult, DeltaTableError, LogStoreRef, Path, Remove};
use sluicebox_delta::parquet_file::ParquetFile;

use super::history::{FileKey, LiveFiles};
use super::listing::CheckpointFile;
use super::log_entry::{LogLine, added, data_file, deletions_key, rows_in};

/// The columns with the ledgers.
const LEDGERS: [&str; 2] = ["txn.appId", "txn.version"];
/// The columns with the files, and with the sidecars that hold more of them.
const FILES: [&str; 7] = [
    "add.path",
    "add.size",
    "add.stats",
    "add.stats_parsed.numRecords",
    "add.deletionVector",
    "sidecar.path",
    "sidecar.sizeInBytes",
];

/// Passes each `txn` of a checkpoint to `enter`.
pub(super) async fn read_ledgers(
    store: &LogStoreRef,
    parts: &[CheckpointFile],
    mut enter: impl FnMut(&str, i64),
) -> DeltaResult<()> {
    for part in parts {
        if is_json(part) {
            let lines = lines(store, part).await?;
            lines.iter().filter_map(|line| line.txn.as_ref()).for_each(|txn| enter(&txn.app_id, txn.version));
            continue;
        }
        let mut batches = batches(store, part, &LEDGERS).await?;
        while let Some(batch) = batches.try_next().await? {
            let Some(transactions) = actions(&batch, "txn") else { continue };
            let app_ids = required(transactions, "appId", &DataType::Utf8)?;
            let versions = required(transactions, "version", &DataType::Int64)?;
            let (app_ids, versions) = (app_ids.as_string::<i32>(), versions.as_primitive::<Int64Type>());
            for row in (0..transactions.len()).filter(|row| transactions.is_valid(*row) && app_ids.is_valid(*row)) {
                enter(app_ids.value(row), versions.value(row));
            }
        }
    }
    Ok(())
}

/// The files of a checkpoint, those in its sidecars included.
pub(super) async fn read_files(store: &LogStoreRef, parts: &[CheckpointFile]) -> DeltaResult<LiveFiles> {
    let mut files = LiveFiles::new();
    // Collected first: sidecars are named by the checkpoint's own rows, and hold no further ones.
    let mut sidecars = Vec::new();
    for part in parts {
        if is_json(part) {
            for line in lines(store, part).await? {
                files.extend(line.add.map(added));
                sidecars.extend(line.sidecar.map(|it| sidecar(store, &it.path, it.size_in_bytes)));
            }
            continue;
        }
        let mut batches = batches(store, part, &FILES).await?;
        while let Some(batch) = batches.try_next().await? {
            take_in(&batch, &mut files)?;
            take_in_sidecars(store, &batch, &mut sidecars)?;
        }
    }
    for part in sidecars {
        let mut batches = batches(store, &part, &FILES).await?;
        while let Some(batch) = batches.try_next().await? {
            take_in(&batch, &mut files)?;
        }
    }
    Ok(files)
}

fn is_json((path, _): &CheckpointFile) -> bool {
    path.extension() == Some("json")
}

async fn lines(store: &LogStoreRef, (path, _): &CheckpointFile) -> DeltaResult<Vec<LogLine>> {
    let text = store.object_store(None).get(path).await?.bytes().await?;
    let lines = serde_json::Deserializer::from_slice(&text).into_iter::<LogLine>();
    lines.map(|line| line.map_err(|error| DeltaTableError::generic(format!("{path}: {error}")))).collect()
}

async fn batches(
    store: &LogStoreRef,
    (path, size): &CheckpointFile,
    columns: &[&str],
) -> DeltaResult<ParquetRecordBatchStream<ParquetFile>> {
    Ok(ParquetFile::new(store.object_store(None), path.clone(), *size).read(columns).await?)
}

fn sidecar(store: &LogStoreRef, name: &str, bytes: u64) -> CheckpointFile {
    (Path::from(format!("{}/_sidecars/{name}", store.log_path())), bytes)
}

fn take_in_sidecars(store: &LogStoreRef, batch: &RecordBatch, into: &mut Vec<CheckpointFile>) -> DeltaResult<()> {
    let Some(sidecars) = actions(batch, "sidecar") else { return Ok(()) };
    let names = required(sidecars, "path", &DataType::Utf8)?;
    let sizes = required(sidecars, "sizeInBytes", &DataType::Int64)?;
    let (names, sizes) = (names.as_string::<i32>(), sizes.as_primitive::<Int64Type>());
    for row in (0..sidecars.len()).filter(|row| sidecars.is_valid(*row) && names.is_valid(*row)) {
        into.push(sidecar(store, names.value(row), u64::try_from(sizes.value(row)).unwrap_or_default()));
    }
    Ok(())
}

fn take_in(batch: &RecordBatch, files: &mut LiveFiles) -> DeltaResult<()> {
    let Some(adds) = actions(batch, "add") else { return Ok(()) };
    let paths = required(adds, "path", &DataType::Utf8)?;
    let sizes = required(adds, "size", &DataType::Int64)?;
    let texts = member(adds, "stats", &DataType::Utf8)?;
    let parsed = adds.column_by_name("stats_parsed").and_then(|column| column.as_struct_opt());
    let parsed = parsed.map(|parsed| member(parsed, "numRecords", &DataType::Int64)).transpose()?.flatten();
    let vectors = adds.column_by_name("deletionVector").and_then(|column| column.as_struct_opt());
    let (paths, sizes) = (paths.as_string::<i32>(), sizes.as_primitive::<Int64Type>());
    for row in (0..adds.len()).filter(|row| adds.is_valid(*row) && paths.is_valid(*row)) {
        // A writer may leave out either form of the statistics; the text comes first, as it does in log entries.
        let in_text = texts.as_ref().filter(|texts| texts.is_valid(row));
        let in_text = in_text.and_then(|texts| rows_in(texts.as_string::<i32>().value(row)));
        let in_column = parsed.as_ref().filter(|rows| rows.is_valid(row));
        let in_column = in_column.and_then(|rows| u64::try_from(rows.as_primitive::<Int64Type>().value(row)).ok());
        let vector = vectors.filter(|vectors| vectors.is_valid(row));
        let vector = vector.map(|vectors| deletion_vector(vectors, row)).transpose()?;
        let (deletions, deleted) = vector.unzip();
        let file = data_file(sizes.value(row), in_text.or(in_column), deleted.unwrap_or_default());
        files.insert(FileKey { path: decoded(paths.value(row))?, deletions }, file);
    }
    Ok(())
}

/// The identity of a row's deletion vector, and how many rows it removes.
fn deletion_vector(vectors: &StructArray, row: usize) -> DeltaResult<(String, i64)> {
    let storage = required(vectors, "storageType", &DataType::Utf8)?;
    let place = required(vectors, "pathOrInlineDv", &DataType::Utf8)?;
    let cardinality = required(vectors, "cardinality", &DataType::Int64)?;
    let offset = member(vectors, "offset", &DataType::Int32)?.filter(|offsets| offsets.is_valid(row));
    let offset = offset.map(|offsets| offsets.as_primitive::<Int32Type>().value(row));
    let key = deletions_key(storage.as_string::<i32>().value(row), place.as_string::<i32>().value(row), offset);
    Ok((key, cardinality.as_primitive::<Int64Type>().value(row)))
}

/// A path as delta-rs decodes it in a log entry.
fn decoded(path: &str) -> DeltaResult<String> {
    // Nearly all paths, and the way through JSON below costs far more than the look.
    if !path.contains('%') {
        return Ok(path.to_owned());
    }
    let remove = serde_json::json!({ "path": path, "dataChange": false });
    let remove: Remove = serde_json::from_value(remove).map_err(|error| DeltaTableError::generic(error.to_string()))?;
    Ok(remove.path)
}

fn actions<'a>(batch: &'a RecordBatch, name: &str) -> Option<&'a StructArray> {
    batch.column_by_name(name).and_then(|column| column.as_struct_opt())
}

fn member(column: &StructArray, name: &str, data_type: &DataType) -> DeltaResult<Option<ArrayRef>> {
    Ok(column.column_by_name(name).map(|member| cast(member, data_type)).transpose()?)
}

fn required(column: &StructArray, name: &str, data_type: &DataType) -> DeltaResult<ArrayRef> {
    let missing =
        || DeltaTableError::generic(format!("a checkpoint has no `{name}` where the Delta protocol wants one"));
    member(column, name, data_type)?.ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sluicebox_delta::table::find_log;

    use super::*;

    const ENTRY: &str = r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}
{"metaData":{"id":"0","format":{"provider":"parquet","options":{}},"schemaString":"{\"type\":\"struct\",\"fields\":[{\"name\":\"n\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}}]}","partitionColumns":[],"configuration":{},"createdTime":0}}
{"txn":{"appId":"sluicebox/a/orders/0","version":7}}
{"add":{"path":"a%20b.parquet","partitionValues":{},"size":9,"modificationTime":0,"dataChange":true,"stats":"{\"numRecords\":3}"}}
"#;

    /// A checkpoint of one Parquet file, and a JSON file whose sidecar is that Parquet file, hold the same.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_checkpoint_of_any_form_names_ledgers_and_files() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("_delta_log");
        std::fs::create_dir_all(log.join("_sidecars")).unwrap();
        std::fs::write(log.join("00000000000000000000.json"), ENTRY).unwrap();
        let location = folder.path().to_str().unwrap();
        let url = deltalake::ensure_table_uri(location).unwrap();
        let table = deltalake::DeltaTableBuilder::from_url(url).unwrap().load().await.unwrap();
        deltalake::checkpoints::create_checkpoint(&table, None).await.unwrap();
        let classic = log.join("00000000000000000000.checkpoint.parquet");
        let bytes = std::fs::metadata(&classic).unwrap().len();
        std::fs::copy(&classic, log.join("_sidecars/s.parquet")).unwrap();
        let sidecar = json!({"sidecar": {"path": "s.parquet", "sizeInBytes": bytes, "modificationTime": 0}});
        let txn = json!({"txn": {"appId": "sluicebox/a/orders/0", "version": 7}});
        std::fs::write(log.join("second.json"), format!("{sidecar}\n{txn}\n")).unwrap();

        let store = find_log("t", location).await.unwrap().unwrap().store;
        for part in ["00000000000000000000.checkpoint.parquet", "second.json"] {
            let parts = [(Path::from(format!("_delta_log/{part}")), bytes)];
            let mut ledger = Vec::new();
            read_ledgers(&store, &parts, |app_id, next| ledger.push((app_id.to_owned(), next))).await.unwrap();
            assert_eq!(ledger, [("sluicebox/a/orders/0".to_owned(), 7)], "{part}");
            let files: Vec<_> = read_files(&store, &parts).await.unwrap().into_iter().collect();
            assert_eq!(files, [(FileKey::from("a b.parquet"), data_file(9, Some(3), 0))], "{part}");
        }
    }
}
