//! The course of events in one world: rough weather first, in which workers come and go and everything may fail; then
//! calm weather, in which everything must be taken in; then the last judgement.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use anyhow::{Context, Result};
use deltalake::DeltaTableBuilder;
use fastrand::Rng;
use futures::FutureExt;
use object_store::memory::InMemory;
use object_store::{GetOptions, ObjectStore, PutOptions};
use sluicebox_delta::dead_letter::DeadLetters;
use sluicebox_delta::store;
use sluicebox_ledger::ErrorKind;
use sluicebox_ledger::Gap;
use sluicebox_ledger::app_id;
use sluicebox_pipeline::PipelineError;
use sluicebox_pipeline::tables::Tables;
use sluicebox_sandbox::{CacheFolder, Limits, Sandbox, Transform};

use super::broker::Broker;
use super::gate::{Fate, Gate, Step};
use super::meddler::{self, Deed};
use super::oracle::{Invariant, Oracle, Violation};
use super::plan::Plan;
use super::script::{self, TABLES};
use super::store::Mounted;
use super::trace::{Trace, listed};
use super::worker::{self, DEAD_LETTERS, PIPELINE, Stepped, Worker};
use super::world::{Shared, World};

/// Turns of calm weather after which everything must have been taken in.
const CALM_TICKS_MAX: u64 = 3_000;

/// What all worlds share: the transform.
pub struct Simulation {
    transform: Transform,
}

/// How one seed went.
pub struct Outcome {
    /// Which.
    pub seed: u64,
    /// What did not hold.
    pub violations: Vec<Violation>,
    /// What happened.
    pub trace: Trace,
    /// Commits that took in records.
    pub commits: usize,
    /// Workers that were killed.
    pub deaths: usize,
    /// Steps that were not simply done.
    pub faults: usize,
}

impl Simulation {
    /// Loads the transform `scripted`.
    pub fn load(wasm: &Path) -> Result<Self> {
        be_quiet_about_panics();
        let transform = Sandbox::new()?.load(wasm, &Limits::default(), None::<&CacheFolder>)?;
        Ok(Self { transform })
    }

    /// Runs one seed's world to its end.
    pub fn run(&self, seed: u64) -> Result<Outcome> {
        let mut driver = Driver::new(seed, self.transform.clone());
        driver.prepare()?;
        driver.rough_weather()?;
        driver.calm_weather()?;
        driver.last_judgement()?;
        Ok(driver.outcome())
    }
}

struct Driver {
    seed: u64,
    /// What tells this world's views of the store from those of others in the same process.
    world_name: String,
    transform: Transform,
    world: Shared,
    workers: Vec<Worker>,
    /// Killed ones that the group still counts on.
    ghosts: Vec<usize>,
    /// Losses that the operator agrees to.
    accepted_gaps: Vec<Gap>,
    tick: u64,
    deaths: usize,
    faults: usize,
}

impl Driver {
    fn new(seed: u64, transform: Transform) -> Self {
        static WORLDS: AtomicU64 = AtomicU64::new(0);
        // The product draws its jitter from here.
        fastrand::seed(seed);
        let mut rng = Rng::with_seed(seed);
        let plan = Plan::of(&mut rng);
        let script = script::write(&plan, &mut rng);
        let world = World {
            seed,
            rng,
            plan,
            calm: true,
            broker: Broker::new(script.clone()),
            objects: Arc::new(InMemory::new()),
            late: Vec::new(),
            gates: Vec::new(),
            oracle: Oracle::new(script),
            trace: Trace::default(),
        };
        Self {
            seed,
            world_name: format!("world{}", WORLDS.fetch_add(1, Ordering::Relaxed)),
            transform,
            world: Shared::new(world),
            workers: Vec::new(),
            ghosts: Vec::new(),
            accepted_gaps: Vec::new(),
            tick: 0,
            deaths: 0,
            faults: 0,
        }
    }

