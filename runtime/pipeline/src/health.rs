//! How a pipeline is: the figures and words that readiness, `/status` and `sluicebox status` show. Values only: who sets
//! them is the walk, who shows them is the command.

use std::time::{Duration, Instant, SystemTime};

use serde::{Serialize, Serializer};

use crate::rollout::candidate::CandidateHealth;
use crate::walk::breaker::BreakerCount;

/// Longer than any step takes that goes well: flushes of a healthy store are a matter of seconds.
const STEP_DURATION_MAX: Duration = Duration::from_secs(30);

/// How a pipeline is at this moment. Ready means that it does what it is there for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Health {
    /// What it is doing.
    #[serde(flatten)]
    pub state: State,
    /// Why the source hears nothing, if it says so.
    pub source_trouble: Option<String>,
    /// The partitions that this worker has.
    pub partitions: Vec<PartitionHealth>,
    /// What the circuit breaker counts; none if it is off.
    pub breaker: Option<BreakerCount>,
    /// The transform that judges; empty before the first step.
    pub transform_digest: String,
    /// A transform on probation beside it.
    pub candidate: Option<CandidateHealth>,
    /// A promotion or a candidate that was refused, and why; all stays as it is meanwhile.
    pub refused: Option<String>,
    /// When the walk last said so. A store that hangs, or a commit that is tried again and again, shows here first.
    #[serde(rename = "last_step_seconds", serialize_with = "age")]
    pub told: Instant,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            state: State::default(),
            source_trouble: None,
            partitions: Vec::new(),
            breaker: None,
            transform_digest: String::new(),
            candidate: None,
            refused: None,
            told: Instant::now(),
        }
    }
}

/// What a pipeline is doing.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Tables are opened, the group is joined, the first ledgers are read.
    #[default]
    Starting,
    /// Records are taken in as they come.
    Running,
    /// The infrastructure fails; the walk goes back to the ledger and tries again.
    BackingOff {
        /// What fails.
        error: String,
        /// How often it has been tried since the last success.
        attempts: u32,
        /// When it began.
        #[serde(serialize_with = "rfc3339")]
        since: SystemTime,
    },
    /// A person has to decide; nothing is read meanwhile.
    Paused {
        /// What has happened, and how to go on.
        error: String,
        /// When it began.
        #[serde(serialize_with = "rfc3339")]
        since: SystemTime,
    },
    /// Told to stop, or at the end: what is staged is flushed.
    Stopping,
}

/// How far one partition is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartitionHealth {
    /// The topic's name.
    pub topic: String,
    /// The partition's number.
    pub partition: i32,
    /// The next offset that some table lacks; none if it is not known yet.
    pub next_offset: Option<i64>,
    /// The topic's end, as far as the source has heard.
    pub end_offset: Option<i64>,
    /// What lies between the two.
    pub lag_records: Option<i64>,
    /// Why the partition stands still, if a person has to decide.
    pub stopped: Option<String>,
}

impl Health {
    /// Nothing is the matter, or else what, in one line.
    pub fn complaint(&self) -> Option<String> {
        match &self.state {
            State::Running => {}
            State::Starting => return Some(self.source_trouble.clone().unwrap_or_else(|| "starting".to_owned())),
            State::BackingOff { error, attempts, .. } => {
                return Some(format!("backing off, {attempts} failed attempts: {}", one_line(error)));
            }
            State::Paused { error, .. } => return Some(format!("paused: {}", one_line(error))),
            State::Stopping => return Some("stopping".to_owned()),
        }
        let mut stopped = self.partitions.iter().filter_map(|partition| partition.stopped.as_ref());
        if let Some(first) = stopped.next() {
            return Some(format!("{} partitions are stopped; the first: {}", 1 + stopped.count(), one_line(first)));
        }
        if self.told.elapsed() > STEP_DURATION_MAX {
            let seconds = self.told.elapsed().as_secs();
            return Some(format!(
                "nothing has moved for {seconds} s: the store, the source or the transform is slow, or hangs"
            ));
        }
        self.source_trouble.clone()
    }

    /// Whether a person has to decide before anything is read.
    pub fn is_paused(&self) -> bool {
        matches!(self.state, State::Paused { .. })
    }

    /// Whether there is nothing to complain about.
    pub fn is_ready(&self) -> bool {
        self.complaint().is_none()
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn age<S: Serializer>(time: &Instant, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.elapsed().as_secs_f64())
}

fn rfc3339<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_rfc3339_seconds(*time))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running() -> Health {
        Health { state: State::Running, ..Health::default() }
    }

    fn partition(stopped: Option<&str>) -> PartitionHealth {
        PartitionHealth {
            topic: "orders".to_owned(),
            partition: 3,
            next_offset: Some(7),
            end_offset: None,
            lag_records: None,
            stopped: stopped.map(str::to_owned),
        }
    }

    #[test]
    fn ready_is_running_with_nothing_stopped_and_a_source_that_hears() {
        assert!(!Health::default().is_ready());
        assert!(running().is_ready());
        let trouble = Health { source_trouble: Some("no broker answers".to_owned()), ..running() };
        assert_eq!(trouble.complaint().as_deref(), Some("no broker answers"));
        let stopped = Health { partitions: vec![partition(None), partition(Some("gone\nat 7"))], ..running() };
        assert_eq!(stopped.complaint().as_deref(), Some("1 partitions are stopped; the first: gone at 7"));
        let hangs = Health { told: Instant::now().checked_sub(Duration::from_secs(75)).unwrap(), ..running() };
        assert!(hangs.complaint().unwrap().starts_with("nothing has moved for 75 s"), "{:?}", hangs.complaint());
        for state in [
            State::Stopping,
            State::Paused { error: "e".to_owned(), since: SystemTime::UNIX_EPOCH },
            State::BackingOff { error: "e".to_owned(), attempts: 2, since: SystemTime::UNIX_EPOCH },
        ] {
            assert!(!Health { state, ..Health::default() }.is_ready());
        }
    }

    #[test]
    fn programs_read_a_flat_state() {
        let state = State::Paused { error: "why".to_owned(), since: SystemTime::UNIX_EPOCH };
        let health = Health { state, ..Health::default() };
        let json = serde_json::to_value(&health).unwrap();
        assert_eq!(json["state"], "paused");
        assert_eq!(json["since"], "1970-01-01T00:00:00Z");
    }
}
