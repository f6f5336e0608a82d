//! A look at one file: whether it is there, and how large it is. It never opens, reads or changes the
//! file. Performs no I/O.

use courier_ledger::{Failure, FailureClass, Phase, RemoteAfterFailure, RemoteName, Seen};

use super::answer::{Answer, Sighted};
use super::operation::{Done, OperationError, Outcome};
use super::outbox::Requests;
use super::sighting::{Question, Sight, Sighting};

/// A look under way.
pub(crate) struct Look {
    path: String,
    name: RemoteName,
    sighting: Option<Sighting<Asked>>,
}

struct Asked;

impl Question for Asked {
    fn answer(sighted: Sighted) -> Answer {
        Answer::Looking(sighted)
    }
}

impl Look {
    /// A look at `path`, which messages call `name`.
    pub(crate) fn new(path: String, name: RemoteName) -> Self {
        Self {
            path,
            name,
            sighting: None,
        }
    }

    /// Sends the first request.
    pub(crate) fn begin(&mut self, out: &mut Requests<'_>) {
        self.sighting = Some(Sighting::begin(&self.path, out));
    }

    /// Takes an answer.
    pub(crate) fn answer(&mut self, answer: Sighted, out: &mut Requests<'_>) -> Option<Outcome> {
        let sighting = self.sighting.as_mut()?;
        sighting.answer(answer, out);
        Some(match sighting.sight()? {
            Sight::Present(attributes) => Ok(Done::Seen(Seen::Present(attributes.size_bytes))),
            Sight::Absent => Ok(Done::Seen(Seen::Absent)),
            Sight::Unseen(status) => {
                let failure = Failure {
                    phase: Phase::Look,
                    class: status.code.class(),
                    text: format!("the server does not show {}: {status}", self.name),
                };
                let remote = RemoteAfterFailure::Untouched;
                Err(OperationError::new(failure, remote))
            }
        })
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
