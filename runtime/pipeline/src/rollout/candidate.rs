//! A transform on probation beside the one that judges. As a *shadow* it gets a copy of a share of the records, and what it
//! says is compared, never written. As a *canary* it judges the records of some partitions, and is withdrawn when it
//! rejects too much. Knows neither who ordered it nor where it came from.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use sluicebox_delta::dead_letter::{DeadLetters, JudgedBy};
use sluicebox_ledger::{Reason, TopicPartition};
use sluicebox_sandbox::{Batch, Transform, Worker};
use sluicebox_settings::{BreakerSettings, Settings};

use crate::breaker::Breaker;
use crate::error::PipelineError;
use crate::health::CandidateHealth;
use crate::rollout::shadow::Shadow;
use crate::worker::worker;

/// What a candidate is tried as.
#[derive(Clone, Debug, PartialEq)]
pub enum Probation {
    /// It gets a copy of this share of the records, above 0 and at most 1.
    Shadow {
        /// The share.
        share: f64,
    },
    /// It judges these partitions, until it rejects more than the breaker allows.
    Canary {
        /// Which.
        partitions: BTreeSet<TopicPartition>,
        /// When its trial ends.
        breaker: BreakerSettings,
        /// Version of the channel entry that ordered the canary; echoed in `Withdrawal`.
        order: u64,
    },
}

/// A transform on probation.
pub struct Candidate {
    transform_digest: String,
    role: Role,
}

enum Role {
    Shadow(Box<Shadow>),
    Canary(Box<Canary>),
}

/// A candidate that writes.
pub(crate) struct Canary {
    partitions: BTreeSet<TopicPartition>,
    worker: Worker,
    judged_by: Arc<JudgedBy>,
    breaker: Breaker,
    order: u64,
}

impl Candidate {
    /// Does all that can fail, while the other one goes on judging.
    ///
    /// # Errors
    /// A configuration that it refuses; of a canary, tables other than those of the transform that judges.
    pub async fn prepare(
        settings: &Settings,
        judging: &Transform,
        transform: &Transform,
        probation: Probation,
    ) -> Result<Self, PipelineError> {
        let worker = worker(settings, transform)?;
        let role = match &probation {
            Probation::Shadow { share } => {
                Role::Shadow(Box::new(Shadow::new(settings, judging, transform, worker, *share)?))
            }
            Probation::Canary { partitions, breaker, order } => {
                // Before its transform goes into the archive: a canary that is refused leaves nothing behind.
                require_same_tables(judging, transform)?;
                let judged_by = Arc::new(DeadLetters::introduce(settings, transform).await?);
                Role::Canary(Box::new(Canary {
                    partitions: partitions.clone(),
                    worker,
                    judged_by,
                    breaker: Breaker::new(Some(*breaker)),
                    order: *order,
                }))
            }
        };
        Ok(Self { transform_digest: transform.digest().to_string(), role })
    }

    /// The digest of the transform.
    pub fn transform_digest(&self) -> &str {
        &self.transform_digest
    }

    /// Version of the channel entry that ordered it; only canaries are withdrawn.
    pub(crate) fn order(&self) -> u64 {
        match &self.role {
            Role::Canary(canary) => canary.order,
            Role::Shadow(_) => 0,
        }
    }

    /// The canary, if it judges the records of this batch.
    pub(crate) fn canary_for(&mut self, batch: &Batch) -> Option<&mut Canary> {
        match &mut self.role {
            Role::Canary(canary) => canary.judges(batch).then_some(canary),
            Role::Shadow(_) => None,
        }
    }

    /// The shadow, if it gets a copy of this batch. Asking counts: it is asked once a batch.
    pub(crate) fn shadow_for(&mut self, batch: &Batch) -> Option<&mut Shadow> {
        match &mut self.role {
            Role::Shadow(shadow) => shadow.wants(batch.len()).then_some(shadow),
            Role::Canary(_) => None,
        }
    }

    /// What the candidate has counted is in the tables.
    pub(crate) fn settle(&mut self) {
        if let Role::Canary(canary) = &mut self.role {
            canary.breaker.settle();
        }
    }

    /// What it has counted since the last flush will be judged again.
    pub(crate) fn rewind(&mut self) {
        if let Role::Canary(canary) = &mut self.role {
            canary.breaker.rewind();
        }
    }

    pub(crate) fn health(&self) -> CandidateHealth {
        let (comparison, rejections) = match &self.role {
            Role::Shadow(shadow) => (Some(shadow.comparison().clone()), None),
            Role::Canary(canary) => (None, canary.breaker.counted()),
        };
        CandidateHealth {
            transform_digest: self.transform_digest.clone(),
            probation: self.to_string(),
            comparison,
            rejections,
        }
    }
}

impl Canary {
    fn judges(&self, batch: &Batch) -> bool {
        self.partitions.iter().any(|its| its.partition == batch.partition && its.topic == batch.topic)
    }

    pub(crate) fn worker(&mut self) -> &mut Worker {
        &mut self.worker
    }

    /// What its dead letters and commits name.
    pub(crate) fn judged_by(&self) -> Arc<JudgedBy> {
        self.judged_by.clone()
    }

    /// Counts what it said; an error once it has rejected too much.
    pub(crate) fn count(&mut self, batch: &Batch, judged: usize, reasons: &[Reason]) -> Result<(), PipelineError> {
        self.breaker.count(batch, judged, reasons).map_err(|trip| PipelineError::Canary(trip.what()))
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.role {
            Role::Shadow(shadow) => write!(f, "shadow of {} % of the records", shadow.share() * 100.0),
            Role::Canary(canary) => {
                let names: Vec<String> = canary.partitions.iter().map(ToString::to_string).collect();
                write!(f, "canary for {}", names.join(", "))
            }
        }
    }
}

/// Both write to the same tables at once, each in its partitions.
fn require_same_tables(judging: &Transform, candidate: &Transform) -> Result<(), PipelineError> {
    if judging.description().tables == candidate.description().tables {
        return Ok(());
    }
    Err(PipelineError::Settings(format!(
        "{} describes other tables than {}, so it cannot write beside it as a canary; compare them with `sluicebox diff`, and \
         try it as a shadow",
        candidate.digest(),
        judging.digest()
    )))
}
