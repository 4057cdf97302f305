//! `sluicebox dlq redrive`: runs dead letters through a transform once more, and their rows into the tables.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use sluicebox_console::visible::visible;
use sluicebox_pipeline::redrive::{CHUNK_LETTERS_MAX, RedriveReport, Redriver};
use sluicebox_registry::{KeysOf, require_signed};
use sluicebox_sandbox::Sandbox;

use super::selection::{Choice, StatusChoice};
use super::{PipelineFile, document, wait};
use crate::cache;
use crate::commands::Format;
use crate::commands::run::blamed;
use crate::commands::transform::{blamed as transform_blamed, load, of_pipeline};
use crate::exit::{Blame as _, Failure, Outcome, Verdict};
use crate::terminal::{self, Paint, counted, grouped};

const AFTER_HELP: &str = "\
Examples:
  sluicebox dlq redrive --code missing_field --transform . --dry-run
  sluicebox dlq redrive --at orders/3@1200-1300";

/// Reprocess dead letters: their rows go into the tables, exactly once
///
/// The pipeline's transform, or another one, gets the selected open letters with the pipeline file's present configuration and
/// limits. Letters that become rows or are filtered are `redriven` afterwards; letters that are rejected again stay open with
/// their new reason. A redrive can run beside the pipeline, be killed at any moment and be repeated: it first finishes what the
/// last one began. Exit code 1 if letters are rejected again.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Redrive {
    #[command(flatten)]
    file: PipelineFile,
    #[command(flatten)]
    choice: Choice,
    /// A component, or the folder of its crate, instead of the pipeline's transform
    #[arg(long, value_name = "TRANSFORM")]
    transform: Option<PathBuf>,
    /// Show the outcome without writing anything
    #[arg(long)]
    dry_run: bool,
    /// Text for people or JSON for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Redrive {
    pub(crate) fn run(self) -> Outcome {
        let document = document(&self.file.pipeline)?;
        let settings = document.settings();
        let sandbox = Sandbox::new().environment("cannot set up the sandbox")?;
        let cache = cache::compiled();
        let transform = match &self.transform {
            Some(wasm) => load(wasm, &settings.transform.limits)?,
            None => wait(async { of_pipeline(settings, &sandbox, cache.as_ref()).await })?,
        };
        wait(async { require_signed(&settings.transform, transform.digest()).await.map_err(transform_blamed) })?;
        let redriver = Redriver {
            settings,
            transform: &transform,
            sandbox: &sandbox,
            trust: &KeysOf(&settings.transform),
            cache: cache.as_ref(),
            chunk_letters_max: CHUNK_LETTERS_MAX,
        };
        let selection = self.choice.selection(StatusChoice::Open);
        let report = wait(async {
            match self.dry_run {
                true => redriver.rehearse(&selection).await.map_err(blamed),
                false => redriver.redrive(&selection).await.map_err(blamed),
            }
        })?;
        match self.format {
            Format::Text => self.show(&report)?,
            Format::Json => writeln!(terminal::stdout(), "{}", as_json(&report, self.dry_run))?,
        }
        let is_good = report.rejected.is_empty() && report.refused.is_empty();
        Ok(if is_good { Verdict::Good } else { Verdict::Bad })
    }

    fn show(&self, report: &RedriveReport) -> Result<(), Failure> {
        let (mut out, paint) = (terminal::stdout(), Paint::stdout());
        if !report.finished.is_empty() {
            let word = if self.dry_run { "to be finished first" } else { "finished first" };
            writeln!(out, "{} of before, {word}", counted(report.finished.len(), "unfinished redrive"))?;
        }
        for (id, why) in &report.refused {
            writeln!(out, "redrive {id} is left unfinished: {}", paint.bad(visible(why)))?;
        }
        writeln!(
            out,
            "{} selected · {} {} ({}) · {} filtered · {} rejected again",
            grouped(report.selected),
            grouped(report.redriven),
            if self.dry_run { "would be redriven" } else { "redriven" },
            counted(report.rows as usize, "row"),
            grouped(report.filtered),
            grouped(report.rejected_count()),
        )?;
        for ((stage, code), count) in &report.rejected {
            writeln!(out, "{:>9}  {stage}  {}", grouped(count), paint.bad(code))?;
        }
        Ok(())
    }
}

fn as_json(report: &RedriveReport, dry_run: bool) -> Value {
    let rejected = report
        .rejected
        .iter()
        .map(|((stage, code), count)| json!({ "stage": stage.as_str(), "code": code, "count": count }));
    json!({
        "dry_run": dry_run,
        "selected": report.selected,
        "redriven": report.redriven,
        "rows": report.rows,
        "filtered": report.filtered,
        "rejected": rejected.collect::<Vec<_>>(),
        "finished": report.finished,
        "refused": report.refused,
    })
}
