//! From a pipeline's settings to its transform: a file or an artifact. For the command and for Lambda alike.

use std::path::Path;

use sluicebox_pipeline::PreparedTransform;
use sluicebox_settings::{ArtifactReference, ArtifactSettings, Settings, TransformOrigin, TransformSettings};
use sluicebox_sandbox::{CacheFolder, Sandbox, Transform};

use crate::Registry;
use crate::artifact::Pin;
use crate::channel::Entry;
use crate::error::RegistryError;
use crate::signature::PublicKeys;

/// How many of the transforms that a channel named before are tried.
const EARLIER_MAX: usize = 5;

/// A pipeline's transform.
pub struct Opened {
    /// Loaded, ready to make workers.
    pub transform: Transform,
    /// The channel that named it; none for a file or a digest, which never change.
    pub followed: Option<Followed>,
}

/// A channel, as it stood when a transform was taken from it.
#[derive(Clone)]
pub struct Followed {
    /// Where it is.
    pub registry: Registry,
    /// Its name.
    pub reference: ArtifactReference,
    /// What it said.
    pub entry: Entry,
    /// What judges: what the entry names, or what the channel named before, where that cannot judge.
    pub pin: Pin,
}

impl Registry {
    /// The registry of a pipeline's settings, with the keys that they ask for.
    ///
    /// # Errors
    /// If there can be none at that place, or a key is none.
    pub fn of(settings: &ArtifactSettings) -> Result<Registry, RegistryError> {
        let keys = PublicKeys::parse(settings.keys.iter().map(String::as_str))?;
        Ok(Registry::open(&settings.registry)?.requiring(keys))
    }
}

/// Loads the transform that a pipeline names.
///
/// # Errors
/// If it is not there, not to be believed, or cannot be run here.
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

/// Where the newest promotion of the pipeline's channel cannot judge: what the channel named before and can, so that a process
/// that starts now does as those do that were running then. None where the pipeline names no channel, or nothing else
/// fits either.
///
/// # Errors
/// If the channel's history cannot be read.
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
    let mut passed_over = vec![head.pin];
    for pin in history.iter().rev().map(|entry| entry.pin) {
        if passed_over.contains(&pin) {
            continue;
        }
        if passed_over.len() > EARLIER_MAX {
            break;
        }
        passed_over.push(pin);
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
