//! What other tools do to the tables: log entries as Spark, delta-rs and people write them, one deed at a time. Each must leave
//! the pipeline right, or stop it with a name. The deeds themselves are faultless.

use std::sync::Arc;

use anyhow::{Context, Result};
use arrow::array::RecordBatch;
use fastrand::Rng;
use futures::{FutureExt, StreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, PutMode, PutOptions};
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};

use super::oracle::DataFile;
use super::script::TABLES;
use super::worker::DEAD_LETTERS;
use super::world::World;

/// Something that another tool does to a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Writes two files of a partition as one.
    Optimize,
    /// Removes a file's rows.
    Delete,
    /// Deletes, without any retention, every file that no version mentions.
    Vacuum,
    /// Adds a column.
    Widen,
    /// Adds a constraint.
    Constrain,
    /// Drops it.
    Relax,
    /// `CREATE OR REPLACE TABLE`: an entry with another id, and without the rows.
    Replace,
    /// Deletes the table's folder, and makes an empty table of the same columns there.
    Recreate,
    /// So many entries with nothing but a transaction.
    Append(u64),
    /// A checkpoint, and the entries before it deleted. The driver does it: it needs a reader.
    Checkpoint,
}

impl Deed {
    /// A table, and what is done to it.
    pub fn of(rng: &mut Rng) -> (&'static str, Self) {
        let table = [TABLES[0], TABLES[1], DEAD_LETTERS][rng.usize(..3)];
        let deed = match rng.u8(..32) {
            0..8 => Self::Optimize,
            8..10 => Self::Delete,
            10..14 => Self::Vacuum,
            14..17 => Self::Widen,
            17 => Self::Constrain,
            18..20 => Self::Relax,
            20 => Self::Replace,
            // Letters that only the old table had are nowhere then, and nothing can bring them back.
            21 if table != DEAD_LETTERS => Self::Recreate,
            22..24 => Self::Append(rng.u64(60..200)),
            24..26 => Self::Append(1),
            _ => Self::Checkpoint,
        };
        (table, deed)
    }
}

impl Deed {
    /// Whether entries of the log are deleted.
    pub fn cuts_the_log(self) -> bool {
        matches!(self, Self::Recreate | Self::Checkpoint)
    }
}

/// Does it, if the table is there.
pub fn meddle(world: &mut World, table: &str, deed: Deed) -> Result<()> {
    if world.oracle.known(table).versions == 0 {
        return Ok(());
    }
    world.trace.note(format_args!("another tool: {deed:?} of {table}"));
    match deed {
        Deed::Optimize => optimize(world, table),
        Deed::Delete => {
            let Some(file) = any_file(world, table) else { return Ok(()) };
            commit(world, table, &[info("DELETE"), removal(&file, true)])
        }
        Deed::Vacuum => {
            commit(world, table, &[info("VACUUM START")])?;
            delete_leftovers(world, table)?;
            commit(world, table, &[info("VACUUM END")])
        }
        Deed::Widen => {
            let metadata = changed(world, table, |metadata, _| {
                let mut schema: Value = serde_json::from_str(metadata["schemaString"].as_str()?).ok()?;
                let fields = schema["fields"].as_array_mut()?;
                // By the number of columns: a recreated table has its columns still, and its versions begin again.
                let name = format!("more_{}", fields.len());
                fields.push(json!({"name": name, "type": "string", "nullable": true, "metadata": {}}));
                metadata["schemaString"] = schema.to_string().into();
                Some(())
            })?;
            commit(world, table, &[info("ADD COLUMNS"), metadata])
        }
        Deed::Constrain => constrain(world, table),
        Deed::Relax => relax(world, table),
        Deed::Replace => {
            let metadata = changed(world, table, |metadata, number| {
                metadata["id"] = format!("{table}-replaced-{number}").into();
                Some(())
            })?;
            let files: Vec<DataFile> = world.oracle.known(table).files.values().cloned().collect();
            let removals = files.iter().map(|file| removal(file, true));
            let actions: Vec<Value> = [info("CREATE OR REPLACE TABLE"), metadata].into_iter().chain(removals).collect();
            commit(world, table, &actions)
        }
        Deed::Recreate => recreate(world, table),
        Deed::Append(entries) => (0..entries).try_for_each(|entry| {
            let transaction = json!({"txn": {"appId": "another", "version": entry}});
            commit(world, table, &[info("WRITE"), transaction])
        }),
        Deed::Checkpoint => Ok(()),
    }
}

/// Drops the constraints of a table, if it has some.
pub fn relax(world: &mut World, table: &str) -> Result<()> {
    if !world.oracle.known(table).is_constrained {
        return Ok(());
    }
    let metadata = changed(world, table, |metadata, _| {
        metadata["configuration"].as_object_mut()?.retain(|name, _| !name.starts_with("delta.constraints."));
        Some(())
    })?;
    commit(world, table, &[info("DROP CONSTRAINT"), metadata])
}

fn constrain(world: &mut World, table: &str) -> Result<()> {
    let metadata = changed(world, table, |metadata, _| {
        metadata["configuration"]["delta.constraints.numbered"] = "row >= 0".into();
        Some(())
    })?;
    let mut protocol = world.oracle.known(table).protocol.clone().context("no protocol")?;
    match protocol["writerFeatures"].as_array_mut() {
        Some(features) if features.iter().all(|feature| feature != "checkConstraints") => {
            features.push("checkConstraints".into());
        }
        Some(_) => {}
        None => protocol["minWriterVersion"] = 3.into(),
    }
    commit(world, table, &[info("ADD CONSTRAINT"), json!({"protocol": protocol}), metadata])
}

