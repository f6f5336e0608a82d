//! One upload, from the temporary name to the final one. Performs no I/O: answers come in, requests
//! go out, and every order of refusals ends in an outcome that says what remains at the drop-box.
//!
//! What always holds: the final name is touched only after every write, the sync, the size and the
//! close were acknowledged; a file that this ledger did not create is never replaced; a temporary
//! file is removed by whoever gives up, and otherwise reported. A server that says "no such file"
//! of the temporary name when it is to be renamed has left the final name as it was, so that outcome
//! is `Untouched`: to call it uncertain would allow the next run to overwrite a file that somebody
//! else put there.
//!
//! Deliberately absent: retries (the run loop's), any change of times or permissions, reading back.
//! Another way of placing or of verifying is another branch in `begin`, `confirm` and
//! `place` (`upload/placing.rs`).

mod placing;

use courier_ledger::{Failure, FailureClass, Phase, Placement, RemoteAfterFailure, Replaces};

use super::operation::{Done, OperationError};
use super::outbox::{Answer, Flow, Purpose, Requests};
use super::reply::Attributes;
use super::request::Request;
use super::status::{Status, StatusCode};
use crate::effects::source::Source;

/// The end of an operation.
pub(crate) type Outcome = Result<Done, OperationError>;

/// How far an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The temporary file is being created.
    Creating,
    /// Its bytes are being sent.
    Writing,
    /// Everything is sent; answers are awaited.
    Confirming,
    /// It is being put under its final name.
    Placing,
    /// It is in place; a last look is taken.
    Placed(Placement),
}

/// An upload under way.
pub(crate) struct Upload {
    source: Box<dyn Source>,
    temporary: String,
    target: String,
    name: String,
    replaces: Replaces,
    step: Step,
    handle: Option<Vec<u8>>,
    size_bytes: u64,
    /// Whether the open file's size could not be had.
    unmeasured: bool,
    /// Why the file could not be created, when the reason may be a file that stands there.
    create_refusal: Option<Status>,
    /// Why the file could not be put in place, when the reason may be a file that stands there.
    place_refusal: Option<Status>,
    /// Whether the temporary file may exist.
    temporary_may_remain: bool,
    /// Whether its removal was tried.
    withdrawn: bool,
    /// Whether a request that changes the final name is without an answer.
    in_doubt: bool,
    /// Whether the old file was removed from the final name.
    unlinked: bool,
    failure: Option<Failure>,
}

impl Upload {
    /// An upload of `source` to the path `target`, which messages call `name`.
    pub(crate) fn new(
        source: Box<dyn Source>,
        temporary: String,
        target: String,
        name: String,
        replaces: Replaces,
    ) -> Self {
        Self {
            source,
            temporary,
            target,
            name,
            replaces,
            step: Step::Creating,
            handle: None,
            size_bytes: 0,
            unmeasured: false,
            create_refusal: None,
            place_refusal: None,
            temporary_may_remain: false,
            withdrawn: false,
            in_doubt: false,
            unlinked: false,
            failure: None,
        }
    }

    /// Sends the first request.
    pub(crate) fn begin(&mut self, out: &mut Requests<'_>) -> Option<Outcome> {
        if let Err(error) = self.source.restart() {
            self.source_failed(&error);
            return self.advance(out);
        }
        self.create(out);
        None
    }

    /// Whether it can send data now.
    pub(crate) fn is_writing(&self) -> bool {
        self.step == Step::Writing && self.failure.is_none()
    }

    /// Whether it holds, or may come to hold, a file open at the server.
    pub(crate) fn occupies_file(&self) -> bool {
        self.handle.is_some() || self.step == Step::Creating
    }

    /// Sends the next piece, and what follows the last one.
    pub(crate) fn feed(&mut self, room: usize, out: &mut Requests<'_>) -> (Flow, Option<Outcome>) {
        let Some(handle) = self
            .handle
            .as_deref()
            .filter(|_| self.step == Step::Writing)
        else {
            return (Flow::End, None);
        };
        match out.write(handle, self.size_bytes, room, self.source.as_mut()) {
            Ok(fed) => {
                self.size_bytes += fed.bytes as u64;
                if fed.source == Flow::End {
                    self.confirm(out);
                }
                (fed.source, None)
            }
            Err(error) => {
                self.source_failed(&error);
                (Flow::End, self.advance(out))
            }
        }
    }