    fn mount(&self, worker: usize) -> Result<Mounted> {
        Ok(Mounted::new(&self.world, worker, format!("{}-{worker}", self.world_name))?)
    }

    /// In some worlds the tables are there already, with checkpoints as often as the plan says.
    fn prepare(&mut self) -> Result<()> {
        let mut world = self.world.lock();
        let plan = format!("{:?}", world.plan);
        world.trace.note(format_args!("seed {}: {plan}", self.seed));
        world.gates.push(Gate::default());
        let interval = world.plan.checkpoint_interval;
        drop(world);
        let Some(interval) = interval else { return Ok(()) };
        let view = self.mount(0)?;
        let settings = worker::settings(&self.world.lock().plan, &view);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        runtime.block_on(async {
            Tables::open(&settings, &self.transform).await?;
            DeadLetters::open(&settings, &self.transform).await?;
            Ok::<_, PipelineError>(())
        })?;
        for table in TABLES.into_iter().chain([DEAD_LETTERS]) {
            set_checkpoint_interval(&self.world.lock().objects, table, interval)?;
            let mut world = self.world.lock();
            let entries = world.plan.aged_by;
            meddler::meddle(&mut world, table, Deed::Append(entries))?;
        }
        Ok(())
    }

    fn rough_weather(&mut self) -> Result<()> {
        self.world.lock().calm = false;
        let ticks = self.world.lock().plan.rough_ticks;
        for _ in 0..ticks {
            self.turn()?;
            if self.is_broken() {
                break;
            }
        }
        Ok(())
    }

    fn calm_weather(&mut self) -> Result<()> {
        {
            let mut world = self.world.lock();
            world.calm = true;
            world.broker.produce_all();
            world.trace.note(format_args!("the weather calms down"));
            for table in TABLES.into_iter().chain([DEAD_LETTERS]) {
                meddler::relax(&mut world, table)?;
            }
        }
        self.workers.iter_mut().for_each(|worker| worker.asleep_until = 0);
        if self.world.lock().oracle.has_replaced_tables() {
            // As the message says that those get who write to it. Where no record comes, no worker notices.
            self.world.lock().trace.note(format_args!("the operator restarts the workers"));
            (0..self.workers.len()).for_each(|_| self.kill(0));
        }
        self.accept_losses();
        self.bury_ghosts();
        let end = self.tick + CALM_TICKS_MAX;
        while self.tick < end && !self.is_broken() {
            if self.world.lock().oracle.is_complete() {
                self.workers.iter_mut().for_each(Worker::tell_to_stop);
                if self.workers.is_empty() {
                    return Ok(());
                }
            }
            self.turn()?;
        }
        let mut world = self.world.lock();
        if world.oracle.violations().is_empty() {
            let what = world.oracle.lacking().unwrap_or_else(|| "workers do not stop".to_owned());
            world.oracle.violated(Invariant::Progress, what);
        }
        Ok(())
    }

    /// What an operator does whose partitions have stopped: read the message, stop the workers, agree to the gaps.
    fn accept_losses(&mut self) {
        while !self.world.lock().late.is_empty() {
            self.world.lock().land_late();
        }
        let gaps = {
            let world = self.world.lock();
            world
                .broker
                .partitions_of_all()
                .filter_map(|partition| {
                    let (from, to) = (world.oracle.least(partition)?, world.broker.range(partition).from);
                    (from < to).then(|| Gap { partition: partition.clone(), from, to })
                })
                .collect::<Vec<_>>()
        };
        if gaps.is_empty() {
            return;
        }
        while !self.workers.is_empty() {
            self.kill(0);
        }
        let mut world = self.world.lock();
        world.trace.note(format_args!("the operator accepts {}", listed(&gaps)));
        gaps.iter().for_each(|gap| world.oracle.may_skip(gap));
        self.accepted_gaps = gaps;
    }

    fn is_broken(&self) -> bool {
        !self.world.lock().oracle.violations().is_empty()
    }

