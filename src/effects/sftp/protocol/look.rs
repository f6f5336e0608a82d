//! A look at one file: whether it is there, and how large it is. One request, one answer; it never
//! opens, reads or changes anything. Performs no I/O.

use courier_ledger::{Failure, FailureClass, Phase, RemoteAfterFailure, RemoteName, Seen};

use super::operation::{Done, OperationError};
use super::outbox::{Answer, Purpose, Requests};
use crate::effects::sftp::wire::request::Request;

/// A look under way.
pub(crate) struct Look {
    path: String,
    name: RemoteName,
}

impl Look {
    /// A look at `path`, which messages call `name`.
    pub(crate) fn new(path: String, name: RemoteName) -> Self {
        Self { path, name }
    }

    /// Sends the request.
    pub(crate) fn begin(&self, out: &mut Requests<'_>) {
        out.send(Purpose::Look, Request::Lstat { path: &self.path });
    }

    /// Takes the answer.
    pub(crate) fn answer(&self, answer: &Answer) -> Result<Done, OperationError> {
        match answer {
            Answer::Attributes(attributes) => Ok(Done::Seen(Seen::Present(attributes.size_bytes))),
            Answer::Refused(status) if status.code.is_absent() => Ok(Done::Seen(Seen::Absent)),
            Answer::Refused(status) => Err(self.failed(
                status.code.class(),
                format!("the server does not show {}: {status}", self.name),
                false,
            )),
            // The outbox lets only attributes and refusals through.
            Answer::Ok | Answer::Handle(_) | Answer::Data(_) => Ok(Done::Seen(Seen::Present(None))),
        }
    }

    /// The end without an answer.
    pub(crate) fn lost(&self, reason: &str) -> OperationError {
        let text = format!("{} was not looked at: {reason}", self.name);
        self.failed(FailureClass::Transient, text, true)
    }

    fn failed(&self, class: FailureClass, text: String, connection_lost: bool) -> OperationError {
        OperationError {
            failure: Failure {
                phase: Phase::Look,
                class,
                text,
            },
            remote: RemoteAfterFailure::Untouched,
            connection_lost,
        }
    }
}
