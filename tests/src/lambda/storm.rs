//! A topic taken in by a function while everything fails that can: answers are lost, time runs out, environments are
//! killed, some in the middle of a commit, batches are halved and delivered twice, and the line to the store loses
//! responses. At the end the tables are compared, row by row, with what the topic's records make natively.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;

use super::function::Function;
use super::misfortune::{Fate, Misfortune};
use super::poller::{Account, Mapping, Poller};
use crate::chaos;
use crate::fault_proxy::{FaultProxy, Faults};
use crate::kafka::{Cluster, Message};
use crate::orders::{self, PARTITIONS};
use crate::pipeline::Pipeline;
use crate::s3::S3;

/// What to do.
pub struct Plan<'a> {
    /// The topic, the pipeline and the group are called so.
    pub name: &'a str,
    /// Sets what happens to which invocation, as far as that can be set.
    pub seed: u64,
    /// Records of the topic.
    pub records: usize,
    /// Records in an event.
    pub batch_records_max: usize,
    /// The share of invocations that something happens to.
    pub share: f64,
}

/// The account of one storm.
#[derive(Debug, Default)]
pub struct Report {
    /// From the first event to the last.
    pub duration: Duration,
    /// Processes started.
    pub cold_starts: usize,
    /// Both pollers together.
    pub account: Account,
    /// What the tables hold.
    pub verdict: chaos::Report,
}

/// Produces, delivers under misfortunes, and compares.
pub fn run(cluster: &Cluster, store: &'static S3, plan: &Plan<'_>) -> Result<Report> {
    produce(cluster, plan)?;
    let proxy = FaultProxy::start(store.address(), plan.seed)?;
    let source = json!({"kafka": {"brokers": cluster.bootstrap(), "topics": [plan.name]}});
    let pipeline = Pipeline::new(plan.name, "clean_orders", &["orders"], source)?.on_s3(store, proxy.address());
    let function = Function::of(&pipeline)?;
    let group = format!("{}-mapping", plan.name);
    let mapping = Mapping { topic: plan.name, group: &group, batch_records_max: plan.batch_records_max, bisects: true };
    let fate = Fate::new(plan.seed, plan.share, Some(&proxy));
    proxy.set(Faults { pause_max: Duration::from_millis(200), ..Faults::DRIZZLE });
    let started = Instant::now();
    let mut report = Report::default();
    for account in poll(cluster, &mapping, &function, &fate, plan.records)? {
        report.account.add(account);
    }
    proxy.set(Faults::NONE);
    report.duration = started.elapsed();
    report.cold_starts = function.cold_starts();
    ensure!(report.account.records == plan.records, "{} records were acknowledged", report.account.records);
    report.verdict.faults = proxy.counts();
    report.verdict.fenced = pipeline.logged("going back to the ledger")?;
    report.verdict.recognised = pipeline.logged("commit landed: the ledger has it")?;
    chaos::judge(cluster, &pipeline, plan.records, &mut report.verdict)?;
    Ok(report)
}

fn produce(cluster: &Cluster, plan: &Plan<'_>) -> Result<()> {
    cluster.create_topic(plan.name, PARTITIONS, &[])?;
    for from in (0..plan.records).step_by(50_000) {
        let messages: Vec<Message> = (from..plan.records.min(from + 50_000)).map(orders::order).collect();
        cluster.produce(plan.name, &messages)?;
    }
    Ok(())
}

/// Two pollers with half of the partitions each, so that events mix partitions and come two at a time.
fn poll(
    cluster: &Cluster,
    mapping: &Mapping<'_>,
    function: &Function,
    fate: &Fate<'_>,
    records: usize,
) -> Result<Vec<Account>> {
    let share = records / 2;
    std::thread::scope(|scope| {
        let halves = [[0, 1], [2, 3]].map(|partitions| {
            scope.spawn(move || Poller::new(cluster, mapping, &partitions, function, fate)?.run(|done| done >= share))
        });
        halves.map(|half| half.join().map_err(|_| anyhow::anyhow!("a poller panicked"))?).into_iter().collect()
    })
}

impl Account {
    fn add(&mut self, other: Account) {
        self.events += other.events;
        self.records += other.records;
        self.misfortunes.extend(other.misfortunes);
        self.failures += other.failures;
        self.bisections += other.bisections;
        self.partial += other.partial;
        self.timeouts += other.timeouts;
    }
}

impl Report {
    /// Forced failures: everything that was done on purpose, and what it led to.
    pub fn misfortunes(&self) -> usize {
        self.account.misfortunes.len()
    }

    /// How often each misfortune came.
    pub fn by_kind(&self) -> BTreeMap<Misfortune, usize> {
        let mut kinds = BTreeMap::new();
        self.account.misfortunes.iter().for_each(|kind| *kinds.entry(*kind).or_default() += 1);
        kinds
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (account, verdict) = (&self.account, &self.verdict);
        writeln!(out, "{:<52}{:>9.0} s", "a storm over a function for", self.duration.as_secs_f64())?;
        let kinds = self.by_kind();
        let kind = |kind| kinds.get(&kind).copied().unwrap_or_default();
        let rows = [
            ("events delivered", account.events),
            ("environments started", self.cold_starts),
            ("forced failures", self.misfortunes()),
            ("  the answer of a success lost", kind(Misfortune::LostAnswer)),
            ("  too little time", kind(Misfortune::ShortTime)),
            ("  environment killed", kind(Misfortune::Killed)),
            ("  environment killed as a commit was accepted", kind(Misfortune::KilledInCommit)),
            ("  delivered twice, with other boundaries", kind(Misfortune::DeliveredTwice)),
            ("killed at the deadline", account.timeouts),
            ("batches halved", account.bisections),
            ("partitions named by partial responses", account.partial),
            ("failures that the test did not inject", account.failures),
            ("faults on the way to S3", verdict.faults.faults() as usize),
            ("responses to commits lost", verdict.faults.lost_commit_responses as usize),
            ("commits given up as no longer their own", verdict.fenced),
            ("commits without an answer, found to have landed", verdict.recognised),
            ("records", verdict.records),
            ("lost", verdict.lost),
            ("duplicated", verdict.duplicated),
            ("from nowhere", verdict.foreign),
        ];
        for (name, count) in rows {
            writeln!(out, "{name:<52}{count:>9}")?;
        }
        writeln!(out, "{:<52}{}", "sluicebox audit", verdict.audit.as_deref().unwrap_or("not asked"))
    }
}
