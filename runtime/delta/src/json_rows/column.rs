//! Columns that grow value by value, and that can be cut back to the rows that fit. Knows no JSON.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, BooleanBufferBuilder, Date32Array, Decimal128Array, Float32Array,
    Float64Array, Int32Array, Int64Array, ListArray, MapArray, NullBufferBuilder, StringArray, StructArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, FieldRef, Fields, TimeUnit};
use arrow::error::ArrowError;

use super::ends::{Bytes, Ends};
use super::misfit::Misfit;

/// Up to so many names are compared one by one.
const COMPARED_MAX: usize = 16;

/// Values of one field.
pub(super) struct Column {
    field: FieldRef,
    valid: NullBufferBuilder,
    pub(super) values: Values,
}

/// As many values as the column has slots; any where the slot is null.
pub(super) enum Values {
    Boolean(BooleanBufferBuilder),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    /// Below `end` without their point.
    Decimal {
        unscaled: Vec<i128>,
        end: u128,
        scale: u8,
    },
    Text(Bytes),
    Binary(Bytes),
    Date(Vec<i32>),
    Timestamp(Vec<i64>),
    LocalTime(Vec<i64>),
    List(Ends, Box<Column>),
    Struct(Members),
    Map {
        ends: Ends,
        keys: Box<Column>,
        values: Box<Column>,
    },
}

/// Columns of equal length.
pub(super) struct Members {
    pub(super) columns: Vec<Column>,
    fields: Fields,
    /// The columns' positions by name, where there are many.
    positions: HashMap<String, usize>,
}

impl Column {
    /// An empty column with room for `slots`.
    pub(super) fn new(field: &FieldRef, slots: usize) -> Result<Self, ArrowError> {
        let unknown = || ArrowError::NotYetImplemented(format!("column `{}` of {}", field.name(), field.data_type()));
        let values = match field.data_type() {
            DataType::Boolean => Values::Boolean(BooleanBufferBuilder::new(slots)),
            DataType::Int32 => Values::Int32(Vec::with_capacity(slots)),
            DataType::Int64 => Values::Int64(Vec::with_capacity(slots)),
            DataType::Float32 => Values::Float32(Vec::with_capacity(slots)),
            DataType::Float64 => Values::Float64(Vec::with_capacity(slots)),
            DataType::Decimal128(precision, scale) => Values::Decimal {
                unscaled: Vec::with_capacity(slots),
                end: 10u128.checked_pow(u32::from(*precision)).ok_or_else(unknown)?,
                scale: u8::try_from(*scale).map_err(|_| unknown())?,
            },
            DataType::Utf8 => Values::Text(Bytes::new(slots)),
            DataType::Binary => Values::Binary(Bytes::new(slots)),
            DataType::Date32 => Values::Date(Vec::with_capacity(slots)),
            DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => Values::Timestamp(Vec::with_capacity(slots)),
            DataType::Timestamp(TimeUnit::Microsecond, None) => Values::LocalTime(Vec::with_capacity(slots)),
            DataType::List(item) => Values::List(Ends::new(slots), Box::new(Column::new(item, slots)?)),
            DataType::Struct(members) => Values::Struct(Members::new(members, slots)?),
            DataType::Map(entries, false) => match entries.data_type() {
                DataType::Struct(pair) if pair.len() == 2 => Values::Map {
                    ends: Ends::new(slots),
                    keys: Box::new(Column::new(&pair[0], slots)?),
                    values: Box::new(Column::new(&pair[1], slots)?),
                },
                _ => return Err(unknown()),
            },
            _ => return Err(unknown()),
        };
        Ok(Self { field: Arc::clone(field), valid: NullBufferBuilder::new(slots), values })
    }

    pub(super) fn name(&self) -> &str {
        self.field.name()
    }

    pub(super) fn len(&self) -> usize {
        self.valid.len()
    }

    /// Counts the value that was put into `values`.
    pub(super) fn close(&mut self) {
        self.valid.append_non_null();
    }

    /// Appends a null, if the column may hold one.
    pub(super) fn push_null(&mut self, reason: &'static str) -> Result<(), Misfit> {
        if !self.field.is_nullable() {
            return Err(Misfit::new(reason));
        }
        self.pad();
        Ok(())
    }

    /// Appends a null below a null struct, where any column may hold one.
    fn pad(&mut self) {
        self.valid.append_null();
        match &mut self.values {
            Values::Boolean(values) => values.append(false),
            Values::Int32(values) | Values::Date(values) => values.push(0),
            Values::Int64(values) | Values::Timestamp(values) | Values::LocalTime(values) => values.push(0),
            Values::Float32(values) => values.push(0.0),
            Values::Float64(values) => values.push(0.0),
            Values::Decimal { unscaled, .. } => unscaled.push(0),
            Values::Text(bytes) | Values::Binary(bytes) => bytes.close(),
            Values::List(ends, items) => ends.push(items.len()),
            Values::Map { ends, keys, .. } => ends.push(keys.len()),
            Values::Struct(members) => members.columns.iter_mut().for_each(Column::pad),
        }
    }

