//! What lives from invocation to invocation: the settings, the transform, and one walk with its tables open and its
//! instance warm. A walk that ends over an event is begun anew by the next; so is one that a drain has taken the place of.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use sluicebox_aws::renewed::Renewed;
use sluicebox_ledger::{Offsets, TopicPartition};
use sluicebox_settings::{KafkaSettings, Settings, SourceSettings};
use sluicebox_kafka::{Brokers, TokenSource, event, run_events};
use sluicebox_kafka::event::{Event, EventRecord, EventSender, EventResult, Settled};
use sluicebox_pipeline::{Changes, Health, PipelineError, Progress, RunOptions};
use sluicebox_sandbox::Sandbox;
use tokio::sync::{Mutex, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use crate::answer::{self, Failure};
use crate::judging::{Follower, Judging};
use crate::payload::Records;
use crate::{document, time};

/// How long the start waits for the tables. Lambda gives it ten seconds; what is not open by then opens with the first event.
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
    /// Who makes tokens for the brokers, if they want any.
    tokens: Option<Arc<Renewed>>,
    /// Of one event at a time; none before the first, and after one has ended.
    walk: Mutex<Option<Walk>>,
}

struct Walk {
    inlet: EventSender,
    ended: JoinHandle<Result<Progress, PipelineError>>,
    follower: Follower,
}

impl Function {
    /// Reads the settings, loads the transform and opens the tables: what is done here, no event waits for.
    pub(crate) async fn prepare() -> Result<Self> {
        let settings = document::load().await?;
        sluicebox_aws::reach_buckets(&settings).context("cannot find out how to reach buckets")?;
        #[cfg(feature = "msk-iam")]
        let tokens = sluicebox_aws::token_source(&settings).await.context("cannot authenticate to the brokers")?;
        #[cfg(not(feature = "msk-iam"))]
        let tokens = None;
        let SourceSettings::Kafka(kafka) = settings.source.clone() else {
            bail!("a function takes in what Kafka has: `source` must be `kafka`, with the topics of the event source");
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
        // As warm environments do with a promotion that does not fit, so does a new one.
        match sluicebox_registry::open_earlier(&settings, &sandbox, None).await {
            Ok(Some(earlier)) => {
                tracing::error!("{error:#}; what the channel named before judges: {}", earlier.transform.digest());
                begin(earlier).await
            }
            Ok(None) | Err(_) => Err(error),
        }
    }

    /// What clients of the brokers ask for their tokens.
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

    /// A new invocation: time may have passed, in which no task of ours has run.
    pub(crate) async fn wake(&self) {
        self.judging.nudge();
        if let Some(tokens) = &self.tokens
            && let Ok(Err(error)) = timeout(TOKEN_DURATION_MAX, tokens.renew_if_due()).await
        {
            tracing::warn!(%error, "no new token for Kafka");
        }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Takes in the records of an event, and says what did not commit.
    pub(crate) async fn take_in(&self, records: Records, deadline: Instant) -> Result<Value, Failure> {
        if let Some(foreign) = records.keys().find(|partition| !self.kafka.topics.take_in(&partition.topic)) {
            return Err(Failure::Foreign(format!(
                "the event brings records of the topic `{}`, which `source.kafka` of this pipeline does not name; is the \
                 event source the right one?",
                foreign.topic
            )));
        }
        let firsts = first_offsets(&records);
        let event = Event { records, deadline: time::answer_by(deadline), reserve: self.settings.lambda.flush_reserve };
        let receipt = self.deliver(event, firsts).await?;
        answer::of(receipt, self.settings.lambda.partial_responses)
    }

    /// Whatever becomes of the event, the answer is in time. What it says of an event that is not settled by then is that
    /// none of it is known to be committed; what nobody waits for any more, the walk drops.
    async fn deliver(&self, event: Event, firsts: Offsets) -> Result<EventResult, Failure> {
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
        match timeout_at(answer_by, walk.inlet.deliver(event)).await {
            Ok(Ok(receipt)) => {
                *slot = Some(walk);
                Ok(receipt)
            }
            Ok(Err(_ended)) => {
                let failure = reason(walk.ended).await;
                self.judging.end(walk.follower).await;
                Err(failure)
            }
            Err(_elapsed) => {
                *slot = Some(walk);
                let why = "the time was over before it was committed";
                let open = |(partition, first)| (partition, Settled::Open { first, why: why.to_owned() });
                Ok(firsts.into_iter().map(open).collect())
            }
        }
    }

    /// Begins the first walk, and waits until it is ready. What is wrong with the settings shows here.
    async fn begin_walk(&self) -> Result<()> {
        let (ready, opened) = oneshot::channel();
        let walk = self.begin(Some(ready)).await;
        match timeout(OPEN_DURATION_MAX, opened).await {
            Ok(Err(_ended)) => bail!("{}", reason(walk.ended).await),
            Ok(Ok(())) => {}
            Err(_elapsed) => tracing::warn!("the tables are not open yet; the first event will wait for them"),
        }
        *self.walk.lock().await = Some(walk);
        Ok(())
    }

    /// Ends the walk of events, if there is one. While it waits for its next event it makes no change that its channel names.
    pub(crate) async fn end_walk(&self) {
        let Some(Walk { inlet, mut ended, follower }) = self.walk.lock().await.take() else { return };
        drop(inlet);
        if timeout(END_DURATION_MAX, &mut ended).await.is_err() {
            // It is still busy with an event that nobody waits for. To give up is as good as to be killed, which it stands.
            ended.abort();
        }
        self.judging.end(follower).await;
    }

    async fn begin(&self, ready: Option<oneshot::Sender<()>>) -> Walk {
        let (inlet, source) = event::source(self.brokers(), self.settings.lambda.gaps);
        let (transform, changes, follower) = self.judging.begin().await;
        let settings = self.settings.clone();
        let tokens = self.token_source();
        let ready = ready.unwrap_or_else(|| oneshot::channel().0);
        let ended = tokio::spawn(async move {
            let (stop, stopped) = watch::channel(false);
            let walked = run_events(settings, &transform, tokens, options(stopped, changes), source, ready).await;
            drop(stop);
            walked
        });
        Walk { inlet, ended, follower }
    }
}

/// How a walk of a function walks: nobody looks at its figures, and what stops it is the end of what is handed in.
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

async fn reason(ended: JoinHandle<Result<Progress, PipelineError>>) -> Failure {
    match ended.await {
        Ok(Err(error)) => Failure::Walk(error),
        Ok(Ok(_)) => Failure::Process("the walk ended without a reason".to_owned()),
        Err(error) => Failure::Process(format!("the walk broke off: {error}")),
    }
}

fn first_offsets(records: &Records) -> Offsets {
    let first = |(partition, records): (&TopicPartition, &Vec<EventRecord>)| {
        Some((partition.clone(), records.iter().map(|record| record.offset).min()?))
    };
    records.iter().filter_map(first).collect()
}
