//! Follows a channel while a pipeline runs: what is promoted is fetched, loaded and prepared beside the transform that judges,
//! and only then proposed to the walk. What does not fit is refused, and all stays as it is. A canary that the walk has sent
//! back is withdrawn for everybody.

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sluicebox_pipeline::rollout::candidate::{Candidate, Probation};
use sluicebox_ledger::TopicPartition;
use sluicebox_settings::{BreakerSettings, Settings, TransformOrigin};
use sluicebox_pipeline::walk::swap::Withdrawal;
use sluicebox_ledger::ErrorKind;
use sluicebox_pipeline::{Change, PipelineError, Proposals, PreparedTransform};
use sluicebox_sandbox::{CacheFolder, Sandbox, Transform};
use tokio::sync::mpsc::Sender;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;
use tracing::info;

use crate::artifact::Pin;
use crate::channel::{Entry, Mode};
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
    /// The version of the entry whose candidate the walk tries.
    candidate: Option<u64>,
    /// That of the entry whose candidate a walk has sent back: it is not tried again.
    sent_back: Option<u64>,
    /// What is still to be written down.
    withdrawals: Vec<Withdrawal>,
    /// Whether there is something left to be done of the newest entry, which may succeed at the next look.
    is_pending: bool,
    /// Why the newest entry is not followed.
    refusal: Option<String>,
    /// What stands in the way for the time being.
    trouble: Option<String>,
    /// Which of the two the walk has been told.
    told: Option<String>,
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
        Self {
            followed,
            settings,
            sandbox,
            cache,
            judging: watch::Sender::new(judging),
            candidate: None,
            sent_back: None,
            withdrawals: Vec::new(),
            is_pending: true,
            refusal: None,
            trouble: None,
            told: None,
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

    /// Follows until the walk that hears of it is over; whatever it is in the middle of then, the next walk begins anew.
    pub async fn follow(mut self, mut proposals: Proposals) -> Self {
        // A walk begins without a candidate, and has been told nothing.
        (self.is_pending, self.candidate, self.told) = (true, None, None);
        let changes = proposals.changes.clone();
        tokio::select! {
            () = changes.closed() => {}
            () = self.attend(&mut proposals) => {}
        }
        while let Ok(withdrawal) = proposals.withdrawn.try_recv() {
            self.send_back(withdrawal);
        }
        self
    }

    /// Does not end by itself.
    async fn attend(&mut self, Proposals { changes, withdrawn }: &mut Proposals) {
        let TransformOrigin::Artifact(artifact) = &self.settings.transform.origin else { return pending().await };
        let (interval, nudge) = (artifact.poll_interval, self.nudge());
        loop {
            self.look(changes).await;
            self.withdraw().await;
            self.tell(changes).await;
            tokio::select! {
                Some(withdrawal) = withdrawn.recv() => self.send_back(withdrawal),
                () = sleep(interval) => {}
                () = thawed(&nudge, self.looked_at, interval) => {}
            }
        }
    }

    /// Whether the channel has a new entry, and what it says.
    async fn look(&mut self, changes: &Sender<Change>) {
        self.looked_at = SystemTime::now();
        let Followed { registry, reference, entry, .. } = &self.followed;
        let Some(channel) = reference.channel() else { return };
        let found = registry.newer(&reference.name, channel, entry.version).await;
        self.trouble = found.as_ref().err().map(ToString::to_string);
        if let Ok(Some(entry)) = found {
            (self.followed.entry, self.is_pending) = (entry, true);
        }
        if self.is_pending {
            self.heed(changes).await;
        }
    }

    async fn heed(&mut self, changes: &Sender<Change>) {
        let entry = self.followed.entry.clone();
        let heeded = self.heeded(&entry, changes).await;
        let about = |why| format!("{}, version {}: {why}", entry.channel, entry.version);
        (self.is_pending, self.refusal) = match heeded {
            Ok(()) => (false, None),
            Err(Unfit::Now(why)) => {
                self.trouble = Some(about(format!("{why}; trying again")));
                (true, None)
            }
            Err(Unfit::Ever(why)) => (false, Some(about(format!("{why}; {} judges on", self.followed.pin.digest)))),
        };
    }

    /// Does what an entry says, as far as it has not been done yet.
    async fn heeded(&mut self, entry: &Entry, changes: &Sender<Change>) -> Result<(), Unfit> {
        let wanted = entry.candidate.as_ref().filter(|_| self.sent_back != Some(entry.version));
        let is_tried = self.candidate.is_some() && self.candidate == wanted.map(|_| entry.version);
        if self.candidate.is_some() && !is_tried {
            // Whatever becomes of the rest: whom the entry does not name is tried no longer.
            self.propose(Change::Probation(None), changes).await;
            self.candidate = None;
        }
        if entry.pin != self.followed.pin {
            let transform = self.load(&entry.pin).await?;
            let successor = PreparedTransform::prepare(&self.settings, &transform).await.map_err(unfit)?;
            self.propose(Change::Adopt(Box::new(successor)), changes).await;
            self.judging.send_replace(transform);
            (self.followed.pin, self.candidate) = (entry.pin, None);
        }
        if let Some(candidate) = wanted.filter(|_| self.candidate.is_none()) {
            let candidate = self.try_out(candidate, entry.version).await?;
            self.propose(Change::Probation(Some(Box::new(candidate))), changes).await;
            self.candidate = Some(entry.version);
        }
        Ok(())
    }

    async fn try_out(&self, candidate: &crate::channel::Candidate, version: u64) -> Result<Candidate, Unfit> {
        let transform = self.load(&candidate.pin).await?;
        let probation = probation(&candidate.mode, version).map_err(Unfit::Ever)?;
        let judging = self.judging.borrow().clone();
        Candidate::prepare(&self.settings, &judging, &transform, probation).await.map_err(unfit)
    }

    async fn load(&self, pin: &Pin) -> Result<Transform, Unfit> {
        let Followed { registry, reference, .. } = &self.followed;
        let load = registry.load_pinned(&reference.name, pin, &self.settings, &self.sandbox, self.cache.as_ref());
        load.await.map_err(|error| match error.may_pass() {
            true => Unfit::Now(error.to_string()),
            false => Unfit::Ever(error.to_string()),
        })
    }

    async fn propose(&mut self, change: Change, changes: &Sender<Change>) {
        if !matches!(change, Change::Refused(_)) {
            // To the walk, a change that it makes is the end of what was refused before.
            self.told = None;
        }
        if changes.send(change).await.is_err() {
            info!("the walk is over; the next one begins with what the channel says");
        }
    }

    /// Has the walk say what is refused, or stands in the way; once, until that changes.
    async fn tell(&mut self, changes: &Sender<Change>) {
        let what = self.refusal.as_ref().or(self.trouble.as_ref()).cloned();
        if self.told != what {
            self.propose(Change::Refused(what.clone()), changes).await;
            self.told = what;
        }
    }

    /// The walk has sent a canary back.
    fn send_back(&mut self, withdrawal: Withdrawal) {
        self.sent_back = Some(withdrawal.order);
        self.candidate = self.candidate.filter(|&version| version != withdrawal.order);
        self.withdrawals.push(withdrawal);
    }

    /// Writes down for everybody which canaries were sent back, unless the channel has moved on meanwhile. What cannot be
    /// written down now is left for the next time.
    pub async fn withdraw(&mut self) {
        let Followed { registry, reference, .. } = &self.followed;
        let Some(channel) = reference.channel() else { return };
        while let Some(Withdrawal { transform_digest, order, why }) = self.withdrawals.last() {
            let change = promotion::Change {
                by: format!("pipeline {}", self.settings.name),
                note: Some(why.clone()),
                only_at: Some(*order),
            };
            match registry.withdraw(&reference.name, channel, &change).await {
                Err(error) if error.may_pass() => {
                    let trouble =
                        "the canary is sent back here, and the channel cannot be told, so that others try it on";
                    self.trouble = Some(format!("{reference}, version {order}: {trouble}: {error}"));
                    return;
                }
                Err(error) => info!(%error, transform_digest, "the canary's withdrawal is not written down"),
                Ok(_) => info!(transform_digest, "the canary is withdrawn"),
            }
            self.withdrawals.pop();
        }
    }
}

/// Until a nudge comes at a time when another look is due.
async fn thawed(nudge: &Notify, looked_at: SystemTime, interval: Duration) {
    loop {
        nudge.notified().await;
        if looked_at.elapsed().is_ok_and(|age| age >= interval) {
            return;
        }
    }
}

fn unfit(error: PipelineError) -> Unfit {
    match error.kind() {
        ErrorKind::Environment | ErrorKind::Rewind => Unfit::Now(error.to_string()),
        ErrorKind::Configuration | ErrorKind::Stop | ErrorKind::Pause => Unfit::Ever(error.to_string()),
    }
}

fn probation(mode: &Mode, order: u64) -> Result<Probation, String> {
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
            Ok(Probation::Canary { partitions, breaker, order })
        }
    }
}
