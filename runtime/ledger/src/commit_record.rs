//! What a commit says of itself in the table's log, under one key of `commitInfo`: enough to prove afterwards that every
//! offset is accounted for. Shapes only; nothing here reads or writes a log.

use serde::{Deserialize, Serialize};

/// The key of [`CommitRecord`] in a commit's `commitInfo`.
pub const COMMIT_INFO_KEY: &str = "sluicebox";

/// What a commit says of itself in the table's log: enough to prove that every offset is accounted for.
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
    /// Moves of the ledger without records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skips: Vec<Skip>,
}

/// A move of one partition's ledger that no record stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skip {
    /// The topic's name.
    pub topic: String,
    /// The partition's number.
    pub partition: i32,
    /// The table's ledger before; none if the table did not know the partition.
    pub from: Option<i64>,
    /// The ledger after. Below `from` only if the topic was made anew.
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
    /// Records are gone from the topic, and somebody said `--accept-gap`.
    AcceptedGap,
    /// The topic was made anew, and somebody said `--accept-gap`: its offsets begin again.
    TopicRecreated,
}

/// What became of the records of one partition in one commit. Offsets that no record had (compaction, transaction
/// markers) are in the range, but in none of the counts.
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
    /// Records that the transform dropped on purpose.
    pub filtered: u64,
    /// Records that became dead letters.
    pub rejected: u64,
    /// The transform that judged them, if it is another than the commit's: a canary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform_digest: Option<String>,
}

/// What a commit says of itself, under the same key, that is no flush of a walk but a step of a redrive or a discard. It moves
/// no ledger and takes in no range: its rows and letters are of offsets that an earlier flush has accounted for as rejected.
/// A position may therefore be in a table (by an `apply`) and in the dead letters with the status `redriven`, and that is
/// right; with the status `open` it is not.
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
    /// The redrive's id, which the letters' `resolution` names as well; a discard has one, too.
    pub id: String,
    /// Which step.
    pub phase: RedrivePhase,
    /// The transform that judged the letters anew: `sha256:…`; none of a discard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform_digest: Option<String>,
    /// One entry per partition that letters come from.
    pub partitions: Vec<RedrivePartition>,
}

/// The steps, in their order; a discard has one only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RedrivePhase {
    /// In the dead letters: judged anew, and marked `redriving`, `redriven` (no rows to make) or `open` still.
    Claim,
    /// In a table: the rows of those that were marked `redriving`.
    Apply,
    /// In the dead letters: those are `redriven`.
    Settle,
    /// In the dead letters: marked `discarded`.
    Discard,
}

/// Letters of one partition in one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedrivePartition {
    /// The topic's name.
    pub topic: String,
    /// The partition's number.
    pub partition: i32,
    /// Letters that the step is about.
    pub letters: u64,
    /// Rows that the commit adds to this table.
    pub rows: u64,
}
