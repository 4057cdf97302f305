//! `sluicebox ls`: what lies in a registry, and what its channels name.

use std::io::Write as _;

use clap::Args;
use sluicebox_registry::catalogue::{Facts, Listed, ListedChannel, ListedTransform};
use sluicebox_registry::{CandidateMode, ChannelEntry, Registry};

use super::Whence;
use crate::commands::Format;
use crate::commands::dlq::wait;
use crate::commands::transform::blamed;
use crate::exit::{Failure, Outcome, Verdict};
use crate::terminal::{self, Paint, size};
use crate::visible::visible;

/// List the transforms of a registry, and where its channels point
#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// The registry: a folder, a `file://` or an `s3://` URL; or one of its channels, `LOCATION/orders@prod`, for its history
    registry: String,
    /// Accept only transforms with a signature of this public key: a PEM file, or the base64 within; may be given several times
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<String>,
    /// Text for people or JSON for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Ls {
    pub(crate) fn run(self) -> Outcome {
        let whence = Whence { registry: None, keys: self.keys };
        // Only the last part counts: a folder's name may have an `@`, too.
        let is_channel = self.registry.rsplit('/').next().is_some_and(|last| last.contains('@'));
        wait(async {
            if is_channel {
                let (registry, name, channel) = whence.channel(&self.registry, None)?;
                let history = registry.history(&name, &channel).await.map_err(blamed)?;
                if history.is_empty() {
                    let advice = "`sluicebox promote` makes one; `sluicebox ls` of the registry lists what there is";
                    return Err(Failure::usage(format!("there is no channel {name}@{channel}: {advice}")));
                }
                return show_history(&history, self.format);
            }
            let registry: Registry = whence.registry_at(&self.registry, None)?;
            let listed = registry.list().await.map_err(blamed)?;
            match self.format {
                Format::Text => listed.iter().try_for_each(show)?,
                Format::Json => writeln!(terminal::stdout(), "{}", serde_json::json!({ "artifacts": listed }))?,
            }
            Ok(Verdict::Good)
        })
    }
}

fn show(listed: &Listed) -> Result<(), Failure> {
    let (paint, mut out) = (Paint::stdout(), terminal::stdout());
    writeln!(out, "{}", paint.strong(visible(&listed.name)))?;
    for ListedChannel { channel, entry, refused } in &listed.channels {
        match entry {
            Some(entry) => {
                let ChannelEntry { version, pin, at, by, .. } = entry;
                let said = paint.faint(visible(&format!("version {version}, {at}, {by}")));
                writeln!(out, "  @{channel:<12} sha256:{:.12}  {said}", pin.digest.hex())?;
                if let Some(candidate) = &entry.candidate {
                    let (hex, mode) = (candidate.pin.digest.hex(), mode(&candidate.mode));
                    writeln!(out, "  {:<13} sha256:{hex:.12}  {mode}", "  tries")?;
                }
            }
            None => writeln!(out, "  @{channel:<12} {}", paint.bad(visible(refused.as_deref().unwrap_or("damaged"))))?,
        }
    }
    for ListedTransform { digest, facts, refused } in &listed.transforms {
        match facts {
            Some(Facts { transform, version, size_bytes, targets, signers, .. }) => {
                let targets = if targets.is_empty() { "not compiled".to_owned() } else { targets.join(", ") };
                let signed =
                    if signers.is_empty() { String::new() } else { format!(", signed by {}", signers.join(", ")) };
                let said = paint.faint(visible(&format!("{}, {targets}{signed}", size(*size_bytes))));
                let (transform, version) = (visible(transform), visible(version));
                writeln!(out, "  sha256:{:.12}  {transform} {version}  {said}", digest.hex())?;
            }
            None => writeln!(out, "  {digest}  {}", paint.bad(visible(refused.as_deref().unwrap_or("damaged"))))?,
        }
    }
    Ok(())
}

fn show_history(history: &[ChannelEntry], format: Format) -> Outcome {
    let (paint, mut out) = (Paint::stdout(), terminal::stdout());
    if format == Format::Json {
        writeln!(out, "{}", serde_json::json!({ "history": history }))?;
        return Ok(Verdict::Good);
    }
    for ChannelEntry { version, action, pin, candidate, at, by, note, .. } in history {
        let subject = candidate.as_ref().map_or(&pin.digest, |candidate| &candidate.pin.digest);
        let how = candidate.as_ref().map(|candidate| format!("  {}", mode(&candidate.mode))).unwrap_or_default();
        let note = note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
        let said = paint.faint(visible(&format!("{at}, {by}{note}")));
        writeln!(out, "{version:>5}  {:<8}  sha256:{:.12}{how}  {said}", action.name(), subject.hex())?;
    }
    Ok(Verdict::Good)
}

/// How a candidate is tried, in a few words.
pub(super) fn mode(mode: &CandidateMode) -> String {
    match mode {
        CandidateMode::Shadow { share } => format!("on copies of {:.1} % of the records", share * 100.0),
        CandidateMode::Canary { partitions, rejected_share_max } => {
            format!("on {}, until it rejects more than {:.1} %", partitions.join(", "), rejected_share_max * 100.0)
        }
    }
}