fn optimize(world: &mut World, table: &str) -> Result<()> {
    let files: Vec<DataFile> = world.oracle.known(table).files.values().cloned().collect();
    let Some((one, other)) =
        files.windows(2).map(|pair| (&pair[0], &pair[1])).find(|(one, other)| one.partition == other.partition)
    else {
        return Ok(());
    };
    let batches = [one.read(&world.objects, table)?, other.read(&world.objects, table)?].concat();
    // A file of before a column was added lacks it. Tools fill it in; here such a pair is left alone.
    if batches.windows(2).any(|pair| pair[0].schema() != pair[1].schema()) {
        return Ok(());
    }
    let number = world.oracle.known(table).versions;
    let path = format!("optimized-{number}.parquet");
    let bytes = parquet(&batches)?;
    let size = bytes.len();
    put(&world.objects, &Path::from(format!("{table}/{path}")), bytes, PutMode::Overwrite)?;
    let add = json!({"path": path, "partitionValues": one.partition, "size": size, "modificationTime": 0, "dataChange": false});
    commit(world, table, &[info("OPTIMIZE"), removal(one, false), removal(other, false), json!({"add": add})])
}

fn parquet(batches: &[RecordBatch]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let schema = batches.first().context("a file without rows")?.schema();
    let mut writer = ArrowWriter::try_new(&mut bytes, schema, None)?;
    batches.iter().try_for_each(|batch| writer.write(batch))?;
    writer.close()?;
    Ok(bytes)
}

/// Deletes what VACUUM deletes: files of rows that the table does not have, be they removed or not committed yet.
fn delete_leftovers(world: &World, table: &str) -> Result<()> {
    let shadow = world.oracle.known(table);
    let live = shadow.files.values().map(|file| file.object(table)).collect::<Result<Vec<_>>>()?;
    for path in objects_of(&world.objects, table)? {
        let is_hidden = path.parts().any(|part| part.as_ref().starts_with('_'));
        if !is_hidden && !live.contains(&path) {
            delete(&world.objects, &path)?;
        }
    }
    Ok(())
}

fn recreate(world: &mut World, table: &str) -> Result<()> {
    let shadow = world.oracle.known(table);
    let number = shadow.versions;
    let (protocol, mut metadata) =
        (shadow.protocol.clone().context("no protocol")?, shadow.metadata.clone().context("no metadata")?);
    metadata["id"] = format!("{table}-recreated-{number}").into();
    for path in objects_of(&world.objects, table)? {
        delete(&world.objects, &path)?;
    }
    let actions = [info("CREATE TABLE"), json!({"protocol": protocol}), json!({"metaData": metadata})];
    put(&world.objects, &entry(table, 0), lines(&actions), PutMode::Create)?;
    world.oracle.others_committed(table, 0, &lines(&actions));
    Ok(())
}

/// Deletes the log entries before a checkpoint of the newest version.
pub fn clean_up_log(world: &World, table: &str, checkpoint: u64) -> Result<()> {
    (0..checkpoint).try_for_each(|version| delete(&world.objects, &entry(table, version)))
}

fn commit(world: &mut World, table: &str, actions: &[Value]) -> Result<()> {
    let version = world.oracle.known(table).versions;
    put(&world.objects, &entry(table, version), lines(actions), PutMode::Create)?;
    world.oracle.others_committed(table, version, &lines(actions));
    Ok(())
}

fn lines(actions: &[Value]) -> Vec<u8> {
    actions.iter().map(|action| format!("{action}\n")).collect::<String>().into_bytes()
}

fn info(operation: &str) -> Value {
    json!({"commitInfo": {"timestamp": 0, "operation": operation, "operationParameters": {}}})
}

fn removal(file: &DataFile, changes_data: bool) -> Value {
    json!({"remove": {"path": file.path, "partitionValues": file.partition, "deletionTimestamp": 0,
                      "extendedFileMetadata": true, "size": 1, "dataChange": changes_data}})
}

fn any_file(world: &mut World, table: &str) -> Option<DataFile> {
    let files: Vec<DataFile> = world.oracle.known(table).files.values().cloned().collect();
    (!files.is_empty()).then(|| files[world.rng.usize(..files.len())].clone())
}

/// The table's metadata with a change, which gets a number that no other has.
fn changed(world: &World, table: &str, change: impl FnOnce(&mut Value, u64) -> Option<()>) -> Result<Value> {
    let shadow = world.oracle.known(table);
    let mut metadata = shadow.metadata.clone().context("no metadata")?;
    change(&mut metadata, shadow.versions).context("the metadata is not as the protocol says")?;
    Ok(json!({"metaData": metadata}))
}

fn entry(table: &str, version: u64) -> Path {
    Path::from(format!("{table}/_delta_log/{version:020}.json"))
}

fn put(objects: &Arc<InMemory>, path: &Path, bytes: Vec<u8>, mode: PutMode) -> Result<()> {
    let written = objects.put_opts(path, bytes.into(), PutOptions::from(mode)).now_or_never();
    written.context("memory does not answer")?.with_context(|| format!("another tool can't write {path}"))?;
    Ok(())
}

fn delete(objects: &Arc<InMemory>, path: &Path) -> Result<()> {
    let path = path.clone();
    let deleted = objects.delete_stream(futures::stream::once(async { Ok(path) }).boxed());
    deleted.collect::<Vec<_>>().now_or_never().context("memory does not answer")?;
    Ok(())
}

fn objects_of(objects: &Arc<InMemory>, table: &str) -> Result<Vec<Path>> {
    let listed = objects.list(Some(&Path::from(table))).collect::<Vec<_>>().now_or_never();
    listed.context("memory does not answer")?.into_iter().map(|object| Ok(object?.location)).collect()
}
