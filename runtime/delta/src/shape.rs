//! The columns that a table must have: what the transform describes, plus the provenance columns; and how an existing
//! table differs from that. Pure: no store, no log.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use deltalake::DeltaTableError;
use deltalake::kernel::engine::arrow_conversion::TryIntoArrow as _;
use deltalake::kernel::{ArrayType, DataType, MapType, PrimitiveType, StructField, StructType};
use sluicebox_sandbox as sandbox;

/// Topic that the row's record came from.
pub const KAFKA_TOPIC: &str = "_kafka_topic";
/// Partition that the row's record came from.
pub const KAFKA_PARTITION: &str = "_kafka_partition";
/// Offset of the row's record; with topic and partition it names the record.
pub const KAFKA_OFFSET: &str = "_kafka_offset";
/// The record's own timestamp; null if it had none.
pub const KAFKA_TIMESTAMP: &str = "_kafka_timestamp";

/// What a table must look like.
#[derive(Clone, Debug)]
pub struct Shape {
    /// All columns, in order.
    pub columns: Vec<StructField>,
    /// The names of those that partition the table.
    pub partition_columns: Vec<String>,
}

impl Shape {
    /// The shape of a table that a transform describes.
    pub fn of(table: &sandbox::Table, provenance: bool) -> Result<Self, DeltaTableError> {
        let mut columns = table.fields.iter().map(delta_field).collect::<Result<Vec<_>, _>>()?;
        if provenance {
            columns.extend([
                StructField::not_null(KAFKA_TOPIC, DataType::STRING),
                StructField::not_null(KAFKA_PARTITION, DataType::INTEGER),
                StructField::not_null(KAFKA_OFFSET, DataType::LONG),
                StructField::nullable(KAFKA_TIMESTAMP, DataType::TIMESTAMP),
            ]);
        }
        Ok(Self { columns, partition_columns: table.partition_columns.clone() })
    }

    /// The columns as Arrow has them.
    pub fn arrow_schema(&self) -> Result<SchemaRef, ArrowError> {
        Ok(Arc::new((&StructType::new_unchecked(self.columns.clone())).try_into_arrow()?))
    }

    /// The same for a table that was made for another shape.
    pub fn differences_from(&self, other: &Shape) -> Vec<String> {
        self.differences(&StructType::new_unchecked(other.columns.clone()), &other.partition_columns)
    }

    /// Every way in which an existing table does not take rows of this shape, each naming the column.
    /// Further nullable columns of the table are no difference: they stay null.
    pub fn differences(&self, existing: &StructType, partition_columns: &[String]) -> Vec<String> {
        let mut differences = Vec::new();
        for column in &self.columns {
            match existing.field(column.name()) {
                None => differences.push(format!(
                    "column `{}` ({}) is missing from the table",
                    column.name(),
                    type_name(column.data_type())
                )),
                Some(found) => differences.extend(column_differences(column, found)),
            }
        }
        let unknown = |field: &&StructField| !self.columns.iter().any(|column| column.name() == field.name());
        for field in existing.fields().filter(unknown).filter(|field| !field.is_nullable()) {
            differences.push(format!(
                "column `{}` of the table may not be null, but the transform does not write it",
                field.name()
            ));
        }
        if self.partition_columns != partition_columns {
            differences.push(format!(
                "the table is partitioned by [{}], the transform says [{}]",
                partition_columns.join(", "),
                self.partition_columns.join(", ")
            ));
        }
        differences
    }
}

fn column_differences(wanted: &StructField, found: &StructField) -> Vec<String> {
    let mut differences = Vec::new();
    if !same_type(wanted.data_type(), found.data_type()) {
        differences.push(format!(
            "column `{}` is {} in the table, {} in the transform",
            wanted.name(),
            type_name(found.data_type()),
            type_name(wanted.data_type())
        ));
    }
    if wanted.is_nullable() && !found.is_nullable() {
        differences.push(format!("column `{}` may be null in the transform, but not in the table", wanted.name()));
    }
    differences
}

