//! Follows a channel while a pipeline runs: what is promoted is fetched, loaded and prepared beside the transform that judges,
//! and only then proposed to the walk. What does not fit is refused, and all stays as it is. A canary that the walk has sent
//! back is withdrawn for everybody.

use std::sync::Arc;
use std::time::SystemTime;

use sluicebox_pipeline::candidate::{Candidate, Probation};
use sluicebox_pipeline::position::TopicPartition;
use sluicebox_pipeline::settings::{BreakerSettings, Settings, TransformOrigin};
use sluicebox_pipeline::succession::Withdrawal;
use sluicebox_pipeline::{Change, ErrorKind, PipelineError, Proposals, Successor};
use sluicebox_sandbox::{CacheFolder, Sandbox, Transform};
use tokio::sync::{Notify, watch};
use tokio::time::sleep;
use tracing::{info, warn};

use crate::artifact::Pin;
use crate::channel::{Entry, Mode};
use crate::error::RegistryError;
use crate::pipeline::Followed;
use crate::promotion;

/// How many of its last records a canary is judged by: few, so that a bad one is sent back soon.
const CANARY_WINDOW_RECORDS: u64 = 1_000;

/// A pipeline that follows a channel, across as many walks as it takes.
pub struct Following {
    followed: Followed,
    settings: Settings,
    sandbox: Sandbox,
    cache: Option<CacheFolder>,
    judging: watch::Sender<Transform>,
    pin: Pin,
    candidate: Option<crate::channel::Candidate>,
    /// What could not be withdrawn yet.
    withdrawals: Vec<Withdrawal>,
    /// What was last complained of: said once.
    complaint: Option<String>,
    /// When the channel was last looked at, by the clock on the wall: others stand still in a process that is frozen.
    looked_at: SystemTime,
    nudge: Arc<Notify>,
}

/// Why an entry is not followed.
enum Unfit {
    /// It may be later: it is tried again.
    Now(String),
    /// It never will.
    Ever(String),
}

impl Following {
    /// Follows a channel from where it stood when `judging` was taken from it.
    pub fn new(
        followed: Followed,
        settings: Settings,
        sandbox: Sandbox,
        cache: Option<CacheFolder>,
        judging: Transform,
    ) -> Self {
        let pin = followed.entry.pin;
        Self {
            followed,
            settings,
            sandbox,
            cache,
            judging: watch::Sender::new(judging),
            pin,
            candidate: None,
            withdrawals: Vec::new(),
            complaint: None,
            looked_at: SystemTime::now(),
            nudge: Arc::default(),
        }
    }

    /// Whoever is frozen and thawed notifies this when it is thawed: it may be time for another look.
    pub fn nudge(&self) -> Arc<Notify> {
        Arc::clone(&self.nudge)
    }

    /// The transform that judges, as far as it is up to the channel: what a new walk begins with.
    pub fn judging(&self) -> watch::Receiver<Transform> {
        self.judging.subscribe()
    }

    /// Follows until the walk that hears of it is over.
    pub async fn follow(mut self, mut proposals: Proposals) -> Self {
        // A walk begins without a candidate.
        self.candidate = None;
        let entry = self.followed.entry.clone();
        self.heed(&entry, &proposals).await;
        self.look(&proposals).await;
        let nudge = self.nudge();
        let interval = match &self.settings.transform.origin {
            TransformOrigin::Artifact(artifact) => artifact.poll_interval,
            TransformOrigin::File(_) => return self,
        };
        loop {
            tokio::select! {
                () = proposals.changes.closed() => return self,
                Some(withdrawal) = proposals.withdrawn.recv() => self.withdrawals.push(withdrawal),
                () = sleep(interval) => self.look(&proposals).await,
                () = nudge.notified() => {
                    if self.looked_at.elapsed().is_ok_and(|age| age >= interval) {
                        self.look(&proposals).await;
                    }
                }
            }
            self.withdraw().await;
        }
    }

    async fn look(&mut self, proposals: &Proposals) {
        self.looked_at = SystemTime::now();
        let Followed { registry, reference, entry } = &self.followed;
        let found = match reference.channel() {
            Some(channel) => registry.newer(&reference.name, channel, entry.version).await,
            None => return,
        };
        match found {
            Ok(None) => {}
            Ok(Some(entry)) => self.heed(&entry, proposals).await,
            Err(error) => self.complain(error.to_string(), proposals).await,
        }
    }

