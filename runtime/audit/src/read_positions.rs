//! Reads the positions of a data file's rows: three columns, one row group at a time. Judges nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, Int64Type};
use futures::TryStreamExt as _;
use object_store::ObjectStore;
use sluicebox_delta::log::{DeltaResult, DeltaTableError, Path};
use sluicebox_delta::parquet_file::{ParquetFile, is_missing};
use sluicebox_delta::shape::{KAFKA_OFFSET, KAFKA_PARTITION, KAFKA_TOPIC};
use sluicebox_ledger::TopicPartition;

use super::history::Holds;
use super::offset_set::OffsetSet;

/// The positions of one file's rows.
#[derive(Debug, Default)]
pub(super) struct Positions {
    /// The offsets, each once.
    pub(super) offsets: BTreeMap<TopicPartition, OffsetSet>,
    /// Those of them that are open dead letters.
    pub(super) open: BTreeMap<TopicPartition, OffsetSet>,
    /// Offsets that more than one row has.
    pub(super) repeated: BTreeMap<TopicPartition, OffsetSet>,
    /// Rows without a position.
    pub(super) unplaced_rows: u64,
}

/// The column with a dead letter's status.
const STATUS: &str = "status";
/// The column with a dead letter's pipeline.
const PIPELINE: &str = "pipeline";
/// The status of an open dead letter.
const OPEN: &str = "open";

/// The columns with a row's position.
pub(super) fn columns(holds: Holds) -> [&'static str; 3] {
    match holds {
        Holds::Rows => [KAFKA_TOPIC, KAFKA_PARTITION, KAFKA_OFFSET],
        Holds::DeadLetters => ["topic", "partition", "offset"],
    }
}

/// Reads one file, of dead letters only those of the pipeline; none if it is missing in the store.
pub(super) async fn read(
    store: Arc<dyn ObjectStore>,
    path: &str,
    bytes: u64,
    holds: Holds,
    pipeline: &str,
) -> DeltaResult<Option<Positions>> {
    // The same rule as in delta-rs: a path that looks encoded is used unchanged.
    let path = Path::parse(path).unwrap_or_else(|_| Path::from(path));
    let [topic, partition, offset] = columns(holds);
    let mut columns = vec![topic, partition, offset];
    if holds == Holds::DeadLetters {
        columns.extend([STATUS, PIPELINE]);
    }
    let mut batches = match ParquetFile::new(store, path, bytes).read(&columns).await {
        Ok(batches) => batches,
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut positions = Positions::default();
    while let Some(batch) = batches.try_next().await? {
        positions.take_in(&batch, holds, pipeline)?;
    }
    Ok(Some(positions))
}

impl Positions {
    /// Takes in one row.
    #[cfg(test)]
    pub(super) fn insert(&mut self, partition: &TopicPartition, offset: i64, is_open: bool) {
        if is_open {
            self.open.entry(partition.clone()).or_default().insert(offset);
        }
        if !self.offsets.entry(partition.clone()).or_default().insert(offset) {
            self.repeated.entry(partition.clone()).or_default().insert(offset);
        }
    }

    fn take_in(&mut self, batch: &RecordBatch, holds: Holds, pipeline: &str) -> DeltaResult<()> {
        let [topic, partition, offset] = columns(holds);
        let topics = column(batch, topic, &DataType::Utf8)?;
        let partitions = column(batch, partition, &DataType::Int32)?;
        let offsets = column(batch, offset, &DataType::Int64)?;
        let (statuses, pipelines) = match holds {
            Holds::Rows => (None, None),
            Holds::DeadLetters => {
                let statuses = column(batch, STATUS, &DataType::Utf8)?;
                (Some(statuses), Some(column(batch, PIPELINE, &DataType::Utf8)?))
            }
        };
        let statuses = statuses.as_ref().map(|statuses| statuses.as_string::<i32>());
        let pipelines = pipelines.as_ref().map(|pipelines| pipelines.as_string::<i32>());
        let is_ours = |row: usize| pipelines.is_none_or(|pipelines| pipelines.value(row) == pipeline);
        let is_placed = |row: usize| [&topics, &partitions, &offsets].iter().all(|column| column.is_valid(row));
        let topics = topics.as_string::<i32>();
        let (partitions, offsets) = (partitions.as_primitive::<Int32Type>(), offsets.as_primitive::<Int64Type>());
        let mut row = 0;
        while row < batch.num_rows() {
            // Before the position is looked at: another pipeline's letters are not this audit's, placed or not.
            if !is_ours(row) {
                row += 1;
                continue;
            }
            if !is_placed(row) {
                self.unplaced_rows += 1;
                row += 1;
                continue;
            }
            // Rows of one partition are adjacent, so the partition's sets are looked up once for all of them.
            let (topic, partition) = (topics.value(row), partitions.value(row));
            let key = TopicPartition::new(topic, partition);
            let set = self.offsets.entry(key.clone()).or_default();
            let repeated = self.repeated.entry(key.clone()).or_default();
            let open = self.open.entry(key).or_default();
            while row < batch.num_rows()
                && is_ours(row)
                && is_placed(row)
                && partitions.value(row) == partition
                && topics.value(row) == topic
            {
                let offset = offsets.value(row);
                if !set.insert(offset) {
                    repeated.insert(offset);
                }
                if statuses.is_some_and(|statuses| statuses.value(row) == OPEN) {
                    open.insert(offset);
                }
                row += 1;
            }
        }
        Ok(())
    }
}

fn column(batch: &RecordBatch, name: &str, data_type: &DataType) -> DeltaResult<ArrayRef> {
    let column = batch.column_by_name(name);
    let column = column.ok_or_else(|| DeltaTableError::generic(format!("a data file has no column `{name}`")))?;
    Ok(cast(column, data_type)?)
}
