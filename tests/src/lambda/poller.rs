//! One poller of an event source mapping: reads partitions of a real topic in order, packs batches by count, bytes and
//! window, has one event in flight, and delivers what was not acknowledged again: halved after a failure, from the named
//! offset on after a partial response. At least once is all that it promises, as the real one.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::{Message as _, Offset, TopicPartitionList};
use serde_json::Value;

use super::environment::Outcome;
use super::event::{self, PAYLOAD_BYTES_MAX};
use super::function::Function;
use super::misfortune::{Fate, Misfortune};
use crate::feed::Placed;
use crate::kafka::{Cluster, Message};

/// How long a poller waits for company, once there is a record.
const WINDOW: Duration = Duration::from_millis(300);
/// Records fetched ahead of a batch, a partition.
const AHEAD_MAX: usize = 4_000;
/// After a failure.
const PAUSE: Duration = Duration::from_millis(50);
/// So often in a row the same batch may fail before the test is over.
const FAILURES_MAX: usize = 60;

/// What an event source mapping is set to.
pub struct Mapping<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The consumer group in which offsets are kept: where it starts, if it has some.
    pub group: &'a str,
    /// Records in an event.
    pub batch_records_max: usize,
    /// Whether a failed batch is delivered in halves.
    pub bisects: bool,
}

/// What a poller has gone through.
#[derive(Debug, Default, Clone)]
pub struct Account {
    /// Events delivered, repetitions included.
    pub events: usize,
    /// Records that were acknowledged.
    pub records: usize,
    /// Misfortunes, each with what it was.
    pub misfortunes: Vec<Misfortune>,
    /// Failures that the test did not inject.
    pub failures: usize,
    /// Batches that were halved.
    pub bisections: usize,
    /// Partitions that a partial response named.
    pub partial: usize,
    /// Killed at the deadline.
    pub timeouts: usize,
}

/// A poller of some partitions.
pub struct Poller<'a> {
    mapping: &'a Mapping<'a>,
    function: &'a Function,
    fate: &'a Fate<'a>,
    consumer: BaseConsumer,
    lanes: Vec<Lane>,
    /// Records of the next event: halved by failures.
    limit: usize,
    failures_in_a_row: usize,
    account: Account,
}

/// One partition.
struct Lane {
    partition: i32,
    /// Fetched, and not acknowledged.
    waiting: VecDeque<Placed>,
    /// What was last acknowledged, for those who deliver twice.
    done: Vec<Placed>,
}

impl<'a> Poller<'a> {
    /// Starts where the group stands, or at the beginning.
    pub fn new(
        cluster: &Cluster,
        mapping: &'a Mapping<'a>,
        partitions: &[i32],
        function: &'a Function,
        fate: &'a Fate<'a>,
    ) -> Result<Self> {
        let mut client = cluster.client();
        client
            .set("group.id", mapping.group)
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed");
        let consumer: BaseConsumer = client.create()?;
        let mut assignment = TopicPartitionList::new();
        for &partition in partitions {
            let start = match cluster.committed(mapping.group, mapping.topic, partition)? {
                Some(offset) => Offset::Offset(offset),
                None => Offset::Beginning,
            };
            assignment.add_partition_offset(mapping.topic, partition, start)?;
        }
        consumer.assign(&assignment)?;
        let lanes = partitions
            .iter()
            .map(|&partition| Lane { partition, waiting: VecDeque::new(), done: Vec::new() })
            .collect();
        let limit = mapping.batch_records_max;
        let (failures_in_a_row, account) = (0, Account::default());
        Ok(Self { mapping, function, fate, consumer, lanes, limit, failures_in_a_row, account })
    }

    /// Delivers until `is_over` says so, which is told between events how many records have been acknowledged.
    pub fn run(mut self, is_over: impl Fn(usize) -> bool) -> Result<Account> {
        while !is_over(self.account.records) {
            self.fetch()?;
            let batch = self.batch();
            if !batch.is_empty() {
                self.deliver(&batch)?;
            }
        }
        Ok(self.account)
    }

