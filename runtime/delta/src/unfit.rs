//! Rows that are well formed, and that a table cannot hold all the same: a partition value that would read back as null, a date
//! or a time that readers cannot show. Their records become dead letters. Pure; names columns, never a value.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, TimestampMicrosecondType};

use crate::writer::unwritable_rows;

/// Dates from 0001-01-01 to 9999-12-31, in days since 1970-01-01: what SQL engines, and so the readers of Delta, can show.
const DAYS: std::ops::RangeInclusive<i32> = -719_162..=2_932_896;
/// The same as microseconds since 1970-01-01T00:00:00Z.
const MICROSECONDS: std::ops::Range<i64> = -719_162 * MICROSECONDS_A_DAY..2_932_897 * MICROSECONDS_A_DAY;
const MICROSECONDS_A_DAY: i64 = 86_400_000_000;

/// The rows that a table with these partition columns cannot hold, each with a reason.
pub(crate) fn unfit_rows(rows: &RecordBatch, partition_columns: &[String]) -> Vec<(usize, String)> {
    let unwritable = unwritable_rows(rows, partition_columns);
    let mut unfit: Vec<(usize, String)> = unwritable.into_iter().map(|(row, value)| (row, value.to_string())).collect();
    for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
        for row in out_of_range(column) {
            unfit.push((row, format!("column `{}` holds a date or time outside the years 1 to 9999", field.name())));
        }
    }
    unfit.sort_by_key(|&(row, _)| row);
    unfit.dedup_by_key(|&mut (row, _)| row);
    unfit
}

/// The rows of a column with a date or time out of range, at any depth.
fn out_of_range(column: &dyn Array) -> Vec<usize> {
    match column.data_type() {
        DataType::Date32 => outside(column, column.as_primitive::<Date32Type>().values(), |day| DAYS.contains(day)),
        DataType::Timestamp(..) => {
            let times = column.as_primitive::<TimestampMicrosecondType>();
            outside(column, times.values(), |time| MICROSECONDS.contains(time))
        }
        DataType::Struct(_) => {
            let members = column.as_struct().columns().iter();
            members.flat_map(|member| out_of_range(member)).filter(|&row| column.is_valid(row)).collect()
        }
        DataType::List(_) => parents(out_of_range(column.as_list::<i32>().values()), column.as_list::<i32>().offsets()),
        DataType::Map(..) => {
            let map = column.as_map();
            let entries = [out_of_range(map.keys()), out_of_range(map.values())].concat();
            parents(entries, map.offsets())
        }
        _ => Vec::new(),
    }
}

fn outside<T>(column: &dyn Array, values: &[T], is_inside: impl Fn(&T) -> bool) -> Vec<usize> {
    // Nearly always there is none, and then one pass over the values is all.
    if values.iter().all(&is_inside) {
        return Vec::new();
    }
    (0..values.len()).filter(|&row| column.is_valid(row) && !is_inside(&values[row])).collect()
}

/// The rows whose lists or maps hold these entries.
fn parents(entries: Vec<usize>, offsets: &[i32]) -> Vec<usize> {
    // The first offset that is greater ends the row which holds the entry.
    entries.into_iter().map(|entry| offsets.partition_point(|&offset| offset as usize <= entry) - 1).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Date32Array, ListArray, StringArray, TimestampMicrosecondArray};
    use arrow::datatypes::Int32Type;

    use super::*;

    fn rows(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
            .unwrap()
    }

    #[test]
    fn the_years_1_and_9999_are_the_edges() {
        let days = [Some(-719_162), Some(-719_163), None, Some(2_932_896), Some(2_932_897), Some(i32::MAX)];
        let found = unfit_rows(&rows(vec![("day", Arc::new(Date32Array::from(days.to_vec())))]), &[]);
        assert_eq!(found.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [1, 4, 5]);
        assert_eq!(found[0].1, "column `day` holds a date or time outside the years 1 to 9999");

        let times = [MICROSECONDS.start, MICROSECONDS.start - 1, MICROSECONDS.end - 1, MICROSECONDS.end];
        let found = unfit_rows(&rows(vec![("at", Arc::new(TimestampMicrosecondArray::from(times.to_vec())))]), &[]);
        assert_eq!(found.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [1, 3]);
    }

    #[test]
    fn a_list_is_unfit_if_one_of_its_entries_is() {
        let lists = [Some(vec![Some(1)]), Some(vec![]), None, Some(vec![Some(2), Some(i32::MAX)]), Some(vec![Some(3)])];
        let lists = ListArray::from_iter_primitive::<Int32Type, _, _>(lists);
        let dates = arrow::compute::cast(&lists, &DataType::new_list(DataType::Date32, true)).unwrap();
        let found = unfit_rows(&rows(vec![("days", dates)]), &[]);
        assert_eq!(found.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [3]);
    }

    #[test]
    fn an_empty_partition_value_is_unfit_and_an_empty_text_is_not() {
        let rows = rows(vec![("p", Arc::new(StringArray::from(vec!["", "x"])))]);
        assert_eq!(unfit_rows(&rows, &["p".to_owned()]).len(), 1);
        assert_eq!(unfit_rows(&rows, &[]), []);
    }
}
