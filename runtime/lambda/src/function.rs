//! What stays warm from invocation to invocation: the settings, the transform, and one walk with its tables open. If the walk
//! ends with an error, or a drain takes its place, the next event starts a new one.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use sluicebox_aws::renewed::Renewed;
use sluicebox_kafka::event::{Event, EventResult, EventSender, Settled};
use sluicebox_kafka::{Brokers, TokenSource, event, run_events};
use sluicebox_ledger::Offsets;
use sluicebox_pipeline::{Changes, Health, PipelineError, Progress, RunOptions};
use sluicebox_sandbox::Sandbox;
use sluicebox_settings::{KafkaSettings, Settings, SourceSettings};
use tokio::sync::{Mutex, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use crate::answer::{self, InvocationFailure};
use crate::judging::{Follower, Judging};
use crate::payload::Records;
use crate::{document, time};

/// How long the start waits for the tables. Lambda allows ten seconds; a slower table opens during the first event.
const OPEN_DURATION_MAX: Duration = Duration::from_secs(8);
/// How long a drain waits for the walk of events to end.
const END_DURATION_MAX: Duration = Duration::from_secs(1);

/// How long an invocation waits for a new token.
const TOKEN_DURATION_MAX: Duration = Duration::from_secs(2);

/// A pipeline as a function.
pub(crate) struct Function {
    pub(crate) settings: Settings,
    pub(crate) judging: Judging,
    kafka: KafkaSettings,
    /// Makes tokens for the brokers, if they require any.
    tokens: Option<Arc<Renewed>>,
    /// The walk of events, one at a time; none before the first, and after one has ended.
    walk: Mutex<Option<RunningWalk>>,
}

struct RunningWalk {
    events: EventSender,
    ended: JoinHandle<Result<Progress, PipelineError>>,
    follower: Follower,
}

impl Function {
    /// Reads the settings, loads the transform and opens the tables, so that events do not wait for these steps.
    pub(crate) async fn prepare() -> Result<Self> {
        let settings = document::load().await?;
        sluicebox_aws::reach_buckets(&settings).context("cannot find out how to reach buckets")?;
        #[cfg(feature = "msk-iam")]
        let tokens = sluicebox_aws::token_source(&settings).await.context("cannot authenticate to the brokers")?;
        #[cfg(not(feature = "msk-iam"))]
        let tokens = None;
        let SourceSettings::Kafka(kafka) = settings.source.clone() else {
            bail!(
                "a function takes in records from Kafka: `source` must be `kafka`, with the topics of the event source"
            );
        };
        let sandbox = Sandbox::new().context("the sandbox cannot be set up")?;
        let begin = |opened| {
            let judging = Judging::new(opened, &settings, &sandbox);
            let (settings, kafka, tokens) = (settings.clone(), kafka.clone(), tokens.clone());
            Self { settings, judging, kafka, tokens, walk: Mutex::new(None) }.begun()
        };
        let begun = match sluicebox_registry::open(&settings.transform, &sandbox, None).await {
            Ok(opened) => begin(opened).await,
            Err(error) => Err(error.into()),
        };
        let Err(error) = begun else { return begun };
        // A warm environment keeps its transform when a promotion does not fit, so a new one takes the earlier transform too.
        match sluicebox_registry::open_earlier(&settings, &sandbox, None).await {
            Ok(Some(earlier)) => {
                let digest = earlier.transform.digest();
                tracing::error!(%digest, "promoted transform refused: {error:#}; running the channel's earlier one");
                begin(earlier).await
            }
            Ok(None) | Err(_) => Err(error),
        }
    }

    /// The token source for clients of the brokers.
    pub(crate) fn token_source(&self) -> Option<Arc<dyn TokenSource>> {
        self.tokens.clone().map(|tokens| tokens as Arc<dyn TokenSource>)
    }

    fn brokers(&self) -> Brokers {
        Brokers::new(self.kafka.clone(), self.token_source())
    }

    async fn begun(self) -> Result<Self> {
        self.begin_walk().await?;
        Ok(self)
    }

    /// Call at a new invocation: the process may have been frozen, so renews what is due.
    pub(crate) async fn wake(&self) {
        self.judging.nudge();
        if let Some(tokens) = &self.tokens
            && let Ok(Err(error)) = timeout(TOKEN_DURATION_MAX, tokens.renew_if_due()).await
        {
            tracing::warn!(%error, "Kafka token not renewed; the old one is used until it expires");
        }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Takes in the records of an event, and returns which partitions did not commit.
    pub(crate) async fn take_in(&self, records: Records, deadline: Instant) -> Result<Value, InvocationFailure> {
        if let Some(foreign) = records.keys().find(|partition| !self.kafka.topics.take_in(&partition.topic)) {
            return Err(InvocationFailure::Foreign(format!(
                "the event has records of the topic `{}`, which `source.kafka` of this pipeline does not name; is the \
                 event source the right one?",
                foreign.topic
            )));
        }
        let firsts = first_offsets(&records);
        let event = Event { records, deadline: time::answer_by(deadline), reserve: self.settings.lambda.flush_reserve };
        let result = self.deliver(event, firsts).await?;
        answer::of(result, self.settings.lambda.partial_responses)
    }

    /// Delivers an event to the walk, and answers in time in any case. If the event has no result by then, the answer is that
    /// nothing of it is known to be committed, and the walk drops it.
    async fn deliver(&self, event: Event, firsts: Offsets) -> Result<EventResult, InvocationFailure> {
        // Held until the answer, so that no other invocation finds the place empty and begins a second walk.
        let mut slot = self.walk.lock().await;
        let walk = match slot.take() {
            Some(walk) if !walk.ended.is_finished() => walk,
            Some(over) => {
                self.judging.end(over.follower).await;
                self.begin(None).await
            }
            None => self.begin(None).await,
        };
        let answer_by = event.deadline;
        match timeout_at(answer_by, walk.events.deliver(event)).await {
            Ok(Ok(result)) => {
                *slot = Some(walk);
                Ok(result)
            }
            Ok(Err(_ended)) => {
                let failure = reason(walk.ended).await;
                self.judging.end(walk.follower).await;
                Err(failure)
            }
            Err(_elapsed) => {
                *slot = Some(walk);
                // The walk is kept: it drops the event whose caller has given up, and takes the next one.
                let why = "the deadline passed before the commit";
                Ok(firsts
                    .into_iter()
                    .map(|(partition, first)| (partition, Settled::Open { first, why: why.to_owned() }))
                    .collect())
            }
        }
    }

    /// Starts the first walk, and waits until it is ready, so that errors in the settings fail the start.
    async fn begin_walk(&self) -> Result<()> {
        let (ready, opened) = oneshot::channel();
        let walk = self.begin(Some(ready)).await;
        match timeout(OPEN_DURATION_MAX, opened).await {
            Ok(Err(_ended)) => bail!("{}", reason(walk.ended).await),
            Ok(Ok(())) => {}
            Err(_elapsed) => tracing::warn!("tables not open yet; the first event will wait for them"),
        }
        *self.walk.lock().await = Some(walk);
        Ok(())
    }

    /// Ends the walk of events, if there is one.
    pub(crate) async fn end_walk(&self) {
        let Some(RunningWalk { events, mut ended, follower }) = self.walk.lock().await.take() else { return };
        drop(events);
        if timeout(END_DURATION_MAX, &mut ended).await.is_err() {
            // It still works on an event whose caller is gone. Aborting is like a kill, which the ledger is made for.
            ended.abort();
        }
        self.judging.end(follower).await;
    }

    async fn begin(&self, ready: Option<oneshot::Sender<()>>) -> RunningWalk {
        let (events, source) = event::source(self.brokers(), self.settings.lambda.gaps);
        let (transform, changes, follower) = self.judging.begin().await;
        let settings = self.settings.clone();
        let tokens = self.token_source();
        let ready = ready.unwrap_or_else(|| oneshot::channel().0);
        let ended = tokio::spawn(async move {
            let (stop, stopped) = watch::channel(false);
            let walked = run_events(settings, &transform, tokens, options(stopped, changes), source, ready).await;
            // Not before: the walk would take the drop for the signal to stop.
            drop(stop);
            walked
        });
        RunningWalk { events, ended, follower }
    }
}

/// The options of a function's walk: no one reads its progress and health, and it ends with its event sender.
fn options(stop: watch::Receiver<bool>, changes: Changes) -> RunOptions {
    RunOptions {
        drain: false,
        accepted_gaps: Vec::new(),
        stop,
        progress: watch::channel(Progress::default()).0,
        health: watch::channel(Health::default()).0,
        changes,
        copies: None,
    }
}

async fn reason(ended: JoinHandle<Result<Progress, PipelineError>>) -> InvocationFailure {
    match ended.await {
        Ok(Err(error)) => InvocationFailure::Walk(error),
        Ok(Ok(_)) => InvocationFailure::Process("the walk ended without a reason".to_owned()),
        Err(error) => InvocationFailure::Process(format!("the walk's task failed: {error}")),
    }
}

fn first_offsets(records: &Records) -> Offsets {
    records
        .iter()
        .filter_map(|(partition, records)| Some((partition.clone(), records.iter().map(|record| record.offset).min()?)))
        .collect()
}
