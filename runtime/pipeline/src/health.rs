//! The health of a pipeline: the figures and words that readiness, `/status` and `sluicebox status` show. Values only: the
//! walk sets them, the command shows them.

use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};
use tokio::time::Instant;

use crate::breaker::BreakerCount;

/// Longer than any step of a healthy pipeline: flushes to a healthy store take seconds.
const STEP_DURATION_MAX: Duration = Duration::from_secs(30);

/// The health of a pipeline at this moment. Ready: it takes in records, and commits them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Health {
    /// What it is doing.
    #[serde(flatten)]
    pub state: State,
    /// Why the source gets no answer from its brokers, if it gets none.
    pub source_trouble: Option<String>,
    /// The partitions that this worker has.
    pub partitions: Vec<PartitionHealth>,
    /// What the circuit breaker counts; none if it is off.
    pub breaker: Option<BreakerCount>,
    /// The transform that judges; empty before the first step.
    pub transform_digest: String,
    /// A transform that is tried beside it.
    pub candidate: Option<CandidateHealth>,
    /// A promotion or a candidate that was refused, and why; the transform stays as it is.
    pub refused: Option<String>,
    /// When the walk last reported. A store that hangs, or a commit that is retried again and again, shows here first.
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
    /// An operator has to decide; the walk reads nothing meanwhile.
    Paused {
        /// What has happened, and how to go on.
        error: String,
        /// When it began.
        #[serde(serialize_with = "rfc3339")]
        since: SystemTime,
    },
    /// The walk ends: it flushes what is staged.
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
    /// Why the partition is stopped, if an operator has to decide.
    pub stopped: Option<String>,
}

/// The health of a candidate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CandidateHealth {
    /// Which.
    pub transform_digest: String,
    /// What it is tried as, in words.
    pub probation: String,
    /// A shadow's comparisons so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// What a canary has rejected lately.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejections: Option<BreakerCount>,
}

/// The comparisons so far, in this process.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Comparison {
    /// Records on which both transforms agree, to the last bit of their rows.
    pub agreed: u64,
    /// Records on which they differ.
    pub differed: u64,
    /// Records on which the candidate traps or breaks a limit, and the other does not.
    pub failed: u64,
    /// Records that the candidate had no time for: it is much slower.
    pub slower: u64,
    /// Time that the transform that judges took for them.
    pub judging_seconds: f64,
    /// Time that the candidate took for them.
    pub candidate_seconds: f64,
    /// The first differences.
    pub samples: Vec<Difference>,
}

/// Where the two transforms differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The record: `topic/partition@offset`.
    pub position: String,
    /// Verdicts, codes or the names of columns; never a value.
    pub what: String,
}

impl Health {
    /// What is wrong, in one line; none while all is well.
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
        // A stopped partition comes before a slow step: it waits for a person, and the other may pass by itself.
        let mut stopped = self.partitions.iter().filter_map(|partition| partition.stopped.as_ref());
        if let Some(first) = stopped.next() {
            return Some(format!("{}; the first: {}", stopped_count(1 + stopped.count()), one_line(first)));
        }
        if self.told.elapsed() > STEP_DURATION_MAX {
            let seconds = self.told.elapsed().as_secs();
            return Some(format!(
                "nothing has moved for {seconds} s: the store, the source or the transform is slow, or hangs"
            ));
        }
        self.source_trouble.clone()
    }

    /// Whether an operator has to decide before the walk reads on.
    pub fn is_paused(&self) -> bool {
        matches!(self.state, State::Paused { .. })
    }

    /// Whether nothing is wrong.
    pub fn is_ready(&self) -> bool {
        self.complaint().is_none()
    }
}

fn stopped_count(count: usize) -> String {
    if count == 1 { "1 partition is stopped".to_owned() } else { format!("{count} partitions are stopped") }
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
        assert_eq!(stopped.complaint().as_deref(), Some("1 partition is stopped; the first: gone at 7"));
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
