//! The boundary as the component sees it: generated bindings, and moves between their types and the SDK's. Nothing is
//! copied: a vector that crosses is handed on.

use std::sync::OnceLock;

use crate::{Transform, batch, column, description, limits, log::Level, outcome};

mod bindings {
    #![expect(missing_docs, reason = "generated from the WIT, which is documented")]
    wit_bindgen::generate!({
        path: "wit",
        world: "transform",
        pub_export_macro: true,
        export_macro_name: "export_component",
        default_bindings_module: "sluicebox::guest",
    });
}

use bindings::sluicebox::transform::{
    columns::{self, ByteStrings, Strings},
    description as wit_description,
    input::Headers,
    log as wit_log, output, types,
};
pub use bindings::*;

/// Makes a type that implements [`Transform`] the component's exports.
#[doc(hidden)]
#[macro_export]
macro_rules! export_transform {
    ($transform:ident) => {
        const _: () = {
            use $crate::guest;

            static CONFIGURED: ::std::sync::OnceLock<$transform> = ::std::sync::OnceLock::new();
            struct Component;

            impl guest::Guest for Component {
                fn describe() -> guest::Description {
                    guest::describe::<$transform>()
                }
                fn configure(
                    configuration: ::std::string::String,
                    limits: guest::Limits,
                ) -> ::core::result::Result<(), ::std::string::String> {
                    guest::configure(&CONFIGURED, &configuration, limits)
                }
                fn process(batch: guest::Batch) -> guest::Outcome {
                    guest::process(&CONFIGURED, batch)
                }
            }
    guest::export_component!(Component with_types_in $crate::guest);
        };
    };
}

/// Answers `describe`.
#[must_use]
pub fn describe<T: Transform>() -> Description {
    crate::last_words::listen();
    let described = T::describe();
    Description {
        name: described.name,
        version: described.version,
        configuration_schema: described.configuration_schema,
        // The SDK reads the record's bytes itself.
        input_fields: Vec::new(),
        row_format: match described.row_format {
            description::RowFormat::Json => wit_description::RowFormat::Json,
            description::RowFormat::Columns => wit_description::RowFormat::Columns,
        },
        tables: described.tables.into_iter().map(table).collect(),
        properties: described.properties,
    }
}

/// Answers `configure`.
///
/// # Errors
/// Where the configuration does not fit, or came twice.
pub fn configure<T: Transform>(configured: &OnceLock<T>, configuration: &str, limits: Limits) -> Result<(), String> {
    crate::last_words::listen();
    limits::remember(told(limits));
    let transform = T::configure(configuration).map_err(|error| error.to_string())?;
    configured.set(transform).map_err(|_| "an instance is configured once".to_owned())
}

/// Answers `process`.
///
/// # Panics
/// Where `configure` did not come first, as the world demands.
#[must_use]
pub fn process<T: Transform>(configured: &OnceLock<T>, batch: Batch) -> Outcome {
    let transform = configured.get().expect("the host calls `configure` before `process`");
    let outcome = transform.process(&incoming(batch));
    Outcome {
        verdicts: outcome.verdicts,
        rows: outcome.rows.into_iter().map(table_rows).collect(),
        rejections: output::Rejections {
            records: outcome.rejections.records,
            codes: strings(outcome.rejections.codes),
            messages: strings(outcome.rejections.messages),
            paths: strings(outcome.rejections.paths),
        },
    }
}

/// Sends a line to the host's log.
pub fn log(level: Level, message: &str) {
    let level = match level {
        Level::Debug => wit_log::Level::Debug,
        Level::Info => wit_log::Level::Info,
        Level::Warn => wit_log::Level::Warn,
        Level::Error => wit_log::Level::Error,
    };
    wit_log::write(level, message);
}

/// Tells the host why the guest is about to trap.
pub fn last_words(message: &str, record: Option<u32>) {
    wit_log::last_words(message, record);
}

fn told(limits: Limits) -> limits::Limits {
    limits::Limits {
        memory_bytes: limits.memory_bytes,
        call_output_bytes: limits.call_output_bytes,
        record_output_bytes: limits.record_output_bytes,
        record_rows: limits.record_rows,
        record_fuel: limits.record_fuel,
        batch_log_lines: limits.batch_log_lines,
        log_line_bytes: limits.log_line_bytes,
    }
}