    /// Does what an entry says, as far as it has not been done yet; remembers the entry, unless it is worth another try.
    async fn heed(&mut self, entry: &Entry, proposals: &Proposals) {
        match self.heeded(entry, proposals).await {
            Ok(()) if self.complaint.take().is_some() => self.propose(Change::Refused(None), proposals).await,
            Ok(()) => {}
            Err(Unfit::Now(why)) => {
                let again = format!("{}, version {}: {why}; trying again", entry.channel, entry.version);
                return self.complain(again, proposals).await;
            }
            Err(Unfit::Ever(why)) => {
                let refused = format!("{}, version {}: {why}", entry.channel, entry.version);
                let judging = *self.judging.borrow().digest();
                self.complain(format!("{refused}; {judging} judges on"), proposals).await;
            }
        }
        self.followed.entry = entry.clone();
    }

    async fn heeded(&mut self, entry: &Entry, proposals: &Proposals) -> Result<(), Unfit> {
        if entry.pin != self.pin {
            let transform = self.load(&entry.pin).await?;
            let successor = Successor::prepare(&self.settings, &transform).await.map_err(unfit)?;
            self.propose(Change::Adopt(Box::new(successor)), proposals).await;
            self.judging.send_replace(transform);
            (self.pin, self.candidate) = (entry.pin, None);
        }
        if entry.candidate != self.candidate {
            let candidate = match &entry.candidate {
                Some(candidate) => Some(Box::new(self.try_out(candidate).await?)),
                None => None,
            };
            self.propose(Change::Probation(candidate), proposals).await;
            self.candidate.clone_from(&entry.candidate);
        }
        Ok(())
    }

    async fn try_out(&self, candidate: &crate::channel::Candidate) -> Result<Candidate, Unfit> {
        let transform = self.load(&candidate.pin).await?;
        let probation = probation(&candidate.mode).map_err(Unfit::Ever)?;
        let judging = self.judging.borrow().clone();
        Candidate::prepare(&self.settings, &judging, &transform, probation).await.map_err(unfit)
    }

    async fn load(&self, pin: &Pin) -> Result<Transform, Unfit> {
        let Followed { registry, reference, .. } = &self.followed;
        let load = async {
            let artifact = registry.pinned(&reference.name, pin).await?;
            registry.load(&self.sandbox, &artifact, &self.settings.transform.limits, self.cache.as_ref()).await
        };
        load.await.map_err(|error: RegistryError| match error.may_pass() {
            true => Unfit::Now(error.to_string()),
            false => Unfit::Ever(error.to_string()),
        })
    }

    async fn propose(&self, change: Change, proposals: &Proposals) {
        if proposals.changes.send(change).await.is_err() {
            info!("the walk is over; the next one begins with what the channel says");
        }
    }

    /// Says it once, in the log and in the pipeline's health.
    async fn complain(&mut self, what: String, proposals: &Proposals) {
        if self.complaint.as_ref() != Some(&what) {
            self.propose(Change::Refused(Some(what.clone())), proposals).await;
            self.complaint = Some(what);
        }
    }

    /// Writes down that a canary was sent back, unless somebody has changed the channel meanwhile.
    async fn withdraw(&mut self) {
        let Followed { registry, reference, entry } = &self.followed;
        let Some(channel) = reference.channel() else { return };
        while let Some(withdrawal) = self.withdrawals.last() {
            let change = promotion::Change {
                by: format!("pipeline {}", self.settings.name),
                note: Some(withdrawal.why.clone()),
                only_at: Some(entry.version),
            };
            match registry.withdraw(&reference.name, channel, &change).await {
                Err(error) if error.may_pass() => {
                    warn!(%error, "the canary's withdrawal cannot be written down yet");
                    return;
                }
                Err(error) => warn!(%error, "the canary's withdrawal is not written down"),
                Ok(_) => info!(transform_digest = withdrawal.transform_digest, "the canary is withdrawn"),
            }
            self.withdrawals.pop();
        }
    }
}

fn unfit(error: PipelineError) -> Unfit {
    match error.kind() {
        ErrorKind::Environment | ErrorKind::Rewind => Unfit::Now(error.to_string()),
        ErrorKind::Configuration | ErrorKind::Stop | ErrorKind::Pause => Unfit::Ever(error.to_string()),
    }
}

fn probation(mode: &Mode) -> Result<Probation, String> {
    match mode {
        Mode::Shadow { share } => Ok(Probation::Shadow { share: *share }),
        Mode::Canary { partitions, rejected_share_max } => {
            let parse = |text: &String| {
                let (topic, partition) = text.rsplit_once('/')?;
                Some(TopicPartition::new(topic, partition.parse().ok()?))
            };
            let partitions = partitions.iter().map(|text| parse(text).ok_or(text)).collect::<Result<_, _>>();
            let partitions = partitions.map_err(|text| format!("`{text}` is no partition; write topic/partition"))?;
            let rejected_share_max = *rejected_share_max;
            let breaker = BreakerSettings { window_records: CANARY_WINDOW_RECORDS, rejected_share_max };
            Ok(Probation::Canary { partitions, breaker })
        }
    }
}
