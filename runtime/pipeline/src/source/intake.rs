//! Collects records into one batch per partition, bounded in number and bytes. Knows no client: sources push into it.

use std::sync::Arc;

use sluicebox_sandbox::Batch;

/// Bounded batches, one per topic-partition. The default takes nothing.
#[derive(Default)]
pub struct Intake {
    batches: Vec<Batch>,
    last: usize,
    records_max: usize,
    bytes_max: usize,
    full: bool,
}

impl Intake {
    /// Batches of at most `records_max` records; one is closed by the record that takes it over `bytes_max`.
    pub fn new(records_max: usize, bytes_max: usize) -> Self {
        Self { batches: Vec::new(), last: 0, records_max, bytes_max, full: false }
    }

    /// Adds a record. A negative timestamp means none.
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
        batch.push(offset, timestamp, key, value, headers);
        let (records, bytes) = (batch.len(), batch.bytes());
        self.full |= records >= self.records_max || bytes >= self.bytes_max;
    }

    /// Whether a batch has reached a bound: stop pushing.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.batches.iter().all(Batch::is_empty)
    }

    /// The batches that hold records.
    pub fn batches(&self) -> impl Iterator<Item = &Batch> {
        self.batches.iter().filter(|batch| !batch.is_empty())
    }

    /// Empties the batches, but keeps their memory for the next poll.
    pub fn clear(&mut self) {
        // A batch that swelled to take one huge record does not keep that memory for ever.
        self.batches.retain(|batch| batch.bytes() <= 2 * self.bytes_max);
        self.batches.iter_mut().for_each(Batch::clear);
        (self.last, self.full) = (0, false);
    }

    fn batch(&mut self, topic: &str, partition: i32) -> &mut Batch {
        // Records come in runs of one partition: look at the last one first.
        let is_it = |batch: &Batch| batch.partition == partition && *batch.topic == *topic;
        if !self.batches.get(self.last).is_some_and(is_it) {
            self.last = self.batches.iter().position(is_it).unwrap_or_else(|| {
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

    #[test]
    fn records_gather_by_partition() {
        let mut intake = Intake::new(10, 1 << 20);
        for (topic, partition, offset) in [("a", 0, 1), ("a", 1, 5), ("a", 0, 2), ("b", 0, 9)] {
            push(&mut intake, topic, partition, offset);
        }
        let batches: Vec<_> =
            intake.batches().map(|batch| (&*batch.topic, batch.partition, batch.offsets.clone())).collect();
        assert_eq!(batches, [("a", 0, vec![1, 2]), ("a", 1, vec![5]), ("b", 0, vec![9])]);
    }

    #[test]
    fn bounds_are_seen_and_cleared() {
        let mut intake = Intake::new(2, 1 << 20);
        push(&mut intake, "a", 0, 0);
        assert!(!intake.is_full());
        push(&mut intake, "a", 0, 1);
        assert!(intake.is_full());
        intake.clear();
        assert!(!intake.is_full() && intake.is_empty());
    }

    #[test]
    fn one_large_record_fills_the_intake() {
        let mut intake = Intake::new(1_000, 4);
        push(&mut intake, "a", 0, 0);
        assert!(intake.is_full());
    }
}
