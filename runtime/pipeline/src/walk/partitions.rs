//! The state of each partition that is this worker's, and the one place that says which change of state is legal. Pure.
//!
//! ```text
//!              assigned                started
//!   (none) ───────────────▶ Awaiting ──────────▶ Reading
//!                            │ ▲  ▲ └─ a loss ──▶ Stopped ── examined again ──▶ Awaiting
//!       a person must decide │ │  └── rewound ─── Reading
//!                            ▼ └───── resumed ─── Unread
//!                          Unread
//!
//!   Awaiting ── the source does not know its offsets ──▶ Unanswered ── asked again ──▶ Awaiting
//!   Reading ── its loops keep others waiting ──▶ Resting ── a while later ──▶ Awaiting
//! ```
//!
//! A revoked partition has no state.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sluicebox_ledger::{Loss, TopicPartition};
use tokio::time::Instant;

/// How long a partition waits whose offsets the source does not know, before the source is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(10);

/// How it stands with one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Its ledgers are to be read, and its start is to be decided. `stopped`: the loss that had stopped it before.
    Awaiting { stopped: Option<Loss> },
    /// The source hands over its records.
    Reading,
    /// Not read, because an operator has to decide about the whole pipeline.
    Unread,
    /// Not read, because records of this partition would be skipped.
    Stopped(Loss),
    /// Not read, because the source could not say which offsets it has: it is asked again after a while.
    Unanswered,
    /// Not read until then, because its records loop while those of others wait.
    Resting { until: Instant },
}

/// What changes a state.
enum Change {
    Assigned,
    Started,
    LossFound(Loss),
    NotAnswered,
    Paused,
    Resumed,
    ExaminedAgain,
    Rewound,
    Tired { until: Instant },
    Rested,
}

/// The state after a change; none where the change means nothing in this state, so that it stays.
fn next(state: Option<&State>, change: Change) -> Option<State> {
    match (state, change) {
        (None, Change::Assigned) => Some(State::Awaiting { stopped: None }),
        (Some(State::Awaiting { .. }), Change::Started) => Some(State::Reading),
        (Some(State::Awaiting { .. }), Change::LossFound(loss)) => Some(State::Stopped(loss)),
        (Some(State::Awaiting { .. }), Change::NotAnswered) => Some(State::Unanswered),
        (Some(State::Awaiting { .. }), Change::Paused) => Some(State::Unread),
        (Some(State::Unread), Change::Resumed) => Some(State::Awaiting { stopped: None }),
        (Some(State::Stopped(loss)), Change::ExaminedAgain | Change::Rewound | Change::Assigned) => {
            Some(State::Awaiting { stopped: Some(loss.clone()) })
        }
        (Some(State::Reading), Change::Tired { until }) => Some(State::Resting { until }),
        (Some(State::Resting { .. }), Change::Rested | Change::Assigned) => Some(State::Awaiting { stopped: None }),
        (Some(State::Unanswered), Change::ExaminedAgain | Change::Rewound | Change::Assigned) => {
            Some(State::Awaiting { stopped: None })
        }
        // A group may assign a partition that the walk still reads; a failed take-over may leave a source reading one
        // that waits.
        (Some(State::Reading | State::Unread), Change::Rewound | Change::Assigned) => {
            Some(State::Awaiting { stopped: None })
        }
        _ => None,
    }
}

/// The partitions of this worker.
#[derive(Default)]
pub(super) struct Partitions {
    states: BTreeMap<TopicPartition, State>,
    /// How many await their start: asked at every step.
    awaiting: usize,
    /// Those that the source could not answer for when it was asked last.
    unanswered: BTreeSet<TopicPartition>,
    /// When that was.
    asked: Option<Instant>,
}

impl Partitions {
    /// The group has given these to this worker.
    pub(super) fn assign(&mut self, partitions: Vec<TopicPartition>) {
        partitions.into_iter().for_each(|partition| self.change(partition, Change::Assigned));
    }

