//! Which key results are expected to be encrypted with: the one that was used last with nobody waiting,
//! and the one that a person said would come.
//!
//! What always holds here: a run under another key accepts it only by what a person did, an announcement
//! or an approval, or by a policy that asks for no question; a run of a version that asked nobody accepts
//! whatever it used. Deliberately absent: keys themselves, and what is held back (`decide`).

use serde::{Deserialize, Serialize};

use super::State;
use super::illegal::Reason;
use crate::command::Command;
use crate::id::KeyId;

/// The keys that may be used without a question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Keys {
    /// The last one that a run used and nobody had to be asked about; none before the first run.
    pub(super) accepted: Option<KeyId>,
    /// The one that a person announced, until a run uses it.
    announced: Option<KeyId>,
}

impl State {
    /// The key that the next run is expected to use, unless another was announced; none before the
    /// first run.
    #[must_use]
    pub fn accepted_key(&self) -> Option<KeyId> {
        self.keys.accepted
    }

    /// The key that a person announced and no run has used yet.
    #[must_use]
    pub fn announced_key(&self) -> Option<KeyId> {
        self.keys.announced
    }

    /// The accepted key, if a run under `key` has to ask a person first.
    #[must_use]
    pub fn unannounced(&self, key: KeyId) -> Option<KeyId> {
        let Keys {
            accepted,
            announced,
        } = self.keys;
        accepted.filter(|accepted| *accepted != key && announced != Some(key))
    }

    /// A run begins under `key`; `instead_of` is the accepted one where it has to ask first.
    pub(super) fn uses(&mut self, key: KeyId, instead_of: Option<KeyId>) -> Result<(), Reason> {
        match instead_of {
            // Older versions asked nobody, nor does every policy.
            None => self.accept(key),
            Some(_) if self.unannounced(key) == instead_of => {}
            Some(_) => return Err(Reason::WrongKey(key)),
        }
        Ok(())
    }

    pub(super) fn announce(&mut self, key: KeyId) -> Result<(), Reason> {
        if self.keys.accepted == Some(key) || self.keys.announced == Some(key) {
            return Err(Reason::NothingToAnnounce(key));
        }
        self.keys.announced = Some(key);
        Ok(())
    }

    /// Whether the run's key may be used for this: one that was not accepted needs an approval.
    pub(super) fn key_allows(&self, command: &Command) -> Result<(), Reason> {
        let key = self.run.as_ref().map(|run| run.key);
        let approved = self.approval.as_ref().and_then(|approval| approval.key);
        match command {
            Command::Upload { .. } if key != self.keys.accepted && key != approved => Err(
                Reason::CommandNotAllowed("the run's key was neither announced nor approved"),
            ),
            Command::Upload { .. }
            | Command::Delete { .. }
            | Command::RemoveTemporary { .. }
            | Command::PublishLedger { .. } => Ok(()),
        }
    }

    /// What was begun with the run's key has a person's word for it.
    pub(super) fn key_was_used(&mut self, command: &Command) {
        if let (Command::Upload { .. }, Some(run)) = (command, &self.run) {
            self.accept(run.key);
        }
    }

    fn accept(&mut self, key: KeyId) {
        self.keys.accepted = Some(key);
        if self.keys.announced == Some(key) {
            self.keys.announced = None;
        }
    }
}
