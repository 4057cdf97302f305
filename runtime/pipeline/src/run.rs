//! Puts a pipeline together from its settings and walks it.

use sluicebox_sandbox::{ConfigureError, Transform, Worker};
use tokio::sync::{oneshot, watch};

use crate::breaker::Breaker;
use crate::dead_letter::DeadLetters;
use crate::error::{ErrorKind, PipelineError};
use crate::health::Health;
use crate::loss::{Gap, Stopped};
use crate::patience::Patience;
use crate::progress::Progress;
use crate::settings::{Settings, SourceSettings};
use crate::source::event::{self, EventSource};
use crate::source::file::FileSource;
use crate::source::kafka::KafkaSource;
use crate::source::{Intake, Source};
use crate::succession::Changes;
use crate::tables::Tables;
use crate::vitals::Vitals;
use crate::walk::{TURN, Unflushed, Walk};

/// How to walk.
pub struct RunOptions {
    /// Stop at the end offsets that the topic had at the start.
    pub drain: bool,
    /// Losses that somebody has agreed to.
    pub accepted_gaps: Vec<Gap>,
    /// Turns true when the walk shall flush and leave.
    pub stop: watch::Receiver<bool>,
    /// Told after each flush.
    pub progress: watch::Sender<Progress>,
    /// Told what the walk is doing, about once a second.
    pub health: watch::Sender<Health>,
    /// Where another transform may come from.
    pub changes: Changes,
}

/// Walks a pipeline until its source ends or somebody says stop. Everything that can be wrong with the settings is found
/// before the first poll.
pub async fn run(settings: Settings, transform: &Transform, options: RunOptions) -> Result<Progress, PipelineError> {
    let drain = options.drain;
    match settings.source.clone() {
        SourceSettings::Kafka(kafka) => {
            run_from(|| KafkaSource::connect(kafka, drain), settings, transform, options).await
        }
        SourceSettings::File(file) => run_from(|| FileSource::new(file), settings, transform, options).await,
    }
}

/// [`run`] with a source of one's own, whatever the settings say of theirs; it is connected when all else is ready.
pub async fn run_from<S: Source>(
    connect: impl FnOnce() -> Result<S, PipelineError>,
    settings: Settings,
    transform: &Transform,
    mut options: RunOptions,
) -> Result<Progress, PipelineError> {
    let worker = worker(&settings, transform)?;
    let (tables, dead_letters) = open(&settings, transform, &mut options).await?;
    let source = connect()?;
    walk(source, &settings, worker, tables, dead_letters, options).run().await
}

/// Walks what is handed in, until nobody can hand in any more. `ready` is told when the tables are open: from then on an
/// event costs no more than its records.
pub async fn run_events(
    settings: Settings,
    transform: &Transform,
    mut options: RunOptions,
    source: EventSource,
    ready: oneshot::Sender<()>,
) -> Result<Progress, PipelineError> {
    let worker = worker(&settings, transform)?;
    let (tables, dead_letters) = open(&settings, transform, &mut options).await?;
    // Whoever waits may have given up waiting.
    let _nobody = ready.send(());
    let mut walk = walk(source, &settings, worker, tables, dead_letters, options);
    (walk.turn, walk.patience) = (event::TURN, Patience::brief());
    walk.run().await
}

/// Opens or creates all tables. A store that stumbles is asked again, a few times only: a name or a right that is wrong
/// has to be told at the start.
async fn open(
    settings: &Settings,
    transform: &Transform,
    RunOptions { stop, health, .. }: &mut RunOptions,
) -> Result<(Tables, DeadLetters), PipelineError> {
    let (mut patience, vitals) = (Patience::new(true), Vitals::new(health.clone()));
    loop {
        let opened = match Tables::open(settings, transform).await {
            Ok(tables) => DeadLetters::open(settings, transform).await.map(|dead_letters| (tables, dead_letters)),
            Err(error) => Err(error),
        };
        match opened {
            Err(error) if error.kind() == ErrorKind::Environment && !*stop.borrow() => {
                patience.wait(error, stop, &vitals).await?
            }
            opened => return opened,
        }
    }
}

/// An instance of the transform that took the settings' configuration.
pub(crate) fn worker(settings: &Settings, transform: &Transform) -> Result<Worker, PipelineError> {
    let configuration = settings.transform.configuration.to_string();
    transform.worker(&configuration).map_err(|error| match error {
        ConfigureError::Host(error) => PipelineError::Sandbox(error.to_string()),
        refusal => PipelineError::Configuration(refusal.to_string()),
    })
}

fn walk<S: Source>(
    source: S,
    settings: &Settings,
    worker: Worker,
    tables: Tables,
    dead_letters: DeadLetters,
    options: RunOptions,
) -> Walk<S> {
    Walk {
        source,
        worker,
        tables,
        dead_letters,
        intake: Intake::new(settings.batch.records_max, settings.batch.bytes_max as usize),
        flush_settings: settings.flush,
        patience: Patience::new(options.drain),
        breaker: Breaker::new(settings.breaker),
        vitals: Vitals::new(options.health),
        stop: options.stop,
        progress: options.progress,
        turn: TURN,
        accepted_gaps: options.accepted_gaps,
        changes: options.changes,
        candidate: None,
        awaiting: Vec::new(),
        unread: Vec::new(),
        stopped: Stopped::new(),
        unflushed: Unflushed::default(),
    }
}