    /// One turn of the world: what happens around the workers, and then a step of one of them.
    fn turn(&mut self) -> Result<()> {
        self.tick += 1;
        self.world.lock().trace.tick(self.tick);
        self.surroundings()?;
        self.populate()?;
        let awake: Vec<usize> =
            (0..self.workers.len()).filter(|&index| self.workers[index].asleep_until <= self.tick).collect();
        if awake.is_empty() {
            return Ok(());
        }
        let index = awake[self.world.lock().rng.usize(..awake.len())];
        if !self.is_struck(index) {
            self.step(index);
        }
        Ok(())
    }

    /// Records arrive, late writes land, partitions move, the dead are noticed.
    fn surroundings(&mut self) -> Result<()> {
        let mut world = self.world.lock();
        let World { rng, broker, trace, plan, calm, late, oracle, .. } = &mut *world;
        if rng.u8(..4) == 0 {
            broker.produce(rng);
        }
        if !*calm
            && rng.u32(..1_000) < plan.weather.moved
            && let Some((member, partition)) = broker.move_one(rng)
        {
            trace.note(format_args!("the group wants {partition} back from w{member}"));
        }
        if !*calm && rng.u32(..1_000) < plan.weather.deleted {
            let partition = broker.delete_some(rng);
            oracle.retained(&partition, broker.range(&partition).from);
            trace.note(format_args!("retention leaves {} of {partition}", broker.range(&partition)));
        }
        let deed = (!*calm && rng.u32(..1_000) < plan.weather.meddled).then(|| Deed::of(rng));
        let notices = !self.ghosts.is_empty() && rng.u8(..8) == 0;
        if !late.is_empty() && rng.u8(..6) == 0 {
            world.land_late();
        }
        drop(world);
        if notices {
            self.bury_ghosts();
        }
        if let Some((table, deed)) = deed {
            self.meddle(table, deed)?;
        }
        let mut world = self.world.lock();
        let World { rng, broker, .. } = &mut *world;
        broker.balance(rng);
        Ok(())
    }

    /// Another tool does something to a table.
    fn meddle(&self, table: &str, deed: Deed) -> Result<()> {
        // Between the look at the newest entry and the PUT of the next one nothing guards against a log that is cut off
        // (docs/adr/0013-commit-path.md, docs/delivery.md): the log would have to be deleted in just that moment.
        if deed.cuts_the_log() && self.world.lock().is_being_committed_to(table) {
            return Ok(());
        }
        meddler::meddle(&mut self.world.lock(), table, deed)?;
        if deed != Deed::Checkpoint || self.world.lock().oracle.known(table).versions == 0 {
            return Ok(());
        }
        let view = self.mount(0)?;
        let location = store::url(&view.location(table))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let written = runtime.block_on(async {
            let opened = DeltaTableBuilder::from_url(location)?.load().await?;
            deltalake::checkpoints::create_checkpoint(&opened, None).await?;
            Ok::<_, deltalake::DeltaTableError>(opened.version())
        });
        // The tool has the same weather as all others, but it does not die.
        self.world.lock().gates[0].doomed = false;
        if let Ok(Some(version)) = written {
            meddler::clean_up_log(&self.world.lock(), table, version)?;
        }
        Ok(())
    }

    /// The group notices that some are dead.
    fn bury_ghosts(&mut self) {
        let mut world = self.world.lock();
        for ghost in self.ghosts.drain(..) {
            world.trace.note(format_args!("the group gives up w{ghost}"));
            world.broker.leave(ghost);
        }
    }

    /// New workers, if there are too few.
    fn populate(&mut self) -> Result<()> {
        let is_due = {
            let mut world = self.world.lock();
            let is_done = world.calm && world.oracle.is_complete();
            let room = self.workers.len() < world.plan.workers_max;
            !is_done && room && (self.workers.is_empty() || !world.calm) && world.rng.u8(..4) == 0
        };
        if !is_due {
            return Ok(());
        }
        let id = {
            let mut world = self.world.lock();
            world.gates.push(Gate::default());
            world.gates.len() - 1
        };
        let view = self.mount(id)?;
        self.workers.push(Worker::start(id, &self.world, view, &self.transform, self.accepted_gaps.clone())?);
        self.world.lock().trace.note(format_args!("w{id} is started"));
        Ok(())
    }

