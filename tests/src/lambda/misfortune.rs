//! What is done to an invocation on purpose: an answer is lost, time is short, the environment is killed, in the middle of
//! a commit for preference, or the same records are delivered once more.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::environment::Outcome;
use super::function::Function;
use crate::fault_proxy::FaultProxy;

/// Long enough for everything.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// One misfortune of an invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Misfortune {
    /// The function succeeds, and the event source hears of a failure.
    LostAnswer,
    /// The time-out comes in the middle of the work.
    ShortTime,
    /// The environment is killed somewhere.
    Killed,
    /// The environment is killed at the moment at which a commit has been accepted.
    KilledInCommit,
    /// The records are delivered again, although all went well.
    DeliveredTwice,
}

/// Each as likely as any other.
const ALL: [Misfortune; 5] = [
    Misfortune::LostAnswer,
    Misfortune::ShortTime,
    Misfortune::Killed,
    Misfortune::KilledInCommit,
    Misfortune::DeliveredTwice,
];

impl Misfortune {
    /// Whether it was what ended the invocation, where it was to end it.
    pub fn has_struck(self, outcome: &Outcome) -> bool {
        match self {
            Self::LostAnswer | Self::DeliveredTwice => true,
            Self::ShortTime => *outcome != Outcome::Answered(serde_json::json!({"batchItemFailures": []})),
            Self::Killed | Self::KilledInCommit => *outcome == Outcome::Died,
        }
    }
}

/// Decides what happens to an invocation.
pub struct Fate<'a> {
    random: Mutex<fastrand::Rng>,
    share: f64,
    proxy: Option<&'a FaultProxy>,
}

impl<'a> Fate<'a> {
    /// Something happens to such a share of the invocations, from 0 to 1. Commits are seen on the way through the proxy.
    pub fn new(seed: u64, share: f64, proxy: Option<&'a FaultProxy>) -> Self {
        Self { random: Mutex::new(fastrand::Rng::with_seed(seed)), share, proxy }
    }

    /// Nothing ever happens.
    pub fn kind() -> Self {
        Self::new(0, 0.0, None)
    }

    /// What happens next.
    pub fn decide(&self) -> Option<Misfortune> {
        let mut random = self.random();
        if random.f64() >= self.share {
            return None;
        }
        let misfortune = ALL[random.usize(..ALL.len())];
        Some(if misfortune == Misfortune::KilledInCommit && self.proxy.is_none() {
            Misfortune::Killed
        } else {
            misfortune
        })
    }

    /// Invokes under a misfortune. That of a lost answer or a second delivery is the event source's own.
    pub fn invoke(&self, function: &Function, event: Vec<u8>, misfortune: Option<Misfortune>) -> Result<Outcome> {
        let moment = Duration::from_millis(self.random().u64(10..400));
        match misfortune {
            Some(Misfortune::ShortTime) => function.invoke(event, moment),
            Some(Misfortune::Killed) => {
                let started = Instant::now();
                function.invoke_until(event, TIMEOUT, |_| Ok(started.elapsed() >= moment))
            }
            Some(Misfortune::KilledInCommit) => {
                let seen = self.proxy.map_or(0, |proxy| proxy.commits(0).len());
                // The first commit is the dead letters', the second the table's.
                let wanted = seen + self.random().usize(1..=2);
                let commits = || self.proxy.map_or(0, |proxy| proxy.commits(wanted - 1).len());
                function.invoke_until(event, TIMEOUT, |_| Ok(commits() > 0))
            }
            Some(Misfortune::LostAnswer | Misfortune::DeliveredTwice) | None => function.invoke(event, TIMEOUT),
        }
    }

    fn random(&self) -> std::sync::MutexGuard<'_, fastrand::Rng> {
        self.random.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
