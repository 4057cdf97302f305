//! `sluicebox try`: the verdicts of a transform on sample records, one by one.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use sluicebox_sandbox::Limits;

use super::LineFormat;
use super::document::document;
use super::transform::{configuration, load};
use crate::exit::{Failure, Outcome, Verdict};
use crate::samples::{Lines, Samples};
use crate::terminal::{self, Paint, counted, grouped};
use crate::trial::{Instance, Judgement, Tally, Trial};
use crate::visible::visible;

const AFTER_HELP: &str = "\
Examples:
  sluicebox try . sample.jsonl --pipeline pipeline.yaml
  echo '{\"id\": \"o-1\", \"amount\": 5}' | sluicebox try . --raw";

/// Run a transform on sample records and show each verdict
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Try {
    /// The component, or the folder of its crate
    transform: PathBuf,
    /// A file of records, one a line: `{"value": …}`, with key, headers and timestamp if you like; `-` is standard input
    #[arg(default_value = "-")]
    records: PathBuf,
    /// Take each line as a value instead of a record
    #[arg(long)]
    raw: bool,
    /// Take the transform's configuration and limits from this pipeline file
    #[arg(long, value_name = "FILE", conflicts_with = "configuration")]
    pipeline: Option<PathBuf>,
    /// The transform's configuration: a JSON object
    #[arg(long, value_name = "JSON", default_value = "{}")]
    configuration: String,
    /// Text for people or JSON for programs
    #[arg(long, value_enum, default_value_t)]
    format: LineFormat,
}

impl Try {
    pub(crate) fn run(self) -> Outcome {
        let (configuration, limits) = self.conditions()?;
        let samples = Samples::read(&self.records, if self.raw { Lines::Values } else { Lines::Records })?;
        let transform = load(&self.transform, &limits)?;
        let judgements =
            Trial { transform: &transform, configuration: &configuration }.judge(&samples, &[], Instance::Reused)?;
        let mut stdout = terminal::stdout();
        for (index, judgement) in judgements.iter().enumerate() {
            let offset = samples.position(index).offset;
            match self.format {
                LineFormat::Text => writeln!(stdout, "{}", shown(judgement, offset, Paint::stdout()))?,
                LineFormat::Jsonl => writeln!(stdout, "{}", full_line(judgement, offset))?,
            }
        }
        summarise(&judgements);
        Ok(Verdict::Good)
    }
}

impl Try {
    /// The transform's configuration and limits.
    fn conditions(&self) -> Result<(String, Limits), Failure> {
        let Some(pipeline) = &self.pipeline else {
            return Ok((configuration(&self.configuration)?, Limits::default()));
        };
        let transform = document(pipeline)?.into_settings().transform;
        Ok((transform.configuration.to_string(), transform.limits))
    }
}

/// The judgement for people: one line, and further ones for further rows.
pub(super) fn shown(judgement: &Judgement, offset: i64, paint: Paint) -> String {
    match judgement {
        Judgement::Filtered => format!("{offset:>6} {} filtered", paint.faint("∅")),
        Judgement::Rejected(reason) => {
            let at = reason.path.as_ref().map(|path| format!(" @{}", visible(path))).unwrap_or_default();
            let head = format!(
                "{offset:>6} {} {}: {}{at}",
                paint.bad("✗"),
                paint.strong(visible(&reason.code)),
                visible(&reason.message)
            );
            let frames = reason.backtrace.iter().flat_map(|trace| trace.lines());
            frames.fold(head, |text, frame| format!("{text}\n         {}", paint.faint(visible(frame))))
        }
        Judgement::Rows(tables) => {
            let rows = tables.iter().flat_map(|(table, rows)| rows.iter().map(move |row| (table, row)));
            let lines = rows.enumerate().map(|(index, (table, row))| {
                let head = if index == 0 { format!("{offset:>6} {}", paint.good("✓")) } else { " ".repeat(8) };
                format!("{head} {} {}", paint.faint(visible(table)), visible(&row.to_string()))
            });
            lines.collect::<Vec<_>>().join("\n")
        }
    }
}

/// The judgement for programs, with the message and backtrace that expected results leave out.
fn full_line(judgement: &Judgement, offset: i64) -> String {
    let Judgement::Rejected(reason) = judgement else { return judgement.line(offset) };
    json!({ "offset": offset, "rejected": {
        "stage": reason.stage.as_str(),
        "code": reason.code,
        "message": reason.message,
        "path": reason.path,
        "backtrace": reason.backtrace,
    }})
    .to_string()
}

fn summarise(judgements: &[Judgement]) {
    let Tally { records, rows, filtered, rejected } = Tally::of(judgements);
    terminal::tell(format_args!(
        "{} · {} · {} filtered · {} rejected",
        counted(records, "record"),
        counted(rows, "row"),
        grouped(filtered),
        grouped(rejected)
    ));
}