    /// Whether a worker is killed or put to sleep instead of taking a step.
    fn is_struck(&mut self, index: usize) -> bool {
        let worker = &mut self.workers[index];
        let mut world = self.world.lock();
        let (killed, asleep, stopped) =
            (world.plan.weather.killed, world.plan.weather.asleep, world.plan.weather.stopped);
        if world.happens(killed) {
            drop(world);
            self.kill(index);
            return true;
        }
        if world.happens(asleep) {
            worker.asleep_until = self.tick + world.rng.u64(5..60);
            let id = worker.id;
            world.trace.note(format_args!("w{id} is put to sleep until {}", worker.asleep_until));
            if world.rng.u8(..3) > 0 && world.broker.has_member(id) {
                world.trace.note(format_args!("its session expires"));
                world.broker.expire(id);
            }
            return true;
        }
        if world.happens(stopped) {
            let id = worker.id;
            world.trace.note(format_args!("w{id} is told to stop"));
            worker.tell_to_stop();
        }
        false
    }

    fn kill(&mut self, index: usize) {
        let id = self.workers[index].id;
        {
            let mut world = self.world.lock();
            world.gates[id].doom();
            world.trace.note(format_args!("w{id} is killed"));
        }
        self.workers.remove(index);
        self.ghosts.push(id);
        self.deaths += 1;
    }

    /// Decides on what a worker waits for, and lets it go on to its next gate.
    fn step(&mut self, index: usize) {
        let id = self.workers[index].id;
        {
            let mut world = self.world.lock();
            if let Some(step) = world.gates[id].waiting.clone() {
                let fate = world.decide(&step);
                if fate != Fate::Done {
                    self.faults += 1;
                }
                if fate != Fate::Done || step != Step::Poll {
                    world.trace.note(format_args!("w{id} {step}: {fate}"));
                }
                world.gates[id].decide(fate);
            }
        }
        match self.workers[index].step(&self.world) {
            Stepped::Gate => {}
            Stepped::Doomed => self.kill(index),
            Stepped::Ended(result) => {
                let worker = self.workers.remove(index);
                let mut world = self.world.lock();
                match result {
                    Ok(_) if worker.is_stopping => world.trace.note(format_args!("w{id} has stopped")),
                    Ok(_) => world.oracle.violated(Invariant::Composure, format!("w{id} stopped unasked")),
                    Err(error) if error.kind() == ErrorKind::Environment && !world.calm => {
                        world.trace.note(format_args!("w{id} gives up"));
                    }
                    Err(error) if world.oracle.is_excused(&error) => {
                        world.trace.note(format_args!("w{id} stops, and says why: {error}"));
                    }
                    Err(error) => world.oracle.violated(Invariant::Composure, format!("w{id} gives up: {error}")),
                }
            }
            Stepped::Broken(what) => {
                self.workers.remove(index);
                self.world.lock().oracle.violated(Invariant::Composure, format!("w{id}: {what}"));
            }
        }
    }

    /// Other readers see the same: delta-rs, from a checkpoint where there is one.
    fn last_judgement(&mut self) -> Result<()> {
        self.workers.clear();
        if self.is_broken() {
            return Ok(());
        }
        while !self.world.lock().late.is_empty() {
            self.world.lock().land_late();
        }
        let view = self.mount(0)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        for table in TABLES.into_iter().chain([DEAD_LETTERS]) {
            let location = store::url(&view.location(table))?;
            let differs = runtime.block_on(self.differs(table, location))?;
            if let Some(what) = differs {
                self.world.lock().oracle.violated(Invariant::Readable, what);
            }
        }
        Ok(())
    }

