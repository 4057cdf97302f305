//! Opens a pipeline's transform, from a file or from a registry. The command and Lambda both use it.

use std::path::Path;

use sluicebox_pipeline::PreparedTransform;
use sluicebox_pipeline::error::PipelineError;
use sluicebox_pipeline::redrive::{Answer, Trust};
use sluicebox_sandbox::{CacheFolder, Digest, Sandbox, Transform};
use sluicebox_settings::{ArtifactReference, ArtifactSettings, Settings, TransformOrigin, TransformSettings};

use crate::Registry;
use crate::artifact::Pin;
use crate::channel::ChannelEntry;
use crate::error::RegistryError;
use crate::signature::PublicKeys;

/// How many earlier transforms of a channel are tried.
const EARLIER_MAX: usize = 5;

/// A pipeline's transform.
pub struct Opened {
    /// The transform, loaded and ready to make workers.
    pub transform: Transform,
    /// The channel that points at it; none for a file or a digest, which never change.
    pub followed: Option<Followed>,
}

/// A channel, in the state in which a transform was loaded from it.
#[derive(Clone)]
pub struct Followed {
    /// The channel's registry.
    pub registry: Registry,
    /// The channel's name.
    pub reference: ArtifactReference,
    /// Its newest entry.
    pub entry: ChannelEntry,
    /// The transform that judges: the entry's, or an earlier one of the channel if the entry's does not fit.
    pub pin: Pin,
}

impl Registry {
    /// The registry of a pipeline's settings, with the keys that they require.
    ///
    /// # Errors
    /// The location cannot hold a registry, or a key is not a public key.
    pub fn of(settings: &ArtifactSettings) -> Result<Registry, RegistryError> {
        let keys = PublicKeys::parse(settings.keys.iter().map(String::as_str))?;
        Ok(Registry::open(&settings.registry)?.requiring(keys))
    }
}

/// Loads the transform that a pipeline names.
///
/// # Errors
/// It is missing, cannot be trusted, or cannot run here.
pub async fn open(
    settings: &TransformSettings,
    sandbox: &Sandbox,
    cache: Option<&CacheFolder>,
) -> Result<Opened, RegistryError> {
    match &settings.origin {
        TransformOrigin::File(wasm) => load_file(wasm, settings, sandbox, cache).await,
        TransformOrigin::Artifact(artifact) => {
            let registry = Registry::of(artifact)?;
            let (found, entry) = registry.find(&artifact.reference).await?;
            let transform = registry.load(sandbox, &found, &settings.limits, cache).await?;
            let (reference, pin) = (artifact.reference.clone(), found.pin);
            Ok(Opened { transform, followed: entry.map(|entry| Followed { registry, reference, entry, pin }) })
        }
    }
}

/// The newest earlier transform of the pipeline's channel that fits, for a channel whose newest promotion does not. So a
/// process that starts now runs the same transform as processes that started before the promotion and refused it. None if
/// the pipeline names no channel, or no earlier transform fits.
///
/// # Errors
/// The channel's history cannot be read.
pub async fn open_earlier(
    settings: &Settings,
    sandbox: &Sandbox,
    cache: Option<&CacheFolder>,
) -> Result<Option<Opened>, RegistryError> {
    let TransformOrigin::Artifact(artifact) = &settings.transform.origin else { return Ok(None) };
    let reference = &artifact.reference;
    let Some(channel) = reference.channel() else { return Ok(None) };
    let registry = Registry::of(artifact)?;
    let history = registry.history(&reference.name, channel).await?;
    let Some(head) = history.last() else { return Ok(None) };
    // The newest is known not to fit: that is why the caller asks.
    let mut passed_over = vec![head.pin];
    for pin in history.iter().rev().map(|entry| entry.pin) {
        if passed_over.contains(&pin) {
            continue;
        }
        // The newest is among them, hence `>`.
        if passed_over.len() > EARLIER_MAX {
            break;
        }
        passed_over.push(pin);
        // One that cannot be loaded does not fit either; an even earlier one may.
        let Ok(transform) = registry.load_pinned(&reference.name, &pin, settings, sandbox, cache).await else {
            continue;
        };
        if PreparedTransform::check(settings, &transform).await.is_ok() {
            let (reference, entry) = (reference.clone(), head.clone());
            return Ok(Some(Opened { transform, followed: Some(Followed { registry, reference, entry, pin }) }));
        }
    }
    Ok(None)
}

/// A pipeline's keys, where its registry is asked whether they have signed a transform that a table names.
pub struct KeysOf<'a>(pub &'a TransformSettings);

impl Trust for KeysOf<'_> {
    fn may_judge<'a>(&'a self, digest: &'a Digest) -> Answer<'a> {
        Box::pin(async move {
            require_signed(self.0, digest).await.map_err(|error| match error.kind().is_temporary() {
                // A registry that is down has not refused anything: the redrive ends, and the next one asks again.
                true => PipelineError::Redrive(format!("cannot ask for the signature of {digest}: {error}")),
                false => PipelineError::Distrust(error.to_string()),
            })
        })
    }
}

/// Checks that one of the pipeline's keys has signed a transform. Without keys, every transform passes.
///
/// # Errors
/// No manifest in the registry is signed by one of the keys, or the registry cannot be read.
pub async fn require_signed(settings: &TransformSettings, digest: &Digest) -> Result<(), RegistryError> {
    match &settings.origin {
        TransformOrigin::Artifact(artifact) if !artifact.keys.is_empty() => {
            Registry::of(artifact)?.artifact(&artifact.reference.name, digest).await.map(drop)
        }
        _ => Ok(()),
    }
}

async fn load_file(
    wasm: &Path,
    settings: &TransformSettings,
    sandbox: &Sandbox,
    cache: Option<&CacheFolder>,
) -> Result<Opened, RegistryError> {
    let (wasm, limits) = (wasm.to_owned(), settings.limits.clone());
    let (sandbox, cache) = (sandbox.clone(), cache.cloned());
    let loaded = tokio::task::spawn_blocking(move || sandbox.load(&wasm, &limits, cache.as_ref())).await;
    let transform = loaded.map_err(|error| RegistryError::Thread(error.to_string()))??;
    Ok(Opened { transform, followed: None })
}
