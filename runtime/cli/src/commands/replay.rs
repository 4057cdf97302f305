//! `sluicebox replay`: repeats the verdict on one dead letter on this machine, with the transform, configuration and limits of
//! the original verdict.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use sluicebox_delta::dead_letter::{Letter, ReplayContext, Span};
use sluicebox_ledger::Reason;
use sluicebox_pipeline::decoders::Decoders;
use sluicebox_pipeline::redrive::require_within;
use sluicebox_pipeline::source::record_line::RecordLine;
use sluicebox_registry::require_signed;
use sluicebox_sandbox::{Sandbox, Transform};
use sluicebox_settings::{Document, Settings};

use super::dlq::{self, PipelineFile};
use super::document::document;
use super::run::blamed;
use super::transform::{self, load};
use super::r#try;
use crate::cache;
use crate::exit::{Blame as _, Failure, Outcome, Verdict};
use crate::samples::Samples;
use crate::terminal::{self, Paint};
use crate::trial::{Instance, Judgement, Trial};
use crate::visible::visible;

const AFTER_HELP: &str = "\
Examples:
  sluicebox replay orders/3@1200
  sluicebox replay orders/3@1200 --transform .   with the crate in this folder";

/// Repeat the verdict on a dead letter, on this machine, bit for bit
///
/// Takes the transform, configuration and limits of the original verdict. Exit code 0 if stage, code, message and path are the
/// same, 1 if not. With --transform it shows what another transform makes of the record, with the pipeline file's configuration
/// and limits: exit code 0 if the record becomes rows or is filtered, 1 if it is rejected. Writes nothing.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP, allow_missing_positional = true)]
pub(crate) struct Replay {
    #[command(flatten)]
    file: PipelineFile,
    /// The record's position: `topic/partition@offset`
    #[arg(value_name = "POSITION")]
    at: Span,
    /// Another transform: a component, or the folder of its crate
    #[arg(long, value_name = "TRANSFORM")]
    transform: Option<PathBuf>,
}

impl Replay {
    pub(crate) fn run(self) -> Outcome {
        let document = document(&self.file.pipeline)?;
        let sandbox = Sandbox::new().environment("cannot set up the sandbox")?;
        let (letter, component) = dlq::wait(async {
            let letters = dlq::letters(&document).await?;
            let letter = dlq::find(&letters, &self.at).await?.letter;
            // With another transform, that of the verdict is not needed, and may be gone.
            let component = match &self.transform {
                Some(_) => Vec::new(),
                None => {
                    let digest = &letter.summary.transform_digest;
                    let parsed = digest.parse().usage("the letter's transform")?;
                    // The archive is only as trustworthy as the place that it lies in.
                    let signed = require_signed(&document.settings().transform, &parsed).await;
                    signed.map_err(transform::blamed)?;
                    let archive = letters.archive();
                    archive.transform(digest).await.environment("cannot fetch the transform of the verdict")?
                }
            };
            Ok((letter, component))
        })?;
        match &self.transform {
            Some(wasm) => try_other(&document, &letter, wasm),
            None => repeat(&sandbox, &document, &letter, component),
        }
    }
}

/// By the terms that the letter carries.
fn repeat(sandbox: &Sandbox, document: &Document, letter: &Letter, component: Vec<u8>) -> Outcome {
    let summary = &letter.summary;
    let terms = ReplayContext::parse(&letter.replay_context).usage(format!(
        "this version cannot read the configuration and limits of the verdict on {}",
        summary.position()
    ))?;
    require_within(&terms.limits, &document.settings().transform.limits)
        .map_err(|why| Failure::usage(format!("the verdict on {} cannot be repeated: {why}", summary.position())))?;
    let name = Path::new(&summary.transform_digest);
    let transform = sandbox
        .load_bytes(name, component, &terms.limits, cache::compiled().as_ref())
        .usage("the transform of the verdict cannot run here")?;
    let again = judged(document.settings(), &transform, &terms.configuration.to_string(), letter)?;
    show(&again, letter)?;
    if terms.sluicebox != env!("CARGO_PKG_VERSION") {
        let (then, now) = (&terms.sluicebox, env!("CARGO_PKG_VERSION"));
        terminal::tell(format_args!("the verdict is from sluicebox {then}, this replay from {now}"));
    }
    let paint = Paint::stderr();
    match differences(letter, &again) {
        differences if differences.is_empty() => {
            terminal::tell(format_args!("{} the same verdict, bit for bit", paint.good("✓")));
            Ok(Verdict::Good)
        }
        differences => {
            terminal::tell(format_args!("{} another verdict than the one recorded:", paint.bad("✗")));
            differences.iter().for_each(|difference| terminal::tell(format_args!("  {}", visible(difference))));
            Ok(Verdict::Bad)
        }
    }
}

