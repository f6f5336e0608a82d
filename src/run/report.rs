//! What a run did, and the exit code that follows from it.

use courier_ledger::{
    ClockDifference, Failure, FailureClass, Fallen, Held, Limit, Moved, NumberSet, Phase,
    PublishedSeen, RunCounts, RunVerdict, Skipped, UnannouncedKey, Unseen,
};

use crate::exit_code::ExitCode;

/// Another host key than the known one at the same drop-box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewHostKey {
    /// The one that the ledger knows.
    pub known: String,
    /// The one that the server has now.
    pub presented: String,
}

/// What a run did.
#[derive(Clone, Debug, Default)]
pub struct RunReport {
    /// In numbers.
    pub counts: RunCounts,
    /// Why the broker's answer could not be used.
    pub poll_failure: Option<Failure>,
    /// Why the drop-box could not be reached, or was lost.
    pub drop_box_failure: Option<Failure>,
    /// That there is no room at the drop-box.
    pub full: Option<Failure>,
    /// How the published `status.xml` was found, if it was found otherwise than before.
    pub published_seen: Option<PublishedSeen>,
    /// Why the drop-box could not be looked at.
    pub look_failure: Option<Failure>,
    /// Another host key than the known one, which the configuration accepts.
    pub host_key: Option<NewHostKey>,
    /// What failed: the command in words, and how.
    pub failures: Vec<(String, Failure)>,
    /// What waits for a person.
    pub held: Option<Held>,
    /// The limit that there is too much for, where that is why.
    pub limit: Option<Limit>,
    /// The key, where a person must say that it is the right one.
    pub unannounced_key: Option<UnannouncedKey>,
    /// An approval that was given for another plan.
    pub fallen: Option<Fallen>,
    /// The clocks that do not agree with ours.
    pub clocks: Vec<ClockDifference>,
    /// Why nothing was seen of something that was done at the drop-box.
    pub unseen: Option<Unseen>,
    /// What was left alone, and why.
    pub skipped: Vec<Skipped>,
    /// The requests that were to be seen to, and were not begun with.
    pub not_begun: NumberSet,
    /// Whether there is something to do at the drop-box that nobody went to: the next run should begin at once.
    pub is_due: bool,
    /// How much was to be done about other requests than a person wants to be dealt with.
    pub set_aside: u64,
    /// What has moved since the plan was made that the run was bound to: then nothing was done.
    pub moved: Vec<Moved>,
}

impl RunReport {
    /// What is recorded of how it ended.
    pub(crate) fn verdict(&self) -> RunVerdict {
        let of_one_command = || self.failures.first().map(|(_, failure)| failure);
        let gravest = (self.poll_failure.as_ref())
            .or(self.drop_box_failure.as_ref())
            .or(self.full.as_ref())
            .or_else(of_one_command)
            .or(self.look_failure.as_ref());
        RunVerdict {
            exit_code: self.exit_code().number(),
            failure: gravest.cloned().or_else(|| self.refusal()),
            not_begun: (!self.not_begun.is_empty()).then(|| self.not_begun.clone()),
        }
    }

    /// That the plan which the run was bound to no longer holds.
    fn refusal(&self) -> Option<Failure> {
        let first = self.moved.first()?;
        let others = match self.moved.len() - 1 {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        Some(Failure {
            phase: Phase::Run,
            class: FailureClass::NeedsPerson,
            text: format!("the plan that the run was bound to no longer holds: {first}{others}"),
        })
    }

    /// The exit code: the gravest thing that happened.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        // A run that was ended before its time says nothing about the servers.
        let tells = |failure: &&Failure| failure.phase != Phase::Run;
        if self.poll_failure.as_ref().filter(tells).is_some() {
            ExitCode::Broker
        } else if self.drop_box_failure.as_ref().filter(tells).is_some() {
            ExitCode::DropBox
        } else if self.held.is_some() || !self.moved.is_empty() {
            ExitCode::Blocked
        } else if self.counts.failed > 0
            || !self.failures.is_empty()
            || self.counts.unreadable > 0
            || self.look_failure.is_some()
            || self.poll_failure.is_some()
            || self.drop_box_failure.is_some()
        {
            ExitCode::Incomplete
        } else {
            ExitCode::Done
        }
    }
}
