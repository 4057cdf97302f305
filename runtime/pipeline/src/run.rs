//! Puts a pipeline together from its settings and a source, and walks it.

use std::sync::Arc;
use std::time::Duration;

use sluicebox_delta::dead_letter::{Copies, DeadLetters};
use sluicebox_ledger::{ErrorKind, Gap};
use sluicebox_sandbox::{Transform, Worker};
use sluicebox_settings::Settings;
use tokio::sync::{oneshot, watch};

use crate::error::PipelineError;
use crate::health::Health;
use crate::progress::Progress;
use crate::source::{Intake, Source};
use crate::tables::Tables;
use crate::walk::backoff::Backoff;
use crate::walk::breaker::Breaker;
use crate::walk::report::Report;
use crate::walk::swap::Changes;
use crate::walk::{Stopped, TURN, Unflushed, Walk};
use crate::worker::worker;



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
    /// Where copies of dead letters go, besides their table.
    pub copies: Option<Arc<dyn Copies>>,
}

/// Walks the records of a source until it ends or the operator stops the walk; the source is connected when all else is
/// ready. Everything that can be wrong with the settings is found before the first poll.
///
/// # Errors
/// See [`PipelineError::kind`].
pub async fn run_from<S: Source, E: Into<PipelineError>>(
    connect: impl FnOnce() -> Result<S, E>,
    settings: Settings,
    transform: &Transform,
    mut options: RunOptions,
) -> Result<Progress, PipelineError> {
    let worker = worker(&settings, transform)?;
    let (tables, dead_letters) = open(&settings, transform, &mut options).await?;
    let source = connect().map_err(Into::into)?;
    walk(source, &settings, worker, tables, dead_letters, options).run().await
}

/// Walks a source whose records a caller waits for, with a deadline of its own: short turns of `turn`, short pauses.
/// `ready` is sent when the tables are open: from then on an event costs only its records.
///
/// # Errors
/// See [`PipelineError::kind`].
pub async fn run_while_callers_wait<S: Source>(
    source: S,
    turn: Duration,
    settings: Settings,
    transform: &Transform,
    mut options: RunOptions,
    ready: oneshot::Sender<()>,
) -> Result<Progress, PipelineError> {
    let worker = worker(&settings, transform)?;
    let (tables, dead_letters) = open(&settings, transform, &mut options).await?;
    // The caller may have given up waiting; the walk goes on without it.
    let _unheard = ready.send(());
    let mut walk = walk(source, &settings, worker, tables, dead_letters, options);
    walk.turn = turn;
    walk.backoff = Backoff::brief();
    walk.run().await
}

/// Opens or creates all tables. A store that stumbles is asked again, a few times only: a name or a right that is wrong
/// has to be told at the start.
async fn open(
    settings: &Settings,
    transform: &Transform,
    RunOptions { stop, health, copies, .. }: &mut RunOptions,
) -> Result<(Tables, DeadLetters), PipelineError> {
    let (mut backoff, report) = (Backoff::new(true), Report::new(health.clone()));
    loop {
        let opened = open_once(settings, transform, copies).await;
        match opened {
            Err(error) if error.kind() == ErrorKind::Environment && !*stop.borrow() => {
                backoff.wait(error, stop, &report).await?
            }
            opened => return opened,
        }
    }
}

async fn open_once(
    settings: &Settings,
    transform: &Transform,
    copies: &Option<Arc<dyn Copies>>,
) -> Result<(Tables, DeadLetters), PipelineError> {
    let tables = Tables::open(settings, transform).await?;
    let dead_letters = DeadLetters::open(settings, transform).await?;
    Ok((tables, dead_letters.with_copies(copies.clone())))
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
        backoff: Backoff::new(options.drain),
        breaker: Breaker::new(settings.breaker),
        report: Report::new(options.health),
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
