//! Decodes one batch's rows of one table into an Arrow record batch in the table's own schema, provenance columns included,
//! and says for each row which record it came from. Knows both row forms; does not know the store.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, new_null_array,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use sluicebox_sandbox::{Batch, Rows, TableRows};

use super::columns::Columns;
use super::json_rows;
use super::shape::{KAFKA_OFFSET, KAFKA_PARTITION, KAFKA_TIMESTAMP, KAFKA_TOPIC};
use super::unfit::unfit_rows;

/// Rows of one table, decoded.
#[derive(Debug, PartialEq)]
pub struct DecodedRows {
    /// The rows, in the table's schema.
    pub rows: RecordBatch,
    /// Per row: the index in the batch of its record.
    pub records: Vec<u32>,
    /// Records with a row that does not fit the table, each with the reason.
    pub misfits: Vec<(u32, String)>,
}

impl DecodedRows {
    /// Keeps only the rows of those records for which `keep` returns true.
    pub fn retain(&mut self, keep: impl Fn(u32) -> bool) -> Result<(), ArrowError> {
        if self.records.iter().all(|&record| keep(record)) {
            return Ok(());
        }
        let mask: BooleanArray = self.records.iter().map(|&record| Some(keep(record))).collect();
        self.rows = filter_record_batch(&self.rows, &mask)?;
        self.records.retain(|&record| keep(record));
        Ok(())
    }
}

/// Decodes the transform's output into rows of one table.
#[derive(Clone, Debug)]
pub struct RowDecoder {
    /// The table's columns, in the table's order.
    table: SchemaRef,
    /// The transform's columns, in the transform's order.
    transform: SchemaRef,
    partition_columns: Vec<String>,
}

impl RowDecoder {
    /// `fields` names the columns that the transform writes; the table has all of them.
    pub fn new(table: SchemaRef, fields: &[String], partition_columns: &[String]) -> Result<Self, ArrowError> {
        let own = fields.iter().map(|name| table.field_with_name(name).cloned()).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { table, transform: Arc::new(Schema::new(own)), partition_columns: partition_columns.to_vec() })
    }

    /// The same for a table whose columns have changed.
    pub fn for_table(&self, table: SchemaRef) -> Result<Self, ArrowError> {
        let fields: Vec<String> = self.transform.fields().iter().map(|field| field.name().clone()).collect();
        Self::new(table, &fields, &self.partition_columns)
    }

    /// The table's columns that it decodes for.
    pub fn table_schema(&self) -> &SchemaRef {
        &self.table
    }

    /// Decodes the rows that the transform made of `batch`.
    pub fn decode(&self, rows: TableRows, batch: &Batch) -> Result<DecodedRows, ArrowError> {
        let TableRows { mut records, rows, .. } = rows;
        let mut misfits = Vec::new();
        let own = match rows {
            Rows::Columns(columns) => self.wrap(columns)?,
            Rows::Json(texts) => {
                let (decoded, misfit_rows) = json_rows::decode(&texts, &self.transform)?;
                // Before `records` shrinks below: a misfit's row counts in the transform's output.
                misfits.extend(misfit_rows.iter().map(|misfit| (records[misfit.row], misfit.message.clone())));
                let mut misfit_rows = misfit_rows.iter().map(|misfit| misfit.row).peekable();
                let mut row = 0;
                records.retain(|_| {
                    let fits = misfit_rows.next_if_eq(&row).is_none();
                    row += 1;
                    fits
                });
                decoded
            }
        };
        let rows = self.complete(&own, &records, batch)?;
        // These rows stay in the batch for now. Their records become misfits, and `retain` drops all rows of a misfit.
        let unfit = unfit_rows(&rows, &self.partition_columns);
        misfits.extend(unfit.into_iter().map(|(row, reason)| (records[row], reason)));
        Ok(DecodedRows { rows, records, misfits })
    }

    fn wrap(&self, columns: Vec<sluicebox_sandbox::Column>) -> Result<RecordBatch, ArrowError> {
        let mut columns = Columns::new(columns);
        let fields = self.transform.fields();
        let arrays = fields.iter().map(|field| columns.next_array(field)).collect::<Result<Vec<_>, _>>()?;
        RecordBatch::try_new(self.transform.clone(), arrays)
    }

    /// Puts the transform's columns in the table's order; adds provenance, and nulls where the table has more.
    fn complete(&self, own: &RecordBatch, records: &[u32], batch: &Batch) -> Result<RecordBatch, ArrowError> {
        let arrays = self.table.fields().iter().map(|field| match own.column_by_name(field.name()) {
            Some(array) => Arc::clone(array),
            None => provenance(field.name(), records, batch)
                .unwrap_or_else(|| new_null_array(field.data_type(), records.len())),
        });
        RecordBatch::try_new(self.table.clone(), arrays.collect())
    }
}

fn provenance(column: &str, records: &[u32], batch: &Batch) -> Option<ArrayRef> {
    Some(match column {
        KAFKA_TOPIC => Arc::new(StringArray::new_repeated(&*batch.topic, records.len())),
        KAFKA_PARTITION => Arc::new(Int32Array::from_value(batch.partition, records.len())),
        KAFKA_OFFSET => {
            Arc::new(Int64Array::from_iter_values(records.iter().map(|&record| batch.offsets[record as usize])))
        }
        KAFKA_TIMESTAMP => Arc::new(timestamps(records.iter().map(|&record| batch.timestamps[record as usize]))),
        _ => return None,
    })
}

/// The end of the year 9999, in milliseconds since 1970-01-01T00:00:00Z.
const KAFKA_TIMESTAMP_MAX: i64 = 253_402_300_799_999;

/// Kafka's milliseconds (-1: none) → the table's microseconds. A timestamp that readers cannot show, because the producer sent
/// nanoseconds for example, becomes null: the record itself is sound.
pub fn timestamps(milliseconds: impl Iterator<Item = i64>) -> TimestampMicrosecondArray {
    milliseconds
        .map(|millis| (0..=KAFKA_TIMESTAMP_MAX).contains(&millis).then(|| millis * 1_000))
        .collect::<TimestampMicrosecondArray>()
        .with_timezone("UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_that_readers_cannot_show_is_null() {
        let nanoseconds = 1_709_209_800_000_000_000;
        let times = timestamps(
            [-1, 0, KAFKA_TIMESTAMP_MAX, KAFKA_TIMESTAMP_MAX + 1, nanoseconds, i64::MAX, i64::MIN].into_iter(),
        );
        let expected = [None, Some(0), Some(KAFKA_TIMESTAMP_MAX * 1_000), None, None, None, None];
        assert_eq!(times.iter().collect::<Vec<_>>(), expected);
    }
}
