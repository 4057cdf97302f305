//! How another transform takes the place of the one that judges: prepared beside it, and adopted between two flushes. The
//! walk then goes back to the ledgers, as after any failure, so that no record is judged by both, or by neither. It does
//! not know where transforms come from, or who decides.

use sluicebox_delta::dead_letter::DeadLetters;
use sluicebox_sandbox::{Transform, Worker};
use sluicebox_settings::Settings;
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::error::PipelineError;
use crate::metrics;
use crate::rollout::candidate::Candidate;
use crate::source::Source;
use crate::tables::Tables;
use crate::walk::Walk;
use crate::worker::worker;

/// What a walk is told to do between two flushes.
pub enum Change {
    /// This transform judges from now on; the trial of a candidate ends.
    Adopt(Box<PreparedTransform>),
    /// This candidate is tried from now on; none: the trial ends.
    Probation(Option<Box<Candidate>>),
    /// A promotion was refused before it came here, or the channel cannot be read: the walk logs why and shows it until the
    /// next change. None: that is over.
    Refused(Option<String>),
}

/// A transform that is ready to judge: configured, its tables opened and found to fit.
pub struct PreparedTransform {
    pub(crate) worker: Worker,
    pub(crate) tables: Tables,
    pub(crate) dead_letters: DeadLetters,
}

impl PreparedTransform {
    /// Does all that can fail, while the other transform goes on judging.
    ///
    /// # Errors
    /// What makes it unfit: a configuration that it refuses, tables that are not as it needs them, a store out of reach.
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

/// Where a registry proposes changes, and hears what came of them.
pub struct Proposals {
    /// The walk takes them one by one, each between two flushes.
    pub changes: mpsc::Sender<Change>,
    /// Candidates whose trial the walk has ended by itself.
    pub withdrawn: mpsc::UnboundedReceiver<Withdrawal>,
}

/// A canary that rejected too much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// The candidate's digest.
    pub transform_digest: String,
    /// Version of the channel entry that ordered the canary.
    pub order: u64,
    /// Why.
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
        warn!(transform_digest = withdrawal.transform_digest, "canary withdrawn: {}", withdrawal.why);
        // The registry may have stopped listening.
        let _unheard = self.withdrawn.send(withdrawal);
    }
}

impl<S: Source> Walk<S> {
    /// Makes the change that is due. Only with nothing staged.
    pub(super) fn change(&mut self) {
        let Some(change) = self.changes.next.take() else { return };
        self.changes.refused = None;
        match change {
            Change::Adopt(prepared) => self.adopt(*prepared),
            Change::Probation(candidate) => {
                match &candidate {
                    Some(candidate) => {
                        info!(transform_digest = candidate.transform_digest(), "candidate started: {candidate}")
                    }
                    None => info!("candidate stopped"),
                }
                self.judges.set_candidate(candidate.map(|candidate| *candidate));
            }
            Change::Refused(what) => {
                if let Some(what) = &what {
                    warn!("promotion refused: {what}; the transform stays as it is");
                }
                self.changes.refused = what;
            }
        }
    }

    /// Ends the trial of a canary that rejected too much. Nothing is lost: the pipeline's transform judges again what the
    /// canary has judged since the last flush.
    pub(super) fn withdraw_canary(&mut self, error: &PipelineError) {
        let PipelineError::Canary(why) = error else { return };
        if let Some(candidate) = self.judges.take_candidate() {
            let transform_digest = candidate.transform_digest().to_owned();
            self.changes.withdraw(Withdrawal { transform_digest, order: candidate.order(), why: why.clone() });
        }
    }

    /// A tripped breaker was the other transform's: the walk reads again what that one had paused.
    fn adopt(&mut self, PreparedTransform { worker, tables, dead_letters }: PreparedTransform) {
        let before = self.tables.transform_digest();
        let after = tables.transform_digest();
        info!(transform_digest = after, instead_of = before, "switched to another transform");
        metrics::adopted(before, after);
        self.rewind();
        self.judges.replace(worker);
        self.tables = tables;
        self.dead_letters = dead_letters.with_copies(self.dead_letters.copies());
        self.report.resume();
        self.partitions.resume();
        // Their losses are examined at the next take-over, against the same ledgers in new hands.
        self.partitions.examine_stopped_again();
    }
}
