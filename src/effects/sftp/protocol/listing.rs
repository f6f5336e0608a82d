//! Everything in the folder: open, read until its end, close. A few questions for more are always on
//! their way, so that a long round trip is not waited for once per answer. It changes nothing.
//! Performs no I/O.

use courier_ledger::{Failure, FailureClass, Phase, RemoteAfterFailure};

use super::answer::{self, Answer, Handle, Said};
use super::operation::{Done, Listed, OperationError, Outcome};
use super::outbox::Requests;
use crate::effects::sftp::wire::names::{Entry, Names};
use crate::effects::sftp::wire::request::Request;
use crate::effects::sftp::wire::status::{Status, StatusCode};

/// Questions for more that are on their way at once.
const AHEAD: usize = 4;
/// More than any drop-box holds: what a server lists beyond is not taken into memory.
const MOST_ENTRIES: u64 = 1_000_000;

/// A listing under way.
pub(crate) struct Listing {
    path: String,
    state: State,
}

/// How far a listing is.
enum State {
    /// The folder is being opened.
    Opening,
    /// It is being read.
    Reading {
        handle: Handle,
        entries: Vec<Entry>,
        others: u64,
        /// Questions without an answer.
        asked: usize,
        /// How the reading ended; nothing more is asked then.
        end: Option<End>,
    },
    /// It is being closed; what comes of it is known.
    Closing(Outcome),
}

/// How the reading of a folder ended.
enum End {
    /// There are no more names.
    Whole,
    /// The server said this.
    Stopped(Status),
    /// There are too many names.
    TooMany,
}

impl Listing {
    /// Everything in the folder `path`.
    pub(crate) fn new(path: String) -> Self {
        Self {
            path,
            state: State::Opening,
        }
    }

    /// Sends the first request.
    pub(crate) fn begin(&self, out: &mut Requests<'_>) {
        out.open(Request::OpenFolder { path: &self.path }, |said| {
            Answer::Listing(answer::Listing::Opened(said))
        });
    }

    /// Takes an answer.
    pub(crate) fn answer(
        &mut self,
        answer: answer::Listing,
        out: &mut Requests<'_>,
    ) -> Option<Outcome> {
        use answer::Listing::{Closed, Named, Opened};
        let state = std::mem::replace(&mut self.state, State::Opening);
        self.state = match (state, answer) {
            (State::Opening, Opened(Ok(handle))) => {
                for _ in 0..AHEAD {
                    ask(&handle, out);
                }
                State::Reading {
                    handle,
                    entries: Vec::new(),
                    others: 0,
                    asked: AHEAD,
                    end: None,
                }
            }
            (State::Opening, Opened(Err(status))) => return Some(self.stopped(&status)),
            (
                State::Reading {
                    handle,
                    mut entries,
                    mut others,
                    mut asked,
                    mut end,
                },
                Named(said),
            ) => {
                asked -= 1;
                let now = take(said, &mut entries, &mut others);
                if end.is_none() {
                    end = now;
                }
                match end {
                    None => {
                        ask(&handle, out);
                        asked += 1;
                    }
                    Some(_) if asked > 0 => {}
                    Some(end) => {
                        out.act(Request::Close { handle: &handle }, |_| {
                            Answer::Listing(answer::Listing::Closed)
                        });
                        self.state = State::Closing(self.outcome(end, entries, others));
                        return None;
                    }
                }
                State::Reading {
                    handle,
                    entries,
                    others,
                    asked,
                    end,
                }
            }
            (State::Closing(outcome), Closed) => return Some(outcome),
            // Nothing else was asked.
            (state @ State::Opening, Named(_) | Closed)
            | (state @ State::Reading { .. }, Opened(_) | Closed)
            | (state @ State::Closing(_), Opened(_) | Named(_)) => state,
        };
        None
    }

    /// The end without an answer.
    pub(crate) fn lost(&self, reason: &str) -> OperationError {
        let text = format!("the folder was not listed: {reason}");
        OperationError::lost(
            failure(FailureClass::Transient, text),
            RemoteAfterFailure::Untouched,
        )
    }

    fn outcome(&self, end: End, entries: Vec<Entry>, others: u64) -> Outcome {
        match end {
            End::Whole => Ok(Done::Listed(Listed::Whole { entries, others })),
            // Some servers let a folder be opened that they do not let be read.
            End::Stopped(status) if entries.is_empty() => self.stopped(&status),
            End::Stopped(status) => Err(OperationError::new(
                failure(
                    status.code.class(),
                    format!("the server does not list all of the folder: {status}"),
                ),
                RemoteAfterFailure::Untouched,
            )),
            End::TooMany => Err(OperationError::new(
                failure(
                    FailureClass::NeedsPerson,
                    format!(
                        "the server lists more than {MOST_ENTRIES} names in the folder: move away there \
                         what is no result, or use a folder of its own"
                    ),
                ),
                RemoteAfterFailure::Untouched,
            )),
        }
    }

    /// Nothing was listed, and the server said why.
    fn stopped(&self, status: &Status) -> Outcome {
        if status.code.is_denied() || status.code == StatusCode::UNSUPPORTED {
            return Ok(Done::Listed(Listed::Refused(status.to_string())));
        }
        let text = format!("the server does not list the folder: {status}");
        Err(OperationError::new(
            failure(status.code.class(), text),
            RemoteAfterFailure::Untouched,
        ))
    }
}

fn ask(handle: &[u8], out: &mut Requests<'_>) {
    out.names(Request::ReadFolder { handle }, |said| {
        Answer::Listing(answer::Listing::Named(said))
    });
}

/// Takes what came for one question; says whether, and how, the reading ends with it.
fn take(said: Said<Names>, entries: &mut Vec<Entry>, others: &mut u64) -> Option<End> {
    match said {
        // Nobody should answer so, and without a name there is no progress.
        Ok(names) if names.is_empty => Some(End::Whole),
        Ok(names) => {
            *others += names.others;
            let more = names.entries.len() as u64;
            if entries.len() as u64 + *others + more > MOST_ENTRIES {
                return Some(End::TooMany);
            }
            entries.extend(names.entries);
            None
        }
        Err(status) if status.code == StatusCode::EOF => Some(End::Whole),
        Err(status) => Some(End::Stopped(status)),
    }
}

fn failure(class: FailureClass, text: String) -> Failure {
    Failure {
        phase: Phase::Look,
        class,
        text,
    }
}
