//! From a pipeline's settings to its transform: a file or an artifact. For the command and for Lambda alike.

use std::path::Path;

use sluicebox_pipeline::settings::{ArtifactReference, ArtifactSettings, TransformOrigin, TransformSettings};
use sluicebox_sandbox::{CacheFolder, Sandbox, Transform};

use crate::Registry;
use crate::channel::Entry;
use crate::error::RegistryError;
use crate::signature::PublicKeys;

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
            let reference = artifact.reference.clone();
            Ok(Opened { transform, followed: entry.map(|entry| Followed { registry, reference, entry }) })
        }
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
