//! Collects records into batches of one partition each, bounded in number and bytes. Sources push into it; it knows no
//! client.

use std::sync::Arc;

use sluicebox_ledger::TopicPartition;
use sluicebox_sandbox::Batch;
use tracing::debug;

use super::malformed::Malformed;

/// How many batches' worth of records one poll may bring: enough that partitions which take turns fill a batch each.
const BATCHES: usize = 16;

/// Batches on their way into the sandbox, those of one partition in order. The default takes nothing.
#[derive(Default)]
pub struct Intake {
    batches: Vec<Batch>,
    /// The batch that took the last record.
    last: usize,
    batch_records_max: usize,
    batch_bytes_max: usize,
    records: usize,
    bytes: usize,
    malformed: Malformed,
}

impl Intake {
    /// For batches of at most `batch_records_max` records; one is closed by the record that takes it to
    /// `batch_bytes_max`.
    pub fn new(batch_records_max: usize, batch_bytes_max: usize) -> Self {
        Self { batch_records_max, batch_bytes_max, ..Self::default() }
    }

    /// Adds a record, unless it is here already. A negative timestamp means none.
    ///
    /// librdkafka hands over a record twice if a rebalance pauses its partition at the moment in which it leaves the queue
    /// (`rd_kafka_toppar_pause_resume` reads a position that `rd_kafka_fetch_op_app_prepare` has not moved yet).
    #[expect(
        clippy::too_many_arguments,
        reason = "a record has this many parts, and a struct of borrows would say no more"
    )]
    pub fn push<'a>(
        &mut self,
        topic: &str,
        partition: i32,
        offset: i64,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: impl IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    ) {
        let batch = self.batch(topic, partition);
        if batch.offsets.last().is_some_and(|&last| offset <= last) {
            debug!(topic, partition, offset, "skipped a record: the source handed it over twice");
            return;
        }
        let before = batch.bytes();
        batch.push(offset, timestamp, key, value, headers);
        let bytes = batch.bytes() - before;
        self.records += 1;
        self.bytes += bytes;
    }

    /// Adds a line that is not a record, with its bytes; `why` must not quote them.
    pub fn push_malformed(&mut self, topic: &Arc<str>, partition: i32, offset: i64, line: &[u8], why: String) {
        self.malformed.note(topic, partition, offset, why);
        self.push(topic, partition, offset, -1, None, Some(line), []);
    }

    /// Those of its records that are malformed lines.
    pub fn malformed(&self) -> &Malformed {
        &self.malformed
    }

    /// Whether it holds as much as one poll may bring: the source stops pushing.
    pub fn is_full(&self) -> bool {
        self.records >= BATCHES * self.batch_records_max || self.bytes >= BATCHES * self.batch_bytes_max
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// The batches that hold records.
    pub fn batches(&self) -> impl Iterator<Item = &Batch> {
        self.batches.iter().filter(|batch| !batch.is_empty())
    }

    /// Empties the batches, but keeps their memory for the next poll.
    pub fn clear(&mut self) {
        // Not all of it: not that of one huge record, and not that of a thousand partitions.
        let bytes_max = 2 * self.batch_bytes_max;
        self.batches.retain(|batch| batch.bytes() <= bytes_max);
        self.batches.truncate(2 * BATCHES);
        self.batches.iter_mut().for_each(Batch::clear);
        self.last = 0;
        self.records = 0;
        self.bytes = 0;
        self.malformed.clear();
    }

    /// Drops what has been taken in: the batches before `batch`, and its records before `record`.
    pub fn keep_from(&mut self, batch: usize, record: usize) {
        // Through `batches()`, which leaves out empty ones: the caller's index counts only those with records.
        let rest = self.batches().skip(batch).enumerate().map(|(index, batch)| match index {
            0 => batch.slice(record..batch.len()),
            _ => batch.clone(),
        });
        self.batches = rest.filter(|batch| !batch.is_empty()).collect();
        self.records = self.batches.iter().map(Batch::len).sum();
        self.bytes = self.batches.iter().map(Batch::bytes).sum();
        self.last = 0;
    }

    /// Drops the records of a partition, which will come again.
    pub(crate) fn drop_partition(&mut self, partition: &TopicPartition) {
        self.batches.retain(|batch| batch.partition != partition.partition || batch.topic != partition.topic);
        self.records = self.batches.iter().map(Batch::len).sum();
        self.bytes = self.batches.iter().map(Batch::bytes).sum();
        self.last = 0;
    }

    fn batch(&mut self, topic: &str, partition: i32) -> &mut Batch {
        let (records_max, bytes_max) = (self.batch_records_max, self.batch_bytes_max);
        let is_open = |batch: &Batch| {
            batch.partition == partition
                && *batch.topic == *topic
                && batch.len() < records_max
                && batch.bytes() < bytes_max
        };
        // Records come in runs of one partition: look at the last one first.
        if !self.batches.get(self.last).is_some_and(is_open) {
            self.last = self.batches.iter().position(is_open).unwrap_or_else(|| {
                self.batches.push(Batch::new(Arc::from(topic), partition));
                self.batches.len() - 1
            });
        }
        &mut self.batches[self.last]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(intake: &mut Intake, topic: &str, partition: i32, offset: i64) {
        intake.push(topic, partition, offset, -1, None, Some(b"value"), []);
    }

    fn batches(intake: &Intake) -> Vec<(&str, i32, Vec<i64>)> {
        intake.batches().map(|batch| (&*batch.topic, batch.partition, batch.offsets.clone())).collect()
    }

    #[test]
    fn records_gather_by_partition() {
        let mut intake = Intake::new(10, 1 << 20);
        for (topic, partition, offset) in [("a", 0, 1), ("a", 1, 5), ("a", 0, 2), ("b", 0, 9)] {
            push(&mut intake, topic, partition, offset);
        }
        assert_eq!(batches(&intake), [("a", 0, vec![1, 2]), ("a", 1, vec![5]), ("b", 0, vec![9])]);
    }

    #[test]
    fn a_full_batch_is_followed_by_another_in_order_even_in_memory_used_again() {
        let mut intake = Intake::new(2, 1 << 20);
        for round in 0..3 {
            for offset in 0..5 {
                push(&mut intake, "a", 0, round * 5 + offset);
                push(&mut intake, "a", 1, round * 5 + offset);
            }
            let offsets = batches(&intake).into_iter().filter(|batch| batch.1 == 0).flat_map(|batch| batch.2);
            assert_eq!(offsets.collect::<Vec<_>>(), (round * 5..round * 5 + 5).collect::<Vec<_>>());
            assert!(intake.batches().all(|batch| batch.len() <= 2));
            intake.clear();
            assert!(intake.is_empty());
        }
    }

    #[test]
    fn a_record_that_comes_twice_is_there_once() {
        let mut intake = Intake::new(10, 1 << 20);
        for offset in [3, 4, 4, 7, 4, 8] {
            push(&mut intake, "a", 0, offset);
            push(&mut intake, "a", 1, 4);
        }
        assert_eq!(batches(&intake), [("a", 0, vec![3, 4, 7, 8]), ("a", 1, vec![4])]);
    }

    #[test]
    fn what_has_been_taken_in_is_dropped() {
        let mut intake = Intake::new(2, 1 << 20);
        for offset in 0..5 {
            push(&mut intake, "a", 0, offset);
        }
        intake.keep_from(1, 1);
        assert_eq!(batches(&intake), [("a", 0, vec![3]), ("a", 0, vec![4])]);
        intake.keep_from(1, 1);
        assert!(intake.is_empty());
    }

    #[test]
    fn it_is_full_after_so_many_batches_or_bytes() {
        let mut intake = Intake::new(2, 1 << 20);
        for offset in 0..2 * BATCHES as i64 {
            assert!(!intake.is_full());
            push(&mut intake, "a", 0, offset);
        }
        assert!(intake.is_full());
        intake.clear();
        assert!(!intake.is_full());

        let mut intake = Intake::new(1_000, 1);
        for offset in 0..BATCHES as i64 {
            push(&mut intake, "a", 0, offset);
        }
        assert!(intake.is_full());
    }
}
