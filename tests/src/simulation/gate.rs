//! Where a worker waits for the world's decision: before every step that the outside can see.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::task::{Poll, Waker};
use std::time::Duration;

use super::world::Shared;

/// A step that the outside can see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Asks the broker for records.
    Poll,
    /// Asks the broker what there is.
    Ask,
    /// Starts partitions.
    Start,
    /// Writes an object.
    Put {
        /// Which, in words that are the same in every run.
        object: String,
        /// Only if there is none yet.
        create: bool,
    },
}

/// What becomes of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It happens, and the worker hears of it.
    Done,
    /// It fails.
    Refused,
    /// It happens, and the worker hears of a failure.
    Unheard,
    /// It happens, is repeated, and the worker hears of a conflict.
    Misheard,
    /// The worker hears of a failure, and it happens later.
    Late,
    /// It happens after a while.
    Slow(Duration),
    /// It happens, and the worker dies.
    Fatal,
}

/// How a worker stands at its gate.
#[derive(Default)]
pub struct Gate {
    /// The step that it waits to take.
    pub waiting: Option<Step>,
    /// The decision, not taken yet.
    pub decided: Option<Fate>,
    /// It is dead, though its code does not know yet: nothing that it does has an effect.
    pub doomed: bool,
    /// How often it has listed objects, or read one on the walk's thread; tells one attempt to read from the next.
    pub looks: u64,
    /// How the driver hears of the wait.
    pub driver: Option<Waker>,
    /// How the one who waits, perhaps a task of its own, hears of the decision.
    pub sleeper: Option<Waker>,
    /// Tasks that stand behind the one who waits: a flush writes several files at once, and the world decides one by one.
    queue: VecDeque<Waker>,
}

impl Gate {
    /// From now on, nothing that the worker does has an effect.
    pub fn doom(&mut self) {
        self.doomed = true;
        self.wake_driver();
    }

    fn wake_driver(&self) {
        if let Some(driver) = &self.driver {
            driver.wake_by_ref();
        }
    }

    /// Decides on the step that a worker waits to take.
    pub fn decide(&mut self, fate: Fate) {
        self.waiting = None;
        self.decided = Some(fate);
        if let Some(sleeper) = self.sleeper.take() {
            sleeper.wake();
        }
    }
}

/// Waits for the world's decision on a step. The doomed wait for ever.
pub async fn pass(world: &Shared, worker: usize, step: Step) -> Fate {
    let mut step = Some(step);
    poll_fn(move |context| {
        let mut world = world.lock();
        let gate = &mut world.gates[worker];
        if gate.doomed {
            gate.wake_driver();
            return Poll::Pending;
        }
        if step.is_some() && (gate.waiting.is_some() || gate.decided.is_some()) {
            gate.queue.push_back(context.waker().clone());
            return Poll::Pending;
        }
        if let Some(step) = step.take() {
            gate.waiting = Some(step);
            gate.sleeper = Some(context.waker().clone());
            gate.wake_driver();
            return Poll::Pending;
        }
        let Some(fate) = gate.decided.take() else { return Poll::Pending };
        if let Some(next) = gate.queue.pop_front() {
            next.wake();
        }
        Poll::Ready(fate)
    })
    .await
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Poll => f.write_str("poll"),
            Self::Ask => f.write_str("ask"),
            Self::Start => f.write_str("start"),
            Self::Put { object, .. } => write!(f, "put {object}"),
        }
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Refused => f.write_str("refused"),
            Self::Unheard => f.write_str("done, but the response is lost"),
            Self::Misheard => f.write_str("done, repeated, and answered with a conflict"),
            Self::Late => f.write_str("given up, but still under way"),
            Self::Slow(pause) => write!(f, "done after {pause:?}"),
            Self::Fatal => f.write_str("done, and the worker dies"),
        }
    }
}