    async fn differs(&self, table: &str, location: url::Url) -> Result<Option<String>> {
        let opened = DeltaTableBuilder::from_url(location)?.load().await?;
        let snapshot = opened.snapshot()?;
        let files = opened.get_file_uris()?.count();
        let (known_files, ledger) = {
            let world = self.world.lock();
            let known = world.oracle.known(table);
            (known.files.len(), known.ledger.clone())
        };
        if files != known_files {
            return Ok(Some(format!("delta-rs sees {files} files in {table}, and the log has {known_files}")));
        }
        for (partition, next) in ledger {
            let app = app_id(PIPELINE, &partition);
            let seen = snapshot.transaction_version(opened.log_store().as_ref(), app).await?;
            if seen != Some(next) {
                return Ok(Some(format!("delta-rs sees {table} at {seen:?} of {partition}, and the log says {next}")));
            }
        }
        Ok(None)
    }

    fn outcome(self) -> Outcome {
        let Self { seed, world, deaths, faults, workers, .. } = self;
        drop(workers);
        let mut world = world.lock();
        let trace = std::mem::take(&mut world.trace);
        let (violations, commits) = (world.oracle.violations().to_vec(), world.oracle.commits());
        Outcome { seed, violations, trace, commits, deaths, faults }
    }
}

impl World {
    /// Whether a worker has made up its mind to write a table's next entry, which is still under way.
    fn is_being_committed_to(&self, table: &str) -> bool {
        let entry = format!("{table} version ");
        let waits = |gate: &Gate| matches!(&gate.waiting, Some(Step::Put { object, .. }) if object.starts_with(&entry));
        self.gates.iter().any(|gate| !gate.doomed && waits(gate)) || self.late.iter().any(|late| late.is_in(table))
    }

    /// What becomes of a step.
    fn decide(&mut self, step: &Step) -> Fate {
        if self.calm {
            return Fate::Done;
        }
        let weather = &self.plan.weather;
        let writes = matches!(step, Step::Put { .. });
        let creates = matches!(step, Step::Put { create: true, .. });
        let fates = [
            (weather.refused, Fate::Refused, true),
            (weather.fatal, Fate::Fatal, writes),
            (weather.slow, Fate::Slow(Duration::ZERO), true),
            (weather.unheard, Fate::Unheard, writes),
            (weather.misheard, Fate::Misheard, creates),
            (weather.late, Fate::Late, writes),
        ];
        let mut chance = self.rng.u32(..1_000);
        for (share, fate, applies) in fates {
            if chance < share && applies {
                return match fate {
                    Fate::Slow(_) => Fate::Slow(Duration::from_millis(self.rng.u64(1..20_000))),
                    fate => fate,
                };
            }
            chance = chance.saturating_sub(share);
        }
        Fate::Done
    }
}

/// A panic of a worker is told as a violation. One in a task of its own is an error to the rest of the worker: delta-rs has
/// one such, whenever a data file cannot be written.
fn be_quiet_about_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !worker::is_stepping() {
                loud(panic);
            }
        }));
    });
}

/// Rewrites the first commit of a table that is new.
fn set_checkpoint_interval(objects: &InMemory, table: &str, interval: u64) -> Result<()> {
    let path = object_store::path::Path::from(format!("{table}/_delta_log/00000000000000000000.json"));
    let object = objects.get_opts(&path, GetOptions::default()).now_or_never().context("memory does not answer")?;
    let bytes = object?.bytes().now_or_never().context("memory does not answer")??;
    let mut lines = String::new();
    for line in std::str::from_utf8(&bytes)?.lines() {
        let mut action: serde_json::Value = serde_json::from_str(line)?;
        if let Some(metadata) = action.get_mut("metaData") {
            metadata["configuration"]["delta.checkpointInterval"] = interval.to_string().into();
        }
        lines += &format!("{action}\n");
    }
    let written = objects.put_opts(&path, lines.into(), PutOptions::default()).now_or_never();
    written.context("memory does not answer")??;
    Ok(())
}
