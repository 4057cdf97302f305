//! `sluicebox test`: compares the verdicts on every case with the expected ones, and checks that the transform is a pure
//! function.

mod case;
mod purity;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use serde_json::json;
use sluicebox_sandbox::{Limits, Transform};

use self::case::{Case, Expectation, Mismatch};
use super::Format;
use super::transform::load;
use crate::exit::{Failure, Outcome, Verdict};
use crate::terminal::{self, Paint, counted};
use crate::trial::{Instance, Judgement, Tally, Trial};

const AFTER_HELP: &str = "\
Examples:
  sluicebox test
  sluicebox test --case refunds --update";

/// Test a transform on its cases, and that it is a pure function
///
/// A case is a folder `cases/<case>/` with `input.jsonl` (one record a line), `expected.jsonl` (one verdict a line, in the
/// same order) and, for a transform with settings, `configuration.json` (a JSON object). A verdict is
/// `{"rows": {"<table>": [{…}]}}`, `{"filtered": true}` or `{"rejected": {"code": "…"}}`. Each case also runs record by record
/// and in other splits: a transform that carries anything from one record to the next fails as "not a pure function".
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Test {
    /// The folder of the transform's crate, which is built first, or a component
    #[arg(default_value = ".")]
    transform: PathBuf,
    /// The folder of the cases [default: `cases` in the crate's folder, or beside the component]
    #[arg(long, value_name = "DIR")]
    cases: Option<PathBuf>,
    /// Run only the cases whose name contains this
    #[arg(long, value_name = "NAME")]
    case: Option<String>,
    /// Write the present verdicts as the expected ones
    #[arg(long)]
    update: bool,
    /// Text for people or JSON for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Test {
    pub(crate) fn run(self) -> Outcome {
        let folder = self.cases.clone().unwrap_or_else(|| cases_folder(&self.transform));
        let expectation = if self.update { Expectation::Written } else { Expectation::Needed };
        let cases = Case::find(&folder, self.case.as_deref(), expectation)?;
        let build_started = Instant::now();
        let transform = load(&self.transform, &Limits::default())?;
        let build_seconds = build_started.elapsed().as_secs_f64();
        let started = Instant::now();
        let mut stdout = terminal::stdout();
        let mut failed = 0;
        for case in &cases {
            let report = examine(case, &transform, self.update)?;
            // Counted, not returned: the other cases are tried, too.
            failed += usize::from(!report.is_good());
            if self.format == Format::Text {
                write!(stdout, "{}", report.shown(case, &self.update_command(case), Paint::stdout()))?;
            }
        }
        let passed = cases.len() - failed;
        let seconds = started.elapsed().as_secs_f64();
        match self.format {
            Format::Text => {
                let built = if self.transform.is_dir() { "built" } else { "loaded" };
                writeln!(
                    stdout,
                    "{passed} passed · {failed} failed · {seconds:.2} s, {built} in {build_seconds:.1} s"
                )?;
            }
            Format::Json => {
                let all =
                    json!({ "passed": passed, "failed": failed, "seconds": seconds, "build_seconds": build_seconds });
                writeln!(stdout, "{all}")?;
            }
        }
        Ok(if failed == 0 { Verdict::Good } else { Verdict::Bad })
    }
}

impl Test {
    /// The command line that accepts a case: this one, with `--update`.
    fn update_command(&self, case: &Case) -> String {
        let mut command = String::from("sluicebox test");
        if self.transform != Path::new(".") {
            command += &format!(" {}", self.transform.display());
        }
        if let Some(cases) = &self.cases {
            command += &format!(" --cases {}", cases.display());
        }
        format!("{command} --update --case {}", case.name)
    }
}

fn cases_folder(transform: &Path) -> PathBuf {
    let crate_folder = if transform.is_dir() { Some(transform) } else { transform.parent() };
    crate_folder.unwrap_or(Path::new("")).join("cases")
}

/// The result of one case.
struct Report {
    tally: Tally,
    mismatches: Vec<Mismatch>,
    impurity: Option<String>,
    is_updated: bool,
}

fn examine(case: &Case, transform: &Transform, update: bool) -> Result<Report, Failure> {
    let trial = Trial { transform, configuration: &case.configuration };
    let judgements = trial.judge(&case.samples, &[], Instance::Reused);
    let judgements = judgements.map_err(|failure| case.with_configuration_file(failure))?;
    let impurity = purity::first_impurity(
        |cuts: &[usize], instance| trial.judge(&case.samples, cuts, instance),
        &case.samples,
        &judgements,
    )?;
    // `update` comes last because it writes: the verdicts of an impure transform must not become expectations.
    let is_updated = update && impurity.is_none() && case.update(&judgements)?;
    let mismatches = if update { Vec::new() } else { case.mismatches(&judgements)? };
    Ok(Report { tally: Tally::of(&judgements), mismatches, impurity, is_updated })
}

impl Report {
    fn is_good(&self) -> bool {
        self.mismatches.is_empty() && self.impurity.is_none()
    }

    fn shown(&self, case: &Case, update_command: &str, paint: Paint) -> String {
        let Tally { records, rows, filtered, rejected } = self.tally;
        let counts = format!(
            "{} · {} · {filtered} filtered · {rejected} rejected",
            counted(records, "record"),
            counted(rows, "row")
        );
        let mark = if self.is_good() { paint.good("✓") } else { paint.bad("✗") };
        let updated = if self.is_updated { "  expected.jsonl rewritten" } else { "" };
        let mut text = format!("{mark} {:<24} {}{updated}\n", case.name, paint.faint(counts));
        if let Some(impurity) = &self.impurity {
            text.push_str(&format!("    {}: {impurity}\n", paint.strong("not a pure function")));
        }
        for mismatch in self.mismatches.iter().take(case::MISMATCHES_SHOWN_MAX) {
            text.push_str(&mismatch.shown(paint));
        }
        let more = self.mismatches.len().saturating_sub(case::MISMATCHES_SHOWN_MAX);
        if more > 0 {
            text.push_str(&format!("    and {more} more\n"));
        }
        if !self.mismatches.is_empty() {
            text.push_str(&format!("    accept: {update_command}\n"));
        }
        text
    }
}

/// The judgements as lines of expected results.
fn expected_text(case: &Case, judgements: &[Judgement]) -> String {
    let lines = judgements.iter().enumerate();
    lines.map(|(index, judgement)| judgement.line(case.samples.position(index).offset) + "\n").collect()
}
