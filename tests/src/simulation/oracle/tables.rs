//! The tables as their logs say: read entry by entry, without the product's code.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sluicebox_ledger::{Offsets, TopicPartition};

use super::DataFile;
use crate::simulation::worker::PIPELINE;

/// A table, as its log says.
#[derive(Default)]
pub struct Shadow {
    /// How many versions it has.
    pub versions: u64,
    /// Where each partition goes on.
    pub ledger: Offsets,
    /// Its files, by path.
    pub files: BTreeMap<String, DataFile>,
    /// Its metadata, as the log has it.
    pub metadata: Option<Value>,
    /// Its protocol, as the log has it.
    pub protocol: Option<Value>,
    /// Whether it has a constraint, which no worker can honour.
    pub is_constrained: bool,
    /// Whether it ever had one.
    pub was_constrained: bool,
    /// How often another table has taken its place.
    pub life: u64,
    /// The ledger of the table that was here before.
    former: Offsets,
}

/// What an entry does, in the words of the log.
#[derive(Default)]
pub(super) struct Commit {
    pub(super) files: Vec<DataFile>,
    removed: BTreeSet<String>,
    pub(super) ledger: BTreeMap<TopicPartition, i64>,
    pub(super) record: Option<Value>,
    metadata: Option<Value>,
    protocol: Option<Value>,
}

impl Shadow {
    /// What the entry of a worker does beside adding rows and moving its ledger.
    pub(super) fn overreach(&self, version: u64, commit: &Commit) -> Option<String> {
        if !commit.removed.is_empty() {
            return Some(format!("version {version} of a worker removes files"));
        }
        if version > 0 && (commit.metadata.is_some() || commit.protocol.is_some()) {
            return Some(format!("version {version} of a worker changes the table's metadata"));
        }
        self.is_constrained.then(|| format!("version {version} of a worker passes over the table's constraint"))
    }

    /// Notes what a worker has to notice about the entry of another tool.
    pub(super) fn note_change(&mut self, commit: &Commit) {
        let Some(metadata) = &commit.metadata else { return };
        let properties = metadata["configuration"].as_object();
        self.is_constrained =
            properties.is_some_and(|properties| properties.keys().any(|name| name.starts_with("delta.constraints.")));
        self.was_constrained |= self.is_constrained;
        let before = self.metadata.as_ref().filter(|_| self.versions > 0);
        self.life += u64::from(before.is_some_and(|before| before["id"] != metadata["id"]));
    }

    /// Takes an entry in; its ledger is judged elsewhere.
    pub(super) fn apply(&mut self, version: u64, commit: &Commit) {
        self.versions = version + 1;
        self.files.retain(|path, _| !commit.removed.contains(path));
        self.files.extend(commit.files.iter().map(|file| (file.path.clone(), file.clone())));
        self.metadata = commit.metadata.clone().or(self.metadata.take());
        self.protocol = commit.protocol.clone().or(self.protocol.take());
    }

    /// The table's log is deleted.
    pub(super) fn begin_again(&mut self) {
        self.former.append(&mut self.ledger);
        self.files.clear();
        self.versions = 0;
        self.life += 1;
    }

    /// How far the table has taken a partition in, or the one that was here before.
    pub(super) fn has_had(&self, partition: &TopicPartition) -> Option<i64> {
        self.ledger.get(partition).max(self.former.get(partition)).copied()
    }
}

impl Commit {
    /// A worker's entry.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let mut commit = Self::default();
        for action in actions(bytes)? {
            commit.take_in(&action);
            if let (Some(app), Some(to)) = (action["txn"]["appId"].as_str(), action["txn"]["version"].as_i64()) {
                commit.ledger.extend(partition_of(app)?.map(|partition| (partition, to)));
            }
        }
        Ok(commit)
    }

    /// Another tool's entry, whose transactions are its own.
    pub(super) fn read_others(bytes: &[u8]) -> Result<Self, String> {
        let mut commit = Self::default();
        actions(bytes)?.iter().for_each(|action| commit.take_in(action));
        Ok(commit)
    }

    fn take_in(&mut self, action: &Value) {
        let add = &action["add"];
        if let Some(path) = add["path"].as_str() {
            let partition = add["partitionValues"].as_object().into_iter().flatten();
            let partition = partition.map(|(name, value)| (name.clone(), value.as_str().map(str::to_owned))).collect();
            let statistics = add["stats"].as_str().map(str::to_owned);
            self.files.push(DataFile { path: path.to_owned(), partition, statistics });
        }
        self.removed.extend(action["remove"]["path"].as_str().map(str::to_owned));
        if let Some(record) = action["commitInfo"].get("sluicebox") {
            self.record = Some(record.clone());
        }
        if let Some(metadata) = action.get("metaData") {
            self.metadata = Some(metadata.clone());
        }
        if let Some(protocol) = action.get("protocol") {
            self.protocol = Some(protocol.clone());
        }
    }
}

fn actions(bytes: &[u8]) -> Result<Vec<Value>, String> {
    let lines = bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).map_err(|error| error.to_string())).collect()
}

/// `sluicebox/<pipeline>/<topic>/<partition>`; none for an entry that says which topic that is.
fn partition_of(app: &str) -> Result<Option<TopicPartition>, String> {
    let parts: Vec<&str> = app.split('/').collect();
    match parts[..] {
        ["sluicebox", PIPELINE, topic, number] => {
            number.parse().map(|number| Some(TopicPartition::new(topic, number))).map_err(|_| app.to_owned())
        }
        ["sluicebox-topic", ..] => Ok(None),
        _ => Err(format!("a stranger's appId: {app}")),
    }
}
