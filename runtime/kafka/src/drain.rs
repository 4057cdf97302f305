//! Decides when a drain is over. Pure: the source tells it what the group and the fetchers report.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sluicebox_ledger::{Offsets, TopicPartition};

use crate::group::Fetched;

/// How long to wait for the group's first answer. A killed worker stays a member until its session ends (45 s by default),
/// and the group assigns no partitions before that.
const GROUP_TIMEOUT: Duration = Duration::from_secs(180);
/// How long a worker without partitions waits for one: other workers may be about to release theirs.
const IDLE_MEMBER_WAIT: Duration = Duration::from_secs(15);
/// How long a drain waits for the leader of a partition.
const LEADER_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a drain waits for any broker.
pub(super) const BROKERS_TIMEOUT: Duration = Duration::from_secs(60);

/// A drain: up to the end offsets that each partition had when it was first assigned.
pub(super) struct Drain {
    ends: Offsets,
    /// Positions behind which no record comes before the end, as a look at the topic has shown.
    bare: Offsets,
    /// Partitions that could not be taken over, because their leader does not answer.
    leaderless: BTreeMap<TopicPartition, Instant>,
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
    /// The same, if no record comes behind these positions. The client claims so, but its statistics may be older than the
    /// last seek: the topic itself has to be asked.
    Unproven(Offsets),
    /// Everything else is read, but this partition's leader has not answered for too long.
    Leaderless(TopicPartition),
    /// The group assigned no partition to this worker: others have them all, or there are none.
    Idle,
    /// The group has not answered within [`GROUP_TIMEOUT`].
    Unanswered,
}

impl Drain {
    pub(super) fn new() -> Self {
        Self {
            ends: Offsets::new(),
            bare: Offsets::new(),
            leaderless: BTreeMap::new(),
            joined: Instant::now(),
            idle_since: None,
        }
    }

    /// Notes where a partition ends. Only the first end counts, or a busy topic would never be drained.
    pub(super) fn note_end(&mut self, partition: &TopicPartition, end: i64) {
        self.ends.entry(partition.clone()).or_insert(end);
        self.leaderless.remove(partition);
    }

    /// The end that was noted for a partition.
    pub(super) fn end(&self, partition: &TopicPartition) -> Option<i64> {
        self.ends.get(partition).copied()
    }

    /// Notes that no record comes between this position and the end.
    pub(super) fn note_bare(&mut self, partition: &TopicPartition, position: i64) {
        self.bare.insert(partition.clone(), position);
    }

    /// Notes that a partition's leader does not answer.
    pub(super) fn note_leaderless(&mut self, partition: &TopicPartition) {
        if !self.ends.contains_key(partition) {
            self.leaderless.entry(partition.clone()).or_insert_with(Instant::now);
        }
    }

    /// Another worker has these partitions now.
    pub(super) fn forget(&mut self, partitions: &[TopicPartition]) {
        self.leaderless.retain(|partition, _| !partitions.contains(partition));
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
        let mut unproven = Offsets::new();
        let mut is_read = true;
        for (partition, &end) in &self.ends {
            // Without a position: another worker has the partition now.
            let Some(&position) = positions.get(partition).filter(|position| **position < end) else { continue };
            // Transaction markers at the end are not records, so `position` never reaches the end. There the fetcher has
            // moved past the end, and no fetched record waits.
            if self.bare.get(partition) == Some(&position) {
                continue;
            }
            if fetched(partition).is_some_and(|fetched| fetched.next >= end && fetched.waiting == 0) {
                unproven.insert(partition.clone(), position);
            } else {
                is_read = false;
            }
        }
        let lost = self.leaderless.iter().find(|(_, since)| since.elapsed() > LEADER_TIMEOUT);
        if let (true, true, Some((partition, _))) = (is_read, unproven.is_empty(), lost) {
            return DrainState::Leaderless(partition.clone());
        }
        // Order matters: ends are known only after an assignment, and an assignment outweighs any waiting time before it.
        match self.idle_since {
            _ if !is_read => DrainState::Reading,
            _ if !unproven.is_empty() => DrainState::Unproven(unproven),
            _ if !self.leaderless.is_empty() => DrainState::Reading,
            _ if !self.ends.is_empty() => DrainState::Over,
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
        let claimed = Some(Fetched { next: 10, waiting: 0 });
        let unproven = |position| DrainState::Unproven([(partition(0), position)].into());
        assert_eq!(state(&drain, &[(0, 8)], claimed), unproven(8));
        drain.note_bare(&partition(0), 8);
        assert_eq!(state(&drain, &[(0, 8)], claimed), DrainState::Over);
        // After a rewind the client's statistics are older than the seek, and records remain.
        assert_eq!(state(&drain, &[(0, 3)], claimed), unproven(3));
    }

    #[test]
    fn a_partition_without_a_leader_keeps_a_drain_from_being_over_and_ends_it_in_time() {
        let mut drain = Drain::new();
        drain.note_end(&partition(0), 10);
        drain.note_leaderless(&partition(1));
        assert_eq!(state(&drain, &[(0, 10)], None), DrainState::Reading);
        let long_ago = Instant::now().checked_sub(LEADER_TIMEOUT + Duration::from_secs(1)).unwrap();
        drain.leaderless.insert(partition(1), long_ago);
        assert_eq!(state(&drain, &[(0, 9)], None), DrainState::Reading, "the others first");
        assert_eq!(state(&drain, &[(0, 10)], None), DrainState::Leaderless(partition(1)));
        drain.note_end(&partition(1), 0);
        assert_eq!(state(&drain, &[(0, 10), (1, 0)], None), DrainState::Over);
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
