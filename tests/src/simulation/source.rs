//! The walk's way to the in-memory Kafka: every call is a step that the world may interfere with.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use sluicebox_ledger::{ClientError, ErrorKind, OffsetBounds, Offsets, PartitionBounds, TopicPartition};
use sluicebox_pipeline::source::{Intake, Polled, Source, SourceError, TopicIds};

use super::broker::News;
use super::gate::{self, Fate, Step};
use super::promoter::{Promoter, Proposal};
use super::trace::listed;
use super::world::{Shared, World};

/// How long a poll waits for records.
const POLL_WAIT: Duration = Duration::from_millis(100);

/// One worker's source.
pub struct SimulatedSource {
    world: Shared,
    worker: usize,
    promoter: Promoter,
}

impl SimulatedSource {
    /// Joins the group.
    pub fn connect(world: Shared, worker: usize, promoter: Promoter) -> Self {
        world.lock().broker.join(worker);
        Self { world, worker, promoter }
    }

    /// The operator promotes the transform again, or starts a trial. In a poll, because only one step may wait at a time.
    async fn promote(&self) {
        let proposal = {
            let mut world = self.world.lock();
            let chance = world.plan.weather.promoted;
            let proposal = world.happens(chance).then(|| Proposal::of(&mut world, self.worker));
            if proposal.is_some() {
                world.oracle.reopens(self.worker);
            }
            proposal
        };
        if let Some(proposal) = proposal {
            self.promoter.propose(proposal).await;
        }
    }

    fn heard(&self, world: &mut World) -> Option<Polled> {
        let news = world.broker.news(self.worker)?;
        world.trace.note(format_args!("w{} hears: {news}", self.worker));
        let (oracle, worker) = (&mut world.oracle, self.worker);
        Some(match news {
            News::Assigned(partitions) => {
                oracle.may_commit(worker, &partitions);
                Polled::Assigned(partitions)
            }
            News::Revoked(partitions) => Polled::Revoked { partitions, lost: false },
            News::Lost(partitions) => {
                oracle.must_not_commit(worker, &partitions);
                Polled::Revoked { partitions, lost: true }
            }
        })
    }

    /// Records of some partitions, those of each in order.
    fn fetch(&self, world: &mut World, intake: &mut Intake) {
        let partitions = world.broker.partitions(self.worker);
        if partitions.is_empty() {
            return;
        }
        for _ in 0..world.rng.usize(1..=4) {
            let partition = &partitions[world.rng.usize(..partitions.len())];
            for _ in 0..world.rng.usize(1..=20) {
                if intake.is_full() {
                    return;
                }
                let Some((script, index)) = world.broker.fetch(self.worker, partition) else { break };
                let record = &script[partition][index];
                let headers = record.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_deref()));
                let (topic, number) = (&partition.topic, partition.partition);
                let (key, value) = (record.key.as_deref(), record.value.as_deref());
                intake.push(topic, number, record.offset, record.timestamp, key, value, headers);
                // As librdkafka does, if a rebalance comes at the wrong moment.
                if world.happens(20) {
                    world.broker.repeat(self.worker, partition);
                }
            }
        }
    }

    /// Waits for the world's decision; none if the step is to take effect.
    async fn pass(&self, step: Step, doing: &'static str) -> Result<(), SourceError> {
        match gate::pass(&self.world, self.worker, step).await {
            Fate::Done => Ok(()),
            Fate::Slow(pause) => {
                tokio::time::sleep(pause).await;
                Ok(())
            }
            _ => {
                Err(ClientError::new(ErrorKind::Environment, "kafka", doing, "the simulated broker is out of reach")
                    .into())
            }
        }
    }
}

/// Which of the topics that ever had its name a topic is: always the first.
const IDENTITY: i64 = 1;

