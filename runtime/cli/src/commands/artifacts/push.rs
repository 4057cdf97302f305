//! `sluicebox push`: a transform into a registry, checked, and compiled for each target.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use sluicebox_registry::{Pushed, Registry, RegistryError, SigningKey};
use sluicebox_sandbox::{Limits, Sandbox, Target};

use super::{document_of, fit};
use crate::commands::Format;
use crate::commands::check::{OutOfReach, require_fit};
use crate::commands::dlq::wait;
use crate::commands::transform;
use crate::exit::{Blame as _, Failure, Outcome, Verdict};
use crate::terminal::{self, Paint, size};
use crate::visible::visible;

const AFTER_HELP: &str = "\
Examples:
  sluicebox push . --to s3://bucket/transforms/orders
  sluicebox push . --to registry/orders --pipeline pipeline.yaml --sign-with key.pem";

/// Put a transform into a registry, checked and compiled for each target
///
/// No pipeline runs it yet: `sluicebox promote` points a channel at it. The same push again changes nothing.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Push {
    /// The component, or the folder of its crate
    transform: PathBuf,
    /// The registry and a name in it, such as `s3://bucket/transforms/orders`
    #[arg(long, value_name = "LOCATION/NAME")]
    to: String,
    /// Compile it for this processor: `x86-64` or `arm64`; may be given several times [default: all]
    #[arg(long = "target", value_name = "TARGET")]
    targets: Vec<Target>,
    /// Sign it with this ed25519 key, a PEM file: `sluicebox keys new key.pem` makes one
    #[arg(long, value_name = "PEM")]
    sign_with: Option<PathBuf>,
    /// Refuse it unless it fits this live table; may be given several times
    #[arg(long = "table", value_name = "NAME=LOCATION", value_parser = table)]
    tables: Vec<(String, String)>,
    /// Refuse it unless it fits this pipeline: its configuration, limits and live tables
    #[arg(long, value_name = "FILE")]
    pipeline: Option<PathBuf>,
    /// Text for people or JSON for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Push {
    pub(crate) fn run(self) -> Outcome {
        let Some((location, name)) = self.to.trim_end_matches('/').rsplit_once('/') else {
            let to = &self.to;
            return Err(Failure::usage(format!(
                "`--to {to}` does not name a registry: write `LOCATION/{to}`, `./{to}` for a folder"
            )));
        };
        let document = document_of(self.pipeline.as_deref())?;
        let limits = document.as_ref().map_or_else(Limits::default, |it| it.settings().transform.limits.clone());
        // Before the build, which may take a minute: a wrong key is known at once.
        let key = self.sign_with.as_deref().map(SigningKey::read).transpose();
        let key = key.map_err(|error| Failure::Usage(error.into()))?;
        let component = transform::load(&self.transform, &limits)?;
        let targets = if self.targets.is_empty() { Target::ALL.to_vec() } else { self.targets };
        if document.is_none() {
            sluicebox_aws::reach_bucket_of(location).environment("cannot find out how to reach buckets")?;
        }
        let pushed = wait(async {
            // All checks before the first write: a registry keeps what it has been given.
            fit::require_tables(&component, &self.tables).await?;
            if let Some(document) = &document {
                require_fit(document, &component, OutOfReach::IsFailure).await?;
            }
            let sandbox = Sandbox::new().environment("cannot set up the sandbox")?;
            let registry = Registry::open(location).map_err(transform::blamed)?;
            let pushed = registry.push(&sandbox, name, &component, &targets, key.as_ref()).await;
            pushed.map_err(|error: RegistryError| transform::blamed(error))
        })?;
        match self.format {
            Format::Text => show(&pushed, location)?,
            Format::Json => writeln!(terminal::stdout(), "{}", as_json(&pushed))?,
        }
        Ok(Verdict::Good)
    }
}

/// `orders=s3://bucket/tables/orders`.
fn table(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, location)) if !name.is_empty() && !location.is_empty() => {
            Ok((name.to_owned(), location.to_owned()))
        }
        _ => Err("write `NAME=LOCATION`".to_owned()),
    }
}

fn show(pushed: &Pushed, location: &str) -> Result<(), Failure> {
    let (paint, mut out) = (Paint::stdout(), terminal::stdout());
    let artifact = &pushed.artifact;
    let manifest = &artifact.manifest;
    let done = if pushed.was_there { "was there already" } else { "pushed" };
    writeln!(out, "{} {}@{}  {done}", paint.good("✓"), paint.strong(&artifact.name), manifest.digest)?;
    let description = &manifest.description;
    writeln!(
        out,
        "  transform  {} {}  {}",
        visible(&description.name),
        visible(&description.version),
        size(manifest.size_bytes)
    )?;
    for target in manifest.targets() {
        let of_target = manifest.forms.iter().filter(|form| form.target == target);
        let forms: Vec<String> = of_target.map(|form| format!("{} {}", form.metering, size(form.size_bytes))).collect();
        writeln!(out, "  {target:<9}  {}", forms.join(", "))?;
    }
    if !artifact.signers.is_empty() {
        writeln!(out, "  signed by  {}", visible(&artifact.signers.join(", ")))?;
    }
    let next =
        format!("sluicebox promote {location}/{}@sha256:{:.12} --channel …", artifact.name, manifest.digest.hex());
    writeln!(out, "  next       {}", paint.faint(next))?;
    Ok(())
}

fn as_json(pushed: &Pushed) -> serde_json::Value {
    let artifact = &pushed.artifact;
    json!({
        "name": artifact.name,
        "digest": artifact.pin.digest,
        "manifest_sha256": artifact.pin.manifest_sha256,
        "was_there": pushed.was_there,
        "signers": artifact.signers,
        "manifest": artifact.manifest,
    })
}
