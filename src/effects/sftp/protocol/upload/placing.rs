//! The last act of an upload: from the temporary name to the final one. Every refusal of a rename is
//! looked into before the final name is touched, and what a foreign file holds stays as it is.

use courier_ledger::{FailureClass, Phase, Placement, Replaces};

use super::super::operation::Outcome;
use super::super::outbox::{Answer, Purpose, Requests};
use super::super::recipe::Placing;
use super::{Step, Upload};
use crate::effects::sftp::wire::request::Request;
use crate::effects::sftp::wire::status::{Status, StatusCode};

impl Upload {
    pub(super) fn place(&mut self, out: &mut Requests<'_>) {
        if self.recipe.placing == Placing::Direct {
            return self.placed(Placement::Direct, out);
        }
        self.step = Step::Placing;
        self.in_doubt = true;
        let (from, to) = (self.temporary.as_str(), self.target.as_str());
        if self.replaces == Replaces::Own && out.capabilities.posix_rename {
            out.send(Purpose::Replace, Request::PosixRename { from, to });
        } else {
            out.send(Purpose::Place, Request::Rename { from, to });
        }
        // A server that keeps to the order of requests answers both in one round trip.
        self.looks_after = true;
        out.send(Purpose::LookBehind, Request::Lstat { path: &self.target });
    }

    /// Takes the answer to the look that was sent right after the rename.
    pub(super) fn looked_behind(
        &mut self,
        answer: &Answer,
        out: &mut Requests<'_>,
    ) -> Option<Outcome> {
        let shows_the_rename = std::mem::take(&mut self.looks_after);
        match (self.step, answer) {
            (Step::Placed(_), Answer::Refused(status))
                if shows_the_rename && status.code.is_absent() =>
            {
                // A server that worked out of order must not make a delivery a pick-up.
                out.send(Purpose::LookAfter, Request::Lstat { path: &self.target });
                None
            }
            (Step::Placed(_), _) if shows_the_rename => self.uploaded(),
            _ => self.advance(out),
        }
    }

    pub(super) fn placed(&mut self, placement: Placement, out: &mut Requests<'_>) {
        // Whatever was given up meanwhile: the file is in place.
        self.failure = None;
        self.in_doubt = false;
        self.unfinished_may_remain = false;
        self.step = Step::Placed(placement);
        if !self.looks_after {
            out.send(Purpose::LookAfter, Request::Lstat { path: &self.target });
        }
    }

    pub(super) fn replace_refused(&mut self, status: &Status, out: &mut Requests<'_>) {
        self.in_doubt = false;
        self.looks_after = false;
        if self.failure.is_some() {
            return;
        }
        let unsupported = status.code == StatusCode::UNSUPPORTED;
        if unsupported {
            out.capabilities.posix_rename = false;
        }
        // Denied may mean the extension alone. A plain rename cannot harm.
        if unsupported || status.code.is_denied() {
            self.in_doubt = true;
            let (from, to) = (self.temporary.as_str(), self.target.as_str());
            out.send(Purpose::Place, Request::Rename { from, to });
        } else {
            self.place_failed(status);
        }
    }

    pub(super) fn place_refused(&mut self, status: Status, out: &mut Requests<'_>) {
        self.in_doubt = false;
        self.looks_after = false;
        if self.failure.is_some() {
            return;
        }
        let other_reason = status.code.is_absent()
            || status.code.is_denied()
            || status.code == StatusCode::UNSUPPORTED;
        if other_reason {
            self.place_failed(&status);
        } else {
            self.place_refusal = Some(status);
            out.send(
                Purpose::LookAfterRefusal,
                Request::Lstat { path: &self.target },
            );
        }
    }

    pub(super) fn refusal_explained(&mut self, answer: &Answer, out: &mut Requests<'_>) {
        if self.failure.is_some() {
            return;
        }
        let absent = matches!(answer, Answer::Refused(status) if status.code.is_absent());
        let there = matches!(answer, Answer::Attributes(_));
        match (self.replaces, self.place_refusal.clone()) {
            // Gone between two looks: the recipient took the old version.
            (_, Some(_)) if absent => self.place_again(out),
            (Replaces::Nothing, Some(_)) if there => self.occupied(),
            (Replaces::Own, Some(_)) => {
                self.in_doubt = true;
                out.send(Purpose::Unlink, Request::Remove { path: &self.target });
            }
            (Replaces::Nothing, Some(status)) => self.place_failed(&status),
            (_, None) => {}
        }
    }

    pub(super) fn old_unlinked(&mut self, answer: &Answer, out: &mut Requests<'_>) {
        self.in_doubt = false;
        match answer {
            Answer::Refused(status) if !status.code.is_absent() => self.fail(
                Phase::Place,
                status.code.class(),
                format!(
                    "the server keeps the old version of {} in the way: {status}",
                    self.name
                ),
            ),
            Answer::Refused(_) => self.place_again(out),
            Answer::Ok | Answer::Handle(_) | Answer::Data(_) | Answer::Attributes(_) => {
                self.unlinked = true;
                self.place_again(out);
            }
        }
    }

    /// Also when time is over: between the unlinking and the rename there is neither version.
    fn place_again(&mut self, out: &mut Requests<'_>) {
        self.in_doubt = true;
        let (from, to) = (self.temporary.as_str(), self.target.as_str());
        out.send(Purpose::PlaceAgain, Request::Rename { from, to });
    }

    pub(super) fn place_failed(&mut self, status: &Status) {
        let (class, hint) = if status.code.is_absent() {
            (
                FailureClass::Transient,
                "; something took the temporary file away",
            )
        } else if status.code == StatusCode::UNSUPPORTED {
            (
                FailureClass::NeedsPerson,
                "; it cannot rename files: SFTP.UPLOAD = \"direct\" does without",
            )
        } else if status.code.is_denied() {
            (
                FailureClass::NeedsPerson,
                "; the user needs the right to rename files in the folder",
            )
        } else {
            (status.code.class(), "")
        };
        self.fail(
            Phase::Place,
            class,
            format!(
                "{} was written and confirmed, and the server does not put it under its final \
                 name: {status}{hint}",
                self.name
            ),
        );
    }

    pub(super) fn occupied(&mut self) {
        self.fail(
            Phase::Place,
            FailureClass::NeedsPerson,
            format!(
                "a file that this ledger did not create stands under the name {} at the drop-box \
                 and is left alone: move it away there, then run again",
                self.name
            ),
        );
    }
}
