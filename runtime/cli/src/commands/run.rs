//! `sluicebox run`: runs a pipeline until a signal stops it or, with `--drain`, until everything is read.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use sluicebox_kafka::TokenSource;
use sluicebox_ledger::{ErrorKind, Gap};
use sluicebox_pipeline::{Changes, Health, PipelineError, Progress, RunOptions};
use sluicebox_registry::{Following, Opened};
use sluicebox_sandbox::Sandbox;
use sluicebox_settings::{Settings, SourceSettings};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::check::{placed, runnable};
use super::document::title;
use crate::cache;
use crate::cpu;
use crate::exit::{Blame as _, Failure, Outcome, Verdict};
use crate::http::{self, Subject};
use crate::terminal::{self, counted, grouped};

/// How long the end waits for the registry.
const FAREWELL_DURATION_MAX: Duration = Duration::from_secs(5);

const AFTER_HELP: &str = "\
Examples:
  sluicebox run                                  pipeline.yaml, until SIGTERM
  sluicebox run orders.yaml --drain              everything that is there now
  sluicebox run --accept-gap orders/3@1200-5000  as error E0201 names it";

/// Run a pipeline
///
/// SIGTERM and SIGINT end it cleanly: it flushes and commits what it has read and leaves the consumer group. A second signal
/// ends it at once, which loses nothing either: the next run goes on from what the tables have.
///
/// Without an argument the environment variable SLUICEBOX_PIPELINE says where the pipeline file is: a path, an s3:// URL, or
/// the document itself.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Run {
    /// The pipeline's YAML file
    #[arg(default_value = "pipeline.yaml", env = "SLUICEBOX_PIPELINE", hide_env = true)]
    pipeline: PathBuf,
    /// Stop at the end offsets of the start
    #[arg(long)]
    drain: bool,
    /// Write what has been committed so far to stdout after each flush: one JSON object a line
    #[arg(long)]
    progress: bool,
    /// Go on without missing records, exactly as the error message names them; the tables' logs record it
    #[arg(long, value_name = "TOPIC/PARTITION@FROM-TO")]
    accept_gap: Vec<Gap>,
    /// Answer /live, /ready, /status and /metrics here instead of at `http.listen`; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Go on, no matter how many records the transform rejects
    #[arg(long)]
    ignore_breaker: bool,
}

impl Run {
    pub(crate) fn run(self) -> Outcome {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .worker_threads(2)
            .build()
            .environment("cannot start the threads")?;
        let sandbox = Sandbox::new().environment("cannot set up the sandbox")?;
        runtime.block_on(async {
            let (document, Opened { transform, followed }) = runnable(&self.pipeline, &sandbox).await?;
            let mut settings = document.settings().clone();
            if self.ignore_breaker {
                settings.breaker = None;
            }
            let tokens = token_source(&settings).await?;
            let (progress, seen) = watch::channel(Progress::default());
            let (health, felt) = watch::channel(Health::default());
            // Before the walk, which may wait for stores and brokers: a probe gets its answer meanwhile.
            if let Some(address) = self.listen.or(settings.http.map(|http| http.listen)) {
                let pipeline = settings.name.clone();
                let transform_digest = transform.digest().to_string();
                http::listen(address, Subject { pipeline, transform_digest, health: felt, progress: seen.clone() })
                    .await?;
            }
            let (drain, accepted_gaps, stop) = (self.drain, self.accept_gap, stop_on_signals()?);
            let (proposals, changes) = Changes::channel();
            let follower = match (followed, &settings.source) {
                // A walk over a file ends by itself, and keeps the transform that it began with.
                (Some(followed), SourceSettings::Kafka(_)) => {
                    let (settings, cache) = (settings.clone(), cache::compiled());
                    let following = Following::new(followed, settings, sandbox.clone(), cache, transform.clone());
                    Some(tokio::spawn(following.follow(proposals)))
                }
                _ => None,
            };
            let options = RunOptions { drain, accepted_gaps, stop, progress, health, changes, copies: None };
            let printer = self.progress.then(|| tokio::spawn(print_progress(seen)));
            let started = Instant::now();
            let walked = sluicebox_kafka::run(settings, &transform, tokens, options).await;
            if let Some(follower) = follower {
                // Bounded, and no failure: a registry out of reach must not hold up the end.
                let _late = timeout(FAREWELL_DURATION_MAX, say_farewell(follower)).await;
            }
            if let Some(printer) = printer {
                // The walk has let go of its end, so that the printer ends with the last line. Bounded: a reader may not read.
                let _late = timeout(FAREWELL_DURATION_MAX, printer).await;
            }
            // After the farewell, which is due for a failed walk as well.
            let total = walked.map_err(|error| placed(&document, error))?;
            summarise(&total, started.elapsed().as_secs_f64(), &self.pipeline);
            Ok(Verdict::Good)
        })
    }
}

/// A canary that failed in the last moment is withdrawn for all processes.
async fn say_farewell(follower: JoinHandle<Following>) {
    if let Ok(mut following) = follower.await {
        following.withdraw().await;
    }
}

/// Missing credentials are an error at the start, not at the first connection.
pub(super) async fn token_source(settings: &Settings) -> Result<Option<Arc<dyn TokenSource>>, Failure> {
    let tokens = sluicebox_aws::token_source(settings).await.environment("cannot authenticate to the brokers")?;
    Ok(tokens.map(|tokens| tokens as Arc<dyn TokenSource>))
}

/// Turns true at the first SIGTERM or SIGINT; the second ends the process.
fn stop_on_signals() -> Result<watch::Receiver<bool>, Failure> {
    let (stop, stopped) = watch::channel(false);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        // Two turns: the first signal asks, the second ends the process as SIGINT does.
        for code in [None, Some(130)] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if let Some(code) = code {
                std::process::exit(code);
            }
            tracing::info!("stopping: what has been read is flushed and committed first; once more to stop at once");
            stop.send_replace(true);
        }
    });
    Ok(stopped)
}

/// Ends with the walk, or when the reader closes our stdout.
async fn print_progress(mut seen: watch::Receiver<Progress>) {
    while seen.changed().await.is_ok() {
        let mut line = serde_json::to_value(&*seen.borrow_and_update()).unwrap_or_default();
        line["cpu_seconds"] = cpu::seconds().into();
        let mut out = terminal::stdout();
        if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}

pub(crate) fn blamed(error: impl Into<PipelineError>) -> Failure {
    let error = error.into();
    match error.kind() {
        ErrorKind::Configuration => Failure::Usage(error.into()),
        ErrorKind::Pause => Failure::Refused(error.into()),
        ErrorKind::Environment | ErrorKind::Refused | ErrorKind::Rewind | ErrorKind::Stop => {
            Failure::Environment(error.into())
        }
    }
}

fn summarise(total: &Progress, seconds: f64, pipeline: &Path) {
    let pipeline = title(pipeline);
    terminal::tell(format_args!(
        "{} in {seconds:.1} s · {} written to tables · {} filtered · {}{}",
        counted(total.records as usize, "record"),
        grouped(total.emitted),
        grouped(total.filtered),
        counted(total.dead_letters as usize, "dead letter"),
        if total.dead_letters > 0 { format!(": `sluicebox dlq ls {pipeline}`") } else { String::new() }
    ));
}