fn incoming(batch: Batch) -> batch::Batch {
    let byte_strings =
        |strings: ByteStrings| batch::ByteStrings { data: strings.data, ends: strings.ends, nulls: strings.nulls };
    let Headers { ends, names, values } = batch.headers;
    batch::Batch {
        source: batch.source,
        topic: batch.topic,
        partition: batch.partition,
        offsets: batch.offsets,
        positions: column::Strings { data: batch.positions.data, ends: batch.positions.ends },
        timestamps: batch.timestamps,
        keys: byte_strings(batch.keys),
        values: byte_strings(batch.values),
        headers: batch::Headers { ends, names: byte_strings(names), values: byte_strings(values) },
    }
}

fn table(table: description::Table) -> wit_description::Table {
    let mut fields = Vec::with_capacity(table.fields.len());
    for field in table.fields {
        depth_first(field, &mut fields);
    }
    wit_description::Table {
        name: table.name,
        fields,
        partition_columns: table.partition_columns,
        key_columns: table.key_columns,
        event_time_column: table.event_time_column,
        // No host takes upserts and deletes yet; the SDK will offer them when one does.
        write_mode: wit_description::WriteMode::Append,
        properties: table.properties,
    }
}

/// The world has no recursive types: a list is followed by its item, a struct by its members, a map by key and value.
fn depth_first(field: description::Field, fields: &mut Vec<types::Field>) {
    use description::DataType as From;
    use types::DataType as To;
    let mut inner = Vec::new();
    let data_type = match field.data_type {
        From::Boolean => To::Boolean,
        From::Int32 => To::Int32,
        From::Int64 => To::Int64,
        From::Float32 => To::Float32,
        From::Float64 => To::Float64,
        From::Decimal { precision, scale } => To::Decimal(types::DecimalType { precision, scale }),
        From::Utf8 => To::Utf8,
        From::Binary => To::Binary,
        From::Date => To::Date,
        From::Timestamp => To::Timestamp,
        From::TimestampNtz => To::TimestampNtz,
        From::List(item) => {
            inner.push(*item);
            To::ListOf
        }
        From::Struct(members) => {
            inner = members;
            To::StructOf(inner.len() as u32)
        }
        From::Map { key, value } => {
            inner = vec![*key, *value];
            To::MapOf
        }
    };
    fields.push(types::Field { name: field.name, data_type, nullable: field.nullable, properties: field.properties });
    for field in inner {
        depth_first(field, fields);
    }
}

fn table_rows(rows: outcome::TableRows) -> output::TableRows {
    let outcome::TableRows { table, records, rows } = rows;
    let rows = match rows {
        outcome::Rows::Json(objects) => {
            output::Rows::Json(ByteStrings { data: objects.data, ends: objects.ends, nulls: Vec::new() })
        }
        outcome::Rows::Columns(columns) => output::Rows::Columns(columns.into_iter().map(column).collect()),
    };
    output::TableRows { table, records, operations: Vec::new(), rows }
}

fn column(column: column::Column) -> columns::Column {
    use column::Values as From;
    use columns::Values as To;
    let values = match column.values {
        From::Boolean(values) => To::Boolean(values),
        From::Int32(values) => To::Int32(values),
        From::Int64(values) => To::Int64(values),
        From::Float32(values) => To::Float32(values),
        From::Float64(values) => To::Float64(values),
        From::Decimal(values) => To::Decimal(values),
        From::Utf8(values) => To::Utf8(strings(values)),
        From::Binary(values) => To::Binary(strings(values)),
        From::Date(values) => To::Date(values),
        From::Timestamp(values) => To::Timestamp(values),
        From::TimestampNtz(values) => To::TimestampNtz(values),
        From::List(ends) => To::ListOf(ends),
        From::Struct(slots) => To::StructOf(slots),
        From::Map(ends) => To::MapOf(ends),
    };
    columns::Column { values, nulls: column.nulls }
}

fn strings(strings: column::Strings) -> Strings {
    Strings { data: strings.data, ends: strings.ends }
}
