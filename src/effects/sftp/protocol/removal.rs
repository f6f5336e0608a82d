//! The removal of one file: one request, one answer. Performs no I/O.

use courier_ledger::{
    Failure, FailureClass, Phase, RemoteAfterFailure, RemoteName, Removal as Removed,
};

use super::answer::{Answer, Said};
use super::operation::{Done, OperationError, Outcome};
use super::outbox::Requests;
use crate::effects::sftp::wire::request::Request;

/// A removal under way.
pub(crate) struct Removal {
    path: String,
    name: RemoteName,
    sent: bool,
}

impl Removal {
    /// The removal of `path`, which messages call `name`.
    pub(crate) fn new(path: String, name: RemoteName) -> Self {
        Self {
            path,
            name,
            sent: false,
        }
    }

    /// Sends the request.
    pub(crate) fn begin(&mut self, out: &mut Requests<'_>) {
        self.sent = true;
        out.act(Request::Remove { path: &self.path }, Answer::Removed);
    }

    /// Takes the answer.
    pub(crate) fn answer(&self, said: Said<()>) -> Outcome {
        match said {
            Ok(()) => Ok(Done::Removed(Removed::Removed)),
            Err(status) if status.code.is_absent() => Ok(Done::Removed(Removed::AlreadyAbsent)),
            Err(status) => {
                let failure = Failure {
                    phase: Phase::Remove,
                    class: status.code.class(),
                    text: format!("the server does not remove {}: {status}", self.name),
                };
                let remote = RemoteAfterFailure::Untouched;
                Err(OperationError::new(failure, remote))
            }
        }
    }

    /// The end without an answer.
    pub(crate) fn lost(&self, reason: &str) -> OperationError {
        let (verb, remote) = if self.sent {
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
