//! How much room the folder's disk has: one question, no trace. Performs no I/O.
//!
//! Deliberately absent: what too little is; and a guess where the server does not offer to be asked.

use courier_ledger::{Failure, FailureClass, Phase, RemoteAfterFailure};

use super::answer::{Answer, Said};
use super::operation::{Done, OperationError, Outcome};
use super::outbox::Requests;
use crate::effects::sftp::wire::reply::Room;
use crate::effects::sftp::wire::request::Request;

/// A measurement under way.
pub(crate) struct Measurement {
    path: String,
}

impl Measurement {
    /// The room for files in the folder `path`.
    pub(crate) fn new(path: String) -> Self {
        Self { path }
    }

    /// Sends the question; the end where there is nobody to ask.
    pub(crate) fn begin(&self, out: &mut Requests<'_>) -> Option<Outcome> {
        if !out.capabilities.statvfs {
            return Some(Ok(Done::Measured(None)));
        }
        out.room(Request::Room { path: &self.path }, Answer::Measuring);
        None
    }

    /// Takes the answer.
    pub(crate) fn answer(said: Said<Room>) -> Outcome {
        said.map(|room| Done::Measured(Some(room)))
            .map_err(|status| {
                let text = format!("the server does not say how much room there is: {status}");
                let failure = failure(status.code.class(), text);
                OperationError::new(failure, RemoteAfterFailure::Untouched)
            })
    }

    /// The end without an answer.
    pub(crate) fn lost(reason: &str) -> OperationError {
        let text = format!("the server was not heard on how much room there is: {reason}");
        let failure = failure(FailureClass::Transient, text);
        OperationError::lost(failure, RemoteAfterFailure::Untouched)
    }
}

fn failure(class: FailureClass, text: String) -> Failure {
    Failure {
        phase: Phase::Look,
        class,
        text,
    }
}
