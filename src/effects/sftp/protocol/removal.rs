//! The removal of one file: one request, one answer. Performs no I/O.

use courier_ledger::{
    Failure, FailureClass, Phase, RemoteAfterFailure, RemoteName, Removal as Outcome,
};

use super::operation::{Done, OperationError};
use super::outbox::{Answer, Purpose, Requests};
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
        out.send(Purpose::Remove, Request::Remove { path: &self.path });
    }

    /// Takes the answer.
    pub(crate) fn answer(&self, answer: &Answer) -> Result<Done, OperationError> {
        match answer {
            Answer::Refused(status) if status.code.is_absent() => {
                Ok(Done::Removed(Outcome::AlreadyAbsent))
            }
            Answer::Refused(status) => Err(OperationError {
                failure: Failure {
                    phase: Phase::Remove,
                    class: status.code.class(),
                    text: format!("the server does not remove {}: {status}", self.name),
                },
                remote: RemoteAfterFailure::Untouched,
                connection_lost: false,
            }),
            Answer::Ok | Answer::Handle(_) | Answer::Data(_) | Answer::Attributes(_) => {
                Ok(Done::Removed(Outcome::Removed))
            }
        }
    }

    /// The end without an answer.
    pub(crate) fn lost(&self, reason: &str) -> OperationError {
        OperationError {
            failure: Failure {
                phase: Phase::Remove,
                class: FailureClass::Transient,
                text: format!("{} may not have been removed: {reason}", self.name),
            },
            remote: if self.sent {
                RemoteAfterFailure::Uncertain
            } else {
                RemoteAfterFailure::Untouched
            },
            connection_lost: true,
        }
    }
}
