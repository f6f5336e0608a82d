//! One upload, from the temporary name to the final one. Performs no I/O: answers come in, requests
//! go out, and every order of refusals ends in an outcome that says what remains at the drop-box.
//!
//! What always holds: unless the recipe says `Direct`, the final name is touched only after every
//! write, the sync, the size and the close were acknowledged; a file that this ledger did not create
//! is never replaced; an unfinished file is removed by whoever gives up, and otherwise reported; a
//! final name is never removed because of what a verification found. A server that says "no such file"
//! of the temporary name when it is to be renamed has left the final name as it was, so that outcome
//! is `Untouched`: to call it uncertain would allow the next run to overwrite a file that somebody
//! else put there.
//!
//! Deliberately absent: retries (the run loop's), any change of times or permissions. Another way of
//! placing or of verifying is another branch in `upload/creating.rs`, `confirming.rs` and `placing.rs`.

mod confirming;
mod creating;
mod ending;
mod placing;
mod reading_back;

use courier_ledger::{Failure, Phase, Placement, RemoteName, Replaces};

use super::operation::{Done, Outcome};
use super::outbox::{Answer, Bounds, Flow, Purpose, Requests};
use super::recipe::{Placing, Recipe, Verification};
use crate::effects::sftp::wire::reply::Attributes;
use crate::effects::sftp::wire::request::Request;
use crate::effects::sftp::wire::status::{Status, StatusCode};
use crate::effects::source::Source;
use reading_back::{Hashing, ReadBack};