    /// The group has taken these away.
    pub(super) fn revoke(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            let state = self.states.remove(partition);
            self.unanswered.remove(partition);
            self.awaiting -= usize::from(matches!(state, Some(State::Awaiting { .. })));
        }
    }

    /// What stopped a partition may have been mended: all stopped ones are examined again.
    pub(super) fn examine_stopped_again(&mut self) {
        for partition in self.those(|state| matches!(state, State::Stopped(_) | State::Unanswered)) {
            self.change(partition, Change::ExaminedAgain);
        }
    }

    /// The source goes back with these, which it has been reading.
    pub(super) fn rewind(&mut self, reading: Vec<TopicPartition>) {
        reading.into_iter().for_each(|partition| self.change(partition, Change::Rewound));
    }

    /// All partitions that await their start are read from now on, but for those with a loss.
    pub(super) fn start(&mut self, losses: BTreeMap<TopicPartition, Loss>) {
        for (partition, loss) in losses {
            self.change(partition, Change::LossFound(loss));
        }
        self.awaiting().into_iter().for_each(|partition| self.change(partition, Change::Started));
    }

    /// The source does not know the offsets of these, which await their start. Returns those for which that is news.
    pub(super) fn set_aside(&mut self, unanswered: Vec<TopicPartition>, now: Instant) -> Vec<TopicPartition> {
        self.asked = (!unanswered.is_empty()).then_some(now);
        let before = std::mem::take(&mut self.unanswered);
        self.unanswered = unanswered.iter().cloned().collect();
        unanswered.iter().for_each(|partition| self.change(partition.clone(), Change::NotAnswered));
        unanswered.into_iter().filter(|partition| !before.contains(partition)).collect()
    }

    /// Those that were set aside await their start again, after a while.
    pub(super) fn ask_again(&mut self, now: Instant) {
        if self.asked.is_some_and(|asked| now.saturating_duration_since(asked) >= ASK_AGAIN) {
            self.asked = None;
            for partition in self.those(|state| matches!(state, State::Unanswered)) {
                self.change(partition, Change::ExaminedAgain);
            }
        }
    }

    /// One that is read, and whose records loop while those of others wait, rests until then.
    pub(super) fn rest(&mut self, partition: TopicPartition, until: Instant) {
        self.change(partition, Change::Tired { until });
    }

    /// Those that have rested await their start again.
    pub(super) fn wake(&mut self, now: Instant) {
        for partition in self.those(|state| matches!(state, State::Resting { until } if *until <= now)) {
            self.change(partition, Change::Rested);
        }
    }

    /// Whether the source could not say which offsets the partition has.
    pub(super) fn is_unanswered(&self, partition: &TopicPartition) -> bool {
        self.unanswered.contains(partition)
    }

    /// None of those that await their start is read: an operator has to decide.
    pub(super) fn pause(&mut self) {
        self.awaiting().into_iter().for_each(|partition| self.change(partition, Change::Paused));
    }

    /// The operator has decided.
    pub(super) fn resume(&mut self) {
        for partition in self.those(|state| matches!(state, State::Unread)) {
            self.change(partition, Change::Resumed);
        }
    }

    /// Whether the partition is this worker's.
    pub(super) fn has(&self, partition: &TopicPartition) -> bool {
        self.states.contains_key(partition)
    }

    /// Whether any partition awaits its start.
    pub(super) fn is_any_awaiting(&self) -> bool {
        self.awaiting > 0
    }

    /// Those that await their start, in order.
    pub(super) fn awaiting(&self) -> Vec<TopicPartition> {
        self.those(|state| matches!(state, State::Awaiting { .. }))
    }

    /// Why a partition is stopped, or was until it was examined again.
    pub(super) fn loss(&self, partition: &TopicPartition) -> Option<&Loss> {
        match self.states.get(partition)? {
            State::Stopped(loss) => Some(loss),
            State::Awaiting { stopped } => stopped.as_ref(),
            State::Reading | State::Unread | State::Unanswered | State::Resting { .. } => None,
        }
    }

    /// The losses of the stopped partitions, at the end of a source.
    pub(super) fn take_losses(&mut self) -> Vec<Loss> {
        self.awaiting = 0;
        let states = std::mem::take(&mut self.states);
        let losses = states.into_values().filter_map(|state| match state {
            State::Stopped(loss) => Some(loss),
            _ => None,
        });
        losses.collect()
    }

    fn those(&self, is_wanted: impl Fn(&State) -> bool) -> Vec<TopicPartition> {
        let wanted = self.states.iter().filter(|(_, state)| is_wanted(state));
        wanted.map(|(partition, _)| partition.clone()).collect()
    }

    fn change(&mut self, partition: TopicPartition, change: Change) {
        let before = self.states.get(&partition);
        let Some(after) = next(before, change) else { return };
        self.awaiting -= usize::from(matches!(before, Some(State::Awaiting { .. })));
        self.awaiting += usize::from(matches!(after, State::Awaiting { .. }));
        self.states.insert(partition, after);
    }
}

