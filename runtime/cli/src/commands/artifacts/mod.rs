//! The commands around a registry of transforms: one file each, and here what they share: how a reference is given, who says
//! it, and who is to blame.

mod canary;
mod diff;
mod fit;
mod ls;
mod promote;
mod push;
mod rollback;
mod shadow;
mod withdraw;

pub(super) use canary::Canary;
pub(super) use diff::Diff;
pub(super) use ls::Ls;
pub(super) use promote::Promote;
pub(super) use push::Push;
pub(super) use rollback::Rollback;
pub(super) use shadow::Shadow;
pub(super) use withdraw::Withdraw;

use std::io::Write as _;
use std::path::Path;

use clap::Args;
use sluicebox_registry::{
    Artifact, ArtifactReference, ChangeRequest, ChannelEntry, Pick, Promotion, PublicKeys, Registry, is_artifact_name,
};
use sluicebox_sandbox::{Limits, Sandbox, Transform};
use sluicebox_settings::{Document, TransformOrigin};

use super::document::document;
use super::transform::blamed;
use crate::cache;
use crate::exit::{Blame as _, Failure};
use crate::terminal::{self, Paint};

/// The fewest digits of a digest that are taken for all of them.
const PREFIX_DIGITS_MIN: usize = 12;

/// Where the registry is, and whose signatures count.
#[derive(Debug, Args)]
struct Whence {
    /// The registry: a folder, a `file://` or an `s3://` URL; not needed where the reference begins with it
    #[arg(long, value_name = "LOCATION")]
    registry: Option<String>,
    /// Accept only transforms with a signature of this public key: a PEM file, or the base64 within; may be given several times
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<String>,
}

/// Who changes a channel, and why.
#[derive(Debug, Args)]
struct Signature {
    /// The reason, for the channel's history
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Your name, for the channel's history [default: `$USER`]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

impl Signature {
    fn change(self) -> ChangeRequest {
        let by = self.by.or_else(|| std::env::var("USER").ok()).unwrap_or_else(|| "unknown".to_owned());
        ChangeRequest { by, note: self.note, only_at: None }
    }
}

impl Whence {
    /// The registry, and what is left of the reference once its location is taken off.
    fn open(&self, reference: &str, document: Option<&Document>) -> Result<(Registry, String), Failure> {
        let (location, rest) = match (reference.rsplit_once('/'), &self.registry) {
            (Some((location, rest)), None) => (location.to_owned(), rest),
            (None, Some(registry)) => (registry.clone(), reference),
            (None, None) => {
                let advice = "give `--registry`, or the whole location, such as `s3://bucket/transforms/orders@prod`";
                return Err(Failure::usage(format!("in which registry is `{reference}`? {advice}")));
            }
            (Some(_), Some(_)) => {
                return Err(Failure::usage(format!("`{reference}` is a location already: leave out `--registry`")));
            }
        };
        Ok((self.registry_at(&location, document)?, rest.to_owned()))
    }

    /// A pipeline, if there is one, says how its buckets are reached, and which keys it asks for; else the default chain does,
    /// and `--key`.
    fn registry_at(&self, location: &str, document: Option<&Document>) -> Result<Registry, Failure> {
        // With a document its buckets have been reached already, as its settings say.
        if document.is_none() {
            sluicebox_aws::reach_bucket_of(location).environment("cannot find out how to reach buckets")?;
        }
        let folder = location.strip_prefix("file://").unwrap_or(location);
        // Opening would make the folder: a misspelt one would look like an empty registry.
        if !folder.contains("://") && !Path::new(folder).is_dir() {
            return Err(Failure::usage(format!("there is no folder {location}: `sluicebox push` makes a registry")));
        }
        let mut texts: Vec<String> = self.keys.iter().map(|key| key_text(key)).collect();
        let origin = document.map(|document| &document.settings().transform.origin);
        // The pipeline's keys count only where the command line names none.
        if let (true, Some(TransformOrigin::Artifact(artifact))) = (texts.is_empty(), origin) {
            texts.clone_from(&artifact.keys);
        }
        let keys = PublicKeys::parse(texts.iter().map(String::as_str)).map_err(|error| Failure::Usage(error.into()))?;
        Ok(Registry::open(location).map_err(blamed)?.requiring(keys))
    }

    /// What a reference stands for now. Of a digest, its first digits suffice.
    async fn find(&self, reference: &str, document: Option<&Document>) -> Result<(Registry, Artifact), Failure> {
        let (registry, rest) = self.open(reference, document)?;
        let reference = match rest.split_once("@sha256:") {
            // 64 digits are a whole digest, which needs no look-up.
            Some((name, digits)) if (PREFIX_DIGITS_MIN..64).contains(&digits.len()) && is_artifact_name(name) => {
                let digest = registry.complete(name, digits).await.map_err(blamed)?;
                ArtifactReference { name: name.to_owned(), pick: Pick::Digest(digest) }
            }
            _ => parsed(&rest)?,
        };
        let (artifact, _) = registry.find(&reference).await.map_err(blamed)?;
        Ok((registry, artifact))
    }

    /// A channel, by its reference.
    fn channel(&self, reference: &str, document: Option<&Document>) -> Result<(Registry, String, String), Failure> {
        let (registry, rest) = self.open(reference, document)?;
        match parsed(&rest)? {
            ArtifactReference { name, pick: Pick::Channel(channel) } => Ok((registry, name, channel)),
            ArtifactReference { .. } => Err(Failure::usage(format!("`{rest}` is not a channel: write `orders@prod`"))),
        }
    }
}

fn parsed(reference: &str) -> Result<ArtifactReference, Failure> {
    let advice = format!("of a digest, its first {PREFIX_DIGITS_MIN} digits suffice");
    reference.parse::<ArtifactReference>().map_err(|error| Failure::usage(format!("{error}; {advice}")))
}

/// A key may be given as the file that it is in.
fn key_text(key: &str) -> String {
    // A text that names no file may be the key itself; `parse` refuses it if not.
    std::fs::read_to_string(key).unwrap_or_else(|_| key.to_owned())
}

/// The pipeline's file, if one is given.
fn document_of(pipeline: Option<&Path>) -> Result<Option<Document>, Failure> {
    pipeline.map(document).transpose()
}

/// Loads an artifact as a pipeline would.
async fn load(registry: &Registry, artifact: &Artifact, limits: &Limits) -> Result<Transform, Failure> {
    let sandbox = Sandbox::new().environment("cannot set up the sandbox")?;
    registry.load(&sandbox, artifact, limits, cache::compiled().as_ref()).await.map_err(blamed)
}

/// Shows where a channel points now.
fn show(promotion: &Promotion) -> Result<(), Failure> {
    let (paint, mut out) = (Paint::stdout(), terminal::stdout());
    let ChannelEntry { channel, version, action, pin, .. } = promotion.entry();
    match promotion {
        Promotion::Changed(_) => {
            writeln!(out, "{} {}  version {version}, {}", paint.good("✓"), paint.strong(channel), action.name())?;
        }
        Promotion::Unchanged(_) => {
            writeln!(out, "{} {}  version {version}, as before", paint.good("✓"), paint.strong(channel))?;
        }
    }
    writeln!(out, "  names      {}", pin.digest)?;
    if let Some(candidate) = &promotion.entry().candidate {
        writeln!(out, "  tries      {}  {}", candidate.pin.digest, ls::mode(&candidate.mode))?;
    }
    Ok(())
}
