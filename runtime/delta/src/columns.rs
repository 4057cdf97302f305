//! Turns typed columns from the sandbox into Arrow arrays. Values are moved, not decoded. The sandbox has validated them
//! in full, so an `Err` here is a bug in Sluicebox, not a bad record.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int32Array,
    Int64Array, ListArray, MapArray, StringArray, StructArray, TimestampMicrosecondArray,
};
use arrow::buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field};
use arrow::error::ArrowError;
use sluicebox_sandbox::{Column, Strings, Values};

/// Takes columns off a table's depth-first list, one Arrow array per field.
pub(super) struct Columns {
    rest: std::vec::IntoIter<Column>,
}

impl Columns {
    pub(super) fn new(columns: Vec<Column>) -> Self {
        Self { rest: columns.into_iter() }
    }

    /// The array of the next field. A nested field takes several columns off the list.
    pub(super) fn next_array(&mut self, field: &Field) -> Result<ArrayRef, ArrowError> {
        let Column { values, nulls } = self
            .rest
            .next()
            .ok_or_else(|| ArrowError::SchemaError(format!("no column is left for field `{}`", field.name())))?;
        let nulls = |slots: usize| null_buffer(&nulls, slots);
        Ok(match values {
            Values::Boolean(bits) => {
                let nulls = nulls(bits.len());
                Arc::new(BooleanArray::new(bits.iter().map(|&bit| bit != 0).collect::<BooleanBuffer>(), nulls))
            }
            Values::Int32(values) => {
                let nulls = nulls(values.len());
                Arc::new(Int32Array::try_new(values.into(), nulls)?)
            }
            Values::Int64(values) => {
                let nulls = nulls(values.len());
                Arc::new(Int64Array::try_new(values.into(), nulls)?)
            }
            Values::Float32(values) => {
                let nulls = nulls(values.len());
                Arc::new(Float32Array::try_new(values.into(), nulls)?)
            }
            Values::Float64(values) => {
                let nulls = nulls(values.len());
                Arc::new(Float64Array::try_new(values.into(), nulls)?)
            }
            Values::Date(values) => {
                let nulls = nulls(values.len());
                Arc::new(Date32Array::try_new(values.into(), nulls)?)
            }
            Values::Timestamp(values) | Values::TimestampNtz(values) => {
                let nulls = nulls(values.len());
                let array = TimestampMicrosecondArray::try_new(values.into(), nulls)?;
                Arc::new(array.with_data_type(field.data_type().clone()))
            }
            Values::Decimal(bytes) => {
                let nulls = nulls(bytes.len() / 16);
                let array = Decimal128Array::try_new(decimals(&bytes), nulls)?;
                Arc::new(array.with_data_type(field.data_type().clone()))
            }
            Values::Utf8(strings) => {
                let nulls = nulls(strings.ends.len());
                Arc::new(StringArray::try_new(offsets(&strings)?, strings.data.into(), nulls)?)
            }
            Values::Binary(strings) => {
                let nulls = nulls(strings.ends.len());
                Arc::new(BinaryArray::try_new(offsets(&strings)?, strings.data.into(), nulls)?)
            }
            Values::List(ends) => {
                let nulls = nulls(ends.len());
                self.next_list(field, &ends, nulls)?
            }
            Values::Map(ends) => {
                let nulls = nulls(ends.len());
                self.next_map(field, &ends, nulls)?
            }
            Values::Struct(slots) => {
                let nulls = nulls(slots as usize);
                self.next_struct(field, slots as usize, nulls)?
            }
        })
    }

    fn next_list(&mut self, field: &Field, ends: &[u32], nulls: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
        let DataType::List(item) = field.data_type() else {
            return Err(not_nested(field, "list"));
        };
        // The list is depth first: a list's items follow it directly, and have to be taken before its sibling is.
        let items = self.next_array(item)?;
        Ok(Arc::new(ListArray::try_new(Arc::clone(item), end_offsets(ends)?, items, nulls)?))
    }

