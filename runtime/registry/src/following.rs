//! Follows a channel while a pipeline runs. Loads and prepares a promoted transform beside the one that judges, and only then
//! proposes it to the walk. Refuses a transform that does not fit, and the old one keeps running. Withdraws a canary that the
//! walk has sent back, so that other processes drop it too.

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sluicebox_ledger::{ErrorKind, TopicPartition};
use sluicebox_pipeline::rollout::candidate::{Candidate, Probation};
use sluicebox_pipeline::{Change, PipelineError, PreparedTransform, Proposals, Withdrawal};
use sluicebox_sandbox::{CacheFolder, Sandbox, Transform};
use sluicebox_settings::{BreakerSettings, Settings, TransformOrigin};
use tokio::sync::mpsc::Sender;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;
use tracing::info;

use crate::artifact::Pin;
use crate::channel::{CandidateMode, ChannelCandidate, ChannelEntry};
use crate::pipeline::Followed;
use crate::promotion;

/// The window of a canary's breaker: few records, so that a bad canary is withdrawn soon.
const CANARY_WINDOW_RECORDS: u64 = 1_000;

/// Follows a channel across the successive walks of one pipeline.
pub struct Following {
    followed: Followed,
    settings: Settings,
    sandbox: Sandbox,
    cache: Option<CacheFolder>,
    judging: watch::Sender<Transform>,
    /// The version of the entry whose candidate the walk tries.
    candidate: Option<u64>,
    /// The version of the entry whose candidate a walk has sent back: it is not tried again.
    sent_back: Option<u64>,
    /// Withdrawals that the channel does not have yet.
    withdrawals: Vec<Withdrawal>,
    /// Whether the newest entry is not fully applied yet, so that the next check tries again.
    is_pending: bool,
    /// Why the newest entry is refused.
    refusal: Option<String>,
    /// Why the channel cannot be followed for the time being.
    trouble: Option<String>,
    /// Which of the two the walk has been told.
    told: Option<String>,
    /// When the channel was last checked. By the wall clock: monotonic clocks stand still in a frozen process.
    checked_at: SystemTime,
    nudge: Arc<Notify>,
}

/// Why an entry cannot be followed, and whether a retry may help.
struct Unfit {
    kind: ErrorKind,
    why: String,
}

