//! Which of a registry's manifests are believed. A manifest is found by what it holds: its name is its checksum, a channel pins
//! that, and where keys are asked for one of them must have signed it. What a manifest says that is believed decides about
//! every other object.

use object_store::path::Path;
use serde::{Deserialize, Serialize};
use sluicebox_settings::{ArtifactReference, Pick};
use sluicebox_sandbox::{CODE_VERSION, Digest};

use crate::Registry;
use crate::channel::Entry;
use crate::envelope::{Envelope, OpenError};
use crate::error::RegistryError;
use crate::layout;
use crate::manifest::Manifest;

/// More than any description may need.
const MANIFEST_BYTES_MAX: u64 = 4 << 20;

/// What names an artifact for good, whatever is pushed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pin {
    /// Of the component.
    pub digest: Digest,
    /// Of the manifest's file.
    pub manifest_sha256: Digest,
}

/// A transform in a registry whose manifest is believed.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// Its name.
    pub name: String,
    /// What names it for good.
    pub pin: Pin,
    /// What is said of it.
    pub manifest: Manifest,
    /// Hints at the keys that signed it.
    pub signers: Vec<String>,
}

impl Registry {
    /// What a reference stands for now, and the channel's entry that says so.
    ///
    /// # Errors
    /// If there is no such thing, or it is not to be believed.
    pub async fn find(&self, reference: &ArtifactReference) -> Result<(Artifact, Option<Entry>), RegistryError> {
        match &reference.pick {
            Pick::Digest(digest) => Ok((self.artifact(&reference.name, digest).await?, None)),
            Pick::Channel(channel) => {
                let Some(entry) = self.head(&reference.name, channel).await? else {
                    let advice = "`sluicebox promote` makes one; `sluicebox ls` lists what there is";
                    return Err(self.objects.missing(format!("channel {reference}"), advice));
                };
                Ok((self.pinned(&reference.name, &entry.pin).await?, Some(entry)))
            }
        }
    }

    /// The artifact that a pin names.
    ///
    /// # Errors
    /// If it is not there, or not to be believed.
    pub async fn pinned(&self, name: &str, pin: &Pin) -> Result<Artifact, RegistryError> {
        let object = layout::manifest(name, &pin.digest, &pin.manifest_sha256);
        let Some(bytes) = self.objects.get(&object, MANIFEST_BYTES_MAX).await? else {
            let advice = "what a channel names has been removed; put it back, or promote another";
            return Err(self.objects.missing(object.to_string(), advice));
        };
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
            .map_err(|error| self.objects.damaged(&object, format!("it is no manifest: {error}")))?;
        if (manifest.artifact.as_str(), &manifest.digest) != (name, &pin.digest) {
            let why = format!("it is the manifest of {}@{}", manifest.artifact, manifest.digest);
            return Err(self.objects.damaged(&object, why));
        }
        let signers = envelope.signers().map(str::to_owned).collect();
        Ok(Artifact { name: name.to_owned(), pin: *pin, manifest, signers })
    }

    /// The artifact with this digest. It may have been pushed several times, for other targets or by other versions: of the
    /// manifests that are believed, one that is signed comes first, then one whose code runs here, then the one with the most
    /// forms.
    ///
    /// # Errors
    /// If it is not there, or nothing of it to be believed.
    pub async fn artifact(&self, name: &str, digest: &Digest) -> Result<Artifact, RegistryError> {
        let (mut believed, refused) = self.believed(name, digest).await?;
        believed.sort_by_key(|artifact| {
            let is_signed = !artifact.signers.is_empty();
            let is_ours = artifact.manifest.code_version == CODE_VERSION;
            (is_signed, is_ours, artifact.manifest.forms.len(), artifact.pin.manifest_sha256)
        });
        believed.pop().ok_or_else(|| {
            refused.unwrap_or_else(|| {
                let advice = "`sluicebox ls` lists what there is, `sluicebox push` puts it there";
                self.objects.missing(format!("{name}@{digest}"), advice)
            })
        })
    }

    /// What is to be believed of this digest, and why the rest is not.
    pub(crate) async fn believed(
        &self,
        name: &str,
        digest: &Digest,
    ) -> Result<(Vec<Artifact>, Option<RegistryError>), RegistryError> {
        let (mut believed, mut refused) = (Vec::new(), None);
        for manifest_sha256 in self.manifests(name, digest).await? {
            match self.pinned(name, &Pin { digest: *digest, manifest_sha256 }).await {
                Ok(artifact) => believed.push(artifact),
                Err(error) if error.may_pass() => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, "a manifest is left out of account");
                    refused = Some(error);
                }
            }
        }
        Ok((believed, refused))
    }

    /// The digest of the transform of this name that begins with these hexadecimal digits.
    ///
    /// # Errors
    /// If there is none, or more than one.
    pub async fn complete(&self, name: &str, digits: &str) -> Result<Digest, RegistryError> {
        let mut fitting = self.digests(name).await?;
        fitting.retain(|digest| digest.hex().starts_with(digits));
        match fitting.as_slice() {
            [digest] => Ok(*digest),
            [] => {
                let advice = "`sluicebox ls` lists what there is, `sluicebox push` puts it there";
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

    /// The checksums that manifests of a transform are named by.
    async fn manifests(&self, name: &str, digest: &Digest) -> Result<Vec<Digest>, RegistryError> {
        let folder: Path = layout::transform_folder(name, digest);
        Ok(self.objects.list(&folder).await?.iter().filter_map(layout::manifest_digest).collect())
    }
}
