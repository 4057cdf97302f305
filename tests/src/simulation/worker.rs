//! One life of one worker: the walk as a future on a runtime of its own, run from gate to gate. Its clock jumps whenever
//! it sleeps. Between two gates no other worker moves, so the same decisions give the same story.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use anyhow::Result;
use sluicebox_ledger::Gap;
use sluicebox_pipeline::health::Health;
use sluicebox_pipeline::source::SourceError;
use sluicebox_pipeline::{Changes, PipelineError, Progress, RunOptions, run_from};
use sluicebox_sandbox::{Limits, Transform};
use sluicebox_settings::{
    BatchSettings, DeadLetterSettings, FilePath, FileSettings, FlushSettings, LambdaSettings, RecordFormat, S3Settings,
    Settings, SourceSettings, TableSettings, TransformOrigin, TransformSettings,
};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use super::plan::Plan;
use super::promoter::Promoter;
use super::script::TABLES;
use super::source::SimulatedSource;
use super::store::Mounted;
use super::world::Shared;

/// The name of the simulated pipeline.
pub const PIPELINE: &str = "simulated";
/// The name under which the dead letters lie.
pub const DEAD_LETTERS: &str = "dead_letters";
/// Wakings between two gates after which a worker counts as spinning, if they have taken so long: on a busy machine the kernel's
/// own threads may keep a worker waiting while its clock, which knows nothing of them, jumps on.
const WAKINGS_MAX: usize = 10_000;
const SPIN_DURATION_MIN: Duration = Duration::from_secs(20);

type Walk = Pin<Box<dyn Future<Output = Result<Progress, PipelineError>>>>;

/// A worker that has been started.
pub struct Worker {
    /// Its number in its world.
    pub id: usize,
    /// The turn of the world before which it does not move.
    pub asleep_until: u64,
    /// Whether it has been told to stop.
    pub is_stopping: bool,
    stop: watch::Sender<bool>,
    // In this order: the walk is dropped before the runtime that it lives on, and before its view of the store.
    walk: Option<Walk>,
    runtime: Runtime,
    _view: Mounted,
}

/// Where a step has led.
pub enum Stepped {
    /// To the next gate.
    Gate,
    /// It is dead, but does not know yet.
    Doomed,
    /// The walk is over.
    Ended(Result<Progress, PipelineError>),
    /// It panicked, or spins.
    Broken(String),
}

thread_local! {
    static STEPPING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this is the thread on which workers step, rather than one of the kernel's.
pub fn is_stepping() -> bool {
    STEPPING.get()
}

impl Worker {
    /// Sets a worker up; it does nothing before its first step.
    pub fn start(
        id: usize,
        world: &Shared,
        view: Mounted,
        transform: &Transform,
        accepted_gaps: Vec<Gap>,
    ) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build()?;
        let (stop, stopped) = watch::channel(false);
        let (progress, _) = watch::channel(Progress::default());
        let (health, _) = watch::channel(Health::default());
        let settings = settings(&world.lock().plan, &view);
        let (transform, world) = (transform.clone(), world.clone());
        let walk: Walk = Box::pin(async move {
            let (proposals, changes) = Changes::channel();
            let promoter = Promoter { settings: settings.clone(), transform: transform.clone(), proposals };
            let options =
                RunOptions { drain: false, stop: stopped, progress, health, accepted_gaps, changes, copies: None };
            run_from(
                || Ok::<_, SourceError>(SimulatedSource::connect(world, id, promoter)),
                settings,
                &transform,
                options,
            )
            .await
        });
        Ok(Self { id, asleep_until: 0, is_stopping: false, stop, walk: Some(walk), runtime, _view: view })
    }

    /// Tells it to flush and leave.
    pub fn tell_to_stop(&mut self) {
        self.is_stopping = true;
        self.stop.send_replace(true);
    }

    /// Runs it to its next gate.
    pub fn step(&mut self, world: &Shared) -> Stepped {
        let Some(walk) = &mut self.walk else {
            return Stepped::Doomed;
        };
        let (id, runtime) = (self.id, &self.runtime);
        let (mut wakings, started) = (0, Instant::now());
        let step = poll_fn(|context| {
            world.lock().gates[id].driver = Some(context.waker().clone());
            let polled = walk.as_mut().poll(context);
            wakings += 1;
            let world = world.lock();
            let gate = &world.gates[id];
            match polled {
                _ if gate.doomed => Poll::Ready(Stepped::Doomed),
                Poll::Ready(result) => Poll::Ready(Stepped::Ended(result)),
                Poll::Pending if gate.waiting.is_some() => Poll::Ready(Stepped::Gate),
                Poll::Pending if wakings > WAKINGS_MAX && started.elapsed() > SPIN_DURATION_MIN => {
                    Poll::Ready(Stepped::Broken("it spins".to_owned()))
                }
                Poll::Pending => Poll::Pending,
            }
        });
        STEPPING.set(true);
        let stepped = catch_unwind(AssertUnwindSafe(|| runtime.block_on(step)));
        STEPPING.set(false);
        stepped.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Stepped::Broken(format!("it panicked: {}", text.unwrap_or("without words")))
        })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _context = self.runtime.enter();
        self.walk = None;
    }
}

/// The settings of a simulated pipeline.
pub fn settings(plan: &Plan, view: &Mounted) -> Settings {
    let table = |name: &str| TableSettings { path: view.location(name) };
    // No code reads it: the walk gets a source of our own.
    let file = FileSettings { path: FilePath::Stdin, format: RecordFormat::Lines, topic: PIPELINE.to_owned() };
    Settings {
        name: PIPELINE.to_owned(),
        source: SourceSettings::File(file),
        transform: TransformSettings {
            origin: TransformOrigin::File(PathBuf::new()),
            configuration: serde_json::json!({}),
            limits: Limits::default(),
        },
        tables: TABLES.iter().map(|name| ((*name).to_owned(), table(name))).collect::<BTreeMap<_, _>>(),
        dead_letters: DeadLetterSettings { path: view.location(DEAD_LETTERS), topic: None },
        flush: FlushSettings { rows_max: plan.flush_rows, bytes_max: 64 << 20, interval: plan.flush_interval },
        batch: BatchSettings { records_max: plan.batch_records, bytes_max: 1 << 20 },
        // In a world of this size, chance alone would trip it.
        breaker: None,
        http: None,
        s3: S3Settings::default(),
        lambda: LambdaSettings::default(),
        provenance: true,
    }
}
