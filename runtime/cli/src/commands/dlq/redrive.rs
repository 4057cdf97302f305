//! `sluicebox dlq redrive`: dead letters through another transform, or the same one with other settings, into the tables.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use sluicebox_pipeline::redrive::{CHUNK_LETTERS_MAX, RedriveReport, Redriver};
use sluicebox_sandbox::Sandbox;

use super::selection::{Choice, StatusChoice};
use super::{PipelineFile, document, wait};
use crate::cache;
use crate::commands::Format;
use crate::commands::run::blamed;
use crate::commands::transform::of_pipeline;
use crate::exit::{Blame as _, Failure, Outcome, Verdict};
use crate::terminal::{Paint, counted, grouped};

/// Bring dead letters into the tables after all, each exactly once
///
/// The selected open letters are judged by the pipeline's transform, or by another one, under the pipeline file's present
/// configuration and limits. Those that make rows are in the tables afterwards and are `redriven`; those that are filtered
/// are `redriven` without rows; those that are rejected again stay open, with their new reason. It may run beside the
/// pipeline, be killed at any moment and be repeated: what was begun is finished first. Exit code 1 if letters were
/// rejected again.
#[derive(Debug, Args)]
pub(crate) struct Redrive {
    #[command(flatten)]
    file: PipelineFile,
    #[command(flatten)]
    choice: Choice,
    /// The transform to judge by, instead of the pipeline's
    #[arg(long, value_name = "WASM")]
    transform: Option<PathBuf>,
    /// Only say what would become of them
    #[arg(long)]
    dry_run: bool,
    /// How to show the outcome
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Redrive {
    pub(crate) fn run(self) -> Outcome {
        let document = document(&self.file.pipeline)?;
        let settings = document.settings();
        let sandbox = Sandbox::new().environment("the sandbox cannot be set up")?;
        let cache = cache::compiled();
        let transform = match &self.transform {
            Some(wasm) => sandbox
                .load(wasm, &settings.transform.limits, cache.as_ref())
                .map_err(|error| Failure::Usage(error.into()))?,
            None => wait(async { of_pipeline(settings, &sandbox, cache.as_ref()).await })?,
        };
        let redriver = Redriver {
            settings,
            transform: &transform,
            sandbox: &sandbox,
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
            Format::Json => writeln!(std::io::stdout(), "{}", as_json(&report, self.dry_run))?,
        }
        Ok(if report.rejected.is_empty() { Verdict::Good } else { Verdict::Bad })
    }

    fn show(&self, report: &RedriveReport) -> Result<(), Failure> {
        let (mut out, paint) = (std::io::stdout().lock(), Paint::stdout());
        if !report.finished.is_empty() {
            let word = if self.dry_run { "to be finished first" } else { "finished first" };
            writeln!(out, "{} of before, {word}", counted(report.finished.len(), "unfinished redrive"))?;
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
    })
}