    /// Takes an answer. `out.outstanding` no longer counts its request.
    pub(crate) fn answer(
        &mut self,
        purpose: Purpose,
        answer: Answer,
        out: &mut Requests<'_>,
    ) -> Option<Outcome> {
        match (purpose, answer) {
            (Purpose::Create, Answer::Handle(handle)) => {
                self.handle = Some(handle);
                self.step = Step::Writing;
            }
            (Purpose::Create, Answer::Refused(status)) => self.create_refused(status, out),
            (Purpose::ClearTemporary, answer) => self.temporary_cleared(answer, out),
            (Purpose::Write, Answer::Refused(status)) => {
                let full = if status.code.is_full() {
                    ""
                } else {
                    "; its disk or quota may be full"
                };
                self.fail(
                    Phase::Write,
                    status.code.class(),
                    format!(
                        "the server does not take the bytes of {}: {status}{full}",
                        self.name
                    ),
                );
            }
            (Purpose::Sync, Answer::Refused(status)) => {
                if status.code == StatusCode::UNSUPPORTED {
                    out.capabilities.fsync = false;
                } else {
                    self.confirmation_failed("cannot bring it to its disk", &status);
                }
            }
            (
                Purpose::Measure | Purpose::MeasureByName,
                Answer::Attributes(Attributes {
                    size_bytes: Some(size),
                    ..
                }),
            ) => self.compare(size),
            (Purpose::Measure, _) => self.unmeasured = true,
            (Purpose::Close, answer) => {
                self.handle = None;
                if let Answer::Refused(status) = answer {
                    self.confirmation_failed("cannot close it", &status);
                }
            }
            (Purpose::LookBefore, Answer::Attributes(_)) => self.occupied(),
            (Purpose::Replace, Answer::Ok) => self.placed(Placement::PosixRename, out),
            (Purpose::Place | Purpose::PlaceAgain, Answer::Ok) => {
                let placement = if self.unlinked {
                    Placement::UnlinkThenRename
                } else {
                    Placement::Rename
                };
                self.placed(placement, out);
            }
            (Purpose::Replace, Answer::Refused(status)) => self.replace_refused(&status, out),
            (Purpose::Place, Answer::Refused(status)) => self.place_refused(status, out),
            (Purpose::LookAfterRefusal, answer) => self.refusal_explained(&answer, out),
            (Purpose::Unlink, answer) => self.old_unlinked(&answer, out),
            (Purpose::PlaceAgain, Answer::Refused(status)) => {
                self.in_doubt = false;
                self.place_failed(&status);
            }
            (Purpose::LookAfter, Answer::Refused(status)) if status.code.is_absent() => {
                if let Step::Placed(placement) = self.step {
                    return Some(Ok(Done::PickedUp {
                        size_bytes: self.size_bytes,
                        placement,
                    }));
                }
            }
            (Purpose::LookAfter, _) => return self.uploaded(),
            (Purpose::Withdraw, Answer::Ok) => self.temporary_may_remain = false,
            (Purpose::Withdraw, Answer::Refused(status)) if status.code.is_absent() => {
                self.temporary_may_remain = false;
            }
            // What was written is acknowledged, the final name is free or cannot be looked at, the
            // temporary file stays: nothing follows. Answers of the wrong kind do not get here.
            (
                Purpose::Write
                | Purpose::Sync
                | Purpose::MeasureByName
                | Purpose::LookBefore
                | Purpose::Withdraw
                | Purpose::Create
                | Purpose::Replace
                | Purpose::Place
                | Purpose::PlaceAgain
                | Purpose::Remove
                | Purpose::Glance,
                _,
            ) => {}
        }
        self.advance(out)
    }

    /// Gives up because the time for it is over. What is irrevocable is waited for.
    pub(crate) fn expire(&mut self, out: &mut Requests<'_>) -> Option<Outcome> {
        if matches!(self.step, Step::Placed(_)) {
            return self.uploaded();
        }
        let text = format!("the upload of {} took longer than allowed", self.name);
        self.fail(self.phase(), FailureClass::Transient, text);
        self.advance(out)
    }

    /// The end when the connection is gone.
    pub(crate) fn lost(&mut self, reason: &str) -> Outcome {
        if let Some(done) = self.uploaded() {
            return done;
        }
        let text = format!("the upload of {} was cut off: {reason}", self.name);
        self.fail(self.phase(), FailureClass::Transient, text);
        self.given_up(true)
    }

    fn create(&mut self, out: &mut Requests<'_>) {
        self.temporary_may_remain = true;
        out.send(
            Purpose::Create,
            Request::OpenNew {
                path: &self.temporary,
            },
        );
    }

    fn create_refused(&mut self, status: Status, out: &mut Requests<'_>) {
        let hopeless = status.code.is_absent() || status.code.is_denied() || status.code.is_full();
        if hopeless || self.create_refusal.is_some() {
            // A refused creation creates nothing; an earlier attempt may have. Where that was cleared,
            // or the folder is missing, nothing stands there.
            if status.code.is_absent() || self.create_refusal.is_some() {
                self.temporary_may_remain = false;
            }
            self.create_failed(&status);
        } else if self.failure.is_none() {
            // OpenSSH says "failure" whatever the reason. A file of this name can only be our own.
            self.create_refusal = Some(status);
            out.send(
                Purpose::ClearTemporary,
                Request::Remove {
                    path: &self.temporary,
                },
            );
        }
    }

