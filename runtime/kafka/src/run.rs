//! Runs the walk over the source that the settings name.

use std::sync::Arc;

use sluicebox_ledger::ClientError;
use sluicebox_pipeline::source::file::FileSource;
use sluicebox_pipeline::{Copies, PipelineError, Progress, RunOptions, run_from, run_while_callers_wait};
use sluicebox_sandbox::Transform;
use sluicebox_settings::{Settings, SourceSettings};
use tokio::sync::oneshot;

use crate::event::{self, EventSource};
use crate::{Brokers, DeadLetterProducer, KafkaSource, TokenSource};

/// Walks a pipeline until its source ends or the operator stops it. Errors in the settings are found before the first poll.
/// `tokens` serves brokers that require tokens.
///
/// # Errors
/// See [`PipelineError::kind`].
pub async fn run(
    settings: Settings,
    transform: &Transform,
    tokens: Option<Arc<dyn TokenSource>>,
    mut options: RunOptions,
) -> Result<Progress, PipelineError> {
    let drain = options.drain;
    options.copies = dead_letter_copies(&settings, tokens.clone())?;
    match settings.source.clone() {
        SourceSettings::Kafka(kafka) => {
            run_from(|| KafkaSource::connect(Brokers::new(kafka, tokens), drain), settings, transform, options).await
        }
        SourceSettings::File(file) => run_from(|| FileSource::new(file), settings, transform, options).await,
    }
}

/// Walks the events that callers deliver, until the last [`EventSender`](crate::event::EventSender) is dropped. Sends
/// `ready` when the tables are open.
///
/// # Errors
/// See [`PipelineError::kind`].
pub async fn run_events(
    settings: Settings,
    transform: &Transform,
    tokens: Option<Arc<dyn TokenSource>>,
    mut options: RunOptions,
    source: EventSource,
    ready: oneshot::Sender<()>,
) -> Result<Progress, PipelineError> {
    options.copies = dead_letter_copies(&settings, tokens)?;
    run_while_callers_wait(source, event::TURN, settings, transform, options, ready).await
}

/// A producer for the dead-letter topic, if the settings name one.
///
/// # Errors
/// The producer refuses its properties.
fn dead_letter_copies(
    settings: &Settings,
    tokens: Option<Arc<dyn TokenSource>>,
) -> Result<Option<Arc<dyn Copies>>, ClientError> {
    let (Some(topic), SourceSettings::Kafka(kafka)) = (&settings.dead_letters.topic, &settings.source) else {
        return Ok(None);
    };
    let topic = DeadLetterProducer::connect(topic, &Brokers::new(kafka.clone(), tokens))?;
    Ok(Some(Arc::new(topic)))
}