impl Source for SimulatedSource {
    async fn poll(&mut self, intake: &mut Intake) -> Result<Polled, SourceError> {
        self.pass(Step::Poll, "reading").await?;
        self.promote().await;
        {
            let mut world = self.world.lock();
            if let Some(change) = self.heard(&mut world) {
                return Ok(change);
            }
            if world.broker.is_out_of_range(self.worker) {
                world.trace.note(format_args!("w{} reads where nothing is left", self.worker));
                return Ok(Polled::OffsetOutOfRange);
            }
            self.fetch(&mut world, intake);
            if !intake.is_empty() {
                let records: usize = intake.batches().map(|batch| batch.len()).sum();
                world.trace.note(format_args!("w{} gets {records} records", self.worker));
                return Ok(Polled::Records);
            }
        }
        tokio::time::sleep(POLL_WAIT).await;
        Ok(Polled::Idle)
    }

    fn keep_alive(&mut self) -> Result<Polled, SourceError> {
        let mut world = self.world.lock();
        if world.gates[self.worker].doomed {
            return Ok(Polled::Idle);
        }
        Ok(self.heard(&mut world).unwrap_or(Polled::Idle))
    }

    async fn bounds(&mut self, partitions: &[TopicPartition]) -> Result<PartitionBounds, SourceError> {
        self.pass(Step::Ask, "asking for offsets").await?;
        let world = self.world.lock();
        Ok(partitions
            .iter()
            .map(|partition| {
                let range = world.broker.range(partition);
                (partition.clone(), OffsetBounds { start: range.from, range: Some(range), topic_id: Some(IDENTITY) })
            })
            .collect())
    }

    async fn topic_ids(&mut self, topics: &BTreeSet<Arc<str>>) -> Result<TopicIds, SourceError> {
        self.pass(Step::Ask, "asking for topics").await?;
        Ok(topics.iter().map(|topic| (topic.clone(), IDENTITY)).collect())
    }

    async fn start(&mut self, starts: &Offsets) -> Result<(), SourceError> {
        self.pass(Step::Start, "seeking").await?;
        let mut world = self.world.lock();
        let mut offsets = Offsets::new();
        for (partition, &next) in starts {
            let first = world.broker.range(partition).from;
            // A source may begin earlier than it was asked to, as one that reads files does.
            let is_early = world.happens(100) && first < next;
            let offset = if is_early { world.rng.i64(first..next) } else { next };
            offsets.insert(partition.clone(), offset);
        }
        let started = listed(offsets.iter().map(|(partition, offset)| format!("{partition}@{offset}")));
        world.trace.note(format_args!("w{} starts at {started}", self.worker));
        world.broker.start(self.worker, &offsets);
        Ok(())
    }

    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), SourceError> {
        let mut world = self.world.lock();
        if !partitions.is_empty() && !world.gates[self.worker].doomed {
            world.trace.note(format_args!("w{} does not read {}", self.worker, listed(partitions)));
            world.broker.pause(self.worker, partitions);
        }
        Ok(())
    }

    fn unassign(&mut self, partitions: &[TopicPartition]) -> Result<(), SourceError> {
        let mut world = self.world.lock();
        if world.dies_here(self.worker, "release") {
            return Ok(());
        }
        world.trace.note(format_args!("w{} releases {}", self.worker, listed(partitions)));
        world.oracle.must_not_commit(self.worker, partitions);
        world.broker.unassign(self.worker, partitions);
        world.dies_here(self.worker, "release");
        Ok(())
    }

    fn partitions(&self) -> Vec<TopicPartition> {
        self.world.lock().broker.partitions(self.worker)
    }

    fn ack(&mut self, offsets: &Offsets) {
        let mut world = self.world.lock();
        if world.dies_here(self.worker, "ack") {
            return;
        }
        world.oracle.acknowledged(self.worker, offsets);
        world.dies_here(self.worker, "ack");
    }
}

impl World {
    /// Whether a worker is dead, or dies now, at a step that cannot wait.
    fn dies_here(&mut self, worker: usize, step: &str) -> bool {
        let chance = self.plan.weather.fatal;
        if !self.gates[worker].doomed && self.happens(chance) {
            self.gates[worker].doom();
            self.trace.note(format_args!("w{worker} dies at {step}"));
        }
        self.gates[worker].doomed
    }
}

impl Drop for SimulatedSource {
    /// Leaves the group, unless this worker's death is what drops it.
    fn drop(&mut self) {
        let mut world = self.world.lock();
        if !world.gates[self.worker].doomed {
            world.broker.leave(self.worker);
        }
    }
}
