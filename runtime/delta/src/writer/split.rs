//! Splits rows by the values of the partition columns. Pure.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};

use super::file::PartitionValues;
use super::files::Key;
use super::value;

/// Rows of one partition, without the partition columns.
pub(super) struct Group {
    pub(super) key: Key,
    pub(super) values: PartitionValues,
    pub(super) rows: RecordBatch,
}

/// Splits rows of one schema.
pub(super) struct Split {
    /// The partition columns' names, and their positions among the table's columns.
    partition: Vec<(String, usize)>,
    /// The positions of the other columns.
    data: Vec<usize>,
    data_schema: SchemaRef,
    converter: RowConverter,
}

impl Split {
    pub(super) fn new(schema: &SchemaRef, partition_columns: &[String]) -> Result<Self, ArrowError> {
        let partition = partition_columns.iter().map(|name| Ok((name.clone(), schema.index_of(name)?)));
        let partition: Vec<(String, usize)> = partition.collect::<Result<_, ArrowError>>()?;
        let mut fields = Vec::new();
        for (name, position) in &partition {
            let data_type = schema.field(*position).data_type();
            value::require_type(name, data_type)?;
            fields.push(SortField::new(data_type.clone()));
        }
        let data: Vec<usize> = (0..schema.fields().len())
            .filter(|position| partition.iter().all(|(_, partition)| partition != position))
            .collect();
        let data_schema: Schema = schema.project(&data)?;
        Ok(Self { partition, data, data_schema: Arc::new(data_schema), converter: RowConverter::new(fields)? })
    }

    /// The columns without the partition columns.
    pub(super) fn data_schema(&self) -> &SchemaRef {
        &self.data_schema
    }

    /// The rows of each partition, in the order of their first rows. The rows of a partition keep their order.
    pub(super) fn split(&self, batches: &[RecordBatch]) -> Result<Vec<Group>, ArrowError> {
        let mut positions: HashMap<Key, usize> = HashMap::new();
        let mut rows_by_group: Vec<Vec<(usize, usize)>> = Vec::new();
        for (batch, rows) in batches.iter().enumerate() {
            let columns: Vec<ArrayRef> = self.partition.iter().map(|&(_, at)| Arc::clone(rows.column(at))).collect();
            for (row, key) in self.converter.convert_columns(&columns)?.iter().enumerate() {
                let position = match positions.get(key.data()) {
                    Some(&position) => position,
                    None => {
                        positions.insert(key.data().into(), rows_by_group.len());
                        rows_by_group.push(Vec::new());
                        rows_by_group.len() - 1
                    }
                };
                rows_by_group[position].push((batch, row));
            }
        }
        self.groups(batches, positions, &rows_by_group)
    }

    /// All rows are moved at once, and each group is a slice of them: to move each group alone costs more than the rows do
    /// where a group has but few.
    fn groups(
        &self,
        batches: &[RecordBatch],
        positions: HashMap<Key, usize>,
        rows_by_group: &[Vec<(usize, usize)>],
    ) -> Result<Vec<Group>, ArrowError> {
        if rows_by_group.is_empty() {
            return Ok(Vec::new());
        }
        let data = batches.iter().map(|rows| rows.project(&self.data)).collect::<Result<Vec<_>, _>>()?;
        let sorted = interleave_record_batch(&data.iter().collect::<Vec<_>>(), &rows_by_group.concat())?;
        let mut keys: Vec<(usize, Key)> = positions.into_iter().map(|(key, position)| (position, key)).collect();
        keys.sort_unstable();
        let mut start = 0;
        let mut groups = Vec::with_capacity(keys.len());
        for ((_, key), rows) in keys.into_iter().zip(rows_by_group) {
            let Some(&(batch, row)) = rows.first() else { continue };
            let columns = self.partition.iter();
            let values = columns.map(|(name, at)| (name.clone(), value::text(batches[batch].column(*at), row)));
            groups.push(Group { key, values: values.collect(), rows: sorted.slice(start, rows.len()) });
            start += rows.len();
        }
        Ok(groups)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, Int64Array, StringArray};
    use arrow::datatypes::Int64Type;

    use super::*;

    #[test]
    fn each_row_goes_to_its_partition_once_and_in_order() {
        let batch = |texts: Vec<Option<&str>>, start: i64| {
            let numbers = Int64Array::from_iter_values(start..start + texts.len() as i64);
            let columns = [("p", Arc::new(StringArray::from(texts)) as ArrayRef), ("n", Arc::new(numbers) as ArrayRef)];
            RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).expect("rows")
        };
        let batches = [batch(vec![Some("a"), None, Some("b")], 0), batch(vec![None, Some("b"), Some("a"), None], 3)];
        let split = Split::new(&batches[0].schema(), &["p".to_owned()]).expect("a column");
        assert_eq!(split.data_schema().fields().len(), 1);
        let groups: Vec<_> = split
            .split(&batches)
            .expect("splits")
            .into_iter()
            .map(|group| {
                let numbers = group.rows.column(0).as_primitive::<Int64Type>().values().to_vec();
                (group.values[0].1.clone(), numbers)
            })
            .collect();
        assert_eq!(groups, [(Some("a".into()), vec![0, 5]), (None, vec![1, 3, 6]), (Some("b".into()), vec![2, 4])]);
        assert!(split.split(&[]).expect("splits").is_empty());
    }
}
