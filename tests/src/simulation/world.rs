//! What the parts of one world share, behind one lock that only one of them ever wants.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fastrand::Rng;
use object_store::memory::InMemory;

use super::broker::Broker;
use super::gate::Gate;
use super::oracle::Oracle;
use super::plan::Plan;
use super::store::LatePut;
use super::trace::Trace;

/// A handle on a world.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<World>>);

/// One world.
pub struct World {
    /// Its number.
    pub seed: u64,
    /// All chance comes from here.
    pub rng: Rng,
    /// What was decided beforehand.
    pub plan: Plan,
    /// Whether the weather has calmed down.
    pub calm: bool,
    /// Topics and group.
    pub broker: Broker,
    /// All objects.
    pub objects: Arc<InMemory>,
    /// Writes that were given up and are still under way.
    pub late: Vec<LatePut>,
    /// One for each worker that ever lived.
    pub gates: Vec<Gate>,
    /// What must hold.
    pub oracle: Oracle,
    /// What has happened.
    pub trace: Trace,
}

impl Shared {
    /// A handle on a new world.
    pub fn new(world: World) -> Self {
        Self(Arc::new(Mutex::new(world)))
    }

    /// The world itself. A panic elsewhere does not take it away.
    pub fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World {
    /// Whether something happens that does so `chance` times in a thousand, in rough weather.
    pub fn happens(&mut self, chance: u32) -> bool {
        !self.calm && self.rng.u32(..1_000) < chance
    }
}
