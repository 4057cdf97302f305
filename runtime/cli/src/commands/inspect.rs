//! `sluicebox inspect`: what a component says of itself, and what it asks for.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use sluicebox_sandbox::{Field, Limits, RowFormat, Table, Transform};

use super::Format;
use super::transform::load;
use crate::exit::{Failure, Outcome, Verdict};
use crate::terminal::{self, Paint, grouped, size};
use crate::visible::visible;

/// Show a transform's tables, imports, exports, size, digest and limits
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The component, or the folder of its crate
    transform: PathBuf,
    /// Text for people or JSON for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Inspect {
    pub(crate) fn run(self) -> Outcome {
        let transform = load(&self.transform, &Limits::default())?;
        match self.format {
            Format::Text => show(&transform, Paint::stdout())?,
            Format::Json => writeln!(terminal::stdout(), "{}", as_json(&transform))?,
        }
        Ok(Verdict::Good)
    }
}

fn show(transform: &Transform, paint: Paint) -> Result<(), Failure> {
    let mut out = terminal::stdout();
    let description = transform.description();
    writeln!(out, "{} {}", paint.strong(visible(&description.name)), visible(&description.version))?;
    writeln!(out, "  digest         {}", transform.digest())?;
    writeln!(out, "  size           {}", size(transform.size_bytes() as u64))?;
    writeln!(out, "  imports        {}", listed(transform.imports()))?;
    writeln!(out, "  exports        {}", listed(transform.exports()))?;
    writeln!(out, "  rows           {}", row_format(description.row_format))?;
    writeln!(out, "  configuration  {}", visible(description.configuration_schema.as_deref().unwrap_or("no schema")))?;
    for table in &description.tables {
        let partitions = match table.partition_columns.as_slice() {
            [] => String::new(),
            columns => format!("  partitioned by {}", columns.join(", ")),
        };
        writeln!(out, "  table {}{}", paint.strong(visible(&table.name)), paint.faint(visible(&partitions)))?;
        let width = table.fields.iter().map(|field| field.name.len()).max().unwrap_or(0);
        for field in &table.fields {
            writeln!(out, "    {:width$}  {}", visible(&field.name), visible(&field.to_string()))?;
        }
    }
    writeln!(out, "  limits")?;
    for (name, value) in limits(transform.limits()) {
        writeln!(out, "    {name:<24} {value}")?;
    }
    Ok(())
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { visible(&names.join(", ")).into_owned() }
}

fn row_format(format: RowFormat) -> &'static str {
    match format {
        RowFormat::Json => "json",
        RowFormat::Columns => "columns",
    }
}

fn limits(limits: &Limits) -> Vec<(&'static str, String)> {
    vec![
        ("record_fuel_max", grouped(limits.record_fuel_max)),
        ("call_duration_max", format!("{} ms", limits.call_duration_max.as_millis())),
        ("memory_bytes_max", size(limits.memory_bytes_max)),
        ("stack_bytes_max", size(limits.stack_bytes_max)),
        ("record_output_bytes_max", size(limits.record_output_bytes_max)),
        ("batch_output_bytes_max", size(limits.batch_output_bytes_max)),
        ("record_rows_max", grouped(limits.record_rows_max)),
        ("batch_log_lines_max", grouped(limits.batch_log_lines_max)),
        ("log_line_bytes_max", size(limits.log_line_bytes_max)),
        ("module_bytes_max", size(limits.module_bytes_max)),
    ]
}

fn as_json(transform: &Transform) -> Value {
    let description = transform.description();
    let limits = transform.limits();
    let schema = description.configuration_schema.as_deref();
    json!({
        "name": description.name,
        "version": description.version,
        "digest": transform.digest().to_string(),
        "size_bytes": transform.size_bytes(),
        "imports": transform.imports(),
        "exports": transform.exports(),
        "row_format": row_format(description.row_format),
        "configuration_schema": schema.map(|text| serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))),
        "tables": description.tables.iter().map(table_as_json).collect::<Vec<_>>(),
        "limits": {
            "record_fuel_max": limits.record_fuel_max,
            "call_duration_max_ms": limits.call_duration_max.as_millis() as u64,
            "memory_bytes_max": limits.memory_bytes_max,
            "stack_bytes_max": limits.stack_bytes_max,
            "record_output_bytes_max": limits.record_output_bytes_max,
            "batch_output_bytes_max": limits.batch_output_bytes_max,
            "record_rows_max": limits.record_rows_max,
            "batch_log_lines_max": limits.batch_log_lines_max,
            "log_line_bytes_max": limits.log_line_bytes_max,
            "module_bytes_max": limits.module_bytes_max,
        },
    })
}

fn table_as_json(table: &Table) -> Value {
    let field =
        |field: &Field| json!({ "name": field.name, "type": field.data_type.to_string(), "nullable": field.nullable });
    json!({
        "name": table.name,
        "fields": table.fields.iter().map(field).collect::<Vec<_>>(),
        "partition_columns": table.partition_columns,
    })
}