    /// Drops all but the first `slots`, and what an unfinished value has left behind them.
    pub(super) fn truncate(&mut self, slots: usize) {
        self.valid.truncate(slots);
        match &mut self.values {
            Values::Boolean(values) => values.truncate(slots),
            Values::Int32(values) | Values::Date(values) => values.truncate(slots),
            Values::Int64(values) | Values::Timestamp(values) | Values::LocalTime(values) => values.truncate(slots),
            Values::Float32(values) => values.truncate(slots),
            Values::Float64(values) => values.truncate(slots),
            Values::Decimal { unscaled, .. } => unscaled.truncate(slots),
            Values::Text(bytes) | Values::Binary(bytes) => bytes.truncate(slots),
            Values::List(ends, items) => items.truncate(ends.truncate(slots)),
            Values::Map { ends, keys, values } => {
                let entries = ends.truncate(slots);
                keys.truncate(entries);
                values.truncate(entries);
            }
            Values::Struct(members) => members.truncate(slots),
        }
    }

    pub(super) fn finish(self) -> Result<ArrayRef, ArrowError> {
        let slots = self.len();
        let nulls: Option<NullBuffer> = self.valid.build();
        let data_type = self.field.data_type().clone();
        Ok(match self.values {
            Values::Boolean(values) => Arc::new(BooleanArray::new(values.build(), nulls)),
            Values::Int32(values) => Arc::new(Int32Array::try_new(values.into(), nulls)?),
            Values::Int64(values) => Arc::new(Int64Array::try_new(values.into(), nulls)?),
            Values::Float32(values) => Arc::new(Float32Array::try_new(values.into(), nulls)?),
            Values::Float64(values) => Arc::new(Float64Array::try_new(values.into(), nulls)?),
            Values::Decimal { unscaled, .. } => {
                Arc::new(Decimal128Array::try_new(unscaled.into(), nulls)?.with_data_type(data_type))
            }
            Values::Text(bytes) => Arc::new(StringArray::try_new(bytes.ends.offsets(), bytes.data.into(), nulls)?),
            Values::Binary(bytes) => Arc::new(BinaryArray::try_new(bytes.ends.offsets(), bytes.data.into(), nulls)?),
            Values::Date(values) => Arc::new(Date32Array::try_new(values.into(), nulls)?),
            Values::Timestamp(values) | Values::LocalTime(values) => {
                Arc::new(TimestampMicrosecondArray::try_new(values.into(), nulls)?.with_data_type(data_type))
            }
            Values::List(ends, items) => {
                let item = Arc::clone(&items.field);
                Arc::new(ListArray::try_new(item, ends.offsets(), items.finish()?, nulls)?)
            }
            Values::Struct(members) => {
                let (fields, arrays) = members.finish()?;
                Arc::new(StructArray::try_new_with_length(fields, arrays, nulls, slots)?)
            }
            Values::Map { ends, keys, values } => {
                let DataType::Map(entries, is_sorted) = data_type else { return Err(not_a_map(&self.field)) };
                let fields = vec![Arc::clone(&keys.field), Arc::clone(&values.field)].into();
                let pairs = StructArray::try_new(fields, vec![keys.finish()?, values.finish()?], None)?;
                Arc::new(MapArray::try_new(entries, ends.offsets(), pairs, nulls, is_sorted)?)
            }
        })
    }
}

fn not_a_map(field: &FieldRef) -> ArrowError {
    ArrowError::SchemaError(format!("column `{}` is not a map, but {}", field.name(), field.data_type()))
}

impl Members {
    /// Empty columns with room for `slots`.
    pub(super) fn new(fields: &Fields, slots: usize) -> Result<Self, ArrowError> {
        let columns = fields.iter().map(|field| Column::new(field, slots)).collect::<Result<Vec<_>, _>>()?;
        let positions = match columns.len() > COMPARED_MAX {
            true => fields.iter().enumerate().map(|(at, field)| (field.name().clone(), at)).collect(),
            false => HashMap::new(),
        };
        Ok(Self { columns, fields: fields.clone(), positions })
    }

    /// The position of the column `name`, which is probably `likely`: rows mostly come in the order of the columns.
    pub(super) fn position(&self, name: &str, likely: usize) -> Option<usize> {
        if self.columns.get(likely).is_some_and(|column| column.name() == name) {
            return Some(likely);
        }
        match self.positions.is_empty() {
            true => self.columns.iter().position(|column| column.name() == name),
            false => self.positions.get(name).copied(),
        }
    }

    pub(super) fn truncate(&mut self, slots: usize) {
        self.columns.iter_mut().for_each(|column| column.truncate(slots));
    }

    pub(super) fn finish(self) -> Result<(Fields, Vec<ArrayRef>), ArrowError> {
        let arrays = self.columns.into_iter().map(Column::finish).collect::<Result<_, _>>()?;
        Ok((self.fields, arrays))
    }
}
