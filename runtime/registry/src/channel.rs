//! Channels: which transform a name like `orders@prod` points at, and the history of that. Each change is one numbered entry,
//! an object that is written once; the newest counts. This module reads entries; [`crate::promotion`] writes them.

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use sluicebox_sandbox::Digest;

use crate::error::RegistryError;
use crate::pin::Pin;
use crate::{Registry, layout};

/// Far more than any entry needs.
const ENTRY_BYTES_MAX: u64 = 1 << 20;

/// How many entries of a history are read concurrently.
const READS_MAX: usize = 16;

/// One change of a channel, with the complete new state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChannelEntry {
    /// The channel, as `name@channel`; the entry is valid for no other.
    pub channel: String,
    /// The entry's number: from 1, without gaps.
    pub version: u64,
    /// What the change did.
    pub action: Action,
    /// The transform that the channel points at.
    #[serde(flatten)]
    pub pin: Pin,
    /// The transform that is tried beside it.
    pub candidate: Option<ChannelCandidate>,
    /// When it was changed, as RFC 3339 in UTC.
    pub at: String,
    /// Who changed it, in their own words.
    pub by: String,
    /// Why, in their own words.
    pub note: Option<String>,
    /// A random id, by which the writer recognises its own entry after a lost response.
    pub id: String,
}

/// A kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The channel points at another transform.
    Promote,
    /// The channel points at an earlier transform again.
    Rollback,
    /// A candidate gets copies of records, and its output is compared.
    Shadow,
    /// A candidate writes for some partitions.
    Canary,
    /// The candidate is removed.
    Withdraw,
}

impl Action {
    /// The text in an entry.
    pub fn name(self) -> &'static str {
        match self {
            Action::Promote => "promote",
            Action::Rollback => "rollback",
            Action::Shadow => "shadow",
            Action::Canary => "canary",
            Action::Withdraw => "withdraw",
        }
    }
}

/// A transform that is tried beside the one that the channel points at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChannelCandidate {
    /// The transform.
    #[serde(flatten)]
    pub pin: Pin,
    /// How it is tried.
    pub mode: CandidateMode,
}

/// How a candidate is tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CandidateMode {
    /// It gets copies of a share of the records, and writes nothing.
    Shadow {
        /// The share: more than 0, at most 1.
        share: f64,
    },
    /// It judges and writes for some partitions.
    Canary {
        /// The partitions, as `topic/partition`.
        partitions: Vec<String>,
        /// The share of their records that it may reject before it is withdrawn; at least 0, less than 1.
        rejected_share_max: f64,
    },
}

impl ChannelEntry {
    /// The stored form: one line of JSON, and one line with its checksum.
    pub(crate) fn write(&self) -> serde_json::Result<Bytes> {
        Ok(Bytes::from(with_checksum(&serde_json::to_string(self)?)))
    }

    /// Reads the stored form; an error says what is wrong with it.
    pub(crate) fn read(bytes: &[u8]) -> Result<ChannelEntry, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        // The whole text is compared below, so that bytes behind the checksum count as damage too.
        let (line, _) = text.split_once('\n').unwrap_or((text, ""));
        if with_checksum(line) != text {
            return Err("its checksum does not match".to_owned());
        }
        serde_json::from_str(line).map_err(|error| format!("this version cannot read it: {error}"))
    }
}

fn with_checksum(line: &str) -> String {
    format!("{line}\n{{\"sha256\":\"{}\"}}\n", Digest::of(line.as_bytes()).hex())
}

impl Registry {
    /// The newest entry of a channel; none if the channel does not exist. One listing and one read.
    ///
    /// # Errors
    /// The newest entry is damaged: an older one never replaces it.
    pub async fn head(&self, name: &str, channel: &str) -> Result<Option<ChannelEntry>, RegistryError> {
        match self.versions(name, channel).await?.last() {
            Some(&version) => self.entry(name, channel, version).await,
            None => Ok(None),
        }
    }

    /// The newest entry after this version, if there is one. A single read if nothing has changed.
    ///
    /// # Errors
    /// As [`Self::head`].
    pub async fn newer(&self, name: &str, channel: &str, version: u64) -> Result<Option<ChannelEntry>, RegistryError> {
        let mut newest: Option<ChannelEntry> = None;
        loop {
            // Entries are numbered without gaps: the first number that is missing is the end, and no listing is needed.
            let next = newest.as_ref().map_or(version, |entry| entry.version) + 1;
            match self.entry(name, channel, next).await? {
                Some(entry) => newest = Some(entry),
                None => return Ok(newest),
            }
        }
    }

    /// All entries of a channel, oldest first.
    ///
    /// # Errors
    /// An entry is damaged.
    pub async fn history(&self, name: &str, channel: &str) -> Result<Vec<ChannelEntry>, RegistryError> {
        let versions = self.versions(name, channel).await?;
        let entries = futures::stream::iter(versions).map(|version| self.entry(name, channel, version));
        // `buffered` keeps the order of the versions.
        let entries: Vec<Option<ChannelEntry>> = entries.buffered(READS_MAX).try_collect().await?;
        // An entry that was listed may have been removed since.
        Ok(entries.into_iter().flatten().collect())
    }

    /// The versions of a channel, in order.
    async fn versions(&self, name: &str, channel: &str) -> Result<Vec<u64>, RegistryError> {
        let objects = self.objects.list(&layout::channel_folder(name, channel)).await?;
        let mut versions: Vec<u64> = objects.iter().filter_map(layout::entry_version).collect();
        // Stores list in any order.
        versions.sort_unstable();
        Ok(versions)
    }

    async fn entry(&self, name: &str, channel: &str, version: u64) -> Result<Option<ChannelEntry>, RegistryError> {
        let object: Path = layout::channel_entry(name, channel, version);
        let Some(bytes) = self.objects.get(&object, ENTRY_BYTES_MAX).await? else { return Ok(None) };
        // The checksum of an entry that was copied from another channel or number is right too.
        let entry = ChannelEntry::read(&bytes).and_then(|entry| match entry.channel == format!("{name}@{channel}") {
            true if entry.version == version => Ok(entry),
            _ => Err(format!("it is version {} of {}", entry.version, entry.channel)),
        });
        let advice = "restore it, or remove it to go back to the entry before";
        entry.map(Some).map_err(|why| self.objects.damaged(&object, format!("{why}; {advice}")))
    }
}
