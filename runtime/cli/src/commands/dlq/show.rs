//! `sluicebox dlq show`: all that is known of one dead letter.

use std::io::Write as _;

use clap::Args;
use serde_json::{Value, json};
use sluicebox_pipeline::dead_letter::{Found, Letter, Selection, Span, Terms};

use super::mask::Payloads;
use super::{PipelineFile, document, letters, moment, wait};
use crate::commands::Format;
use crate::commands::run::blamed;
use crate::exit::{Failure, Outcome, Verdict};
use crate::terminal::Paint;

/// Show one dead letter: reason, guest backtrace, transform, and key, value and headers masked
#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
pub(crate) struct Show {
    #[command(flatten)]
    file: PipelineFile,
    /// Where the record stands: `topic/partition@offset`
    #[arg(value_name = "POSITION")]
    at: Span,
    /// Show key, value, headers and the transform's configuration as they are
    #[arg(long)]
    payload: bool,
    /// How to show it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Show {
    pub(crate) fn run(self) -> Outcome {
        let document = document(&self.file.pipeline)?;
        let Found { letter, others } = wait(async {
            let letters = letters(&document).await?;
            find(&letters, &self.at).await
        })?;
        let payloads = if self.payload { Payloads::Shown } else { Payloads::Masked };
        match self.format {
            Format::Text => {
                show(&letter, payloads)?;
                let (file, at) = (self.file.pipeline.display(), letter.headline.position());
                eprintln!("judge it again: `sluicebox replay {file} {at}`");
            }
            Format::Json => writeln!(std::io::stdout(), "{}", as_json(&letter, payloads))?,
        }
        if others > 0 {
            eprintln!("{others} more at this position, rejected earlier: the topic was made anew");
        }
        Ok(Verdict::Good)
    }
}

/// The one dead letter at a position, whatever its status.
pub(in crate::commands) async fn find(
    letters: &sluicebox_pipeline::dead_letter::Letters,
    at: &Span,
) -> Result<Found, Failure> {
    let position = format!("{}@{}", at.partition, at.first);
    if at.first != at.last {
        return Err(Failure::usage(format!("give one position, such as {position}")));
    }
    let selection = Selection { spans: vec![at.clone()], ..Selection::default() };
    let found = letters.find(&selection).await.map_err(blamed)?;
    found.ok_or_else(|| Failure::usage(format!("there is no dead letter at {position} in {}", letters.location())))
}

fn show(letter: &Letter, payloads: Payloads) -> Result<(), Failure> {
    let (mut out, paint) = (std::io::stdout().lock(), Paint::stdout());
    let headline = &letter.headline;
    writeln!(out, "{}  {}", paint.strong(headline.position()), headline.status)?;
    let at = letter.path.as_ref().map(|path| format!(" @{path}")).unwrap_or_default();
    writeln!(out, "  {} {}: {}{at}", headline.stage, paint.bad(&headline.code), headline.message)?;
    for frame in letter.backtrace.iter().flat_map(|trace| trace.lines()) {
        writeln!(out, "    {}", paint.faint(frame))?;
    }
    let mut field = |name: &str, value: &str| writeln!(out, "  {name:<14} {value}");
    field("rejected", &moment(headline.rejected_at))?;
    field("attempts", &headline.attempts.to_string())?;
    if let Some(resolved_at) = letter.resolved_at {
        field("resolved", &moment(resolved_at))?;
    }
    if let Some(resolution) = &headline.resolution {
        field("resolution", resolution)?;
    }
    field("timestamp", &letter.timestamp.map_or_else(|| "none".to_owned(), moment))?;
    field("key", &payloads.text(letter.key.as_deref()))?;
    field("value", &payloads.text(letter.value.as_deref()))?;
    for (name, value) in &letter.headers {
        field("header", &format!("{name}: {}", payloads.text(value.as_deref())))?;
    }
    field("transform", &format!("{} {}", letter.transform_name, letter.transform_version))?;
    field("digest", &headline.transform_digest)?;
    match Terms::parse(&letter.judged_under) {
        Ok(terms) => {
            let configuration = terms.configuration.to_string();
            field("configuration", &payloads.text(Some(configuration.as_bytes())))?;
            field("limits", &serde_json::to_string(&terms.limits).unwrap_or_default())?;
            field("judged by", &format!("sluicebox {}", terms.sluicebox))?;
        }
        Err(error) => field("judged under", &format!("not readable: {error}"))?,
    }
    field("pipeline", &headline.pipeline)?;
    field("correlation", &letter.correlation_id)?;
    Ok(())
}

fn as_json(letter: &Letter, payloads: Payloads) -> Value {
    let headline = &letter.headline;
    let header = |(name, value): &(String, Option<Vec<u8>>)| json!([name, payloads.value(value.as_deref())]);
    let terms = Terms::parse(&letter.judged_under).ok();
    json!({
        "topic": &*headline.partition.topic,
        "partition": headline.partition.partition,
        "offset": headline.offset,
        "timestamp": letter.timestamp.map(moment),
        "key": payloads.value(letter.key.as_deref()),
        "value": payloads.value(letter.value.as_deref()),
        "headers": letter.headers.iter().map(header).collect::<Vec<_>>(),
        "stage": headline.stage.as_str(),
        "code": headline.code,
        "message": headline.message,
        "path": letter.path,
        "backtrace": letter.backtrace,
        "transform_name": letter.transform_name,
        "transform_version": letter.transform_version,
        "transform_digest": headline.transform_digest,
        "configuration": terms.as_ref().map(|terms| match payloads {
            Payloads::Shown => terms.configuration.clone(),
            Payloads::Masked => payloads.value(Some(terms.configuration.to_string().as_bytes())),
        }),
        "limits": terms.as_ref().map(|terms| &terms.limits),
        "sluicebox": terms.as_ref().map(|terms| &terms.sluicebox),
        "correlation_id": letter.correlation_id,
        "pipeline": headline.pipeline,
        "rejected_at": moment(headline.rejected_at),
        "status": headline.status.as_str(),
        "attempts": headline.attempts,
        "resolved_at": letter.resolved_at.map(moment),
        "resolution": headline.resolution,
    })
}
