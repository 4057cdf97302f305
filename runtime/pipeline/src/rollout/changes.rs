//! What a registry proposes to a running walk, and what the walk reports back. Neither knows the other: they share channels.

use tokio::sync::mpsc;
use tracing::warn;

use crate::rollout::candidate::Candidate;
use crate::rollout::prepared::PreparedTransform;

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
        // One place: a registry that is faster than the walk waits, and changes do not pile up.
        let (changes, proposed) = mpsc::channel(1);
        let (withdrawn, heard) = mpsc::unbounded_channel();
        (Proposals { changes, withdrawn: heard }, Self { proposed, withdrawn, next: None, refused: None })
    }

    /// For a walk that stays with its transform.
    pub fn none() -> Self {
        Self::channel().1
    }

    /// The change to make now; a refusal that was shown before is over with it.
    pub(crate) fn take_due(&mut self) -> Option<Change> {
        // Nothing due leaves the refusal in place.
        let change = self.next.take()?;
        self.refused = None;
        Some(change)
    }

    /// Shows what was refused, until the next change.
    pub(crate) fn show_refusal(&mut self, what: Option<String>) {
        self.refused = what;
    }

    /// Whether there is a change to make at the next flush.
    pub(crate) fn is_due(&mut self) -> bool {
        if self.next.is_none() {
            // A registry that has ended looks like one with nothing to say: the walk goes on with what it has.
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
