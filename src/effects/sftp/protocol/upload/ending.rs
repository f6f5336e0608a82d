//! The end of an upload that does not succeed: what is still removed, and what is said of the rest.
//! An unfinished file is removed; a final name is not because of what a verification found, as
//! somebody else may have put a file there meanwhile.

use courier_ledger::{Failure, FailureClass, Phase, RemoteAfterFailure};

use super::super::operation::{Done, OperationError, Outcome};
use super::super::outbox::{Purpose, Requests};
use super::super::recipe::Placing;
use super::{Step, Upload};
use crate::effects::sftp::wire::request::Request;

impl Upload {
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

    pub(super) fn source_failed(&mut self, error: &std::io::Error) {
        let text = format!("the bytes of {} cannot be had: {error}", self.name);
        self.fail(Phase::Spool, FailureClass::Transient, text);
    }

    /// The first failure counts; what follows from it is not another one.
    pub(super) fn fail(&mut self, phase: Phase, class: FailureClass, text: String) {
        self.failure.get_or_insert(Failure { phase, class, text });
    }

    pub(super) fn phase(&self) -> Phase {
        match self.step {
            Step::Looking | Step::Creating => Phase::Create,
            Step::Writing => Phase::Write,
            Step::Confirming | Step::Reopening | Step::ReadingBack => Phase::Confirm,
            Step::Placing | Step::Placed(_) => Phase::Place,
        }
    }

    pub(super) fn uploaded(&self) -> Option<Outcome> {
        match self.step {
            Step::Placed(placement) => Some(Ok(Done::Uploaded {
                size_bytes: self.size_bytes,
                placement,
            })),
            Step::Looking
            | Step::Creating
            | Step::Writing
            | Step::Confirming
            | Step::Reopening
            | Step::ReadingBack
            | Step::Placing => None,
        }
    }

    /// One step towards the end after a failure; nothing is outstanding.
    pub(super) fn give_up(&mut self, out: &mut Requests<'_>) -> Option<Outcome> {
        if let Some(read_back) = self.read_back.take() {
            out.outbox.release(read_back.held_bytes());
        }
        if let Some(handle) = self.handle.as_deref() {
            out.send(Purpose::Close, Request::Close { handle });
            return None;
        }
        if self.unfinished_may_remain && !self.withdrawn && self.may_withdraw() {
            self.withdrawn = true;
            let path = self.written();
            out.send(Purpose::Withdraw, Request::Remove { path });
            return None;
        }
        Some(self.given_up(false))
    }

    fn may_withdraw(&self) -> bool {
        let of_verification = self
            .failure
            .as_ref()
            .is_some_and(|failure| failure.phase == Phase::Confirm);
        self.recipe.placing == Placing::Rename || !of_verification
    }

    fn given_up(&mut self, connection_lost: bool) -> Outcome {
        let remote = match self.recipe.placing {
            _ if self.unlinked || self.in_doubt => RemoteAfterFailure::Uncertain,
            Placing::Rename if self.unfinished_may_remain => RemoteAfterFailure::TemporaryMayRemain,
            Placing::Direct if self.unfinished_may_remain => RemoteAfterFailure::Uncertain,
            Placing::Rename | Placing::Direct => RemoteAfterFailure::Untouched,
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
