//! Changes channels: promote, roll back, try a candidate, withdraw it. Each change is one atomic write of the next number; of
//! two that come at once the later one looks again and decides anew, so none is lost.

use std::time::SystemTime;

use sluicebox_settings::{ArtifactReference, Pick, is_artifact_name};

use crate::Registry;
use crate::artifact::{Artifact, Pin};
use crate::channel::{Action, Candidate, Entry, Mode};
use crate::error::RegistryError;
use crate::layout;
use crate::objects::Created;

/// Who changes a channel, and why.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// By whom, as they say.
    pub by: String,
    /// Why, as they say.
    pub note: Option<String>,
    /// Only if the channel still stands at this version.
    pub only_at: Option<u64>,
}

/// What a change came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Promotion {
    /// The channel has a new entry.
    Changed(Entry),
    /// It says so already.
    Unchanged(Entry),
}

impl Promotion {
    /// The channel's newest entry.
    pub fn entry(&self) -> &Entry {
        match self {
            Promotion::Changed(entry) | Promotion::Unchanged(entry) => entry,
        }
    }
}

/// What an entry shall say.
struct Draft {
    action: Action,
    pin: Pin,
    candidate: Option<Candidate>,
}

/// What is to be done about a channel as it stands.
type Decision = Result<Option<Draft>, String>;

impl Registry {
    /// Has a channel name this artifact from now on. A candidate that there was is withdrawn.
    ///
    /// # Errors
    /// If the name is not legal, the channel has moved on, or the store fails.
    pub async fn promote(
        &self,
        artifact: &Artifact,
        channel: &str,
        change: &Change,
    ) -> Result<Promotion, RegistryError> {
        let decide = |history: &[Entry]| match history.last() {
            Some(head) if head.pin == artifact.pin && head.candidate.is_none() => Ok(None),
            _ => Ok(Some(Draft { action: Action::Promote, pin: artifact.pin, candidate: None })),
        };
        self.change(&artifact.name, channel, change, decide).await
    }

    /// Has a channel name again what it named before the last promotion that has not been rolled back yet.
    ///
    /// # Errors
    /// If there is nothing to go back to, what there is is no longer to be believed, or the store fails.
    pub async fn rollback(&self, name: &str, channel: &str, change: &Change) -> Result<Promotion, RegistryError> {
        let decide = |history: &[Entry]| match before(history) {
            Some(pin) => Ok(Some(Draft { action: Action::Rollback, pin, candidate: None })),
            None => Err("there is nothing to go back to: nothing was promoted before".to_owned()),
        };
        self.previous(name, channel).await?;
        self.change(name, channel, change, decide).await
    }

    /// What a rollback would have a channel name, and the version that it stands at; none if there is nothing to go back to.
    ///
    /// # Errors
    /// If what there is is no longer to be believed, or the store fails.
    pub async fn previous(&self, name: &str, channel: &str) -> Result<Option<(u64, Artifact)>, RegistryError> {
        let history = self.history(name, channel).await?;
        let (Some(head), Some(pin)) = (history.last(), before(&history)) else { return Ok(None) };
        Ok(Some((head.version, self.pinned(name, &pin).await?)))
    }

    /// Has a candidate tried beside what a channel names.
    ///
    /// # Errors
    /// If the channel names nothing yet or that very transform, or the store fails.
    pub async fn set_candidate(
        &self,
        artifact: &Artifact,
        channel: &str,
        mode: &Mode,
        change: &Change,
    ) -> Result<Promotion, RegistryError> {
        let candidate = Candidate { pin: artifact.pin, mode: mode.clone() };
        let action = match mode {
            Mode::Shadow { .. } => Action::Shadow,
            Mode::Canary { .. } => Action::Canary,
        };
        let decide = |history: &[Entry]| match history.last() {
            None => Err("it names nothing yet: `sluicebox promote` comes first".to_owned()),
            Some(head) if head.pin == artifact.pin => Err("it names this transform already".to_owned()),
            Some(head) if head.candidate.as_ref() == Some(&candidate) => Ok(None),
            Some(head) => Ok(Some(Draft { action, pin: head.pin, candidate: Some(candidate.clone()) })),
        };
        self.change(&artifact.name, channel, change, decide).await
    }

    /// Has the candidate of a channel tried no longer.
    ///
    /// # Errors
    /// If there is no such channel, or the store fails.
    pub async fn withdraw(&self, name: &str, channel: &str, change: &Change) -> Result<Promotion, RegistryError> {
        let decide = |history: &[Entry]| match history.last() {
            None => Err("there is no such channel".to_owned()),
            Some(head) if head.candidate.is_none() => Ok(None),
            Some(head) => Ok(Some(Draft { action: Action::Withdraw, pin: head.pin, candidate: None })),
        };
        self.change(name, channel, change, decide).await
    }

    /// Decides from the history, and writes the next entry; again, if somebody was quicker.
    async fn change(
        &self,
        name: &str,
        channel: &str,
        change: &Change,
        decide: impl Fn(&[Entry]) -> Decision,
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
                return Err(refused(format!("it stands at version {version} now")));
            }
            let draft = match (decide(&history).map_err(refused)?, history.last()) {
                (Some(draft), _) => draft,
                (None, Some(head)) => return Ok(Promotion::Unchanged(head.clone())),
                (None, None) => return Err(refused("it has no history".to_owned())),
            };
            let entry = entry(&reference, version + 1, draft, change);
            let bytes = entry.write().map_err(RegistryError::Unwritable)?;
            let object = layout::channel_entry(name, channel, entry.version);
            match self.objects.create(&object, &bytes).await? {
                Created::New | Created::Same => return Ok(Promotion::Changed(entry)),
                Created::Taken => history = self.history(name, channel).await?,
            }
        }
    }
}

fn entry(reference: &ArtifactReference, version: u64, draft: Draft, change: &Change) -> Entry {
    Entry {
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

/// What a channel named before the last promotion that has not been rolled back.
fn before(history: &[Entry]) -> Option<Pin> {
    let mut promoted: Vec<Pin> = Vec::new();
    for entry in history {
        match entry.action {
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

    fn history(changes: &[(Action, &str)]) -> Vec<Entry> {
        let reference: ArtifactReference = "orders@prod".parse().unwrap();
        let draft = |(action, name): &(Action, &str)| Draft { action: *action, pin: pin(name), candidate: None };
        let entry = |(index, change)| entry(&reference, index as u64 + 1, draft(change), &Change::default());
        changes.iter().enumerate().map(entry).collect()
    }

    #[test]
    fn a_rollback_goes_back_one_promotion_each_time() {
        use Action::{Promote, Rollback, Shadow, Withdraw};
        let back = |changes: &[(Action, &str)]| before(&history(changes));
        assert_eq!(back(&[]), None);
        assert_eq!(back(&[(Promote, "a")]), None);
        assert_eq!(back(&[(Promote, "a"), (Promote, "b")]), Some(pin("a")));
        assert_eq!(back(&[(Promote, "a"), (Promote, "b"), (Promote, "b")]), Some(pin("a")), "again is no step");
        assert_eq!(back(&[(Promote, "a"), (Promote, "b"), (Promote, "c"), (Rollback, "b")]), Some(pin("a")));
        assert_eq!(back(&[(Promote, "a"), (Promote, "b"), (Rollback, "a")]), None);
        assert_eq!(back(&[(Promote, "a"), (Promote, "b"), (Rollback, "a"), (Promote, "c")]), Some(pin("a")));
        assert_eq!(back(&[(Promote, "a"), (Shadow, "a"), (Promote, "b"), (Withdraw, "b")]), Some(pin("a")));
    }
}
