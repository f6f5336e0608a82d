//! What a command rests on, beyond its reason in a word, for a person who asks why.
//!
//! What always holds here: nothing is decided by it. Deliberately absent: the observation that a delivered
//! file answers, where the state knows a newer one; whoever has the log hands it in.

use serde::Serialize;

use crate::command::{Command, UploadReason};
use crate::completion::Hundredths;
use crate::difference::Difference;
use crate::drift::Drift;
use crate::failure::Failure;
use crate::id::{KeyId, RequestId};
use crate::observation::{Fingerprint, Observation};
use crate::state::State;
use crate::state::request::StoredFile;

/// What a command about a request rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Grounds {
    /// The request.
    pub request: RequestId,
    /// The completion of what was delivered last, as `status.xml` has it.
    pub delivered: Option<Hundredths>,
    /// What differs from the observation that it answers, where that is known.
    pub difference: Option<Difference>,
    /// The key that it lies under, where that is known.
    pub key: Option<KeyId>,
    /// How it differs at the drop-box.
    pub drift: Option<Drift>,
    /// Why the last attempt failed.
    pub failure: Option<Failure>,
}

impl Grounds {
    /// What the command rests on in this state; `answered` is the observation that the delivered file
    /// answers. None for what is about no request.
    #[must_use]
    pub fn of(state: &State, command: &Command, answered: Option<&Observation>) -> Option<Self> {
        let id = command.request()?;
        let request = state.request(id)?;
        let file = request.remote.file();
        let observed = request
            .observed
            .as_ref()
            .map(|(observation, _)| observation);
        let is_upload = matches!(command, Command::Upload { .. });
        let answered = answered.filter(|it| is_answered(file, it.fingerprint()));
        let difference = match (answered, observed) {
            (Some(was), Some(is)) if is_upload && was != is => Some(Difference::between(was, is)),
            (Some(_) | None, Some(_) | None) => None,
        };
        Some(Self {
            request: id,
            delivered: file.map(|file| file.completion),
            difference,
            key: file.and_then(|file| file.key),
            drift: file.and_then(|file| file.drift),
            failure: request.failure.clone(),
        })
    }

    /// Why the command is to be done, in words.
    #[must_use]
    pub fn words(&self, command: &Command) -> String {
        let mut words = match command {
            Command::Upload {
                reason, completion, ..
            } => {
                let completed = completion.in_words();
                match (reason, &self.difference, self.delivered) {
                    (UploadReason::Changed, Some(difference), _) => {
                        format!("changed: {difference}")
                    }
                    (UploadReason::Changed, None, Some(was)) => {
                        format!("changed: completion {was} → {completed}")
                    }
                    (UploadReason::KeyChanged, ..) if self.key.is_some() => {
                        let key = self.key.map(|key| key.to_string()).unwrap_or_default();
                        format!("{reason}, it lies under {key}")
                    }
                    (UploadReason::Drifted, ..) if self.drift.is_some() => {
                        let drift = self.drift.map(|drift| drift.to_string());
                        format!("delivered, and {}", drift.unwrap_or_default())
                    }
                    _ => format!("{reason}, {completed}"),
                }
            }
            Command::Delete { evidence, .. } => evidence.to_string(),
            Command::RemoveTemporary { .. } | Command::PublishLedger { .. } => String::new(),
        };
        if let Some(failure) = &self.failure {
            words.push_str(&format!("; last time it failed: {failure}"));
        }
        words
    }

    /// The observation that the delivered file of a changed request answers, by its fingerprint: what
    /// [`Self::of`] needs to tell what differs.
    #[must_use]
    pub fn answers(state: &State, command: &Command) -> Option<(RequestId, Fingerprint)> {
        let Command::Upload {
            request,
            reason: UploadReason::Changed,
            ..
        } = command
        else {
            return None;
        };
        let file = state.request(*request)?.remote.file()?;
        Some((*request, file.fingerprint?))
    }
}

fn is_answered(file: Option<&StoredFile>, fingerprint: Fingerprint) -> bool {
    file.is_some_and(|file| file.fingerprint == Some(fingerprint))
}
