//! The first bytes of one file: open, read, close. It changes nothing. Performs no I/O.
//!
//! What always holds: a file that cannot be opened is absent only when a look does not find it either; and
//! one that decides whose file it is ends where it is said to end.

use courier_ledger::{Failure, FailureClass, Phase, RemoteAfterFailure, RemoteName};

use super::answer::{self, Answer, Handle, Piece, Said};
use super::operation::{Concern, Done, OperationError, Outcome};
use super::outbox::Requests;
use super::sighting::{Question, Sight, Sighting};
use crate::effects::sftp::wire::attributes::Attributes;
use crate::effects::sftp::wire::request::Request;
use crate::effects::sftp::wire::status::{Status, StatusCode};

/// An excerpt under way.
pub(crate) struct Excerpt {
    path: String,
    name: RemoteName,
    wanted: Wanted,
    concern: Concern,
    state: State,
}

/// How much of a file is wanted, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// In all.
    pub(crate) length: u32,
    /// In one answer, at most.
    pub(crate) at_once: u32,
}

/// How far an excerpt is.
enum State {
    /// The file is being opened.
    Opening,
    /// It is being read.
    Reading {
        handle: Handle,
        /// What was read so far.
        bytes: Vec<u8>,
    },
    /// It ends there, and it is asked how long it is.
    Measuring {
        handle: Handle,
        /// All that it holds, as far as it gives it.
        bytes: Vec<u8>,
    },
    /// It is being closed; what comes of it is known.
    Closing(Outcome),
    /// It was not opened, and it is looked whether it is there.
    Sighting(Status, Sighting<Asked>),
}

struct Asked;

impl Question for Asked {
    fn answer(sighted: answer::Sighted) -> Answer {
        Answer::Excerpt(answer::Excerpt::Sighted(sighted))
    }
}

impl Excerpt {
    /// The first bytes of `path`, which messages call `name`.
    pub(crate) fn new(path: String, name: RemoteName, wanted: Wanted, concern: Concern) -> Self {
        Self {
            path,
            name,
            wanted,
            concern,
            state: State::Opening,
        }
    }

    /// Sends the first request.
    pub(crate) fn begin(&self, out: &mut Requests<'_>) {
        out.open(Request::OpenRead { path: &self.path }, |said| {
            Answer::Excerpt(answer::Excerpt::Opened(said))
        });
    }

    /// Takes an answer.
    pub(crate) fn answer(
        &mut self,
        answer: answer::Excerpt,
        out: &mut Requests<'_>,
    ) -> Option<Outcome> {
        use answer::Excerpt::{Closed, Measured, Opened, Read, Sighted};
        let state = std::mem::replace(&mut self.state, State::Opening);
        self.state = match (state, answer) {
            (State::Opening, Opened(Ok(handle))) => self.read_on(handle, Vec::new(), out),
            (State::Opening, Opened(Err(status))) => {
                State::Sighting(status, Sighting::begin(&self.path, out))
            }
            (State::Sighting(status, mut sighting), Sighted(sighted)) => {
                sighting.answer(sighted, out);
                if let Some(sight) = sighting.sight() {
                    return Some(self.not_opened(&status, sight));
                }
                State::Sighting(status, sighting)
            }
            (State::Reading { handle, bytes }, Read(piece)) => {
                self.piece_read(handle, bytes, piece, out)
            }
            (State::Measuring { handle, bytes }, Measured(said)) => {
                close(&handle, self.measured(bytes, said), out)
            }
            (State::Closing(outcome), Closed) => return Some(outcome),
            // It asks one thing at a time: nothing else can be answered.
            (state @ State::Opening, Read(_) | Measured(_) | Closed | Sighted(_))
            | (state @ State::Reading { .. }, Opened(_) | Measured(_) | Closed | Sighted(_))
            | (state @ State::Measuring { .. }, Opened(_) | Read(_) | Closed | Sighted(_))
            | (state @ State::Closing(_), Opened(_) | Read(_) | Measured(_) | Sighted(_))
            | (state @ State::Sighting(..), Opened(_) | Read(_) | Measured(_) | Closed) => state,
        };
        None
    }

    /// The end without an answer.
    pub(crate) fn lost(&self, reason: &str) -> OperationError {
        let failure = Failure {
            phase: Phase::Look,
            class: FailureClass::Transient,
            text: format!("{} was not looked into: {reason}", self.name),
        };
        OperationError::lost(failure, RemoteAfterFailure::Untouched)
    }

