//! Decides which of a registry's manifests to trust. A manifest's name is its checksum, a channel pins that checksum, and
//! where keys are required, one of them must have signed the manifest. A trusted manifest has the checksums of all other
//! objects.

use object_store::path::Path;
use sluicebox_sandbox::{CODE_VERSION, Digest};
use sluicebox_settings::{ArtifactReference, Pick};

use crate::channel::ChannelEntry;
use crate::envelope::{Envelope, OpenError};
use crate::error::RegistryError;
use crate::manifest::Manifest;
pub use crate::pin::Pin;
use crate::{Registry, layout};

/// Far more than any manifest needs.
const MANIFEST_BYTES_MAX: u64 = 4 << 20;

/// A transform in a registry whose manifest is trusted.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// Its name.
    pub name: String,
    /// Identifies it for good.
    pub pin: Pin,
    /// Its manifest.
    pub manifest: Manifest,
    /// Hints at the keys that signed it.
    pub signers: Vec<String>,
}

impl Registry {
    /// The artifact that a reference points at now, and the channel's entry that says so.
    ///
    /// # Errors
    /// The artifact or channel does not exist, or cannot be trusted.
    pub async fn find(&self, reference: &ArtifactReference) -> Result<(Artifact, Option<ChannelEntry>), RegistryError> {
        match &reference.pick {
            Pick::Digest(digest) => Ok((self.artifact(&reference.name, digest).await?, None)),
            Pick::Channel(channel) => {
                let Some(entry) = self.head(&reference.name, channel).await? else {
                    let advice = "`sluicebox promote` creates one; `sluicebox ls` lists the existing ones";
                    return Err(self.objects.missing(format!("channel {reference}"), advice));
                };
                Ok((self.pinned(&reference.name, &entry.pin).await?, Some(entry)))
            }
        }
    }

    /// The artifact that a pin identifies.
    ///
    /// # Errors
    /// It is missing, or cannot be trusted.
    pub async fn pinned(&self, name: &str, pin: &Pin) -> Result<Artifact, RegistryError> {
        let object = layout::manifest(name, &pin.digest, &pin.manifest_sha256);
        let Some(bytes) = self.objects.get(&object, MANIFEST_BYTES_MAX).await? else {
            let advice = "the channel's transform has been removed; restore it, or promote another";
            return Err(self.objects.missing(object.to_string(), advice));
        };
        // The checksum first: a pin names exact bytes, and nothing else is parsed.
        let found = Digest::of(&bytes);
        if found != pin.manifest_sha256 {
            return Err(self.objects.damaged(&object, format!("its checksum is {found}; remove it and push again")));
        }
        let envelope = Envelope::read(&bytes).map_err(|why| self.objects.damaged(&object, why))?;
        let payload = envelope.open(&self.keys).map_err(|error| match error {
            OpenError::Payload(why) => self.objects.damaged(&object, why),
            OpenError::Signature(why) => self.objects.unsigned(&object, why),
        })?;
        let manifest: Manifest = serde_json::from_slice(&payload)
            .map_err(|error| self.objects.damaged(&object, format!("it is not a manifest: {error}")))?;
        // A signed manifest is valid under its own name only: a copy under another name must not pass.
        if (manifest.artifact.as_str(), &manifest.digest) != (name, &pin.digest) {
            let why = format!("it is the manifest of {}@{}", manifest.artifact, manifest.digest);
            return Err(self.objects.damaged(&object, why));
        }
        let signers = envelope.signers().map(str::to_owned).collect();
        Ok(Artifact { name: name.to_owned(), pin: *pin, manifest, signers })
    }

    /// The artifact with this digest. It may have been pushed several times, for other targets or by other versions. Of the
    /// trusted manifests a signed one comes first, then one whose code runs here, then the one with the most forms.
    ///
    /// # Errors
    /// It is missing, or none of its manifests can be trusted.
    pub async fn artifact(&self, name: &str, digest: &Digest) -> Result<Artifact, RegistryError> {
        let (mut trusted, refused) = self.trusted(name, digest).await?;
        // The tuple is the order of preference, and `pop` takes the greatest. The checksum only breaks ties, on each
        // machine in the same way.
        trusted.sort_by_key(|artifact| {
            let is_signed = !artifact.signers.is_empty();
            let is_ours = artifact.manifest.code_version == CODE_VERSION;
            (is_signed, is_ours, artifact.manifest.forms.len(), artifact.pin.manifest_sha256)
        });
        trusted.pop().ok_or_else(|| {
            refused.unwrap_or_else(|| {
                let advice = "`sluicebox ls` lists the existing ones, `sluicebox push` adds one";
                self.objects.missing(format!("{name}@{digest}"), advice)
            })
        })
    }

    /// The trusted artifacts of this digest, and why another manifest of it is not trusted, if one is not.
    pub(crate) async fn trusted(
        &self,
        name: &str,
        digest: &Digest,
    ) -> Result<(Vec<Artifact>, Option<RegistryError>), RegistryError> {
        let mut trusted = Vec::new();
        let mut refused = None;
        for manifest_sha256 in self.manifests(name, digest).await? {
            match self.pinned(name, &Pin { digest: *digest, manifest_sha256 }).await {
                Ok(artifact) => trusted.push(artifact),
                // A store that fails now must not let a lesser manifest win.
                Err(error) if error.kind().is_temporary() => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, "manifest refused; using the others of this transform");
                    refused = Some(error);
                }
            }
        }
        Ok((trusted, refused))
    }

    /// The digest of this name that begins with these hexadecimal digits.
    ///
    /// # Errors
    /// No digest matches, or more than one does.
    pub async fn complete(&self, name: &str, digits: &str) -> Result<Digest, RegistryError> {
        let mut fitting = self.digests(name).await?;
        fitting.retain(|digest| digest.hex().starts_with(digits));
        match fitting.as_slice() {
            [digest] => Ok(*digest),
            [] => {
                let advice = "`sluicebox ls` lists the existing ones, `sluicebox push` adds one";
                Err(self.objects.missing(format!("{name}@sha256:{digits}"), advice))
            }
            several => {
                Err(RegistryError::Ambiguous { prefix: format!("{name}@sha256:{digits}"), count: several.len() })
            }
        }
    }

    /// The digests that have been pushed under a name.
    pub(crate) async fn digests(&self, name: &str) -> Result<Vec<Digest>, RegistryError> {
        let folders = self.objects.folders(Some(&layout::transforms_folder(name))).await?;
        Ok(folders.iter().filter_map(|hex| format!("sha256:{hex}").parse().ok()).collect())
    }

    /// The checksums of a transform's manifests, from their names.
    async fn manifests(&self, name: &str, digest: &Digest) -> Result<Vec<Digest>, RegistryError> {
        let folder: Path = layout::transform_folder(name, digest);
        Ok(self.objects.list(&folder).await?.iter().filter_map(layout::manifest_digest).collect())
    }
}
