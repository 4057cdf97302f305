//! When a drain is over. Pure: it is told what is known of the group and the fetchers, and asks nobody.

use std::time::{Duration, Instant};

use sluicebox_ledger::{Offsets, TopicPartition};

use crate::group::Fetched;

/// How long to wait for the group's first answer. A worker that was killed holds its place until its session ends (45 s by
/// default), and the group answers nobody before that.
const GROUP_TIMEOUT: Duration = Duration::from_secs(180);
/// How long a worker that was given no partition waits for one: others may be about to release theirs.
const IDLE_MEMBER_WAIT: Duration = Duration::from_secs(15);

/// A drain: up to the end offsets that each partition had when it was first assigned.
pub(super) struct Drain {
    ends: Offsets,
    joined: Instant,
    /// Since when the group has given this worker nothing.
    idle_since: Option<Instant>,
}

/// How far a drain is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Reading,
    Over,
    /// The group gave this worker no partition: others have them all, or there are none.
    Idle,
    /// The group has not answered for so long that it never will.
    Unanswered,
}

impl Drain {
    pub(super) fn new() -> Self {
        Self { ends: Offsets::new(), joined: Instant::now(), idle_since: None }
    }

    /// Notes where a partition ends; only the first time, or a busy topic would never be drained.
    pub(super) fn note_end(&mut self, partition: &TopicPartition, end: i64) {
        self.ends.entry(partition.clone()).or_insert(end);
    }

    /// Notes that the group gave this worker no partition.
    pub(super) fn note_idle(&mut self) {
        self.idle_since.get_or_insert_with(Instant::now);
    }

    /// `positions`: the next offset to hand over, of the partitions that this worker has.
    pub(super) fn standing(
        &self,
        positions: &Offsets,
        fetched: impl Fn(&TopicPartition) -> Option<Fetched>,
    ) -> Standing {
        let is_done = |(partition, &end): (&TopicPartition, &i64)| match positions.get(partition) {
            None => true, // it has moved to another worker
            Some(&position) if position >= end => true,
            // Transaction markers at the end carry no record: there the fetcher has moved past the end, and nothing that
            // it has fetched is waiting.
            Some(_) => fetched(partition).is_some_and(|fetched| fetched.next >= end && fetched.waiting == 0),
        };
        match self.idle_since {
            _ if !self.ends.is_empty() && self.ends.iter().all(is_done) => Standing::Over,
            _ if !self.ends.is_empty() => Standing::Reading,
            Some(since) if since.elapsed() > IDLE_MEMBER_WAIT => Standing::Idle,
            None if self.joined.elapsed() > GROUP_TIMEOUT => Standing::Unanswered,
            _ => Standing::Reading,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(number: i32) -> TopicPartition {
        TopicPartition::new("orders", number)
    }

    fn standing(drain: &Drain, positions: &[(i32, i64)], fetched: Option<Fetched>) -> Standing {
        let positions = positions.iter().map(|&(number, position)| (partition(number), position)).collect();
        drain.standing(&positions, |_| fetched)
    }

    #[test]
    fn it_is_over_when_every_partition_has_been_handed_over() {
        let mut drain = Drain::new();
        drain.note_end(&partition(0), 10);
        drain.note_end(&partition(1), 5);
        assert_eq!(standing(&drain, &[(0, 10), (1, 4)], None), Standing::Reading);
        assert_eq!(standing(&drain, &[(0, 10), (1, 5)], None), Standing::Over);
        // A partition that went to another worker is that worker's to drain.
        assert_eq!(standing(&drain, &[(0, 10)], None), Standing::Over);
    }

    #[test]
    fn what_is_produced_later_does_not_prolong_it() {
        let mut drain = Drain::new();
        drain.note_end(&partition(0), 10);
        drain.note_end(&partition(0), 99);
        assert_eq!(standing(&drain, &[(0, 10)], None), Standing::Over);
    }

    #[test]
    fn markers_at_the_end_count_as_read_once_nothing_is_waiting() {
        let mut drain = Drain::new();
        drain.note_end(&partition(0), 10);
        assert_eq!(standing(&drain, &[(0, 8)], Some(Fetched { next: 10, waiting: 1 })), Standing::Reading);
        assert_eq!(standing(&drain, &[(0, 8)], Some(Fetched { next: 9, waiting: 0 })), Standing::Reading);
        assert_eq!(standing(&drain, &[(0, 8)], Some(Fetched { next: 10, waiting: 0 })), Standing::Over);
    }

    #[test]
    fn a_worker_without_partitions_waits_a_while() {
        let mut drain = Drain::new();
        assert_eq!(standing(&drain, &[], None), Standing::Reading);
        drain.note_idle();
        assert_eq!(standing(&drain, &[], None), Standing::Reading);
        drain.idle_since = Instant::now().checked_sub(IDLE_MEMBER_WAIT + Duration::from_secs(1));
        assert_eq!(standing(&drain, &[], None), Standing::Idle);
    }
}
