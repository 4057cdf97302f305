//! How columns are written to Parquet: small files at little CPU time. Pure.
//!
//! A dictionary costs a hash look-up a value, about 50 ns, which pays only where values repeat. Text gets one, small, so
//! that identifiers overflow it soon and are then written plain; numbers and times are packed as differences instead,
//! which every reader of the last years knows. Figures: docs/adr/0005-parquet.md.

use arrow::datatypes::{DataType, Field, Schema};
use deltalake::DeltaTableError;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

/// Rows in a row group: what is encoded, but not yet uploaded, stays in memory, so this bounds it.
const ROW_GROUP_ROWS_MAX: usize = 256 * 1024;
/// A text column whose distinct values exceed this is written plain.
const DICTIONARY_BYTES_MAX: usize = 64 * 1024;

/// The properties for a table of this schema.
pub(super) fn properties(schema: &Schema) -> Result<WriterProperties, DeltaTableError> {
    let builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS_MAX))
        .set_dictionary_page_size_limit(DICTIONARY_BYTES_MAX)
        // Per file, in the Delta log, is where readers skip; statistics a page would cost more than they save.
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_created_by(concat!("sluicebox ", env!("CARGO_PKG_VERSION")).to_owned());
    Ok(schema.fields().iter().fold(builder, |builder, field| encode(builder, field)).build())
}

fn encode(builder: WriterPropertiesBuilder, field: &Field) -> WriterPropertiesBuilder {
    let column = ColumnPath::from(field.name().as_str());
    match field.data_type() {
        DataType::Int32 | DataType::Int64 | DataType::Date32 | DataType::Timestamp(..) => packed(builder, column),
        // Up to 18 digits Parquet holds a decimal as an integer.
        DataType::Decimal128(precision, _) if *precision <= 18 => packed(builder, column),
        DataType::Decimal128(..) | DataType::Float32 | DataType::Float64 => {
            builder.set_column_dictionary_enabled(column, false)
        }
        _ => builder,
    }
}

fn packed(builder: WriterPropertiesBuilder, column: ColumnPath) -> WriterPropertiesBuilder {
    builder
        .set_column_dictionary_enabled(column.clone(), false)
        .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED)
}
