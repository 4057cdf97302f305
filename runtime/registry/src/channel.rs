//! Channels: which transform a name like `orders@prod` stands for, and what it has stood for before. Each change is one object,
//! numbered, written once; the newest counts. This reads them; [`crate::promotion`] writes them.

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use sluicebox_sandbox::Digest;

use crate::Registry;
use crate::artifact::Pin;
use crate::error::RegistryError;
use crate::layout;

const ENTRY_BYTES_MAX: u64 = 1 << 20;

/// Entries of a history that are read at once.
const READS_MAX: usize = 16;

/// One change of a channel: all that is true from then on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The channel, as it is referred to; an entry is good for no other.
    pub channel: String,
    /// From 1 on, without gaps.
    pub version: u64,
    /// What was done.
    pub action: Action,
    /// What the channel names.
    #[serde(flatten)]
    pub pin: Pin,
    /// What is tried beside it.
    pub candidate: Option<Candidate>,
    /// When, as RFC 3339 in UTC.
    pub at: String,
    /// By whom, as they say.
    pub by: String,
    /// Why, as they say.
    pub note: Option<String>,
    /// Tells this change from every other, so that whoever made it knows it again when a response was lost.
    pub id: String,
}

/// What was done to a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It names another transform.
    Promote,
    /// It names again what it named before.
    Rollback,
    /// A candidate gets copies of records; what it makes of them is compared.
    Shadow,
    /// A candidate writes for some partitions.
    Canary,
    /// There is no candidate any longer.
    Withdraw,
}

impl Action {
    /// As it is written.
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

/// A transform that is tried beside the one that the channel names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Which one.
    #[serde(flatten)]
    pub pin: Pin,
    /// How it is tried.
    pub mode: Mode,
}

/// How a candidate is tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It gets a copy of a share of the records, and writes nothing.
    Shadow {
        /// More than 0, at most 1.
        share: f64,
    },
    /// It judges and writes for some partitions.
    Canary {
        /// Which ones: `topic/partition`.
        partitions: Vec<String>,
        /// The share of their records that it may reject before it is withdrawn; at least 0, less than 1.
        rejected_share_max: f64,
    },
}

impl Entry {
    /// As it is stored: a line of JSON, and one with the checksum of the first.
    pub(crate) fn write(&self) -> serde_json::Result<Bytes> {
        Ok(Bytes::from(with_checksum(&serde_json::to_string(self)?)))
    }

    /// Reads what was stored, byte by byte; an error says what is wrong with it.
    pub(crate) fn read(bytes: &[u8]) -> Result<Entry, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        let (line, _) = text.split_once('\n').unwrap_or((text, ""));
        if with_checksum(line) != text {
            return Err("its checksum does not hold".to_owned());
        }
        serde_json::from_str(line).map_err(|error| format!("this version cannot read it: {error}"))
    }
}

fn with_checksum(line: &str) -> String {
    format!("{line}\n{{\"sha256\":\"{}\"}}\n", Digest::of(line.as_bytes()).hex())
}

impl Registry {
    /// The newest entry of a channel; none if there is no such channel. One listing and one read.
    ///
    /// # Errors
    /// If the newest entry is damaged: an older one is never taken in its place.
    pub async fn head(&self, name: &str, channel: &str) -> Result<Option<Entry>, RegistryError> {
        match self.versions(name, channel).await?.last() {
            Some(&version) => self.entry(name, channel, version).await,
            None => Ok(None),
        }
    }

    /// The newest entry after this version, if there is one: a single read where nothing has changed.
    ///
    /// # Errors
    /// As [`Self::head`].
    pub async fn newer(&self, name: &str, channel: &str, version: u64) -> Result<Option<Entry>, RegistryError> {
        let mut newest: Option<Entry> = None;
        loop {
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
    /// If one of them is damaged.
    pub async fn history(&self, name: &str, channel: &str) -> Result<Vec<Entry>, RegistryError> {
        let versions = self.versions(name, channel).await?;
        let entries = futures::stream::iter(versions).map(|version| self.entry(name, channel, version));
        let entries: Vec<Option<Entry>> = entries.buffered(READS_MAX).try_collect().await?;
        Ok(entries.into_iter().flatten().collect())
    }

    /// The versions that a channel has, in order.
    async fn versions(&self, name: &str, channel: &str) -> Result<Vec<u64>, RegistryError> {
        let objects = self.objects.list(&layout::channel_folder(name, channel)).await?;
        let mut versions: Vec<u64> = objects.iter().filter_map(layout::entry_version).collect();
        versions.sort_unstable();
        Ok(versions)
    }

    async fn entry(&self, name: &str, channel: &str, version: u64) -> Result<Option<Entry>, RegistryError> {
        let object: Path = layout::channel_entry(name, channel, version);
        let Some(bytes) = self.objects.get(&object, ENTRY_BYTES_MAX).await? else { return Ok(None) };
        let entry = Entry::read(&bytes).and_then(|entry| match entry.channel == format!("{name}@{channel}") {
            true if entry.version == version => Ok(entry),
            _ => Err(format!("it is version {} of {}", entry.version, entry.channel)),
        });
        let advice = "restore it, or remove it to go back to the entry before";
        entry.map(Some).map_err(|why| self.objects.damaged(&object, format!("{why}; {advice}")))
    }
}
