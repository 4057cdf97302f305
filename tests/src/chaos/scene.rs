//! The processes, the brokers and the line to the store, and what is done to them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::{Episode, Kafka, Plan, Report, SESSION_TIMEOUT};
use crate::fault_proxy::{FaultProxy, Faults};
use crate::orders::PARTITIONS;
use crate::pipeline::{Pipeline, Run};

/// A zombie sleeps this much longer than its session lasts, so that others have its partitions when it wakes.
const OVERSLEEP: Duration = Duration::from_secs(2);
const STORM_DURATION: Duration = Duration::from_secs(6);
/// Longer than `max.poll.interval.ms`.
const OUTAGE_DURATION: Duration = Duration::from_secs(10);
const BROKERS_AWAY: Duration = Duration::from_secs(4);
/// A process that does no work for so long is stuck.
const BACK_DURATION_MAX: Duration = Duration::from_secs(90);
const LEAVE_DURATION_MAX: Duration = Duration::from_secs(60);

pub(super) struct Scene<'a> {
    kafka: Kafka<'a>,
    proxy: &'a FaultProxy,
    pipeline: &'a Pipeline,
    workers: Vec<Run>,
    random: fastrand::Rng,
    report: Report,
}

impl<'a> Scene<'a> {
    /// Starts the processes, and waits until they work.
    pub(super) fn set(
        kafka: Kafka<'a>,
        proxy: &'a FaultProxy,
        pipeline: &'a Pipeline,
        plan: &Plan<'_>,
    ) -> Result<Self> {
        let workers = (0..plan.workers).map(|_| pipeline.start(&[])).collect::<Result<_>>()?;
        let random = fastrand::Rng::with_seed(plan.seed.wrapping_add(1));
        let mut scene = Self { kafka, proxy, pipeline, workers, random, report: Report::default() };
        scene.await_work(Instant::now())?.context("the processes never began to work")?;
        Ok(scene)
    }

    /// One episode, until every partition has a commit that came after it.
    pub(super) fn play(&mut self, episode: Episode) -> Result<()> {
        self.mind_the_dead()?;
        let over = match episode {
            Episode::Kill(count) => self.kill(count)?,
            Episode::Zombie(count) => self.sleep_and_wake(count)?,
            Episode::Flap => self.flap()?,
            Episode::StoreStorm => self.weather(Faults::STORM, STORM_DURATION),
            Episode::StoreOutage => self.weather(Faults::OUTAGE, OUTAGE_DURATION),
            Episode::Brokers(count) => self.kill_brokers(count)?,
        };
        match self.await_work(over)? {
            Some(duration) => self.report.note_back(episode, duration),
            None => self.report.violate(format!("{episode}: no work in every partition {BACK_DURATION_MAX:?} later")),
        }
        Ok(())
    }

    /// Waits until all have got over the last of it.
    pub(super) fn settle(&mut self) -> Result<()> {
        if self.await_work(Instant::now())?.is_none() {
            self.report.violate(format!("without faults, no work in every partition {BACK_DURATION_MAX:?} later"));
        }
        Ok(())
    }

    /// Lets the processes flush and leave.
    pub(super) fn end(mut self) -> Result<(Kafka<'a>, Report)> {
        self.mind_the_dead()?;
        for worker in &mut self.workers {
            worker.terminate()?;
        }
        for worker in &mut self.workers {
            let status = worker.wait(LEAVE_DURATION_MAX)?;
            if !status.success() {
                self.report.violate(format!("told to leave, a process ended with {status}:\n{}", worker.said()));
            }
        }
        Ok((self.kafka, self.report))
    }

    /// Kills some processes, and starts them again at once. Returns when.
    fn kill(&mut self, count: usize) -> Result<Instant> {
        let killed = Instant::now();
        for index in self.choose(count) {
            self.workers[index].kill()?;
            self.workers[index] = self.pipeline.start(&[])?;
            self.report.kills += 1;
        }
        Ok(killed)
    }

    fn sleep_and_wake(&mut self, count: usize) -> Result<Instant> {
        let sleepers = self.choose(count);
        for &index in &sleepers {
            self.workers[index].sleep()?;
        }
        std::thread::sleep(SESSION_TIMEOUT + OVERSLEEP);
        for &index in &sleepers {
            self.workers[index].wake()?;
            self.report.zombies += 1;
        }
        Ok(Instant::now())
    }

    fn flap(&mut self) -> Result<Instant> {
        let mut guest = self.pipeline.start(&[])?;
        std::thread::sleep(Duration::from_millis(self.random.u64(500..3_000)));
        if guest.lives()? {
            guest.terminate()?;
        }
        // If the line is bad while it flushes, it says so with its exit code; the ledger is what counts.
        let _status = guest.wait(LEAVE_DURATION_MAX)?;
        self.report.flaps += 1;
        Ok(Instant::now())
    }

    fn weather(&mut self, faults: Faults, duration: Duration) -> Instant {
        self.proxy.set(faults);
        std::thread::sleep(duration);
        self.proxy.set(Faults::DRIZZLE);
        Instant::now()
    }

    fn kill_brokers(&mut self, count: usize) -> Result<Instant> {
        let first = self.random.usize(0..3);
        let Kafka::Own(cluster) = &mut self.kafka else {
            return Ok(Instant::now());
        };
        let brokers: Vec<usize> = (first..first + count).map(|broker| broker % 3).collect();
        for &broker in &brokers {
            cluster.kill_broker(broker)?;
            self.report.broker_kills += 1;
        }
        std::thread::sleep(BROKERS_AWAY);
        for &broker in &brokers {
            cluster.start_broker(broker)?;
        }
        cluster.await_brokers()?;
        Ok(Instant::now())
    }

    /// Some of the workers, each once.
    fn choose(&mut self, count: usize) -> Vec<usize> {
        self.random.choose_multiple(0..self.workers.len(), count)
    }

    /// How long it took until every partition had a commit later than `since`; none if it takes too long.
    fn await_work(&mut self, since: Instant) -> Result<Option<Duration>> {
        let orders = format!("/{}/orders", self.pipeline.name());
        let mut waiting: Vec<String> = (0..PARTITIONS).map(|partition| self.app_id(partition)).collect();
        let mut seen = self.report.commits_seen;
        while since.elapsed() < BACK_DURATION_MAX {
            for commit in self.proxy.commits(seen) {
                seen += 1;
                if commit.at > since && commit.table.ends_with(&orders) {
                    waiting.retain(|app| !commit.ledger.iter().any(|(known, _)| known == app));
                }
                if waiting.is_empty() {
                    self.report.commits_seen = seen;
                    return Ok(Some(commit.at - since));
                }
            }
            self.mind_the_dead()?;
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(None)
    }

    fn app_id(&self, partition: i32) -> String {
        let name = self.pipeline.name();
        format!("sluicebox/{name}/{name}/{partition}")
    }

    /// No process may end by itself. One that has is a violation, and is started again so that the show goes on.
    fn mind_the_dead(&mut self) -> Result<()> {
        for worker in &mut self.workers {
            if !worker.lives()? {
                let status = worker.wait(LEAVE_DURATION_MAX)?;
                self.report.violate(format!("a process ended by itself with {status}:\n{}", worker.said()));
                *worker = self.pipeline.start(&[])?;
            }
        }
        Ok(())
    }
}
