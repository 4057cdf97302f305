//! Changes channels: promote, roll back, try a candidate, withdraw it. Each change is one atomic write of the next entry. Of
//! two concurrent changes the second reads the channel again and decides again, so none is lost.

use std::time::SystemTime;

use sluicebox_settings::{ArtifactReference, Pick, is_artifact_name};

use crate::artifact::{Artifact, Pin};
use crate::channel::{Action, CandidateMode, ChannelCandidate, ChannelEntry};
use crate::error::RegistryError;
use crate::objects::Created;
use crate::{Registry, layout};

/// Who asks for a change of a channel, and why.
#[derive(Debug, Clone, Default)]
pub struct ChangeRequest {
    /// Who asks, in their own words.
    pub by: String,
    /// Why, in their own words.
    pub note: Option<String>,
    /// Change the channel only if it is still at this version.
    pub only_at: Option<u64>,
}

/// The result of a change.
#[derive(Debug, Clone, PartialEq)]
pub enum Promotion {
    /// The channel has a new entry.
    Changed(ChannelEntry),
    /// The channel was so already.
    Unchanged(ChannelEntry),
}

impl Promotion {
    /// The channel's newest entry.
    pub fn entry(&self) -> &ChannelEntry {
        match self {
            Promotion::Changed(entry) | Promotion::Unchanged(entry) => entry,
        }
    }
}

/// The content of the next entry.
struct Draft {
    action: Action,
    pin: Pin,
    candidate: Option<ChannelCandidate>,
}

/// The next entry for a channel's history; none if nothing has to change; an error says why the change is impossible.
type Decision = Result<Option<Draft>, String>;

impl Registry {
    /// Points a channel at this artifact. Withdraws its candidate, if it has one.
    ///
    /// # Errors
    /// The name is not legal, the channel has changed meanwhile, or the store fails.
    pub async fn promote(
        &self,
        artifact: &Artifact,
        channel: &str,
        change: &ChangeRequest,
    ) -> Result<Promotion, RegistryError> {
        self.change(&artifact.name, channel, change, |history| match history.last() {
            Some(head) if head.pin == artifact.pin && head.candidate.is_none() => Ok(None),
            _ => Ok(Some(Draft { action: Action::Promote, pin: artifact.pin, candidate: None })),
        })
        .await
    }

    /// Points a channel at the transform before the last promotion that is not rolled back yet.
    ///
    /// # Errors
    /// There is no earlier transform, it can no longer be trusted, or the store fails.
    pub async fn rollback(
        &self,
        name: &str,
        channel: &str,
        change: &ChangeRequest,
    ) -> Result<Promotion, RegistryError> {
        // For its errors only: the channel must not point at a transform that can no longer be trusted.
        self.previous(name, channel).await?;
        self.change(name, channel, change, |history| match before(history) {
            Some(pin) => Ok(Some(Draft { action: Action::Rollback, pin, candidate: None })),
            None => Err("there is nothing to roll back to: no other transform was promoted before".to_owned()),
        })
        .await
    }

    /// The transform that a rollback would point a channel at, and the channel's version; none if there is none.
    ///
    /// # Errors
    /// That transform can no longer be trusted, or the store fails.
    pub async fn previous(&self, name: &str, channel: &str) -> Result<Option<(u64, Artifact)>, RegistryError> {
        let history = self.history(name, channel).await?;
        let (Some(head), Some(pin)) = (history.last(), before(&history)) else { return Ok(None) };
        Ok(Some((head.version, self.pinned(name, &pin).await?)))
    }

    /// Sets the candidate that is tried beside the channel's transform.
    ///
    /// # Errors
    /// The channel does not exist or points at this transform already, or the store fails.
    pub async fn set_candidate(
        &self,
        artifact: &Artifact,
        channel: &str,
        mode: &CandidateMode,
        change: &ChangeRequest,
    ) -> Result<Promotion, RegistryError> {
        let candidate = ChannelCandidate { pin: artifact.pin, mode: mode.clone() };
        let action = match mode {
            CandidateMode::Shadow { .. } => Action::Shadow,
            CandidateMode::Canary { .. } => Action::Canary,
        };
        self.change(&artifact.name, channel, change, |history| match history.last() {
            None => Err("the channel does not exist yet: run `sluicebox promote` first".to_owned()),
            Some(head) if head.pin == artifact.pin => Err("the channel points at this transform already".to_owned()),
            Some(head) if head.candidate.as_ref() == Some(&candidate) => Ok(None),
            Some(head) => Ok(Some(Draft { action, pin: head.pin, candidate: Some(candidate.clone()) })),
        })
        .await
    }

