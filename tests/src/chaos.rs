//! Chaos on the real thing: a group of `sluicebox run` processes between three Kafka brokers and an S3 store, while
//! processes are killed, put to sleep past their session and woken, brokers die, members flap, and the line to the store
//! refuses, resets, dawdles and loses responses. At the end everything is drained, and what the tables hold is compared,
//! row by row, with what the topic's records make natively.
//!
//! `make chaos` runs it for long and with brokers of its own; a short run on shared brokers is among the tests.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;

use crate::fault_proxy::{FaultProxy, Faults};
use crate::kafka::Cluster;
use crate::orders::PARTITIONS;
use crate::pipeline::Pipeline;
use crate::s3::S3;
use crate::stream::Stream;

mod deck;
mod report;
mod scene;
mod verdict;

use deck::Deck;
pub use deck::Episode;
pub use report::Report;
use scene::Scene;
pub use verdict::judge;

/// How long Kafka waits for a sign of life before it gives a member's partitions to others.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a member may go without polling. A store that is out of reach takes longer.
const POLL_INTERVAL_MAX: Duration = Duration::from_secs(8);
const DRAIN_DURATION_MAX: Duration = Duration::from_secs(180);

/// The brokers: one's own may be killed, others' not.
pub enum Kafka<'a> {
    /// Started for this run.
    Own(Cluster),
    /// Others use it, too.
    Shared(&'a Cluster),
}

impl Kafka<'_> {
    fn cluster(&self) -> &Cluster {
        match self {
            Self::Own(cluster) => cluster,
            Self::Shared(cluster) => cluster,
        }
    }
}

/// What to do, and for how long.
pub struct Plan<'a> {
    /// The topic, the pipeline and the group are called so.
    pub name: &'a str,
    /// Sets the order of the episodes and the faults of the line. Two runs still differ: processes and brokers do.
    pub seed: u64,
    /// Episodes begin until then.
    pub duration: Duration,
    /// Processes of the group.
    pub workers: usize,
    /// Records a second.
    pub rate: usize,
    /// The episodes: shuffled, played, and shuffled again.
    pub deck: Vec<Episode>,
}

/// Plays episodes until the time is up, then drains and compares.
pub fn run(kafka: Kafka<'_>, store: &'static S3, plan: &Plan<'_>) -> Result<Report> {
    let proxy = FaultProxy::start(store.address(), plan.seed)?;
    kafka.cluster().create_topic(plan.name, PARTITIONS, &[])?;
    let pipeline = pipeline(kafka.cluster(), plan.name)?.on_s3(store, proxy.address());
    let stream = Stream::start(&kafka.cluster().client(), plan.name, plan.rate)?;
    let mut scene = Scene::set(kafka, &proxy, &pipeline, plan)?;

    proxy.set(Faults::DRIZZLE);
    let started = Instant::now();
    let mut deck = Deck::new(plan.deck.clone(), plan.seed);
    while started.elapsed() < plan.duration {
        scene.play(deck.draw()?)?;
    }
    proxy.set(Faults::NONE);
    scene.settle()?;
    let sent = stream.stop()?;
    let (kafka, mut report) = scene.end()?;
    report.duration = started.elapsed();
    report.faults = proxy.counts();

    let mut drain = pipeline.start(&["--drain"])?;
    let status = drain.wait(DRAIN_DURATION_MAX)?;
    ensure!(status.success(), "draining ended with {status}:\n{}", drain.said());
    report.fenced = pipeline.logged("going back to the ledger")?;
    report.recognised = pipeline.logged("commit landed: the ledger has it")?;
    judge(kafka.cluster(), &pipeline, sent, &mut report)?;
    Ok(report)
}

fn pipeline(cluster: &Cluster, name: &str) -> Result<Pipeline> {
    let source = json!({"kafka": {
        "brokers": cluster.bootstrap(),
        "topics": [name],
        "properties": {
            "session.timeout.ms": SESSION_TIMEOUT.as_millis() as u64,
            "heartbeat.interval.ms": 500,
            "max.poll.interval.ms": POLL_INTERVAL_MAX.as_millis() as u64,
        },
    }});
    let mut pipeline = Pipeline::new(name, "clean_orders", &["orders"], source)?;
    pipeline.settings["flush"] = json!({"interval": "500ms"});
    Ok(pipeline)
}
