//! Counts the verdicts of one flush per partition: the ranges that a commit takes in, and the counts that it records.

use std::collections::BTreeMap;

use sluicebox_sandbox::Verdict;

use crate::{OffsetRange, PartitionTally, Ranges, RedrivePartition, TopicPartition};

/// The counts of one step of a redrive.
#[derive(Clone, Debug, Default)]
pub struct RedriveCounts(BTreeMap<TopicPartition, RedrivePartition>);

impl RedriveCounts {
    /// Counts letters of one partition, and the rows that they became.
    pub fn count(&mut self, partition: &TopicPartition, letters: u64, rows: u64) {
        let counts = self.0.entry(partition.clone()).or_insert_with(|| RedrivePartition {
            topic: partition.topic.to_string(),
            partition: partition.partition,
            letters: 0,
            rows: 0,
        });
        counts.letters += letters;
        counts.rows += rows;
    }

    /// The counts, one entry per partition.
    pub fn partitions(self) -> Vec<RedrivePartition> {
        self.0.into_values().collect()
    }
}

/// The counts of one flush.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    partitions: BTreeMap<TopicPartition, PartitionTally>,
}

impl Tally {
    /// Counts records of one partition, in offset order, with their verdicts. If these are the partition's first records of
    /// the flush, the range starts at `from`: the ledger's next offset, so that ranges join without a gap.
    pub fn count(&mut self, partition: &TopicPartition, from: i64, offsets: &[i64], verdicts: &[Verdict]) {
        // Without an offset there is no end of the range, and an empty tally would commit a ledger that does not move.
        let Some(last) = offsets.last() else { return };
        let tally = self.entry(partition, from);
        // `from` stays: only the first records of a flush say where its range begins.
        tally.to = last + 1;
        for verdict in verdicts {
            match verdict {
                Verdict::Emitted => tally.emitted += 1,
                Verdict::Filtered => tally.filtered += 1,
                Verdict::Rejected => tally.rejected += 1,
            }
        }
    }

    /// Extends a partition's range up to `to` over offsets that no record has; see [`Self::count`] for `from`.
    pub fn pass_over(&mut self, partition: &TopicPartition, from: i64, to: i64) {
        let tally = self.entry(partition, from);
        tally.to = tally.to.max(to);
    }

    fn entry(&mut self, partition: &TopicPartition, from: i64) -> &mut PartitionTally {
        self.partitions.entry(partition.clone()).or_insert_with(|| PartitionTally {
            topic: partition.topic.to_string(),
            partition: partition.partition,
            from,
            to: from,
            emitted: 0,
            filtered: 0,
            rejected: 0,
            transform_digest: None,
        })
    }

    /// Notes which transform judged a partition's records: it is always the same one within a flush.
    pub fn note_judge(&mut self, partition: &TopicPartition, transform_digest: &str) {
        if let Some(tally) = self.partitions.get_mut(partition) {
            tally.transform_digest.get_or_insert_with(|| transform_digest.to_owned());
        }
    }

    /// Whether nothing has been counted.
    pub fn is_empty(&self) -> bool {
        self.partitions.is_empty()
    }

    /// Forgets all counts.
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

    /// The counts, one entry per partition.
    pub fn partitions(&self) -> Vec<PartitionTally> {
        self.partitions.values().cloned().collect()
    }
}
