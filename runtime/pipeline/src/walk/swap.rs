//! How another transform takes the place of the one that judges: prepared beside it, taken over between two flushes. The
//! walk goes back to the ledgers then, as after any failure, so that no record is judged by both, or by neither. Where
//! transforms come from, and who decides, is none of its business.

use sluicebox_sandbox::planted::{Bug, planted};
use sluicebox_sandbox::{Transform, Worker};
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::rollout::candidate::Candidate;
use sluicebox_delta::dead_letter::DeadLetters;
use crate::error::PipelineError;
use crate::worker::worker;
use sluicebox_settings::Settings;
use crate::source::Source;
use crate::tables::Tables;
use crate::metrics;
use crate::walk::Walk;

/// What a walk is told to do between two flushes.
pub enum Change {
    /// From now on this transform judges; a candidate that was there is not any more.
    Adopt(Box<PreparedTransform>),
    /// From now on this one is on probation beside it; none: nobody is.
    Probation(Option<Box<Candidate>>),
    /// Something was refused before it came here, or cannot be looked at, and all stays as it is: said, and shown until the
    /// next change. None: it is no longer so.
    Refused(Option<String>),
}

/// A transform that is ready to judge: configured, its tables opened and found to fit.
pub struct PreparedTransform {
    pub(crate) worker: Worker,
    pub(crate) tables: Tables,
    pub(crate) dead_letters: DeadLetters,
}

impl PreparedTransform {
    /// Does all that can fail, while the other one goes on judging.
    ///
    /// # Errors
    /// Whatever makes it unfit: a configuration that it refuses, tables that are not as it needs them, a store out of reach.
    pub async fn prepare(settings: &Settings, transform: &Transform) -> Result<Self, PipelineError> {
        Ok(Self {
            worker: worker(settings, transform)?,
            tables: Tables::open(settings, transform).await?,
            dead_letters: DeadLetters::open(settings, transform).await?,
        })
    }

    /// The same checks, without opening or creating anything.
    ///
    /// # Errors
    /// As [`Self::prepare`].
    pub async fn check(settings: &Settings, transform: &Transform) -> Result<(), PipelineError> {
        worker(settings, transform)?;
        Tables::check(settings, transform).await?;
        Ok(DeadLetters::check(&settings.dead_letters.path).await?)
    }

    /// The digest of the transform.
    pub fn transform_digest(&self) -> &str {
        self.tables.transform_digest()
    }
}

/// Where a walk hears of changes.
pub struct Changes {
    proposed: mpsc::Receiver<Change>,
    withdrawn: mpsc::UnboundedSender<Withdrawal>,
    next: Option<Change>,
    refused: Option<String>,
}

/// Where changes are proposed, and what came of them is heard.
pub struct Proposals {
    /// Taken in one by one, each between two flushes.
    pub changes: mpsc::Sender<Change>,
    /// Candidates that the walk has sent back by itself.
    pub withdrawn: mpsc::UnboundedReceiver<Withdrawal>,
}

/// A canary that rejected too much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// The candidate's digest.
    pub transform_digest: String,
    /// By whose order it was tried.
    pub order: u64,
    /// How it came.
    pub why: String,
}

impl Changes {
    /// Both ends.
    pub fn channel() -> (Proposals, Self) {
        let (changes, proposed) = mpsc::channel(1);
        let (withdrawn, heard) = mpsc::unbounded_channel();
        (Proposals { changes, withdrawn: heard }, Self { proposed, withdrawn, next: None, refused: None })
    }

    /// For a walk that stays with its transform.
    pub fn none() -> Self {
        Self::channel().1
    }

    /// Whether there is a change to be made at the next flush.
    pub(crate) fn is_due(&mut self) -> bool {
        if self.next.is_none() {
            self.next = self.proposed.try_recv().ok();
        }
        self.next.is_some()
    }

    /// What was refused since the last change.
    pub(crate) fn refused(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    pub(crate) fn withdraw(&self, withdrawal: Withdrawal) {
        warn!(transform_digest = withdrawal.transform_digest, "the canary is sent back: {}", withdrawal.why);
        // Nobody need care.
        let _unheard = self.withdrawn.send(withdrawal);
    }
}

impl<S: Source> Walk<S> {
    /// Makes the change that is due. Only with nothing staged.
    pub(crate) fn change(&mut self) {
        let Some(change) = self.changes.next.take() else { return };
        self.changes.refused = None;
        match change {
            Change::Adopt(successor) => self.adopt(*successor),
            Change::Probation(candidate) => {
                match &candidate {
                    Some(candidate) => {
                        info!(transform_digest = candidate.transform_digest(), "on probation: {candidate}")
                    }
                    None => info!("nobody is on probation"),
                }
                self.candidate = candidate.map(|candidate| *candidate);
            }
            Change::Refused(what) => {
                if let Some(what) = &what {
                    warn!("all stays as it is: {what}");
                }
                self.changes.refused = what;
            }
        }
    }

    /// Nothing is lost with it: what it has judged since the last flush is judged again, by the other.
    pub(crate) fn send_back_canary(&mut self, error: &PipelineError) {
        let PipelineError::Canary(why) = error else { return };
        if let Some(candidate) = self.candidate.take() {
            let transform_digest = candidate.transform_digest().to_owned();
            self.changes.withdraw(Withdrawal { transform_digest, order: candidate.order(), why: why.clone() });
        }
    }

    /// A tripped breaker was the other transform's: what it had paused is read again.
    fn adopt(&mut self, PreparedTransform { worker, tables, dead_letters }: PreparedTransform) {
        let (before, after) = (self.tables.transform_digest(), tables.transform_digest());
        info!(transform_digest = after, instead_of = before, "another transform judges from now on");
        metrics::adopted(before, after);
        if !planted(Bug::AdoptsInTheMiddle) {
            self.rewind();
        }
        self.worker = worker;
        self.tables = tables;
        self.dead_letters = dead_letters.with_copies(self.dead_letters.copies());
        self.candidate = None;
        self.breaker.begin_anew();
        self.report.resume();
        self.awaiting.append(&mut self.unread);
        // Those that are stopped are examined again at the next take-over, against the same ledgers in new hands.
        self.awaiting.extend(self.stopped.keys().cloned());
    }
}
