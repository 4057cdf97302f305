//! The record that a commit leaves in the table's log, under one key of `commitInfo`. It is enough to prove afterwards that
//! every offset is accounted for. Types only; nothing here reads or writes a log.

use serde::{Deserialize, Serialize};

/// The key of [`CommitRecord`] in a commit's `commitInfo`.
pub const COMMIT_INFO_KEY: &str = "sluicebox";

/// The record of one flush of the walk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitRecord {
    /// The pipeline's name.
    pub pipeline: String,
    /// The transform that judged the records: `sha256:…`.
    pub transform_digest: String,
    /// Rows that the commit adds to this table.
    pub rows: u64,
    /// One entry per partition that the commit takes in.
    pub partitions: Vec<PartitionTally>,
    /// Offsets that the ledger skips without records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skips: Vec<Skip>,
}

/// A move of one partition's ledger without records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skip {
    /// The topic's name.
    pub topic: String,
    /// The partition's number.
    pub partition: i32,
    /// The table's ledger before; none if the table did not know the partition.
    pub from: Option<i64>,
    /// The ledger after. Below `from` only if the topic was recreated.
    pub to: i64,
    /// Why.
    pub why: SkipReason,
}

/// Why a ledger moves without records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// The partition is new to the table, and this is where it starts.
    Start,
    /// Records are gone from the topic, and the operator passed `--accept-gap`.
    AcceptedGap,
    /// The topic was recreated, so its offsets begin again, and the operator passed `--accept-gap`.
    TopicRecreated,
}

/// The counts of one partition in one commit. Offsets without a record (compaction, transaction markers) are in the range,
/// but in none of the counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionTally {
    /// The topic's name.
    pub topic: String,
    /// The partition's number.
    pub partition: i32,
    /// The first offset that the commit takes in.
    pub from: i64,
    /// The offset after the last.
    pub to: i64,
    /// Records that became one row or more, in any of the pipeline's tables.
    pub emitted: u64,
    /// Records that the transform filtered out.
    pub filtered: u64,
    /// Records that became dead letters.
    pub rejected: u64,
    /// The transform that judged them, if it is not the commit's: a canary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform_digest: Option<String>,
}

/// The record, under the same key, of a commit that is a step of a redrive or a discard. It moves no ledger and takes in no
/// range: an earlier flush has accounted for its offsets as rejected. A position may therefore be both in a table (by an
/// `apply`) and in the dead letters with the status `redriven`. With the status `open` it must not be in a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedriveRecord {
    /// The pipeline's name.
    pub pipeline: String,
    /// The step.
    pub redrive: Redrive,
}

/// A step of a redrive or a discard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redrive {
    /// The id of the redrive or discard, which is also in the letters' `resolution`.
    pub id: String,
    /// Which step.
    pub phase: RedrivePhase,
    /// The transform that judged the letters again: `sha256:…`; none for a discard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform_digest: Option<String>,
    /// One entry per partition that letters come from.
    pub partitions: Vec<RedrivePartition>,
}

/// The steps of a redrive, in order. A discard is a single step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RedrivePhase {
    /// In the dead letters: judged again, and marked `redriving`, `redriven` (filtered: no rows) or still `open`.
    Claim,
    /// In a table: the rows of the letters that are marked `redriving`.
    Apply,
    /// In the dead letters: these letters are marked `redriven`.
    Settle,
    /// In the dead letters: letters are marked `discarded`.
    Discard,
}

/// Letters of one partition in one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedrivePartition {
    /// The topic's name.
    pub topic: String,
    /// The partition's number.
    pub partition: i32,
    /// The letters of the step.
    pub letters: u64,
    /// Rows that the commit adds to this table.
    pub rows: u64,
}
