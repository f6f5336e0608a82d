//! The removal of one file: a look, the removal and another look on their way together, and the answers
//! to all three. Performs no I/O.
//!
//! What always holds: a file is removed when a look afterwards does not find it, whatever was answered;
//! where looking is forbidden the answer counts. A file that came in its place meanwhile is somebody
//! else's, and stays.

use courier_ledger::{
    Failure, FailureClass, Phase, RemoteAfterFailure, RemoteName, Removal as Removed,
};

use super::answer::{self, Answer, Said, Sighted};
use super::operation::{Done, OperationError, Outcome};
use super::outbox::Requests;
use super::sighting::{Question, Sight};
use super::withdrawal::Withdrawal;
use crate::effects::sftp::wire::attributes::Attributes;
use crate::effects::sftp::wire::request::Request;
use crate::effects::sftp::wire::status::Status;

/// A removal under way.
pub(crate) struct Removal {
    path: String,
    name: RemoteName,
    before: Option<Sight>,
    withdrawal: Option<Withdrawal<Asked>>,
}

struct Asked;

impl Question for Asked {
    fn answer(sighted: Sighted) -> Answer {
        Answer::Removing(answer::Removing::Sighted(sighted))
    }
}

impl Removal {
    /// The removal of `path`, which messages call `name`.
    pub(crate) fn new(path: String, name: RemoteName) -> Self {
        Self {
            path,
            name,
            before: None,
            withdrawal: None,
        }
    }

    /// Sends the requests.
    pub(crate) fn begin(&mut self, out: &mut Requests<'_>) {
        let path = self.path.as_str();
        out.look(Request::Lstat { path }, |said| {
            Answer::Removing(answer::Removing::LookedBefore(said))
        });
        let answer = |said| Answer::Removing(answer::Removing::Removed(said));
        self.withdrawal = Some(Withdrawal::begin(path, answer, out));
    }

    /// Takes an answer.
    pub(crate) fn answer(
        &mut self,
        answer: answer::Removing,
        out: &mut Requests<'_>,
    ) -> Option<Outcome> {
        match answer {
            answer::Removing::LookedBefore(said) => self.before = Some(Sight::of(said)),
            answer::Removing::Removed(said) => self.withdrawal.as_mut()?.said(said, out),
            answer::Removing::Sighted(sighted) => self.withdrawal.as_mut()?.sighted(sighted, out),
        }
        let before = self.before.as_ref()?;
        let (said, seen) = self.withdrawal.as_ref()?.end()?;
        let unseen = seen.unseen();
        let removed = |removal| Done::Removed { removal, unseen };
        Some(
            judged(before, said, seen)
                .map(removed)
                .map_err(|kept| self.failed(kept)),
        )
    }

    fn failed(&self, kept: Kept) -> OperationError {
        let name = &self.name;
        let (class, text) = match kept {
            Kept::Refused(status) => (
                status.code.class(),
                format!("the server does not remove {name}: {status}"),
            ),
            Kept::Shown(said) => (
                FailureClass::Transient,
                format!("the server {said}, and a look shows that {name} is still there"),
            ),
        };
        let failure = Failure {
            phase: Phase::Remove,
            class,
            text,
        };
        OperationError::new(failure, RemoteAfterFailure::Untouched)
    }

    /// The end without an answer.
    pub(crate) fn lost(&self, reason: &str) -> OperationError {
        let (verb, remote) = if self.withdrawal.is_some() {
            ("may not have been", RemoteAfterFailure::Uncertain)
        } else {
            ("was not", RemoteAfterFailure::Untouched)
        };
        let failure = Failure {
            phase: Phase::Remove,
            class: FailureClass::Transient,
            text: format!("{} {verb} removed: {reason}", self.name),
        };
        OperationError::lost(failure, remote)
    }
}

/// Why a file is still there.
enum Kept {
    /// The server says why.
    Refused(Status),
    /// The server said otherwise, and shows it.
    Shown(&'static str),
}

/// What came of a removal, by what was seen before and after it.
fn judged(before: &Sight, said: &Said<()>, after: &Sight) -> Result<Removed, Kept> {
    let is_another =
        |now: Attributes| matches!(before, Sight::Present(_)) && before.is_other_than(now);
    match (said, after) {
        (Ok(()), Sight::Absent | Sight::Unseen(_)) => Ok(Removed::Removed),
        (Err(status), Sight::Unseen(_)) if status.code.is_absent() => Ok(Removed::AlreadyAbsent),
        (Err(status), Sight::Unseen(_)) => Err(Kept::Refused(status.clone())),
        // It was there a moment before, and this is what was to be removed.
        (Err(_), Sight::Absent) if matches!(before, Sight::Present(_)) => Ok(Removed::Removed),
        (Err(_), Sight::Absent) => Ok(Removed::AlreadyAbsent),
        (Ok(()), Sight::Present(now)) if is_another(*now) => Ok(Removed::Removed),
        (Ok(()), Sight::Present(_)) => Err(Kept::Shown("says that it has removed it")),
        // It was not there before either: somebody else has just put it there.
        (Err(status), Sight::Present(_))
            if status.code.is_absent() && matches!(before, Sight::Absent) =>
        {
            Ok(Removed::AlreadyAbsent)
        }
        (Err(status), Sight::Present(_)) if status.code.is_absent() => {
            Err(Kept::Shown("says that there is no such file"))
        }
        (Err(status), Sight::Present(_)) => Err(Kept::Refused(status.clone())),
    }
}
