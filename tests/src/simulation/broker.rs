//! An in-memory Kafka: partitions with gaps in their offsets, and one consumer group whose rebalances are cooperative. What
//! a member does not know yet, it does not know: one that slept through its session goes on reading, as in real life.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use fastrand::Rng;
use sluicebox_ledger::{OffsetRange, Offsets, TopicPartition};

use super::script::{Record, Script};
use super::trace::listed;

/// Topics and group.
pub struct Broker {
    script: Arc<Script>,
    /// How many records of each partition have been produced.
    produced: BTreeMap<TopicPartition, usize>,
    /// How many of those retention has deleted.
    deleted: BTreeMap<TopicPartition, usize>,
    /// Who has each partition.
    owners: BTreeMap<TopicPartition, Option<usize>>,
    members: BTreeMap<usize, Member>,
}

/// One worker, as the group sees it.
#[derive(Default)]
struct Member {
    news: VecDeque<News>,
    /// Where it reads.
    positions: Offsets,
    /// Partitions that it has been asked to give up.
    leaving: BTreeSet<TopicPartition>,
    /// The group has given its partitions away; it does not know yet.
    is_expired: bool,
}

/// What the group has to say to a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Partitions are its own now.
    Assigned(Vec<TopicPartition>),
    /// Partitions are to go to others.
    Revoked(Vec<TopicPartition>),
    /// Partitions have gone to others.
    Lost(Vec<TopicPartition>),
}

impl Broker {
    /// Topics without records yet, and a group without members.
    pub fn new(script: Arc<Script>) -> Self {
        let produced: BTreeMap<_, _> = script.keys().map(|partition| (partition.clone(), 0)).collect();
        let deleted = produced.clone();
        let owners = script.keys().map(|partition| (partition.clone(), None)).collect();
        Self { script, produced, deleted, owners, members: BTreeMap::new() }
    }

    /// Some records more.
    pub fn produce(&mut self, rng: &mut Rng) {
        for (partition, produced) in &mut self.produced {
            let rest = self.script[partition].len() - *produced;
            *produced += rng.usize(..=rest.min(20));
        }
    }

    /// All records.
    pub fn produce_all(&mut self) {
        for (partition, produced) in &mut self.produced {
            *produced = self.script[partition].len();
        }
    }

    /// A worker joins the group.
    pub fn join(&mut self, member: usize) {
        self.members.insert(member, Member::default());
    }

    /// A worker leaves the group, or the group has waited long enough for a dead one.
    pub fn leave(&mut self, member: usize) {
        self.members.remove(&member);
        self.disown(member);
    }

    /// The session of a worker that lives, but was not heard of, is over.
    pub fn expire(&mut self, member: usize) {
        let lost: Vec<TopicPartition> = self.owned(member).cloned().collect();
        self.disown(member);
        if let Some(member) = self.members.get_mut(&member)
            && !member.is_expired
        {
            member.is_expired = true;
            // What it has not heard of is taken back without a word.
            member.news.clear();
            member.news.push_back(News::Lost(lost));
        }
    }

    /// Whether the group counts on a worker.
    pub fn has_member(&self, member: usize) -> bool {
        self.members.contains_key(&member)
    }

    fn owned(&self, member: usize) -> impl Iterator<Item = &TopicPartition> {
        self.owners.iter().filter(move |(_, owner)| **owner == Some(member)).map(|(partition, _)| partition)
    }

    fn disown(&mut self, member: usize) {
        self.owners.values_mut().filter(|owner| **owner == Some(member)).for_each(|owner| *owner = None);
    }

    /// Gives partitions without an owner to members.
    pub fn balance(&mut self, rng: &mut Rng) {
        let members: Vec<usize> = self.members.iter().filter(|(_, m)| !m.is_expired).map(|(id, _)| *id).collect();
        if members.is_empty() {
            return;
        }
        let mut given: BTreeMap<usize, Vec<TopicPartition>> = BTreeMap::new();
        for (partition, owner) in self.owners.iter_mut().filter(|(_, owner)| owner.is_none()) {
            let member = members[rng.usize(..members.len())];
            *owner = Some(member);
            given.entry(member).or_default().push(partition.clone());
        }
        for (member, partitions) in given {
            if let Some(member) = self.members.get_mut(&member) {
                member.news.push_back(News::Assigned(partitions));
            }
        }
    }

    /// All partitions.
    pub fn partitions_of_all(&self) -> impl Iterator<Item = &TopicPartition> {
        self.owners.keys()
    }

