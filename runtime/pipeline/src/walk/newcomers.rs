//! Where partitions start that no table knows, if the source says "at the end". For a topic that no table knows, that is what the
//! operator wants. A partition that was added to a known topic later starts at its beginning: its first records are newer than the
//! pipeline is, and the group notices a new partition only after a while.
//!
//! So the first take-over of a topic notes the start of all its partitions, those of other workers too. A partition that is in no
//! ledger after that is new.

use std::collections::BTreeSet;
use std::sync::Arc;

use sluicebox_ledger::{Offsets, PartitionBounds, PartitionStart, TopicPartition};
use tracing::info;

use crate::error::PipelineError;
use crate::source::Source;
use crate::walk::Walk;

impl<S: Source> Walk<S> {
    /// Corrects the starts of partitions that are new to a known topic, and returns those of other workers' partitions, where the
    /// topic itself is new.
    pub(super) async fn welcome(&mut self, bounds: &mut PartitionBounds) -> Result<Vec<PartitionStart>, PipelineError> {
        let unknown: Vec<TopicPartition> = bounds.keys().filter(|it| !self.is_known(it)).cloned().collect();
        if unknown.is_empty() {
            return Ok(Vec::new());
        }
        let topics: BTreeSet<Arc<str>> = unknown.iter().map(|partition| partition.topic.clone()).collect();
        let siblings = self.source.late_starts(&topics).await?;
        let strangers: Vec<TopicPartition> = siblings.keys().filter(|it| !self.partitions.has(it)).cloned().collect();
        self.tables.read_ledgers(&strangers).await?;
        self.dead_letters.table.read_ledger(&strangers).await?;
        let known = siblings.keys().filter(|it| self.is_known(it)).map(|it| it.topic.clone());
        let known: BTreeSet<Arc<str>> = known.collect();
        for partition in unknown.iter().filter(|partition| known.contains(&partition.topic)) {
            let Some(bounds) = bounds.get_mut(partition) else { continue };
            let Some(first) = bounds.range.map(|range| range.from).filter(|first| *first != bounds.start) else {
                continue;
            };
            info!(%partition, first, "the partition is new to a known topic: it starts at its beginning");
            bounds.start = first;
        }
        // Those that are noted stay in the ledgers until then: the commit compares them.
        let (settled, noted): (Vec<_>, Vec<_>) = strangers.into_iter().partition(|it| known.contains(&it.topic));
        self.tables.forget(&settled);
        self.dead_letters.table.forget(&settled);
        let starts = noted.into_iter().filter_map(|partition| {
            let bounds = siblings.get(&partition)?;
            Some(PartitionStart { partition, to: bounds.start, topic_id: bounds.topic_id, accepted: None })
        });
        Ok(starts.collect())
    }

    /// Whether any table has a ledger of the partition.
    fn is_known(&self, partition: &TopicPartition) -> bool {
        self.ledgers().any(|ledger| ledger.next(partition).is_some())
    }

    /// Notes in every table where partitions start, in the order of a flush. Where two workers begin at once, the first to commit
    /// to the first table decides where. Returns the offsets at which this worker's own partitions are read.
    pub(super) async fn note_starts(
        &mut self,
        mut starts: Vec<PartitionStart>,
        others: Vec<PartitionStart>,
    ) -> Result<Offsets, PipelineError> {
        let own: Vec<TopicPartition> = starts.iter().map(|start| start.partition.clone()).collect();
        let strangers: Vec<TopicPartition> = others.iter().map(|start| start.partition.clone()).collect();
        starts.extend(others);
        let buried = self.dead_letters.note_starts(&starts).await;
        let noted = if buried.is_ok() { self.tables.note_starts(&starts).await } else { Ok(()) };
        // They are other workers', even where a note has failed.
        self.tables.forget(&strangers);
        self.dead_letters.table.forget(&strangers);
        buried?;
        noted?;
        Ok(own.into_iter().filter_map(|it| self.next_offset(&it).map(|next| (it, next))).collect())
    }
}