    fn next_map(&mut self, field: &Field, ends: &[u32], nulls: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
        let DataType::Map(entries, is_sorted) = field.data_type() else {
            return Err(not_nested(field, "map"));
        };
        let DataType::Struct(members) = entries.data_type() else {
            return Err(not_nested(entries, "struct"));
        };
        let arrays = members.iter().map(|member| self.next_array(member)).collect::<Result<Vec<_>, _>>()?;
        let pairs = StructArray::try_new(members.clone(), arrays, None)?;
        Ok(Arc::new(MapArray::try_new(Arc::clone(entries), end_offsets(ends)?, pairs, nulls, *is_sorted)?))
    }

    fn next_struct(&mut self, field: &Field, slots: usize, nulls: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
        let DataType::Struct(members) = field.data_type() else {
            return Err(not_nested(field, "struct"));
        };
        let arrays = members.iter().map(|member| self.next_array(member)).collect::<Result<Vec<_>, _>>()?;
        Ok(Arc::new(StructArray::try_new_with_length(members.clone(), arrays, nulls, slots)?))
    }
}

fn not_nested(field: &Field, kind: &str) -> ArrowError {
    ArrowError::SchemaError(format!("field `{}` is not a {kind}, but {}", field.name(), field.data_type()))
}

/// Arrow's validity bits from the positions of nulls; none if no slot is null.
fn null_buffer(positions: &[u32], slots: usize) -> Option<NullBuffer> {
    if positions.is_empty() {
        return None;
    }
    let mut valid = vec![true; slots];
    for &position in positions {
        // In range: the sandbox has checked each position against the number of slots.
        valid[position as usize] = false;
    }
    Some(NullBuffer::from(valid))
}

fn decimals(bytes: &[u8]) -> ScalarBuffer<i128> {
    let (values, _) = bytes.as_chunks::<16>();
    values.iter().map(|value| i128::from_le_bytes(*value)).collect::<Vec<_>>().into()
}

fn offsets(strings: &Strings) -> Result<OffsetBuffer<i32>, ArrowError> {
    end_offsets(&strings.ends)
}

/// Arrow's offsets, which begin with 0, from end offsets.
fn end_offsets(ends: &[u32]) -> Result<OffsetBuffer<i32>, ArrowError> {
    // The ends only grow (the sandbox has checked it), so if the last one fits, the casts below truncate none.
    if ends.last().is_some_and(|&last| i32::try_from(last).is_err()) {
        return Err(ArrowError::OffsetOverflowError(ends.last().map_or(0, |&last| last as usize)));
    }
    let mut offsets = Vec::with_capacity(ends.len() + 1);
    offsets.push(0);
    offsets.extend(ends.iter().map(|&end| end as i32));
    Ok(OffsetBuffer::new(offsets.into()))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::Int64Type;

    use super::*;

    #[test]
    fn nested_columns_come_depth_first() {
        let price = Field::new("price", DataType::Int64, true);
        let item = Field::new("element", DataType::Struct(vec![price].into()), false);
        let items = Field::new("items", DataType::List(Arc::new(item)), true);
        let mut columns = Columns::new(vec![
            Column { values: Values::List(vec![2, 2, 3]), nulls: vec![1] },
            Column { values: Values::Struct(3), nulls: vec![] },
            Column { values: Values::Int64(vec![7, 0, 9]), nulls: vec![1] },
        ]);
        let array = columns.next_array(&items).expect("fits");
        let list = array.as_list::<i32>();
        assert!(list.is_null(1));
        assert_eq!(list.value_length(0), 2);
        let prices = list.value(0);
        let prices = prices.as_struct().column(0).as_primitive::<Int64Type>();
        assert_eq!(prices.iter().collect::<Vec<_>>(), [Some(7), None]);
    }

    #[test]
    fn decimals_are_little_endian() {
        assert_eq!(decimals(&(-5i128).to_le_bytes()).as_ref(), [-5]);
    }
}
