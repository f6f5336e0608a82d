//! A look at one file: whether it is there, and how large it is. One request, one answer; it never
//! opens, reads or changes anything. Performs no I/O.

use courier_ledger::{Failure, FailureClass, Phase, RemoteAfterFailure, RemoteName, Seen};

use super::answer::{Answer, Said};
use super::operation::{Done, OperationError, Outcome};
use super::outbox::Requests;
use crate::effects::sftp::wire::attributes::Attributes;
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
        out.look(Request::Lstat { path: &self.path }, Answer::Looked);
    }

    /// Takes the answer.
    pub(crate) fn answer(&self, said: Said<Attributes>) -> Outcome {
        match said {
            Ok(attributes) => Ok(Done::Seen(Seen::Present(attributes.size_bytes))),
            Err(status) if status.code.is_absent() => Ok(Done::Seen(Seen::Absent)),
            Err(status) => {
                let failure = Failure {
                    phase: Phase::Look,
                    class: status.code.class(),
                    text: format!("the server does not show {}: {status}", self.name),
                };
                let remote = RemoteAfterFailure::Untouched;
                Err(OperationError::new(failure, remote))
            }
        }
    }

    /// The end without an answer.
    pub(crate) fn lost(&self, reason: &str) -> OperationError {
        let failure = Failure {
            phase: Phase::Look,
            class: FailureClass::Transient,
            text: format!("{} was not looked at: {reason}", self.name),
        };
        OperationError::lost(failure, RemoteAfterFailure::Untouched)
    }
}