#[cfg(test)]
mod tests {
    use sluicebox_ledger::{LossCause, OffsetRange};

    use super::*;

    fn partition(number: i32) -> TopicPartition {
        TopicPartition::new("orders", number)
    }

    fn loss(number: i32) -> Loss {
        let missing = OffsetRange { from: 3, to: 9 };
        Loss { partition: partition(number), cause: LossCause::OffsetsGone { missing } }
    }

    fn assigned(count: i32) -> Partitions {
        let mut partitions = Partitions::default();
        partitions.assign((0..count).map(partition).collect());
        partitions
    }

    #[test]
    fn those_with_a_loss_are_stopped_and_the_others_are_read() {
        let mut partitions = assigned(3);
        partitions.start(BTreeMap::from([(partition(1), loss(1))]));
        assert!(!partitions.is_any_awaiting());
        assert_eq!(partitions.loss(&partition(1)), Some(&loss(1)));
        assert_eq!(partitions.loss(&partition(0)), None);
        assert_eq!(partitions.take_losses(), [loss(1)]);
    }

    #[test]
    fn a_stopped_partition_that_is_examined_again_remembers_its_loss() {
        let mut partitions = assigned(2);
        partitions.start(BTreeMap::from([(partition(1), loss(1))]));
        partitions.examine_stopped_again();
        assert_eq!(partitions.awaiting(), [partition(1)]);
        assert_eq!(partitions.loss(&partition(1)), Some(&loss(1)));
        partitions.start(BTreeMap::new());
        assert_eq!(partitions.loss(&partition(1)), None);
    }

    #[test]
    fn one_without_an_answer_holds_up_no_other_and_is_asked_again() {
        let mut partitions = assigned(2);
        let now = Instant::now();
        assert_eq!(partitions.set_aside(vec![partition(1)], now), [partition(1)]);
        partitions.start(BTreeMap::new());
        assert!(!partitions.is_any_awaiting() && partitions.is_unanswered(&partition(1)));
        partitions.ask_again(now + ASK_AGAIN / 2);
        assert!(!partitions.is_any_awaiting());
        partitions.ask_again(now + ASK_AGAIN);
        assert_eq!(partitions.awaiting(), [partition(1)]);
        assert_eq!(partitions.set_aside(vec![partition(1)], now + ASK_AGAIN), [], "that is no news");
        partitions.ask_again(now + 2 * ASK_AGAIN);
        assert_eq!(partitions.set_aside(Vec::new(), now + 2 * ASK_AGAIN), []);
        partitions.start(BTreeMap::new());
        assert!(!partitions.is_any_awaiting() && !partitions.is_unanswered(&partition(1)));
    }

    #[test]
    fn one_that_rests_awaits_its_start_when_it_has_rested() {
        let mut partitions = assigned(2);
        partitions.start(BTreeMap::new());
        let now = Instant::now();
        partitions.rest(partition(1), now + ASK_AGAIN);
        partitions.rewind(vec![partition(0)]);
        partitions.start(BTreeMap::new());
        partitions.wake(now);
        assert!(!partitions.is_any_awaiting());
        partitions.wake(now + ASK_AGAIN);
        assert_eq!(partitions.awaiting(), [partition(1)]);
    }

    #[test]
    fn a_rewind_awaits_what_the_source_was_reading_and_nothing_else() {
        let mut partitions = assigned(3);
        partitions.start(BTreeMap::from([(partition(2), loss(2))]));
        partitions.rewind(vec![partition(0), partition(7)]);
        assert_eq!(partitions.awaiting(), [partition(0)], "partition 7 is not this worker's");
    }

    #[test]
    fn unread_partitions_await_their_start_once_the_operator_has_decided() {
        let mut partitions = assigned(2);
        partitions.pause();
        assert!(!partitions.is_any_awaiting());
        partitions.resume();
        assert_eq!(partitions.awaiting(), [partition(0), partition(1)]);
    }

    #[test]
    fn a_revoked_partition_has_no_state_whatever_it_was() {
        let mut partitions = assigned(4);
        partitions.start(BTreeMap::from([(partition(1), loss(1))]));
        partitions.rewind(vec![partition(0)]);
        partitions.revoke(&[partition(0), partition(1), partition(2), partition(9)]);
        assert!(!partitions.is_any_awaiting());
        assert_eq!(partitions.loss(&partition(1)), None);
        partitions.rewind(vec![partition(3)]);
        assert_eq!(partitions.awaiting(), [partition(3)]);
    }
}