/// By the pipeline's present terms.
fn try_other(document: &Document, letter: &Letter, wasm: &Path) -> Outcome {
    let settings = document.settings();
    let transform = load(wasm, &settings.transform.limits)?;
    let again = judged(settings, &transform, &settings.transform.configuration.to_string(), letter)?;
    show(&again, letter)?;
    Ok(match again {
        Judgement::Rejected(_) => Verdict::Bad,
        _ => Verdict::Good,
    })
}

/// Runs the record alone; where it makes rows, the tables have the last word.
fn judged(
    settings: &Settings,
    transform: &Transform,
    configuration: &str,
    letter: &Letter,
) -> Result<Judgement, Failure> {
    let samples = Samples { records: vec![record(letter)] };
    let trial = Trial { transform, configuration };
    // On a fresh instance: what other records left behind must not count.
    let judgement = trial.judge(&samples, &[], Instance::Fresh)?.pop();
    match judgement.unwrap_or(Judgement::Filtered) {
        rejected @ Judgement::Rejected(_) => Ok(rejected),
        other => Ok(misfit(settings, transform, configuration, &samples)?.map_or(other, Judgement::Rejected)),
    }
}

/// Why the rows of the record do not fit their tables, if they do not.
fn misfit(
    settings: &Settings,
    transform: &Transform,
    configuration: &str,
    samples: &Samples,
) -> Result<Option<Reason>, Failure> {
    let judge = dlq::wait(async { Decoders::of(settings, transform).await.map_err(blamed) })?;
    let mut worker = transform.worker(configuration).usage("the transform cannot be configured")?;
    let mut reasons = Vec::new();
    for batch in samples.batches(&[]) {
        let outcome = worker.process(&batch).environment("the sandbox failed")?;
        reasons.extend(judge.verdicts(&batch, outcome).map_err(blamed)?.reasons);
    }
    Ok(reasons.pop())
}

fn record(letter: &Letter) -> RecordLine {
    let headers = letter.headers.iter().map(|(name, value)| (name.clone().into_bytes(), value.clone()));
    RecordLine {
        topic: Some(letter.summary.partition.topic.to_string()),
        partition: Some(letter.summary.partition.partition),
        offset: Some(letter.summary.offset),
        // Tables keep microseconds, records have milliseconds.
        timestamp: letter.timestamp.map(|micros| micros / 1_000),
        key: letter.key.clone(),
        value: letter.value.clone(),
        headers: headers.collect(),
    }
}

fn show(again: &Judgement, letter: &Letter) -> Result<(), Failure> {
    Ok(writeln!(terminal::stdout(), "{}", r#try::shown(again, letter.summary.offset, Paint::stdout()))?)
}

/// Where the new verdict differs from the recorded one. The backtrace is shown, but not compared: it names places in
/// compiled code, and those belong to the version that compiled it.
fn differences(letter: &Letter, again: &Judgement) -> Vec<String> {
    let summary = &letter.summary;
    let Judgement::Rejected(now) = again else {
        return vec![format!("rejected then ({} {}), not now", summary.stage, summary.code)];
    };
    let none = String::new();
    let pairs = [
        ("stage", summary.stage.as_str(), now.stage.as_str()),
        ("code", &summary.code, &now.code),
        ("message", &summary.message, &now.message),
        ("path", letter.path.as_ref().unwrap_or(&none), now.path.as_ref().unwrap_or(&none)),
    ];
    let differing = pairs.iter().filter(|(_, then, now)| then != now);
    differing.map(|(name, then, now)| format!("{name}: `{then}` then, `{now}` now")).collect()
}
