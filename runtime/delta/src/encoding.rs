//! How columns are written to Parquet: small files at little CPU time. Pure.
//!
//! A dictionary costs one hash look-up per value, about 50 ns, and pays only where values repeat. Text columns get a small
//! one: identifiers overflow it soon and are then written plain. Numbers and times are packed as differences instead, an
//! encoding that every recent reader supports. Figures: docs/adr/0005-parquet.md.

use arrow::datatypes::{DataType, Field, Schema};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{DEFAULT_CREATED_BY, EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

/// Rows in a row group.
const ROW_GROUP_ROWS_MAX: usize = 256 * 1024;
/// Encoded bytes of a row group. They stay in memory until the group is complete, so this bounds memory.
const ROW_GROUP_BYTES_MAX: usize = 32 << 20;
/// A text column whose distinct values take more than this is written plain.
const DICTIONARY_BYTES_MAX: usize = 64 * 1024;

/// The properties for a table of this schema.
pub(super) fn properties(schema: &Schema) -> Result<WriterProperties, ParquetError> {
    let builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS_MAX))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES_MAX))
        .set_dictionary_page_size_limit(DICTIONARY_BYTES_MAX)
        // Readers skip whole files by the statistics in the Delta log; statistics per page would cost more than they save.
        .set_statistics_enabled(EnabledStatistics::Chunk)
        // Readers in Java ignore the statistics of a writer whose name and version they cannot parse.
        .set_created_by(format!("{DEFAULT_CREATED_BY} (build sluicebox-{})", env!("CARGO_PKG_VERSION")));
    Ok(schema.fields().iter().fold(builder, |builder, field| encode(builder, field)).build())
}

fn encode(builder: WriterPropertiesBuilder, field: &Field) -> WriterPropertiesBuilder {
    let column = ColumnPath::from(field.name().as_str());
    match field.data_type() {
        DataType::Int32 | DataType::Int64 | DataType::Date32 | DataType::Timestamp(..) => packed(builder, column),
        // Parquet holds a decimal of up to 18 digits as an integer.
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
