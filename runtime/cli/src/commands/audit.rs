//! `sluicebox audit`: whether a pipeline's tables hold every record exactly once, shown.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use sluicebox_audit::{AuditReport as Report, PartitionReport, TableReport, audit};

use super::Format;
use super::document::document;
use super::run::blamed;
use crate::exit::{Failure, Outcome, Verdict};
use crate::terminal::{self, Paint, counted, grouped};
use crate::visible::visible;

/// How many violations people get to see.
const SHOWN_MAX: usize = 20;
/// How much of a digest people get to see.
const DIGEST_SHOWN: usize = "sha256:".len() + 12;

const AFTER_HELP: &str = "\
What is proven, what each violation means and the JSON form: docs/audit.md.
Exit codes: 0 every offset is accounted for, 1 violations, 2 usage or settings, 3 a table cannot be read.";

/// Prove from the tables and their logs alone that every offset became rows, was filtered or is a dead letter, once
///
/// Nothing is written, Kafka is not asked, and the pipeline may run meanwhile.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Audit {
    /// The pipeline's YAML file
    #[arg(default_value = "pipeline.yaml")]
    pipeline: PathBuf,
    /// Read the logs only: rows are counted, not looked at
    #[arg(long)]
    quick: bool,
    /// Text for people or JSON for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Audit {
    pub(crate) fn run(self) -> Outcome {
        let report = report(&self.pipeline, !self.quick)?;
        let mut out = terminal::stdout();
        match self.format {
            Format::Text => show(&report, Paint::stdout(), &mut out)?,
            Format::Json => writeln!(out, "{}", serde_json::to_string(&report).map_err(std::io::Error::other)?)?,
        }
        Ok(if report.sound { Verdict::Good } else { Verdict::Bad })
    }
}

/// The audit of the pipeline that a file describes.
pub(super) fn report(pipeline: &Path, reads_positions: bool) -> Result<Report, Failure> {
    let document = document(pipeline)?;
    // As `run` does: the store's client and the log's reader take turns on several threads.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build()?;
    runtime.block_on(audit(document.settings(), reads_positions)).map_err(blamed)
}

fn show(report: &Report, paint: Paint, out: &mut impl Write) -> std::io::Result<()> {
    let read = if report.positions_read { "" } else { "  (rows counted, not looked at: --quick)" };
    match report.sound {
        true => writeln!(out, "{} {}: every offset is accounted for{read}", paint.good("✓"), report.pipeline)?,
        false => {
            let count = counted(report.violations_total as usize, "violation");
            writeln!(out, "{} {}: {count}{read}", paint.bad("✗"), report.pipeline)?;
        }
    }
    for table in &report.tables {
        show_table(table, paint, out)?;
    }
    if !report.notes.is_empty() {
        writeln!(out, "\nnotes")?;
    }
    for note in &report.notes {
        writeln!(out, "  {}: {}", note.table, visible(&note.message))?;
    }
    if !report.sound {
        writeln!(out, "\nviolations")?;
    }
    for violation in report.violations.iter().take(SHOWN_MAX) {
        writeln!(out, "  {} {}", paint.bad(&violation.place), paint.faint(name(&violation.fault)))?;
        writeln!(out, "    {}", visible(&violation.message))?;
    }
    // The total, not the length of the list: the report keeps only the first violations.
    let hidden = report.violations_total.saturating_sub(SHOWN_MAX as u64);
    if hidden > 0 {
        writeln!(out, "  and {} more", grouped(hidden))?;
    }
    Ok(())
}

/// As it is called in the JSON form and in docs/audit.md.
fn name(fault: &impl serde::Serialize) -> String {
    serde_json::to_value(fault).ok().and_then(|name| Some(name.as_str()?.to_owned())).unwrap_or_default()
}

fn show_table(table: &TableReport, paint: Paint, out: &mut impl Write) -> std::io::Result<()> {
    let rows = table.rows.map_or("rows unknown".to_owned(), |rows| counted(rows as usize, "row"));
    let place = paint.faint(&table.location);
    writeln!(out, "\n{}  version {}  {rows}  {place}", paint.strong(&table.table), table.version)?;
    let lines: Vec<[String; 9]> = table.partitions.iter().map(cells).collect();
    let titles = ["partition", "from", "to", "commits", "emitted", "filtered", "rejected", "gaps", "skipped"];
    let width = |column: usize| {
        let cells = lines.iter().map(|line| line[column].chars().count());
        cells.chain([titles[column].len()]).max().unwrap_or_default()
    };
    let mut line = |cells: [&str; 9]| -> std::io::Result<()> {
        write!(out, "  {:width$}", cells[0], width = width(0))?;
        for (column, cell) in cells.iter().enumerate().skip(1) {
            write!(out, "  {cell:>width$}", width = width(column))?;
        }
        writeln!(out)
    };
    line(titles)?;
    for cells in &lines {
        line(cells.each_ref().map(String::as_str))?;
    }
    let mut digests: Vec<&String> = table.partitions.iter().flat_map(|it| &it.transform_digests).collect();
    digests.sort_unstable();
    // It removes neighbours only, hence the sort.
    digests.dedup();
    for digest in digests {
        writeln!(out, "  {}", paint.faint(format!("judged by {}", digest.get(..DIGEST_SHOWN).unwrap_or(digest))))?;
    }
    Ok(())
}

fn cells(partition: &PartitionReport) -> [String; 9] {
    let from = match partition.vouched_below {
        Some(offset) => format!("{} (below: ledger only)", grouped(offset)),
        None => grouped(partition.from),
    };
    [
        format!("{}/{}", partition.topic, partition.partition),
        from,
        grouped(partition.to),
        grouped(partition.commits),
        grouped(partition.counts.emitted),
        grouped(partition.counts.filtered),
        grouped(partition.counts.rejected),
        grouped(partition.gaps),
        grouped(partition.skipped),
    ]
}
