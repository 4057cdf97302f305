//! Decides when a drain is over. Pure: the source tells it what the group and the fetchers report.

use std::time::{Duration, Instant};

use sluicebox_ledger::{Offsets, TopicPartition};

use crate::group::Fetched;

/// How long to wait for the group's first answer. A killed worker stays a member until its session ends (45 s by default),
/// and the group assigns no partitions before that.
const GROUP_TIMEOUT: Duration = Duration::from_secs(180);
/// How long a worker without partitions waits for one: other workers may be about to release theirs.
const IDLE_MEMBER_WAIT: Duration = Duration::from_secs(15);

/// A drain: up to the end offsets that each partition had when it was first assigned.
pub(super) struct Drain {
    ends: Offsets,
    joined: Instant,
    /// Since when the group has assigned no partition to this worker.
    idle_since: Option<Instant>,
}

/// The state of a drain.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DrainState {
    /// Records remain, or the group may still answer.
    Reading,
    /// Every partition of this worker has been read up to its end.
    Over,
    /// The group assigned no partition to this worker: others have them all, or there are none.
    Idle,
    /// The group has not answered within [`GROUP_TIMEOUT`].
    Unanswered,
}

impl Drain {
    pub(super) fn new() -> Self {
        Self { ends: Offsets::new(), joined: Instant::now(), idle_since: None }
    }

    /// Notes where a partition ends. Only the first end counts, or a busy topic would never be drained.
    pub(super) fn note_end(&mut self, partition: &TopicPartition, end: i64) {
        self.ends.entry(partition.clone()).or_insert(end);
    }

    /// Notes that the group assigned no partition to this worker.
    pub(super) fn note_idle(&mut self) {
        self.idle_since.get_or_insert_with(Instant::now);
    }

    /// The drain's state. `positions` has the next offset to hand over of each partition of this worker.
    pub(super) fn state(
        &self,
        positions: &Offsets,
        fetched: impl Fn(&TopicPartition) -> Option<Fetched>,
    ) -> DrainState {
        let is_done = |(partition, &end): (&TopicPartition, &i64)| match positions.get(partition) {
            None => true, // another worker has the partition now
            Some(&position) if position >= end => true,
            // Transaction markers at the end are not records, so `position` never reaches the end. There the fetcher has
            // moved past the end, and no fetched record waits.
            Some(_) => fetched(partition).is_some_and(|fetched| fetched.next >= end && fetched.waiting == 0),
        };
        // Order matters: ends are known only after an assignment, and an assignment outweighs any waiting time before it.
        match self.idle_since {
            _ if !self.ends.is_empty() && self.ends.iter().all(is_done) => DrainState::Over,
            _ if !self.ends.is_empty() => DrainState::Reading,
            Some(since) if since.elapsed() > IDLE_MEMBER_WAIT => DrainState::Idle,
            None if self.joined.elapsed() > GROUP_TIMEOUT => DrainState::Unanswered,
            _ => DrainState::Reading,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(number: i32) -> TopicPartition {
        TopicPartition::new("orders", number)
    }

    fn state(drain: &Drain, positions: &[(i32, i64)], fetched: Option<Fetched>) -> DrainState {
        let positions = positions.iter().map(|&(number, position)| (partition(number), position)).collect();
        drain.state(&positions, |_| fetched)
    }

    #[test]
    fn a_drain_is_over_when_every_partition_has_been_handed_over() {
        let mut drain = Drain::new();
        drain.note_end(&partition(0), 10);
        drain.note_end(&partition(1), 5);
        assert_eq!(state(&drain, &[(0, 10), (1, 4)], None), DrainState::Reading);
        assert_eq!(state(&drain, &[(0, 10), (1, 5)], None), DrainState::Over);
        // A partition that went to another worker is that worker's to drain.
        assert_eq!(state(&drain, &[(0, 10)], None), DrainState::Over);
    }

    #[test]
    fn later_records_do_not_prolong_a_drain() {
        let mut drain = Drain::new();
        drain.note_end(&partition(0), 10);
        drain.note_end(&partition(0), 99);
        assert_eq!(state(&drain, &[(0, 10)], None), DrainState::Over);
    }

    #[test]
    fn markers_at_the_end_count_as_read_once_nothing_is_waiting() {
        let mut drain = Drain::new();
        drain.note_end(&partition(0), 10);
        assert_eq!(state(&drain, &[(0, 8)], Some(Fetched { next: 10, waiting: 1 })), DrainState::Reading);
        assert_eq!(state(&drain, &[(0, 8)], Some(Fetched { next: 9, waiting: 0 })), DrainState::Reading);
        assert_eq!(state(&drain, &[(0, 8)], Some(Fetched { next: 10, waiting: 0 })), DrainState::Over);
    }

    #[test]
    fn a_worker_without_partitions_waits_a_while() {
        let mut drain = Drain::new();
        assert_eq!(state(&drain, &[], None), DrainState::Reading);
        drain.note_idle();
        assert_eq!(state(&drain, &[], None), DrainState::Reading);
        drain.idle_since = Instant::now().checked_sub(IDLE_MEMBER_WAIT + Duration::from_secs(1));
        assert_eq!(state(&drain, &[], None), DrainState::Idle);
    }
}
