//! The columns that a table must have: those that the transform describes, and the provenance columns. Pure: no store, no
//! log.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use deltalake::DeltaTableError;
use deltalake::kernel::engine::arrow_conversion::TryIntoArrow as _;
use deltalake::kernel::{ArrayType, DataType, MapType, PrimitiveType, Protocol, StructField, StructType};
use sluicebox_sandbox as sandbox;

use crate::{SchemaDifference, schema_difference};

/// Topic that the row's record came from.
pub const KAFKA_TOPIC: &str = "_kafka_topic";
/// Partition that the row's record came from.
pub const KAFKA_PARTITION: &str = "_kafka_partition";
/// Offset of the row's record; with topic and partition it names the record.
pub const KAFKA_OFFSET: &str = "_kafka_offset";
/// Timestamp of the row's record; null if the record has none.
pub const KAFKA_TIMESTAMP: &str = "_kafka_timestamp";

/// What a table must look like.
#[derive(Clone, Debug)]
pub struct Shape {
    /// All columns, in order.
    pub columns: Vec<StructField>,
    /// The names of the partition columns.
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

    /// The columns as an Arrow schema.
    pub fn arrow_schema(&self) -> Result<SchemaRef, ArrowError> {
        Ok(Arc::new((&StructType::new_unchecked(self.columns.clone())).try_into_arrow()?))
    }

    /// How a table that was made for `other` would differ from this shape.
    pub fn differences_from(&self, other: &Shape) -> Vec<SchemaDifference> {
        self.differences(&StructType::new_unchecked(other.columns.clone()), &other.partition_columns)
    }

    /// Every way in which an existing table does not take rows of this shape.
    pub fn differences(&self, existing: &StructType, partition_columns: &[String]) -> Vec<SchemaDifference> {
        schema_difference::differences((&self.columns, &self.partition_columns), (existing, partition_columns))
    }

    /// The protocol that a new table needs, beyond what the library works out from the columns: it overlooks a timestamp
    /// without zone inside a map.
    pub(crate) fn protocol(&self) -> Result<Option<Protocol>, DeltaTableError> {
        if !self.columns.iter().any(|column| has_timestamp_ntz(column.data_type())) {
            return Ok(None);
        }
        let protocol = serde_json::json!({
            "minReaderVersion": 3,
            "minWriterVersion": 7,
            "readerFeatures": ["timestampNtz"],
            "writerFeatures": ["timestampNtz"],
        });
        Ok(Some(serde_json::from_value(protocol).map_err(|error| DeltaTableError::generic(error.to_string()))?))
    }
}

fn has_timestamp_ntz(data_type: &DataType) -> bool {
    match data_type {
        DataType::Array(list) => has_timestamp_ntz(list.element_type()),
        DataType::Map(map) => has_timestamp_ntz(map.key_type()) || has_timestamp_ntz(map.value_type()),
        DataType::Struct(members) => members.fields().any(|member| has_timestamp_ntz(member.data_type())),
        data_type => *data_type == DataType::TIMESTAMP_NTZ,
    }
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
