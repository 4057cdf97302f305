//! Whether a drain is over, as far as the source can say: what brokers report, proven by a look at the topic where the client's
//! own words may be old. The rules are [`Drain`](crate::drain::Drain)'s.

use std::time::Instant;

use sluicebox_ledger::{ClientError, ErrorKind, OffsetRange, Offsets};
use tracing::info;

use super::KafkaSource;
use crate::client::REQUEST_TIMEOUT;
use crate::drain::{BROKERS_TIMEOUT, DrainState};
use crate::{first_record, survey};

impl KafkaSource {
    /// Whether this worker's part of a drain is over. No topic at all is an error: a misspelt name is more likely than a topic
    /// that does not exist yet.
    pub(super) fn is_drained(&mut self) -> Result<bool, ClientError> {
        let Some(drain) = &self.drain else {
            return Ok(false);
        };
        if self.group().reachability().away_for(Instant::now()).is_some_and(|away| away > BROKERS_TIMEOUT) {
            let trouble = self.group().status().trouble.unwrap_or_default();
            return Err(undrainable(format!("{trouble}; the drain gives up after {} s", BROKERS_TIMEOUT.as_secs())));
        }
        match drain.state(&self.positions, |partition| self.group().fetched(partition)) {
            DrainState::Reading => Ok(false),
            DrainState::Over => Ok(true),
            DrainState::Unproven(positions) => self.prove(&positions).map(|()| false),
            DrainState::Leaderless(partition) => {
                Err(undrainable(format!("{partition} has no leader that answers; the other partitions are drained")))
            }
            DrainState::Idle if !survey::partitions(&self.consumer, &self.brokers.settings.topics)?.is_empty() => {
                info!("nothing to drain: other workers of the group have all partitions");
                Ok(true)
            }
            DrainState::Idle => Err(undrainable("no topic matches: is the name right, and may this user see it?")),
            DrainState::Unanswered => Err(undrainable("the group gave no answer: may this user join it?")),
        }
    }

    /// Looks whether records come behind these positions, with a reader of its own: what the consumer reports may be older than
    /// its last seek.
    pub(super) fn prove(&mut self, positions: &Offsets) -> Result<(), ClientError> {
        let reader = first_record::connect(&self.brokers)?;
        for (partition, &position) in positions {
            let first = first_record::first_record(&reader, partition, position, REQUEST_TIMEOUT)?;
            let Some(drain) = &mut self.drain else { continue };
            if first.is_none() || first >= drain.end(partition) {
                drain.note_bare(partition, position);
                let to = drain.end(partition).unwrap_or(position);
                self.bare.note(partition, OffsetRange { from: position, to });
            } else {
                self.group().forget_fetcher(partition);
            }
        }
        Ok(())
    }
}

/// Why a drain cannot end well.
fn undrainable(why: impl Into<String>) -> ClientError {
    ClientError::new(ErrorKind::Stop, "kafka", "draining", why.into())
}