    fn piece_read(
        &self,
        handle: Handle,
        mut bytes: Vec<u8>,
        piece: Piece,
        out: &mut Requests<'_>,
    ) -> State {
        match piece.bytes {
            Ok(more) if !more.is_empty() => {
                bytes.extend(more);
                self.read_on(handle, bytes, out)
            }
            Ok(_) => self.ended(handle, bytes, out),
            Err(status) if status.code == StatusCode::EOF => self.ended(handle, bytes, out),
            Err(status) => close(&handle, Err(self.refused(&status)), out),
        }
    }

    /// Asks for what is missing; closes when nothing is.
    fn read_on(&self, handle: Handle, bytes: Vec<u8>, out: &mut Requests<'_>) -> State {
        let read = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        match self.wanted.length.checked_sub(read) {
            Some(left @ 1..) => {
                let length = left.min(self.wanted.at_once.max(1));
                out.read(&handle, u64::from(read), length, |piece| {
                    Answer::Excerpt(answer::Excerpt::Read(piece))
                });
                State::Reading { handle, bytes }
            }
            Some(0) | None => close(&handle, Ok(Done::Excerpt(Some(bytes))), out),
        }
    }

    /// It is shorter than what is wanted of it. Where that may make it this ledger's, more than one answer
    /// says so.
    fn ended(&self, handle: Handle, bytes: Vec<u8>, out: &mut Requests<'_>) -> State {
        match self.concern {
            Concern::UploadInDoubt => {
                out.look(Request::Fstat { handle: &handle }, |said| {
                    Answer::Excerpt(answer::Excerpt::Measured(said))
                });
                State::Measuring { handle, bytes }
            }
            Concern::Survey => close(&handle, Ok(Done::Excerpt(Some(bytes))), out),
        }
    }

    /// What comes of a file that ended early, by how long the server says it is.
    fn measured(&self, bytes: Vec<u8>, said: Said<Attributes>) -> Outcome {
        let told = said.ok().and_then(|it| it.size_bytes);
        let given = bytes.len() as u64;
        match told.filter(|told| *told != given) {
            None => Ok(Done::Excerpt(Some(bytes))),
            Some(told) => {
                let failure = Failure {
                    phase: Phase::Look,
                    class: FailureClass::Transient,
                    text: format!(
                        "the server says that {} holds {told} bytes, and gives {given} of them",
                        self.name
                    ),
                };
                Err(OperationError::new(failure, RemoteAfterFailure::Untouched))
            }
        }
    }

    /// What comes of a file that was not opened.
    fn not_opened(&self, status: &Status, sight: &Sight) -> Outcome {
        match sight {
            Sight::Absent => Ok(Done::Excerpt(None)),
            Sight::Unseen(_) if status.code.is_absent() => Ok(Done::Excerpt(None)),
            Sight::Present(_) if status.code.is_absent() => {
                let failure = Failure {
                    phase: Phase::Look,
                    class: FailureClass::Transient,
                    text: format!(
                        "the server says that {} is not there, and a look shows it",
                        self.name
                    ),
                };
                Err(OperationError::new(failure, RemoteAfterFailure::Untouched))
            }
            Sight::Present(_) | Sight::Unseen(_) => Err(self.refused(status)),
        }
    }

    fn refused(&self, status: &Status) -> OperationError {
        let (class, hint) = match self.concern {
            Concern::UploadInDoubt if status.code.is_denied() => (
                FailureClass::NeedsPerson,
                "; an earlier upload had no outcome, so nobody can tell whose file stands there: move \
                 it away at the drop-box, or let the user read it",
            ),
            Concern::UploadInDoubt | Concern::Survey => (status.code.class(), ""),
        };
        let name = &self.name;
        let failure = Failure {
            phase: Phase::Look,
            class,
            text: format!("the server does not let {name} be looked into: {status}{hint}"),
        };
        OperationError::new(failure, RemoteAfterFailure::Untouched)
    }
}

/// Closes the file, whatever comes of it.
fn close(handle: &[u8], outcome: Outcome, out: &mut Requests<'_>) -> State {
    out.act(Request::Close { handle }, |_| {
        Answer::Excerpt(answer::Excerpt::Closed)
    });
    State::Closing(outcome)
}