    /// Waits for a record, and then a window long for more.
    fn fetch(&mut self) -> Result<()> {
        let mut window = None;
        let count = |lanes: &[Lane]| lanes.iter().map(|lane| lane.waiting.len()).sum::<usize>();
        while count(&self.lanes) < self.limit {
            let wait = match window {
                None if count(&self.lanes) == 0 => Duration::from_millis(200),
                None => window.insert(Instant::now() + WINDOW).saturating_duration_since(Instant::now()),
                Some(end) => end.saturating_duration_since(Instant::now()),
            };
            match self.consumer.poll(wait) {
                None => return Ok(()),
                Some(message) => {
                    let message = message?;
                    let placed = Placed { offset: message.offset(), message: Message::from(&message) };
                    let lane = self.lanes.iter_mut().find(|lane| lane.partition == message.partition());
                    lane.context("a record of another partition")?.waiting.push_back(placed);
                }
            }
            if self.lanes.iter().any(|lane| lane.waiting.len() >= AHEAD_MAX) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The first records of each partition, as many as an event takes.
    fn batch(&self) -> Vec<Placed> {
        let share = (self.limit / self.lanes.len()).max(1);
        let mut bytes = 0;
        let first = self.lanes.iter().flat_map(|lane| lane.waiting.iter().take(share));
        first
            .take_while(|placed| {
                bytes += event::bytes(&placed.message);
                bytes < PAYLOAD_BYTES_MAX
            })
            .cloned()
            .collect()
    }

    fn deliver(&mut self, batch: &[Placed]) -> Result<()> {
        let misfortune = self.fate.decide();
        if misfortune == Some(Misfortune::DeliveredTwice) {
            // With other boundaries: what was done last, and the beginning of what comes next.
            let again = self.lanes.iter().flat_map(|lane| lane.done.iter().chain(lane.waiting.iter().take(7)));
            let again: Vec<Placed> = again.cloned().collect();
            self.invoke(&again, misfortune)?;
        }
        let outcome = self.invoke(batch, misfortune)?;
        // One that came too late is none.
        self.account.misfortunes.extend(misfortune.filter(|misfortune| misfortune.has_struck(&outcome)));
        match outcome {
            Outcome::Answered(_) if misfortune == Some(Misfortune::LostAnswer) => self.failed(batch, None),
            Outcome::Answered(answer) => self.answered(batch, &answer),
            outcome => {
                self.account.timeouts += usize::from(outcome == Outcome::TimedOut);
                self.failed(batch, (misfortune.is_none()).then_some(outcome))
            }
        }
    }

    fn invoke(&mut self, batch: &[Placed], misfortune: Option<Misfortune>) -> Result<Outcome> {
        self.account.events += 1;
        self.fate.invoke(self.function, event::event(self.mapping.topic, batch), misfortune)
    }

    /// The whole batch is delivered again, in halves.
    fn failed(&mut self, batch: &[Placed], unexpected: Option<Outcome>) -> Result<()> {
        self.failures_in_a_row += 1;
        if let Some(outcome) = unexpected {
            self.account.failures += 1;
            eprintln!("an invocation failed: {outcome:?}");
        }
        ensure!(self.failures_in_a_row < FAILURES_MAX, "a batch fails again and again");
        if self.mapping.bisects && batch.len() > self.lanes.len() {
            self.account.bisections += 1;
            self.limit = (batch.len() / 2).max(1);
        }
        std::thread::sleep(PAUSE);
        Ok(())
    }

    /// What is not named is done.
    fn answered(&mut self, batch: &[Placed], answer: &Value) -> Result<()> {
        let failures = answer.get("batchItemFailures").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let mut done = 0;
        for lane in &mut self.lanes {
            let name = format!("{}-{}", self.mapping.topic, lane.partition);
            let failure = failures.iter().find(|failure| failure["itemIdentifier"]["partition"] == *name);
            let resume = match failure {
                Some(failure) => failure["itemIdentifier"]["offset"].as_i64().context("no offset to go on at")?,
                None => i64::MAX,
            };
            self.account.partial += usize::from(failure.is_some());
            let of_lane = batch.iter().filter(|placed| placed.message.partition == lane.partition);
            let count = of_lane.filter(|placed| placed.offset < resume).count();
            if count > 0 {
                lane.done = lane.waiting.drain(..count).collect();
                done += count;
            }
        }
        let known = |failure: &Value| {
            let named = &failure["itemIdentifier"];
            batch.iter().any(|placed| {
                let partition = format!("{}-{}", self.mapping.topic, placed.message.partition);
                named["partition"] == *partition && named["offset"] == placed.offset
            })
        };
        if let Some(unknown) = failures.iter().find(|failure| !known(failure)) {
            bail!("the answer names what was not in the event: {unknown}");
        }
        if done == 0 {
            return self.failed(batch, None);
        }
        self.account.records += done;
        (self.limit, self.failures_in_a_row) = (self.mapping.batch_records_max, 0);
        self.commit()
    }

    /// Offsets are kept in the group, as by any consumer.
    fn commit(&self) -> Result<()> {
        let mut offsets = TopicPartitionList::new();
        for lane in &self.lanes {
            if let Some(last) = lane.done.last() {
                offsets.add_partition_offset(self.mapping.topic, lane.partition, Offset::Offset(last.offset + 1))?;
            }
        }
        Ok(self.consumer.commit(&offsets, CommitMode::Async)?)
    }
}