    /// Asks a member to give up a partition.
    pub fn move_one(&mut self, rng: &mut Rng) -> Option<(usize, TopicPartition)> {
        let partitions: Vec<&TopicPartition> = self.owners.keys().collect();
        let partition = partitions[rng.usize(..partitions.len())].clone();
        let id = self.owners[&partition]?;
        let member = self.members.get_mut(&id)?;
        if !member.leaving.insert(partition.clone()) {
            return None;
        }
        member.news.push_back(News::Revoked(vec![partition.clone()]));
        Some((id, partition))
    }

    /// What the group has to say to a member.
    pub fn news(&mut self, member: usize) -> Option<News> {
        self.members.get_mut(&member)?.news.pop_front()
    }

    /// The offsets that a partition still has.
    pub fn range(&self, partition: &TopicPartition) -> OffsetRange {
        let (kept, produced) = (self.deleted[partition], self.produced[partition]);
        let records = &self.script[partition];
        let from = records.get(kept).map(|record| record.offset).or(end(records)).unwrap_or(0);
        OffsetRange { from, to: end(&records[..produced]).unwrap_or(from).max(from) }
    }

    /// Retention deletes the oldest records of a partition, read or not.
    pub fn delete_some(&mut self, rng: &mut Rng) -> TopicPartition {
        let partitions: Vec<&TopicPartition> = self.owners.keys().collect();
        let partition = partitions[rng.usize(..partitions.len())].clone();
        let produced = self.produced[&partition];
        if let Some(deleted) = self.deleted.get_mut(&partition) {
            *deleted += rng.usize(..=produced - *deleted);
        }
        partition
    }

    /// Whether a member reads where records have been deleted.
    pub fn is_out_of_range(&self, member: usize) -> bool {
        let positions = self.members.get(&member).map(|member| &member.positions);
        positions.into_iter().flatten().any(|(partition, &position)| position < self.range(partition).from)
    }

    /// A member reads partitions from these offsets on.
    pub fn start(&mut self, member: usize, offsets: &Offsets) {
        if let Some(member) = self.members.get_mut(&member) {
            member.positions.extend(offsets.clone());
        }
    }

    /// A member stops reading partitions that stay its own.
    pub fn pause(&mut self, member: usize, partitions: &[TopicPartition]) {
        if let Some(member) = self.members.get_mut(&member) {
            member.positions.retain(|partition, _| !partitions.contains(partition));
        }
    }

    /// A member lets go of partitions.
    pub fn unassign(&mut self, member: usize, partitions: &[TopicPartition]) {
        let Some(known) = self.members.get_mut(&member) else { return };
        known.positions.retain(|partition, _| !partitions.contains(partition));
        if known.is_expired {
            // It has heard, and joins again.
            known.is_expired = false;
            known.leaving.clear();
            return;
        }
        for partition in partitions {
            known.leaving.remove(partition);
            if let Some(owner) = self.owners.get_mut(partition)
                && *owner == Some(member)
            {
                *owner = None;
            }
        }
    }

    /// The partitions that a member reads.
    pub fn partitions(&self, member: usize) -> Vec<TopicPartition> {
        self.members.get(&member).map(|member| member.positions.keys().cloned().collect()).unwrap_or_default()
    }

    /// The next record of a partition that a member reads, if there is one yet.
    pub fn fetch(&mut self, member: usize, partition: &TopicPartition) -> Option<(Arc<Script>, usize)> {
        let position = self.members.get_mut(&member)?.positions.get_mut(partition)?;
        let records = &self.script[partition][..self.produced[partition]];
        let index = records.partition_point(|record| record.offset < *position).max(self.deleted[partition]);
        *position = records.get(index)?.offset + 1;
        Some((self.script.clone(), index))
    }

    /// Goes back to the record before: the next fetch brings it once more.
    pub fn repeat(&mut self, member: usize, partition: &TopicPartition) {
        if let Some(position) = self.members.get_mut(&member).and_then(|member| member.positions.get_mut(partition)) {
            *position -= 1;
        }
    }
}

/// The offset after a partition's last record.
pub fn end(records: &[Record]) -> Option<i64> {
    records.last().map(|record| record.offset + 1)
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Assigned(partitions) => write!(f, "{} assigned", listed(partitions)),
            Self::Revoked(partitions) => write!(f, "{} revoked", listed(partitions)),
            Self::Lost(partitions) => write!(f, "{} lost", listed(partitions)),
        }
    }
}
