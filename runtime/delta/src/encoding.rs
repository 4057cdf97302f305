//! How columns are written to Parquet: small files at little CPU time. Pure.
//!
//! A dictionary costs one hash look-up per value, about 50 ns, and pays only where values repeat. Text columns get a small
//! one: identifiers overflow it soon and are then written plain. Numbers and times are packed as differences instead, an
//! encoding that every recent reader supports. Figures: docs/adr/0005-parquet.md.

use arrow::datatypes::{DataType, Field, Schema};
use deltalake::DeltaTableError;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

/// Rows in a row group. Encoded rows stay in memory until their group is uploaded, so this bounds memory.
const ROW_GROUP_ROWS_MAX: usize = 256 * 1024;
/// A text column whose distinct values take more than this is written plain.
const DICTIONARY_BYTES_MAX: usize = 64 * 1024;

/// The properties for a table of this schema.
pub(super) fn properties(schema: &Schema) -> Result<WriterProperties, DeltaTableError> {
    let builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS_MAX))
        .set_dictionary_page_size_limit(DICTIONARY_BYTES_MAX)
        // Readers skip whole files by the statistics in the Delta log; statistics per page would cost more than they save.
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_created_by(concat!("sluicebox ", env!("CARGO_PKG_VERSION")).to_owned());
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
