//! Finds offsets that no record has, at the place where the reader of a partition has come to: markers of transactions, aborted
//! records, what compaction has removed. The client gives only the hint that it has moved on without a record. A look at the topic,
//! with a reader of its own and in a thread of its own, is the proof. Does not decide what becomes of them: the walk does.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;
use sluicebox_ledger::{ClientError, OffsetRange, Offsets, Ranges, TopicPartition};
use tracing::{debug, info};

use crate::Brokers;
use crate::client::{REQUEST_TIMEOUT, failed};
use crate::first_record::{self, Reader};
use crate::group::Fetched;
use crate::list_offsets::offset_ranges;

/// How long a partition rests at a position before the topic is looked at: where records come one after the other, the next
/// one brings the ledger past what lies between.
const REST: Duration = Duration::from_secs(3);
/// How often the partitions are compared with what the client reports.
const INTERVAL: Duration = Duration::from_secs(1);
/// After how long a partition that rests at the same position is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// How many partitions one look takes in: a stop, or a rebalance, does not wait for it.
const PARTITIONS_MAX: usize = 100;

/// Looks at partitions that rest.
#[derive(Default)]
pub(crate) struct BareRanges {
    /// Where each partition rests, and when to look at it.
    resting: BTreeMap<TopicPartition, Rest>,
    compared: Option<Instant>,
    look: Option<Receiver<Ranges>>,
    found: Ranges,
}

struct Rest {
    position: i64,
    due: Instant,
}

impl BareRanges {
    /// Keeps what a look has shown.
    pub(crate) fn note(&mut self, partition: &TopicPartition, range: OffsetRange) {
        if range.from < range.to {
            self.found.insert(partition.clone(), range);
        }
    }

    /// What has been found since it was last asked for.
    pub(crate) fn take(&mut self) -> Ranges {
        match self.look.as_ref().map(Receiver::try_recv) {
            Some(Ok(found)) => {
                self.look = None;
                self.found.extend(found);
            }
            Some(Err(TryRecvError::Disconnected)) => self.look = None,
            Some(Err(TryRecvError::Empty)) | None => {}
        }
        std::mem::take(&mut self.found)
    }

    /// Begins a look at partitions whose fetcher has moved past the next offset that the walk wants, unless one is under way.
    pub(crate) fn look(
        &mut self,
        brokers: &Brokers,
        positions: &Offsets,
        fetched: impl Fn(&TopicPartition) -> Option<Fetched>,
    ) {
        let now = Instant::now();
        if self.look.is_some() || self.compared.is_some_and(|compared| now < compared + INTERVAL) {
            return;
        }
        self.compared = Some(now);
        let due = self.due(positions, fetched, now);
        if due.is_empty() {
            return;
        }
        let (sender, found) = mpsc::channel();
        let brokers = brokers.clone();
        // Not a task of the runtime: the end of the process would wait for it.
        let thread = std::thread::Builder::new().name("bare offsets".to_owned()).spawn(move || {
            // Who asked may be gone.
            let _unheard = sender.send(look_at(&brokers, &due));
        });
        match thread {
            Ok(_detached) => self.look = Some(found),
            Err(error) => debug!(%error, "no thread for a look at partitions that rest; trying again"),
        }
    }

    /// The partitions that have rested long enough, with their positions.
    fn due(
        &mut self,
        positions: &Offsets,
        fetched: impl Fn(&TopicPartition) -> Option<Fetched>,
        now: Instant,
    ) -> Offsets {
        let ahead = |(partition, position): &(&TopicPartition, &i64)| {
            fetched(partition).is_some_and(|fetched| fetched.next > **position)
        };
        let ahead: Offsets = positions.iter().filter(ahead).map(|(it, position)| (it.clone(), *position)).collect();
        self.resting.retain(|partition, rest| ahead.get(partition) == Some(&rest.position));
        let mut due = Offsets::new();
        for (partition, position) in ahead {
            let rest = self.resting.entry(partition.clone()).or_insert(Rest { position, due: now + REST });
            if rest.due <= now && due.len() < PARTITIONS_MAX {
                rest.due = now + LOOK_AGAIN;
                due.insert(partition, position);
            }
        }
        due
    }
}

fn look_at(brokers: &Brokers, positions: &Offsets) -> Ranges {
    let reader = match first_record::connect(brokers) {
        Ok(reader) => reader,
        Err(error) => {
            debug!(%error, "no look at partitions that rest: the brokers do not answer");
            return Ranges::new();
        }
    };
    let mut found = Ranges::new();
    for (partition, &position) in positions {
        match bare_range(&reader, partition, position) {
            Ok(Some(range)) => {
                info!(%partition, %range, "no record has these offsets");
                found.insert(partition.clone(), range);
            }
            Ok(None) => {}
            Err(error) => debug!(%partition, %error, "no look at a partition that rests: the brokers do not answer"),
        }
    }
    found
}

/// The offsets from `position` on that no record has; none if a record has the first. Those of open transactions do not count:
/// their records may become visible.
fn bare_range(reader: &Reader, partition: &TopicPartition, position: i64) -> Result<Option<OffsetRange>, ClientError> {
    let ranges = offset_ranges(reader.client(), std::slice::from_ref(partition), REQUEST_TIMEOUT)
        .map_err(failed("asking for offsets"))?;
    // Where retention is ahead, the walk has to compare the offsets with the ledger.
    let Some(range) = ranges.get(partition).filter(|range| range.from <= position && position < range.to) else {
        return Ok(None);
    };
    // After the end is known: what is below it then is decided, and what comes later lies behind it.
    let first = first_record::first_record(reader, partition, position, REQUEST_TIMEOUT)?;
    let to = first.map_or(range.to, |first| first.min(range.to));
    Ok((position < to).then_some(OffsetRange { from: position, to }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orders() -> TopicPartition {
        TopicPartition::new("orders", 0)
    }

    fn due(bare: &mut BareRanges, position: i64, next: i64, now: Instant) -> Vec<i64> {
        let fetched = Fetched { next, waiting: 0 };
        bare.due(&[(orders(), position)].into(), |_| Some(fetched), now).into_values().collect()
    }

    #[test]
    fn a_partition_is_looked_at_when_it_rests_where_the_client_has_moved_on() {
        let mut bare = BareRanges::default();
        let now = Instant::now();
        assert_eq!(due(&mut bare, 10, 10, now + LOOK_AGAIN), [0; 0], "the client stands where the walk does");
        assert_eq!(due(&mut bare, 10, 11, now), [0; 0]);
        assert_eq!(due(&mut bare, 10, 11, now + REST), [10]);
        assert_eq!(due(&mut bare, 10, 11, now + 2 * REST), [0; 0], "looked at a moment ago");
        assert_eq!(due(&mut bare, 12, 13, now + 2 * REST), [0; 0], "records came");
        assert_eq!(due(&mut bare, 12, 13, now + 3 * REST), [12]);
        assert_eq!(due(&mut bare, 12, 13, now + 3 * REST + LOOK_AGAIN), [12]);
    }

    #[test]
    fn what_was_found_is_handed_over_once() {
        let mut bare = BareRanges::default();
        bare.note(&orders(), OffsetRange { from: 3, to: 3 });
        assert!(bare.take().is_empty());
        bare.note(&orders(), OffsetRange { from: 3, to: 4 });
        assert_eq!(bare.take(), [(orders(), OffsetRange { from: 3, to: 4 })].into());
        assert!(bare.take().is_empty());
    }
}
