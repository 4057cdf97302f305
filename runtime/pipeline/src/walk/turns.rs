//! Whose records took the time of a turn. A partition whose records loop would take turn after turn, while the others wait for
//! it: it rests, so that it has a third of the time, and the others the rest. Pure.
//!
//! Only loops count: a transform that is slow with all records is slow in all partitions, and no rest makes it quicker.

use std::time::Duration;

use sluicebox_ledger::{Judged, TopicPartition};
use sluicebox_sandbox::{Batch, code};

/// A rest lasts so many times as long as the loops before it.
const REST_FACTOR: u32 = 2;

/// What loops have cost in one turn.
#[derive(Default)]
pub(super) struct Turn {
    loops: Option<(TopicPartition, Duration)>,
}

impl Turn {
    /// These records have their verdicts after so long.
    pub(super) fn note(&mut self, batch: &Batch, judged: &Judged, took: Duration) {
        if !judged.reasons.iter().any(|reason| reason.code == code::LIMIT_FUEL) {
            return;
        }
        let partition = TopicPartition::new(batch.topic.clone(), batch.partition);
        match &mut self.loops {
            Some((known, duration)) if *known == partition => *duration += took,
            // Of two in one turn the later one: the other has its turn before it the next time.
            loops => *loops = Some((partition, took)),
        }
    }

    /// The partition whose loops took more than half of a turn of this length while records of others waited, and how long it
    /// is to rest.
    pub(super) fn rest<'b>(
        self,
        turn: Duration,
        mut waiting: impl Iterator<Item = &'b Batch>,
    ) -> Option<(TopicPartition, Duration)> {
        let (partition, took) = self.loops?;
        let others_wait = waiting.any(|batch| batch.partition != partition.partition || batch.topic != partition.topic);
        (took > turn / 2 && others_wait).then(|| (partition, took * REST_FACTOR))
    }
}

#[cfg(test)]
mod tests {
    use sluicebox_ledger::{Reason, Stage};
    use sluicebox_sandbox::{NO_HEADERS, Verdict};

    use super::*;

    const TURN: Duration = Duration::from_secs(5);

    fn batch(partition: i32) -> Batch {
        let mut batch = Batch::new("orders", partition);
        batch.push(7, 0, None, Some(b"an order"), NO_HEADERS);
        batch
    }

    fn judged(code: &str) -> Judged {
        let (stage, code, message) = (Stage::Sandbox, code.to_owned(), String::new());
        let reason = Reason { record: 0, stage, code, message, path: None, backtrace: None };
        Judged { verdicts: vec![Verdict::Rejected], reasons: vec![reason] }
    }

    /// Three loops of partition 1 that took so long each.
    fn turn(code: &str, seconds: u64) -> Turn {
        let mut turn = Turn::default();
        (0..3).for_each(|_| turn.note(&batch(1), &judged(code), Duration::from_secs(seconds)));
        turn
    }

    #[test]
    fn a_partition_of_loops_rests_twice_as_long_as_it_took_if_others_wait() {
        let (partition, rest) = turn(code::LIMIT_FUEL, 2).rest(TURN, [batch(1), batch(0)].iter()).unwrap();
        assert_eq!((partition.partition, rest), (1, Duration::from_secs(12)));
    }

    #[test]
    fn nothing_rests_where_nothing_waits_or_nothing_loops() {
        assert_eq!(turn(code::LIMIT_FUEL, 2).rest(TURN, [batch(1)].iter()), None);
        assert_eq!(turn(code::LIMIT_FUEL, 0).rest(TURN, [batch(0)].iter()), None);
        assert_eq!(turn(code::PANIC, 2).rest(TURN, [batch(0)].iter()), None);
    }
}
