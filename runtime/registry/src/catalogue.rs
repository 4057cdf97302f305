//! Lists a registry for people: names, the digests of each, and what its channels name.

use serde::Serialize;
use sluicebox_sandbox::Digest;

use crate::channel::ChannelEntry;
use crate::error::RegistryError;
use crate::{Registry, layout};

/// Everything of one name.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// The name.
    pub name: String,
    /// Its transforms, by digest.
    pub transforms: Vec<ListedTransform>,
    /// Its channels, by name.
    pub channels: Vec<ListedChannel>,
}

/// One transform of a name.
#[derive(Debug, Serialize)]
pub struct ListedTransform {
    /// The component's digest.
    pub digest: Digest,
    /// What its manifest says; none if no manifest can be trusted.
    #[serde(flatten)]
    pub facts: Option<Facts>,
    /// Why no manifest can be trusted.
    pub refused: Option<String>,
}

/// The manifest in short.
#[derive(Debug, Serialize)]
pub struct Facts {
    /// The transform's own name.
    pub transform: String,
    /// Its own version.
    pub version: String,
    /// The component's size.
    pub size_bytes: u64,
    /// The targets that it is compiled for.
    pub targets: Vec<String>,
    /// The version that compiled it.
    pub code_version: String,
    /// Hints at the keys that signed it.
    pub signers: Vec<String>,
}

/// One channel of a name.
#[derive(Debug, Serialize)]
pub struct ListedChannel {
    /// The channel's name.
    pub channel: String,
    /// Its newest entry; none if that is damaged.
    pub entry: Option<ChannelEntry>,
    /// Why there is no entry.
    pub refused: Option<String>,
}

impl Registry {
    /// Everything in the registry, by name. Damaged objects are listed as such.
    ///
    /// # Errors
    /// The store fails.
    pub async fn list(&self) -> Result<Vec<Listed>, RegistryError> {
        let mut names = self.objects.folders(None).await?;
        names.sort_unstable();
        let mut listed = Vec::new();
        for name in names {
            let (transforms, channels) = (self.list_transforms(&name).await?, self.list_channels(&name).await?);
            // Other programs may keep folders in the same place.
            if !transforms.is_empty() || !channels.is_empty() {
                listed.push(Listed { name, transforms, channels });
            }
        }
        Ok(listed)
    }

    async fn list_transforms(&self, name: &str) -> Result<Vec<ListedTransform>, RegistryError> {
        let mut digests = self.digests(name).await?;
        digests.sort_unstable();
        let mut transforms = Vec::new();
        for digest in digests {
            let (facts, refused) = split(self.artifact(name, &digest).await)?;
            let facts = facts.map(|artifact| Facts {
                transform: artifact.manifest.description.name.clone(),
                version: artifact.manifest.description.version.clone(),
                size_bytes: artifact.manifest.size_bytes,
                targets: artifact.manifest.targets().into_iter().map(str::to_owned).collect(),
                code_version: artifact.manifest.code_version.clone(),
                signers: artifact.signers,
            });
            transforms.push(ListedTransform { digest, facts, refused });
        }
        Ok(transforms)
    }

    async fn list_channels(&self, name: &str) -> Result<Vec<ListedChannel>, RegistryError> {
        let mut names = self.objects.folders(Some(&layout::channels_folder(name))).await?;
        names.sort_unstable();
        let mut channels = Vec::new();
        for channel in names {
            let (entry, refused) = split(self.head(name, &channel).await)?;
            channels.push(ListedChannel { channel, entry: entry.flatten(), refused });
        }
        Ok(channels)
    }
}

/// The value, or why it cannot be trusted; an error only if the store fails.
fn split<T>(found: Result<T, RegistryError>) -> Result<(Option<T>, Option<String>), RegistryError> {
    match found {
        Ok(found) => Ok((Some(found), None)),
        // A store that fails says nothing about the object: it must not be listed as damaged.
        Err(error) if error.kind().is_temporary() => Err(error),
        Err(error) => Ok((None, Some(error.to_string()))),
    }
}
