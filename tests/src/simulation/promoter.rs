//! Promotions in a simulated world: the transform takes over from itself, or judges some partitions as a canary that may be
//! sent back at its first rejection. Its verdicts are the same, so any other difference is a violation.

use std::collections::BTreeSet;

use sluicebox_ledger::TopicPartition;
use sluicebox_pipeline::rollout::candidate::{Candidate, Probation};
use sluicebox_pipeline::{Change, PipelineError, PreparedTransform, Proposals};
use sluicebox_sandbox::Transform;
use sluicebox_settings::{BreakerSettings, Settings};

use super::world::World;

/// Proposes changes to one worker's walk.
pub struct Promoter {
    /// The worker's settings.
    pub settings: Settings,
    /// The transform, old and new.
    pub transform: Transform,
    /// The walk's ear.
    pub proposals: Proposals,
}

/// What is to change.
pub enum Proposal {
    /// The transform takes over.
    Adopt,
    /// It is tried in these partitions.
    Canary(BTreeSet<TopicPartition>, BreakerSettings),
    /// Nothing is tried any longer.
    NoCandidate,
}

impl Proposal {
    /// What a world comes up with.
    pub fn of(world: &mut World, worker: usize) -> Self {
        let proposal = match world.rng.u8(..4) {
            0 => Self::NoCandidate,
            1 => {
                let mut partitions: BTreeSet<_> = world.broker.partitions(worker).into_iter().collect();
                partitions.retain(|_| world.rng.bool());
                // A patient one, and one that is sent back at its first rejection.
                let rejected_share_max = if world.rng.bool() { 0.99 } else { 0.0 };
                Self::Canary(partitions, BreakerSettings { window_records: 10_000, rejected_share_max })
            }
            _ => Self::Adopt,
        };
        world.trace.note(format_args!("w{worker} is told: {}", proposal.in_words()));
        proposal
    }

    fn in_words(&self) -> &'static str {
        match self {
            Self::Adopt => "another transform judges",
            Self::Canary(..) => "a canary judges some partitions",
            Self::NoCandidate => "no canary any longer",
        }
    }
}

impl Promoter {
    /// Prepares a change and hands it over; what cannot be prepared now, or comes too soon after the last, is let go.
    pub async fn propose(&self, proposal: Proposal) {
        if let Ok(change) = self.prepared(proposal).await {
            let _full = self.proposals.changes.try_send(change);
        }
    }

    async fn prepared(&self, proposal: Proposal) -> Result<Change, PipelineError> {
        let (settings, transform) = (&self.settings, &self.transform);
        Ok(match proposal {
            Proposal::Adopt => Change::Adopt(Box::new(PreparedTransform::prepare(settings, transform).await?)),
            Proposal::Canary(partitions, breaker) => {
                let probation = Probation::Canary { partitions, breaker, order: 0 };
                let candidate = Candidate::prepare(settings, transform, transform, probation).await?;
                Change::Probation(Some(Box::new(candidate)))
            }
            Proposal::NoCandidate => Change::Probation(None),
        })
    }
}