    fn temporary_cleared(&mut self, answer: Answer, out: &mut Requests<'_>) {
        match answer {
            Answer::Refused(status) if status.code.is_absent() => {
                self.temporary_may_remain = false;
                if let Some(refusal) = self.create_refusal.clone() {
                    self.create_failed(&refusal);
                }
            }
            Answer::Refused(status) => {
                self.withdrawn = true;
                self.fail(
                    Phase::Create,
                    status.code.class(),
                    format!(
                        "the temporary file for {} cannot be created, and what may stand there \
                         cannot be removed: {status}",
                        self.name
                    ),
                );
            }
            Answer::Ok | Answer::Handle(_) | Answer::Attributes(_) => {
                self.temporary_may_remain = false;
                if self.failure.is_none() {
                    self.create(out);
                }
            }
        }
    }

    fn create_failed(&mut self, status: &Status) {
        let hint = if status.code.is_absent() {
            "; is the folder still there?"
        } else if status.code.is_denied() {
            "; the user needs the right to create files in the folder"
        } else {
            ""
        };
        self.fail(
            Phase::Create,
            status.code.class(),
            format!(
                "the server does not create the temporary file for {}: {status}{hint}",
                self.name
            ),
        );
    }

    /// Sends what follows the last byte. Requests on one handle are served in order, so nothing is
    /// waited for here.
    fn confirm(&mut self, out: &mut Requests<'_>) {
        self.step = Step::Confirming;
        let Some(handle) = self.handle.as_deref() else {
            return;
        };
        if out.capabilities.fsync {
            out.send(Purpose::Sync, Request::Fsync { handle });
        }
        out.send(Purpose::Measure, Request::Fstat { handle });
        out.send(Purpose::Close, Request::Close { handle });
        if self.replaces == Replaces::Nothing {
            // Some servers overwrite in a plain rename.
            out.send(Purpose::LookBefore, Request::Lstat { path: &self.target });
        }
    }

    fn compare(&mut self, size: u64) {
        if size != self.size_bytes {
            self.fail(
                Phase::Confirm,
                FailureClass::Transient,
                format!(
                    "the server holds {size} bytes of {} where {} were sent and acknowledged",
                    self.name, self.size_bytes
                ),
            );
        }
    }

    fn confirmation_failed(&mut self, what: &str, status: &Status) {
        self.fail(
            Phase::Confirm,
            status.code.class(),
            format!("the server took {} and {what}: {status}", self.name),
        );
    }

    fn source_failed(&mut self, error: &std::io::Error) {
        let text = format!("the bytes of {} cannot be had: {error}", self.name);
        self.fail(Phase::Spool, FailureClass::Transient, text);
    }

    /// The first failure counts; what follows from it is not another one.
    fn fail(&mut self, phase: Phase, class: FailureClass, text: String) {
        self.failure.get_or_insert(Failure { phase, class, text });
    }

    fn phase(&self) -> Phase {
        match self.step {
            Step::Creating => Phase::Create,
            Step::Writing => Phase::Write,
            Step::Confirming => Phase::Confirm,
            Step::Placing | Step::Placed(_) => Phase::Place,
        }
    }

    fn uploaded(&self) -> Option<Outcome> {
        match self.step {
            Step::Placed(placement) => Some(Ok(Done::Uploaded {
                size_bytes: self.size_bytes,
                placement,
            })),
            Step::Creating | Step::Writing | Step::Confirming | Step::Placing => None,
        }
    }

    /// What follows when nothing is outstanding.
    fn advance(&mut self, out: &mut Requests<'_>) -> Option<Outcome> {
        if *out.outstanding > 0 {
            return None;
        }
        if self.failure.is_some() {
            if let Some(handle) = self.handle.as_deref() {
                out.send(Purpose::Close, Request::Close { handle });
                return None;
            }
            if self.temporary_may_remain && !self.withdrawn {
                self.withdrawn = true;
                out.send(
                    Purpose::Withdraw,
                    Request::Remove {
                        path: &self.temporary,
                    },
                );
                return None;
            }
            return Some(self.given_up(false));
        }
        if self.step == Step::Confirming {
            if self.unmeasured {
                self.unmeasured = false;
                out.send(
                    Purpose::MeasureByName,
                    Request::Stat {
                        path: &self.temporary,
                    },
                );
            } else {
                self.place(out);
            }
        }
        None
    }

    fn given_up(&mut self, connection_lost: bool) -> Outcome {
        let remote = if self.unlinked || self.in_doubt {
            RemoteAfterFailure::Uncertain
        } else if self.temporary_may_remain {
            RemoteAfterFailure::TemporaryMayRemain
        } else {
            RemoteAfterFailure::Untouched
        };
        let failure = self.failure.take().unwrap_or_else(|| Failure {
            phase: self.phase(),
            class: FailureClass::Transient,
            text: format!("the upload of {} was given up", self.name),
        });
        Err(OperationError {
            failure,
            remote,
            connection_lost,
        })
    }
}