impl Following {
    /// Follows a channel from the state in which `judging` was loaded from it.
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
            checked_at: SystemTime::now(),
            nudge: Arc::default(),
        }
    }

    /// For a process that can be frozen: notify this when it is thawed, so that the channel is checked if that is due.
    pub fn nudge(&self) -> Arc<Notify> {
        Arc::clone(&self.nudge)
    }

    /// The transform of the channel that a new walk starts with.
    pub fn judging(&self) -> watch::Receiver<Transform> {
        self.judging.subscribe()
    }

    /// Follows the channel until the walk that receives the proposals ends. The next walk starts over with a change that is in
    /// progress then.
    pub async fn follow(mut self, mut proposals: Proposals) -> Self {
        // A new walk has no candidate and has been told nothing, so the newest entry has to be applied again.
        self.is_pending = true;
        self.candidate = None;
        self.told = None;
        // `attend` may be dropped at any of its awaits: the next walk applies the newest entry again.
        let changes = proposals.changes.clone();
        tokio::select! {
            () = changes.closed() => {}
            () = self.attend(&mut proposals) => {}
        }
        // A canary that the walk sent back in its last moment.
        while let Ok(withdrawal) = proposals.withdrawn.try_recv() {
            self.send_back(withdrawal);
        }
        self
    }

    /// Follows the channel; does not end by itself.
    async fn attend(&mut self, Proposals { changes, withdrawn }: &mut Proposals) {
        let TransformOrigin::Artifact(artifact) = &self.settings.transform.origin else { return pending().await };
        let (interval, nudge) = (artifact.poll_interval, self.nudge());
        loop {
            // In this order: `check` resets the trouble that `withdraw` may note, and `tell` reports what both have
            // found.
            self.check(changes).await;
            self.withdraw().await;
            self.tell(changes).await;
            tokio::select! {
                Some(withdrawal) = withdrawn.recv() => self.send_back(withdrawal),
                () = sleep(interval) => {}
                () = thawed(&nudge, self.checked_at, interval) => {}
            }
        }
    }

    /// Reads the channel's newest entry, and applies it if it is new or not fully applied.
    async fn check(&mut self, changes: &Sender<Change>) {
        self.checked_at = SystemTime::now();
        let Followed { registry, reference, entry, .. } = &self.followed;
        let Some(channel) = reference.channel() else { return };
        let found = registry.newer(&reference.name, channel, entry.version).await;
        self.trouble = found.as_ref().err().map(ToString::to_string);
        if let Ok(Some(entry)) = found {
            self.followed.entry = entry;
            self.is_pending = true;
        }
        if self.is_pending {
            self.apply_newest(changes).await;
        }
    }

    async fn apply_newest(&mut self, changes: &Sender<Change>) {
        let entry = self.followed.entry.clone();
        let applied = self.apply(&entry, changes).await;
        // A refused entry is not tried again until there is a newer one.
        self.is_pending = false;
        self.refusal = None;
        let Err(Unfit { kind, why }) = applied else { return };
        let subject = format!("{}, version {}", entry.channel, entry.version);
        if kind.is_temporary() {
            self.is_pending = true;
            self.trouble = Some(format!("{subject}: {why}; trying again"));
        } else {
            self.refusal = Some(format!("{subject}: {why}; still running {}", self.followed.pin.digest));
        }
    }

    /// Applies an entry, as far as it is not applied yet.
    async fn apply(&mut self, entry: &ChannelEntry, changes: &Sender<Change>) -> Result<(), Unfit> {
        let wanted = entry.candidate.as_ref().filter(|_| self.sent_back != Some(entry.version));
        // Not `==` alone: two `None` are equal, and mean that nothing is tried.
        let is_tried = self.candidate.is_some() && self.candidate == wanted.map(|_| entry.version);
        if self.candidate.is_some() && !is_tried {
            // First, because the steps below may fail: the entry no longer names this candidate.
            self.propose(Change::Probation(None), changes).await;
            self.candidate = None;
        }
        if entry.pin != self.followed.pin {
            let transform = self.load(&entry.pin).await?;
            let prepared = PreparedTransform::prepare(&self.settings, &transform).await.map_err(unfit)?;
            self.propose(Change::Adopt(Box::new(prepared)), changes).await;
            // `send` would drop the value while no walk listens.
            self.judging.send_replace(transform);
            self.followed.pin = entry.pin;
            // The walk drops its candidate when it adopts another transform.
            self.candidate = None;
        }
        if let Some(candidate) = wanted.filter(|_| self.candidate.is_none()) {
            let candidate = self.try_out(candidate, entry.version).await?;
            self.propose(Change::Probation(Some(Box::new(candidate))), changes).await;
            self.candidate = Some(entry.version);
        }
        Ok(())
    }

    async fn try_out(&self, candidate: &ChannelCandidate, version: u64) -> Result<Candidate, Unfit> {
        let transform = self.load(&candidate.pin).await?;
        let probation =
            probation(&candidate.mode, version).map_err(|why| Unfit { kind: ErrorKind::Configuration, why })?;
        let judging = self.judging.borrow().clone();
        Candidate::prepare(&self.settings, &judging, &transform, probation).await.map_err(unfit)
    }

    async fn load(&self, pin: &Pin) -> Result<Transform, Unfit> {
        let Followed { registry, reference, .. } = &self.followed;
        let load = registry.load_pinned(&reference.name, pin, &self.settings, &self.sandbox, self.cache.as_ref());
        load.await.map_err(|error| Unfit { kind: error.kind(), why: error.to_string() })
    }

    async fn propose(&mut self, change: Change, changes: &Sender<Change>) {
        if !matches!(change, Change::Refused(_)) {
            // The walk forgets an earlier refusal when it makes a change.
            self.told = None;
        }
        if changes.send(change).await.is_err() {
            info!("change not delivered: the walk has ended; the next walk starts with the channel's newest entry");
        }
    }

    /// Tells the walk about a refusal or trouble, so that it reports it; once, until it changes.
    async fn tell(&mut self, changes: &Sender<Change>) {
        let what = self.refusal.as_ref().or(self.trouble.as_ref()).cloned();
        if self.told != what {
            self.propose(Change::Refused(what.clone()), changes).await;
            self.told = what;
        }
    }

    /// Notes that the walk has sent a canary back.
    fn send_back(&mut self, withdrawal: Withdrawal) {
        self.sent_back = Some(withdrawal.order);
        self.candidate = self.candidate.filter(|&version| version != withdrawal.order);
        self.withdrawals.push(withdrawal);
    }

    /// Withdraws sent-back canaries in the channel, so that other processes drop them too, unless the channel has changed
    /// meanwhile. A withdrawal that the registry does not accept now is left for the next call.
    pub async fn withdraw(&mut self) {
        let Followed { registry, reference, .. } = &self.followed;
        let Some(channel) = reference.channel() else { return };
        // Looked at, and popped only once it is settled: what the store does not take now is left for the next call.
        while let Some(Withdrawal { transform_digest, order, why }) = self.withdrawals.last() {
            let change = promotion::ChangeRequest {
                by: format!("pipeline {}", self.settings.name),
                note: Some(why.clone()),
                // A newer entry may try the same transform again on purpose.
                only_at: Some(*order),
            };
            match registry.withdraw(&reference.name, channel, &change).await {
                Err(error) if error.kind().is_temporary() => {
                    let trouble = "this process has dropped the canary, but cannot withdraw it in the channel, so other \
                                   processes still try it";
                    self.trouble = Some(format!("{reference}, version {order}: {trouble}: {error}"));
                    return;
                }
                Err(error) => {
                    info!(%error, transform_digest, "canary not withdrawn: the channel has changed meanwhile")
                }
                Ok(_) => info!(transform_digest, "canary withdrawn in the channel"),
            }
            self.withdrawals.pop();
        }
    }
}

/// Waits for a nudge at a time when the channel is due for a check.
async fn thawed(nudge: &Notify, checked_at: SystemTime, interval: Duration) {
    loop {
        nudge.notified().await;
        // A wall clock that was set back gives an error here: then the timer decides.
        if checked_at.elapsed().is_ok_and(|age| age >= interval) {
            return;
        }
    }
}

fn unfit(error: PipelineError) -> Unfit {
    Unfit { kind: error.kind(), why: error.to_string() }
}

fn probation(mode: &CandidateMode, order: u64) -> Result<Probation, String> {
    match mode {
        CandidateMode::Shadow { share } => Ok(Probation::Shadow { share: *share }),
        CandidateMode::Canary { partitions, rejected_share_max } => {
            let partitions = partitions.iter().map(|text| partition(text).ok_or(text)).collect::<Result<_, _>>();
            let partitions =
                partitions.map_err(|text| format!("`{text}` is not a partition; write topic/partition"))?;
            let rejected_share_max = *rejected_share_max;
            let breaker = BreakerSettings { window_records: CANARY_WINDOW_RECORDS, rejected_share_max };
            Ok(Probation::Canary { partitions, breaker, order })
        }
    }
}

fn partition(text: &str) -> Option<TopicPartition> {
    let (topic, partition) = text.rsplit_once('/')?;
    Some(TopicPartition::new(topic, partition.parse().ok()?))
}