/// How far an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// It is looked whether the final name is free, before a file is created under it.
    Looking,
    /// The file is being created.
    Creating,
    /// Its bytes are being sent.
    Writing,
    /// Everything is sent; answers are awaited.
    Confirming,
    /// It is being opened again.
    Reopening,
    /// Its bytes are being read back.
    ReadingBack,
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
    name: RemoteName,
    replaces: Replaces,
    recipe: Recipe,
    step: Step,
    handle: Option<Vec<u8>>,
    size_bytes: u64,
    /// Of what was sent, where it is to be read back.
    sent: Option<Hashing>,
    read_back: Option<ReadBack>,
    /// Whether the open file's size could not be had.
    unmeasured: bool,
    /// Why the file could not be created, when the reason may be a file that stands there.
    create_refusal: Option<Status>,
    /// Why the file could not be put in place, when the reason may be a file that stands there.
    place_refusal: Option<Status>,
    /// Files that others had open when the creation was refused.
    others_open: Option<usize>,
    /// Whether it waits for others to close theirs.
    is_crowded_out: bool,
    /// Whether the unfinished file may exist.
    unfinished_may_remain: bool,
    /// Whether its removal was tried.
    withdrawn: bool,
    /// Whether a request that changes the final name is without an answer.
    in_doubt: bool,
    /// Whether the look that was sent right after the rename is still to be answered, and will show
    /// what the rename did.
    looks_after: bool,
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
        name: RemoteName,
        replaces: Replaces,
        recipe: Recipe,
    ) -> Self {
        Self {
            source,
            temporary,
            target,
            name,
            replaces,
            recipe,
            step: Step::Creating,
            handle: None,
            size_bytes: 0,
            sent: None,
            read_back: None,
            unmeasured: false,
            create_refusal: None,
            place_refusal: None,
            others_open: None,
            is_crowded_out: false,
            unfinished_may_remain: false,
            withdrawn: false,
            in_doubt: false,
            looks_after: false,
            unlinked: false,
            failure: None,
        }
    }

    /// What messages call it.
    pub(crate) fn name(&self) -> &RemoteName {
        &self.name
    }

    /// Sends the first request; also once more, after it was crowded out.
    pub(crate) fn begin(&mut self, out: &mut Requests<'_>) -> Option<Outcome> {
        self.is_crowded_out = false;
        self.create_refusal = None;
        self.sent = matches!(self.recipe.verification, Verification::ReadBack).then(Hashing::new);
        if let Err(error) = self.source.restart() {
            self.source_failed(&error);
            return self.advance(out);
        }
        self.open(out);
        None
    }

    /// Whether it can send or ask for data now.
    pub(crate) fn is_moving(&self) -> bool {
        matches!(self.step, Step::Writing | Step::ReadingBack) && self.failure.is_none()
    }

    /// Whether it holds, or may come to hold, a file open at the server.
    pub(crate) fn occupies_file(&self) -> bool {
        match self.step {
            _ if self.handle.is_some() => true,
            Step::Looking | Step::Creating | Step::Reopening => true,
            // Its place is kept: a server may allow one open file.
            Step::Confirming => self.recipe.verification == Verification::ReadBack,
            Step::Writing | Step::ReadingBack | Step::Placing | Step::Placed(_) => false,
        }
    }

    /// Whether the server refused to open its file, most likely because others are open: nothing of
    /// it is there, and it can begin again when fewer are.
    pub(crate) fn is_crowded_out(&self) -> bool {
        self.is_crowded_out
    }

    /// Files that the server had open for others when this one was refused.
    pub(crate) fn others_open(&self) -> usize {
        self.others_open.unwrap_or(0)
    }

    /// Whether the server has its file open.
    pub(crate) fn has_file_open(&self) -> bool {
        self.handle.is_some()
    }

    /// Sends the next piece and what follows the last one, or asks for the next piece.
    pub(crate) fn feed(
        &mut self,
        bounds: &Bounds,
        out: &mut Requests<'_>,
    ) -> (Flow, Option<Outcome>) {
        let Some(handle) = self.handle.as_deref().filter(|_| self.is_moving()) else {
            return (Flow::End, None);
        };
        if let Some(read_back) = &mut self.read_back {
            return (read_back.ask(handle, bounds.read_bytes, out), None);
        }
        let source = match &mut self.sent {
            Some(hashing) => &mut hashing.over(self.source.as_mut()) as &mut dyn Source,
            None => self.source.as_mut(),
        };
        match out.write(handle, self.size_bytes, bounds.write_bytes, source) {
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
            (Purpose::Reopen, answer) => self.reopened(answer),
            (Purpose::Read { offset, length }, answer) => {
                self.piece_read(offset, length, answer, out);
            }
            (Purpose::Create, Answer::Refused(status)) => self.create_refused(status, out),
            (Purpose::ClearTemporary, answer) => self.temporary_cleared(&answer, out),
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
            (Purpose::Close, answer) => self.closed(&answer),
            (Purpose::LookBefore, Answer::Attributes(_)) => self.occupied(),
            (Purpose::LookBefore, _) if self.step == Step::Looking => self.create(out),
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
            (Purpose::LookAfterRefusal, answer) if self.step == Step::Creating => {
                self.creation_explained(&answer);
            }
            (Purpose::LookAfterRefusal, answer) => self.refusal_explained(&answer, out),
            (Purpose::Unlink, answer) => self.old_unlinked(&answer, out),
            (Purpose::PlaceAgain, Answer::Refused(status)) => {
                self.in_doubt = false;
                self.place_failed(&status);
            }
            (Purpose::LookBehind, answer) => return self.looked_behind(&answer, out),
            (Purpose::LookAfter, Answer::Refused(status)) if status.code.is_absent() => {
                if let Step::Placed(placement) = self.step {
                    return Some(Ok(Done::PickedUp {
                        size_bytes: self.size_bytes,
                        placement,
                    }));
                }
            }
            (Purpose::LookAfter, _) => return self.uploaded(),
            (Purpose::Withdraw, Answer::Ok) => self.unfinished_may_remain = false,
            (Purpose::Withdraw, Answer::Refused(status)) if status.code.is_absent() => {
                self.unfinished_may_remain = false;
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
                | Purpose::Look,
                _,
            ) => {}
        }
        self.advance(out)
    }

    /// What follows when nothing is outstanding.
    fn advance(&mut self, out: &mut Requests<'_>) -> Option<Outcome> {
        if *out.outstanding > 0 || self.is_crowded_out {
            return None;
        }
        if self.failure.is_some() {
            return self.give_up(out);
        }
        match self.step {
            Step::Confirming if self.unmeasured => {
                self.unmeasured = false;
                let path = self.written();
                out.send(Purpose::MeasureByName, Request::Stat { path });
            }
            Step::Confirming if self.recipe.verification == Verification::ReadBack => {
                self.step = Step::Reopening;
                let path = self.written();
                out.send(Purpose::Reopen, Request::OpenRead { path });
            }
            Step::Confirming => self.place(out),
            Step::ReadingBack => return self.read_to_the_end(out),
            // The file was opened again and is not there: the recipient has it.
            Step::Reopening if self.handle.is_none() => self.place(out),
            Step::Looking
            | Step::Creating
            | Step::Writing
            | Step::Reopening
            | Step::Placing
            | Step::Placed(_) => {}
        }
        None
    }

    /// The path that the bytes are written to.
    fn written(&self) -> &str {
        match self.recipe.placing {
            Placing::Rename => &self.temporary,
            Placing::Direct => &self.target,
        }
    }
}
