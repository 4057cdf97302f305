//! `sluicebox diff`: what changes for the tables from one transform to another.

use std::io::Write as _;

use clap::Args;
use sluicebox_registry::difference::{Difference, TableChange, TableDifference};

use super::Whence;
use crate::commands::Format;
use crate::commands::dlq::wait;
use crate::exit::{Failure, Outcome, Verdict};
use crate::terminal::{self, Paint};
use crate::visible::visible;

/// Show what changes for the tables from one transform to another
///
/// Exit code 1 if tables of the first would refuse the second, or if the pipeline file has to change first.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The transform that the tables were made for: `orders@prod`, `orders@sha256:…`; with the registry before it or in --registry
    from: String,
    /// The transform that would write to them
    to: String,
    #[command(flatten)]
    whence: Whence,
    /// Text for people or JSON for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Diff {
    pub(crate) fn run(self) -> Outcome {
        let difference = wait(async {
            let (_, from) = self.whence.find(&self.from, None).await?;
            let (_, to) = self.whence.find(&self.to, None).await?;
            Difference::between(&from.manifest, &to.manifest).map_err(Failure::usage)
        })?;
        match self.format {
            Format::Text => show(&difference)?,
            Format::Json => {
                let report = serde_json::json!({ "is_taken": difference.is_taken(), "tables": difference.tables });
                writeln!(terminal::stdout(), "{report}")?;
            }
        }
        Ok(if difference.is_taken() { Verdict::Good } else { Verdict::Bad })
    }
}

fn show(difference: &Difference) -> Result<(), Failure> {
    let (paint, mut out) = (Paint::stdout(), terminal::stdout());
    if difference.tables.is_empty() {
        writeln!(out, "{} nothing changes for the tables", paint.good("✓"))?;
    }
    for TableDifference { table, changes, refusals } in &difference.tables {
        writeln!(out, "table {}", paint.strong(visible(table)))?;
        for change in changes {
            writeln!(out, "  {}", visible(&words(change)))?;
        }
        match refusals.is_empty() {
            true => writeln!(out, "  {} live tables take it", paint.good("✓"))?,
            false => writeln!(out, "  {} live tables refuse it:", paint.bad("✗"))?,
        }
        for refusal in refusals {
            writeln!(out, "    {refusal}")?;
        }
    }
    Ok(())
}

fn words(change: &TableChange) -> String {
    let listed = |columns: &[String]| format!("[{}]", columns.join(", "));
    match change {
        TableChange::TableAdded => "+ the table".to_owned(),
        TableChange::TableRemoved => "- the table".to_owned(),
        TableChange::ColumnAdded { column, to } => format!("+ {column}  {to}"),
        TableChange::ColumnRemoved { column, from } => format!("- {column}  {from}"),
        TableChange::ColumnChanged { column, from, to } => format!("~ {column}  {from} → {to}"),
        TableChange::PartitionsChanged { from, to } => format!("~ partitioned by {} → {}", listed(from), listed(to)),
    }
}
