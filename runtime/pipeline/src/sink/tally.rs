//! What became of the records of one flush, per partition: the ranges that a commit takes in, and what it says of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ledger::Ranges;
use crate::position::{OffsetRange, TopicPartition};
use sluicebox_sandbox::Verdict;
use sluicebox_sandbox::planted::{Bug, planted};

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

/// Counts up a step of a redrive.
#[derive(Clone, Debug, Default)]
pub(crate) struct RedriveCounts(BTreeMap<TopicPartition, RedrivePartition>);

impl RedriveCounts {
    pub(crate) fn count(&mut self, partition: &TopicPartition, letters: u64, rows: u64) {
        let counts = self.0.entry(partition.clone()).or_insert_with(|| RedrivePartition {
            topic: partition.topic.to_string(),
            partition: partition.partition,
            letters: 0,
            rows: 0,
        });
        counts.letters += letters;
        counts.rows += rows;
    }

    pub(crate) fn partitions(self) -> Vec<RedrivePartition> {
        self.0.into_values().collect()
    }
}

/// Counts up a flush.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    partitions: BTreeMap<TopicPartition, PartitionTally>,
}

impl Tally {
    /// Counts records of one partition, in offset order, with their verdicts. `from` is where the range starts if these
    /// are the partition's first of the flush: the ledger's next offset, so that ranges join without a gap.
    pub fn count(&mut self, partition: &TopicPartition, from: i64, offsets: &[i64], verdicts: &[Verdict]) {
        let Some(last) = offsets.last() else { return };
        let tally = self.partitions.entry(partition.clone()).or_insert_with(|| PartitionTally {
            topic: partition.topic.to_string(),
            partition: partition.partition,
            from,
            to: from,
            emitted: 0,
            filtered: 0,
            rejected: 0,
            transform_digest: None,
        });
        tally.to = last + 1 - i64::from(planted(Bug::StoresLastOffset));
        for verdict in verdicts {
            match verdict {
                Verdict::Emitted => tally.emitted += 1,
                Verdict::Filtered => tally.filtered += 1,
                Verdict::Rejected => tally.rejected += 1,
            }
        }
    }

    /// Notes who judged what is counted of a partition: in one flush, it is always the same transform.
    pub fn note_judge(&mut self, partition: &TopicPartition, transform_digest: &str) {
        if let Some(tally) = self.partitions.get_mut(partition) {
            tally.transform_digest.get_or_insert_with(|| transform_digest.to_owned());
        }
    }

    /// Whether nothing has been counted.
    pub fn is_empty(&self) -> bool {
        self.partitions.is_empty()
    }

    /// Starts over.
    pub fn clear(&mut self) {
        self.partitions.clear();
    }

    /// The ranges that a commit of this flush takes in.
    pub fn ranges(&self) -> Ranges {
        self.partitions
            .iter()
            .map(|(partition, tally)| (partition.clone(), OffsetRange { from: tally.from, to: tally.to }))
            .collect()
    }

    /// The counts, one entry a partition.
    pub fn partitions(&self) -> Vec<PartitionTally> {
        self.partitions.values().cloned().collect()
    }
}
