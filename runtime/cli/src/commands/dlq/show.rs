//! `sluicebox dlq show`: everything about one dead letter.

use std::io::Write as _;

use clap::Args;
use serde_json::{Value, json};
use sluicebox_delta::dead_letter::{FoundLetter, Letter, ReplayContext, Selection, Span};

use super::mask::Payloads;
use super::{PipelineFile, document, letters, moment, wait};
use crate::commands::Format;
use crate::commands::run::blamed;
use crate::exit::{Failure, Outcome, Verdict};
use crate::terminal::{self, Paint};
use crate::visible::visible;

/// Show one dead letter: reason, guest backtrace, transform, and key, value and headers masked
#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
pub(crate) struct Show {
    #[command(flatten)]
    file: PipelineFile,
    /// The record's position: `topic/partition@offset`
    #[arg(value_name = "POSITION")]
    at: Span,
    /// Show key, value, headers and the transform's configuration as they are
    #[arg(long)]
    payload: bool,
    /// Text for people or JSON for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Show {
    pub(crate) fn run(self) -> Outcome {
        let document = document(&self.file.pipeline)?;
        let FoundLetter { letter, others } = wait(async {
            let letters = letters(&document).await?;
            find(&letters, &self.at).await
        })?;
        let payloads = if self.payload { Payloads::Shown } else { Payloads::Masked };
        match self.format {
            Format::Text => {
                show(&letter, payloads)?;
                let (file, at) = (self.file.pipeline.display(), letter.summary.position());
                terminal::tell(format_args!("repeat its verdict: `sluicebox replay {file} {at}`"));
            }
            Format::Json => writeln!(terminal::stdout(), "{}", as_json(&letter, payloads))?,
        }
        if others > 0 {
            terminal::tell(format_args!(
                "{others} more at this position, rejected earlier: the topic was recreated since"
            ));
        }
        Ok(Verdict::Good)
    }
}

/// The one dead letter at a position, in any status.
pub(in crate::commands) async fn find(
    letters: &sluicebox_delta::dead_letter::Letters,
    at: &Span,
) -> Result<FoundLetter, Failure> {
    let position = format!("{}@{}", at.partition, at.first);
    if at.first != at.last {
        return Err(Failure::usage(format!("give one position, such as {position}")));
    }
    let selection = Selection { spans: vec![at.clone()], ..Selection::default() };
    let found = letters.find(&selection).await.map_err(blamed)?;
    found.ok_or_else(|| Failure::usage(format!("there is no dead letter at {position} in {}", letters.location())))
}

fn show(letter: &Letter, payloads: Payloads) -> Result<(), Failure> {
    let (mut out, paint) = (terminal::stdout(), Paint::stdout());
    let summary = &letter.summary;
    writeln!(out, "{}  {}", paint.strong(summary.position()), summary.status)?;
    let at = letter.path.as_ref().map(|path| format!(" @{}", visible(path))).unwrap_or_default();
    writeln!(out, "  {} {}: {}{at}", summary.stage, paint.bad(visible(&summary.code)), visible(&summary.message))?;
    for frame in letter.backtrace.iter().flat_map(|trace| trace.lines()) {
        writeln!(out, "    {}", paint.faint(visible(frame)))?;
    }
    let mut field = |name: &str, value: &str| writeln!(out, "  {name:<14} {}", visible(value));
    field("rejected", &moment(summary.rejected_at))?;
    field("attempts", &summary.attempts.to_string())?;
    if let Some(resolved_at) = letter.resolved_at {
        field("resolved", &moment(resolved_at))?;
    }
    if let Some(resolution) = &summary.resolution {
        field("resolution", resolution)?;
    }
    field("timestamp", &letter.timestamp.map_or_else(|| "none".to_owned(), moment))?;
    field("key", &payloads.text(letter.key.as_deref()))?;
    field("value", &payloads.text(letter.value.as_deref()))?;
    for (name, value) in &letter.headers {
        field("header", &format!("{name}: {}", payloads.text(value.as_deref())))?;
    }
    field("transform", &format!("{} {}", letter.transform_name, letter.transform_version))?;
    field("digest", &summary.transform_digest)?;
    match ReplayContext::parse(&letter.replay_context) {
        Ok(terms) => {
            let configuration = terms.configuration.to_string();
            field("configuration", &payloads.text(Some(configuration.as_bytes())))?;
            field("limits", &serde_json::to_string(&terms.limits).unwrap_or_default())?;
            field("judged by", &format!("sluicebox {}", terms.sluicebox))?;
        }
        Err(error) => field("judged under", &format!("not readable: {error}"))?,
    }
    field("pipeline", &summary.pipeline)?;
    field("correlation", &letter.correlation_id)?;
    Ok(())
}

fn as_json(letter: &Letter, payloads: Payloads) -> Value {
    let summary = &letter.summary;
    let headers = letter.headers.iter().map(|(name, value)| json!([name, payloads.value(value.as_deref())]));
    let terms = ReplayContext::parse(&letter.replay_context).ok();
    json!({
        "topic": &*summary.partition.topic,
        "partition": summary.partition.partition,
        "offset": summary.offset,
        "timestamp": letter.timestamp.map(moment),
        "key": payloads.value(letter.key.as_deref()),
        "value": payloads.value(letter.value.as_deref()),
        "headers": headers.collect::<Vec<_>>(),
        "stage": summary.stage.as_str(),
        "code": summary.code,
        "message": summary.message,
        "path": letter.path,
        "backtrace": letter.backtrace,
        "transform_name": letter.transform_name,
        "transform_version": letter.transform_version,
        "transform_digest": summary.transform_digest,
        "configuration": terms.as_ref().map(|terms| match payloads {
            Payloads::Shown => terms.configuration.clone(),
            // A configuration may hold secrets, as a payload may.
            Payloads::Masked => payloads.value(Some(terms.configuration.to_string().as_bytes())),
        }),
        "limits": terms.as_ref().map(|terms| &terms.limits),
        "sluicebox": terms.as_ref().map(|terms| &terms.sluicebox),
        "correlation_id": letter.correlation_id,
        "pipeline": summary.pipeline,
        "rejected_at": moment(summary.rejected_at),
        "status": summary.status.as_str(),
        "attempts": summary.attempts,
        "resolved_at": letter.resolved_at.map(moment),
        "resolution": summary.resolution,
    })
}
