//! The first bytes of one file: open, read, close. It changes nothing. Performs no I/O.

use courier_ledger::{Failure, FailureClass, Phase, RemoteAfterFailure, RemoteName};

use super::operation::{Done, OperationError, Outcome};
use super::outbox::{Answer, Purpose, Requests};
use crate::effects::sftp::wire::request::Request;
use crate::effects::sftp::wire::status::{Status, StatusCode};

/// An excerpt under way.
pub(crate) struct Excerpt {
    path: String,
    name: RemoteName,
    length: u32,
    handle: Option<Vec<u8>>,
    bytes: Vec<u8>,
    failure: Option<OperationError>,
}

impl Excerpt {
    /// The first `length` bytes of `path`, which messages call `name`.
    pub(crate) fn new(path: String, name: RemoteName, length: u32) -> Self {
        Self {
            path,
            name,
            length,
            handle: None,
            bytes: Vec::new(),
            failure: None,
        }
    }

    /// Sends the first request.
    pub(crate) fn begin(&self, out: &mut Requests<'_>) {
        out.send(Purpose::Reopen, Request::OpenRead { path: &self.path });
    }

    /// Takes an answer.
    pub(crate) fn answer(&mut self, answer: Answer, out: &mut Requests<'_>) -> Option<Outcome> {
        match (answer, self.handle.is_some()) {
            (Answer::Handle(handle), _) => {
                self.handle = Some(handle);
                self.read_on(out);
                None
            }
            (Answer::Refused(status), false) if status.code.is_absent() => {
                Some(Ok(Done::Excerpt(None)))
            }
            (Answer::Refused(status), false) => Some(Err(self.refused(&status))),
            (Answer::Data(bytes), _) if !bytes.is_empty() => {
                self.bytes.extend(bytes);
                self.read_on(out);
                None
            }
            (Answer::Refused(status), true) if self.is_reading() => {
                if status.code != StatusCode::EOF {
                    self.failure = Some(self.refused(&status));
                }
                self.close(out);
                None
            }
            (Answer::Data(_), _) => {
                self.close(out);
                None
            }
            // The close: what was only read cannot have lost anything by it.
            (Answer::Ok | Answer::Attributes(_) | Answer::Refused(_), _) => {
                let bytes = std::mem::take(&mut self.bytes);
                let done = Done::Excerpt(Some(bytes));
                Some(self.failure.take().map_or(Ok(done), Err))
            }
        }
    }

    /// The end without an answer.
    pub(crate) fn lost(&self, reason: &str) -> OperationError {
        let text = format!("{} was not looked into: {reason}", self.name);
        self.failed(FailureClass::Transient, text, true)
    }

    fn is_reading(&self) -> bool {
        self.length > 0
    }

    /// Asks for what is missing; closes when nothing is.
    fn read_on(&mut self, out: &mut Requests<'_>) {
        let read = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        match (self.length.checked_sub(read), &self.handle) {
            (Some(left @ 1..), Some(handle)) => out.read(handle, u64::from(read), left),
            _ => self.close(out),
        }
    }

    fn close(&mut self, out: &mut Requests<'_>) {
        self.length = 0;
        if let Some(handle) = &self.handle {
            out.send(Purpose::Close, Request::Close { handle });
        }
    }

    fn refused(&self, status: &Status) -> OperationError {
        let (class, hint) = if status.code.is_denied() {
            (
                FailureClass::NeedsPerson,
                "; an earlier upload had no outcome, so nobody can tell whose file stands there: move \
                 it away at the drop-box, or let the user read it",
            )
        } else {
            (status.code.class(), "")
        };
        let text = format!(
            "the server does not let {} be looked into: {status}{hint}",
            self.name
        );
        self.failed(class, text, false)
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
