//! Puts a pipeline together from its settings and a source, and walks it.

use std::sync::Arc;
use std::time::Duration;

use sluicebox_delta::dead_letter::{Copies, DeadLetters};
use sluicebox_ledger::ErrorKind;
use sluicebox_sandbox::Transform;
use sluicebox_settings::Settings;
use tokio::sync::oneshot;
use tracing::warn;

use crate::error::PipelineError;
use crate::options::RunOptions;
use crate::progress::Progress;
use crate::source::Source;
use crate::tables::Tables;
use crate::walk::Walk;
use crate::walk::backoff::Backoff;
use crate::walk::judges::Judges;
use crate::walk::report::Report;
use crate::worker::worker;

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
    let judges = Judges::new(worker(&settings, transform)?, settings.breaker);
    let (tables, dead_letters) = open(&settings, transform, &mut options).await?;
    // Last: a member that joins the group and then fails over its settings would cost the others a rebalance.
    let source = connect().map_err(Into::into)?;
    Walk::new(source, &settings, judges, tables, dead_letters, options).run().await
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
    let judges = Judges::new(worker(&settings, transform)?, settings.breaker);
    let (tables, dead_letters) = open(&settings, transform, &mut options).await?;
    // The caller may have given up waiting; the walk goes on without it.
    let _unheard = ready.send(());
    Walk::new(source, &settings, judges, tables, dead_letters, options).with_turn(turn).run().await
}

/// Opens or creates all tables. If the store fails, it tries again, a few times only: a wrong name or a missing permission
/// has to show at the start.
async fn open(
    settings: &Settings,
    transform: &Transform,
    RunOptions { stop, health, copies, .. }: &mut RunOptions,
) -> Result<(Tables, DeadLetters), PipelineError> {
    let mut backoff = Backoff::new(true);
    let report = Report::new(health.clone());
    loop {
        let error = match open_once(settings, transform, copies).await {
            // A stop while the store is out of reach ends the start with the error: nothing is staged that a flush
            // could save.
            Err(error) if error.kind() == ErrorKind::Environment && !*stop.borrow() => error,
            opened => return opened,
        };
        let Some(pause) = backoff.next_pause() else { return Err(error) };
        report.back_off(&error, &pause);
        warn!(%error, pause_seconds = pause.duration.as_secs_f32(), "opening the tables failed: trying again after a pause");
        pause.wait(stop).await;
    }
}

async fn open_once(
    settings: &Settings,
    transform: &Transform,
    copies: &Option<Arc<dyn Copies>>,
) -> Result<(Tables, DeadLetters), PipelineError> {
    let tables = Tables::open(settings, transform).await?;
    let dead_letters = DeadLetters::open(settings, transform).await?;
    tables.require_distinct(&dead_letters)?;
    Ok((tables, dead_letters.with_copies(copies.clone())))
}