    /// Withdraws the candidate of a channel.
    ///
    /// # Errors
    /// The channel does not exist, or the store fails.
    pub async fn withdraw(
        &self,
        name: &str,
        channel: &str,
        change: &ChangeRequest,
    ) -> Result<Promotion, RegistryError> {
        self.change(name, channel, change, |history| match history.last() {
            None => Err("the channel does not exist".to_owned()),
            Some(head) if head.candidate.is_none() => Ok(None),
            Some(head) => Ok(Some(Draft { action: Action::Withdraw, pin: head.pin, candidate: None })),
        })
        .await
    }

    /// Decides from the history and writes the next entry; starts again if another change was first.
    async fn change(
        &self,
        name: &str,
        channel: &str,
        change: &ChangeRequest,
        decide: impl Fn(&[ChannelEntry]) -> Decision,
    ) -> Result<Promotion, RegistryError> {
        for part in [name, channel] {
            if !is_artifact_name(part) {
                return Err(RegistryError::Name(part.to_owned()));
            }
        }
        let reference = ArtifactReference { name: name.to_owned(), pick: Pick::Channel(channel.to_owned()) };
        let refused = |why| RegistryError::Channel { reference: reference.clone(), why };
        let mut history = self.history(name, channel).await?;
        loop {
            let version = history.last().map_or(0, |head| head.version);
            if change.only_at.is_some_and(|only_at| only_at != version) {
                return Err(refused(format!("the channel is at version {version} now")));
            }
            let draft = match (decide(&history).map_err(refused)?, history.last()) {
                (Some(draft), _) => draft,
                (None, Some(head)) => return Ok(Promotion::Unchanged(head.clone())),
                (None, None) => return Err(refused("the channel has no history".to_owned())),
            };
            let entry = entry(&reference, version + 1, draft, change);
            let bytes = entry.write().map_err(RegistryError::Unwritable)?;
            let object = layout::channel_entry(name, channel, entry.version);
            // The store creates an object once, and so decides which of two writers is first. The other decides again
            // on the new history.
            match self.objects.create(&object, &bytes).await? {
                Created::New | Created::Same => return Ok(Promotion::Changed(entry)),
                Created::Taken => history = self.history(name, channel).await?,
            }
        }
    }
}

fn entry(reference: &ArtifactReference, version: u64, draft: Draft, change: &ChangeRequest) -> ChannelEntry {
    ChannelEntry {
        channel: reference.to_string(),
        version,
        action: draft.action,
        pin: draft.pin,
        candidate: draft.candidate,
        at: humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
        by: change.by.clone(),
        note: change.note.clone(),
        id: format!("{:016x}", fastrand::u64(..)),
    }
}

/// What a channel pointed at before the last promotion that is not rolled back.
fn before(history: &[ChannelEntry]) -> Option<Pin> {
    let mut promoted: Vec<Pin> = Vec::new();
    for entry in history {
        match entry.action {
            // A rollback cannot undo a promotion of the same transform: nothing has changed.
            Action::Promote if promoted.last() != Some(&entry.pin) => promoted.push(entry.pin),
            Action::Rollback => drop(promoted.pop()),
            _ => {}
        }
    }
    promoted.pop()?;
    promoted.pop()
}

#[cfg(test)]
mod tests {
    use sluicebox_sandbox::Digest;

    use super::*;

    fn pin(name: &str) -> Pin {
        Pin { digest: Digest::of(name.as_bytes()), manifest_sha256: Digest::of(name.as_bytes()) }
    }

    fn history(changes: &[(Action, &str)]) -> Vec<ChannelEntry> {
        let reference: ArtifactReference = "orders@prod".parse().unwrap();
        let drafts = changes.iter().map(|&(action, name)| Draft { action, pin: pin(name), candidate: None });
        drafts.zip(1..).map(|(draft, version)| entry(&reference, version, draft, &ChangeRequest::default())).collect()
    }

    #[test]
    fn a_rollback_goes_back_one_promotion_each_time() {
        use Action::{Promote, Rollback, Shadow, Withdraw};
        let back = |changes: &[(Action, &str)]| before(&history(changes));
        assert_eq!(back(&[]), None);
        assert_eq!(back(&[(Promote, "a")]), None);
        assert_eq!(back(&[(Promote, "a"), (Promote, "b")]), Some(pin("a")));
        assert_eq!(
            back(&[(Promote, "a"), (Promote, "b"), (Promote, "b")]),
            Some(pin("a")),
            "the same promotion again is not a step"
        );
        assert_eq!(back(&[(Promote, "a"), (Promote, "b"), (Promote, "c"), (Rollback, "b")]), Some(pin("a")));
        assert_eq!(back(&[(Promote, "a"), (Promote, "b"), (Rollback, "a")]), None);
        assert_eq!(back(&[(Promote, "a"), (Promote, "b"), (Rollback, "a"), (Promote, "c")]), Some(pin("a")));
        assert_eq!(back(&[(Promote, "a"), (Shadow, "a"), (Promote, "b"), (Withdraw, "b")]), Some(pin("a")));
    }
}