/// Same type, where what the table holds may be null more often than what is written.
fn same_type(wanted: &DataType, found: &DataType) -> bool {
    match (wanted, found) {
        (DataType::Array(wanted), DataType::Array(found)) => {
            same_type(wanted.element_type(), found.element_type()) && (found.contains_null() || !wanted.contains_null())
        }
        (DataType::Struct(wanted), DataType::Struct(found)) => {
            wanted.fields().len() == found.fields().len()
                && wanted.fields().zip(found.fields()).all(|(wanted, found)| {
                    wanted.name() == found.name() && column_differences(wanted, found).is_empty()
                })
        }
        (DataType::Map(wanted), DataType::Map(found)) => {
            same_type(wanted.key_type(), found.key_type())
                && same_type(wanted.value_type(), found.value_type())
                && (found.value_contains_null() || !wanted.value_contains_null())
        }
        (wanted, found) => wanted == found,
    }
}

fn type_name(data_type: &DataType) -> String {
    data_type.to_string()
}

fn delta_field(field: &sandbox::Field) -> Result<StructField, DeltaTableError> {
    Ok(StructField::new(field.name.clone(), delta_type(&field.data_type)?, field.nullable))
}

fn delta_type(data_type: &sandbox::DataType) -> Result<DataType, DeltaTableError> {
    Ok(match data_type {
        sandbox::DataType::Boolean => DataType::BOOLEAN,
        sandbox::DataType::Int32 => DataType::INTEGER,
        sandbox::DataType::Int64 => DataType::LONG,
        sandbox::DataType::Float32 => DataType::FLOAT,
        sandbox::DataType::Float64 => DataType::DOUBLE,
        sandbox::DataType::Decimal { precision, scale } => {
            DataType::Primitive(PrimitiveType::decimal(*precision, *scale).map_err(DeltaTableError::from)?)
        }
        sandbox::DataType::Utf8 => DataType::STRING,
        sandbox::DataType::Binary => DataType::BINARY,
        sandbox::DataType::Date => DataType::DATE,
        sandbox::DataType::Timestamp => DataType::TIMESTAMP,
        sandbox::DataType::TimestampNtz => DataType::TIMESTAMP_NTZ,
        sandbox::DataType::List(item) => ArrayType::new(delta_type(&item.data_type)?, item.nullable).into(),
        sandbox::DataType::Map { key, value } => {
            MapType::new(delta_type(&key.data_type)?, delta_type(&value.data_type)?, value.nullable).into()
        }
        sandbox::DataType::Struct(members) => {
            let members = members.iter().map(delta_field).collect::<Result<Vec<_>, _>>()?;
            StructType::try_new(members).map_err(DeltaTableError::from)?.into()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(columns: Vec<StructField>) -> Shape {
        Shape { columns, partition_columns: Vec::new() }
    }

    fn existing(columns: Vec<StructField>) -> StructType {
        StructType::try_new(columns).expect("legal columns")
    }

    #[test]
    fn the_same_columns_fit() {
        let columns =
            vec![StructField::not_null("id", DataType::STRING), StructField::nullable("amount", DataType::DOUBLE)];
        assert!(shape(columns.clone()).differences(&existing(columns), &[]).is_empty());
    }

    #[test]
    fn a_further_nullable_column_fits() {
        let id = StructField::not_null("id", DataType::STRING);
        let table = existing(vec![id.clone(), StructField::nullable("note", DataType::STRING)]);
        assert!(shape(vec![id]).differences(&table, &[]).is_empty());
    }

    #[test]
    fn each_difference_is_named() {
        let wanted = shape(vec![
            StructField::nullable("id", DataType::STRING),
            StructField::nullable("amount", DataType::LONG),
            StructField::nullable("city", DataType::STRING),
        ]);
        let table = existing(vec![
            StructField::not_null("id", DataType::STRING),
            StructField::nullable("amount", DataType::DOUBLE),
            StructField::not_null("tenant", DataType::STRING),
        ]);
        assert_eq!(
            wanted.differences(&table, &["day".to_owned()]),
            [
                "column `id` may be null in the transform, but not in the table",
                "column `amount` is double in the table, long in the transform",
                "column `city` (string) is missing from the table",
                "column `tenant` of the table may not be null, but the transform does not write it",
                "the table is partitioned by [day], the transform says []",
            ]
        );
    }
}
