//! What shows that a file arrived: the sync, its size, the close, and its bytes where they are to be
//! read back. Nothing here changes a name.

use courier_ledger::{FailureClass, Phase, Replaces};

use super::super::operation::Outcome;
use super::super::outbox::{Answer, Purpose, Requests};
use super::super::recipe::{Placing, Verification};
use super::reading_back::{Hashing, ReadBack};
use super::{Step, Upload};
use crate::effects::sftp::wire::request::Request;
use crate::effects::sftp::wire::status::Status;

impl Upload {
    /// Sends what follows the last byte. Requests on one handle are served in order, so nothing is
    /// waited for here.
    pub(super) fn confirm(&mut self, out: &mut Requests<'_>) {
        self.step = Step::Confirming;
        let Some(handle) = self.handle.as_deref() else {
            return;
        };
        if out.capabilities.fsync {
            out.send(Purpose::Sync, Request::Fsync { handle });
        }
        if self.recipe.verification != Verification::Nothing {
            out.send(Purpose::Measure, Request::Fstat { handle });
        }
        out.send(Purpose::Close, Request::Close { handle });
        if self.replaces == Replaces::Nothing && self.recipe.placing == Placing::Rename {
            // Some servers overwrite in a plain rename.
            out.send(Purpose::LookBefore, Request::Lstat { path: &self.target });
        }
    }

    pub(super) fn compare(&mut self, size: u64) {
        if size != self.size_bytes {
            self.not_what_was_sent(&format!(
                "the server holds {size} bytes of {} where {} were sent and acknowledged",
                self.name, self.size_bytes
            ));
        }
    }

    pub(super) fn closed(&mut self, answer: &Answer) {
        self.handle = None;
        // What was only read cannot have lost anything by its closing.
        if let Answer::Refused(status) = answer
            && self.step != Step::ReadingBack
        {
            self.confirmation_failed("cannot close it", status);
        }
    }

    pub(super) fn confirmation_failed(&mut self, what: &str, status: &Status) {
        self.fail(
            Phase::Confirm,
            status.code.class(),
            format!("the server took {} and {what}: {status}", self.name),
        );
    }

    fn not_what_was_sent(&mut self, text: &str) {
        self.fail(Phase::Confirm, FailureClass::Transient, text.to_owned());
    }

    /// Takes the answer to the opening for reading.
    pub(super) fn reopened(&mut self, answer: Answer) {
        match answer {
            Answer::Handle(handle) => {
                self.handle = Some(handle);
                self.step = Step::ReadingBack;
                self.read_back = Some(ReadBack::new(self.size_bytes));
            }
            // Under its final name it may have been picked up already, which is a delivery.
            Answer::Refused(status)
                if status.code.is_absent() && self.recipe.placing == Placing::Direct => {}
            Answer::Refused(status) => {
                let hint = if status.code.is_denied() {
                    "; SFTP.VERIFY = \"size\" does without reading"
                } else {
                    ""
                };
                let name = &self.name;
                let text = format!("the server does not let {name} be read back: {status}{hint}");
                self.fail(Phase::Confirm, status.code.class(), text);
            }
            Answer::Ok | Answer::Data(_) | Answer::Attributes(_) => {}
        }
    }

    /// Takes a piece that was read back.
    pub(super) fn piece_read(
        &mut self,
        offset: u64,
        length: u32,
        answer: Answer,
        out: &mut Requests<'_>,
    ) {
        let Some((read_back, handle)) = self.read_back.as_mut().zip(self.handle.as_deref()) else {
            return;
        };
        let taken = match answer {
            Answer::Data(bytes) => read_back.take(offset, length, bytes, handle, out),
            Answer::Refused(status) => read_back.refused(offset, &status),
            Answer::Ok | Answer::Handle(_) | Answer::Attributes(_) => Ok(()),
        };
        if let Err(problem) = taken {
            self.not_what_was_sent(&format!(
                "what the server holds of {} is not what was sent and acknowledged: {problem}",
                self.name
            ));
        }
    }

    /// Closes the file that was read to its end, compares, and goes on.
    pub(super) fn read_to_the_end(&mut self, out: &mut Requests<'_>) -> Option<Outcome> {
        if let Some(handle) = self.handle.as_deref() {
            // Otherwise more is to be asked for.
            if self.read_back.as_ref().is_some_and(ReadBack::is_complete) {
                out.send(Purpose::Close, Request::Close { handle });
            }
            return None;
        }
        let read = self.read_back.take().map(ReadBack::finish);
        let sent = self.sent.take().map(Hashing::finish);
        if read == sent {
            self.place(out);
            return None;
        }
        self.not_what_was_sent(&format!(
            "what the server holds of {} differs from what was sent and acknowledged, at the same \
             size",
            self.name
        ));
        self.give_up(out)
    }
}
