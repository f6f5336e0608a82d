//! The first act of an upload: a file that can be written to. Under a temporary name it is new,
//! whatever stood there; under the final one it is new, or takes the place of a file of this ledger.

use courier_ledger::{Phase, Replaces};

use super::super::outbox::{Answer, Purpose, Requests};
use super::super::recipe::Placing;
use super::{Step, Upload};
use crate::effects::sftp::wire::request::Request;
use crate::effects::sftp::wire::status::{Status, StatusCode};

impl Upload {
    pub(super) fn open(&mut self, out: &mut Requests<'_>) {
        if self.recipe.placing == Placing::Direct && self.replaces == Replaces::Nothing {
            // EXCL refuses what stands there, too; where that answer is lost, this one is known.
            self.step = Step::Looking;
            out.send(Purpose::LookBefore, Request::Lstat { path: &self.target });
        } else {
            self.create(out);
        }
    }

    pub(super) fn create(&mut self, out: &mut Requests<'_>) {
        if self.failure.is_some() {
            return;
        }
        self.step = Step::Creating;
        self.unfinished_may_remain = true;
        let path = self.written();
        let request = match (self.recipe.placing, self.replaces) {
            (Placing::Rename, _) | (Placing::Direct, Replaces::Nothing) => {
                Request::OpenNew { path }
            }
            (Placing::Direct, Replaces::Own) => Request::OpenOver { path },
        };
        out.send(Purpose::Create, request);
        // From here on the old version may be gone.
        self.in_doubt = matches!(request, Request::OpenOver { .. });
    }

    pub(super) fn create_refused(&mut self, status: Status, out: &mut Requests<'_>) {
        self.in_doubt = false;
        let is_plain = status.code.is_absent() || status.code.is_denied() || status.code.is_full();
        let is_second = self.create_refusal.is_some();
        if !is_second {
            self.others_open = out.others_open;
        }
        match self.recipe.placing {
            Placing::Rename => {
                // A refused creation creates nothing; an earlier attempt may have. Where that was
                // cleared, or the folder is missing, nothing stands there.
                if status.code.is_absent() || is_second {
                    self.unfinished_may_remain = false;
                }
                if is_second && !is_plain && self.crowded_out(&status) {
                    return;
                }
                if is_plain || is_second {
                    self.create_failed(&status);
                } else if self.failure.is_none() {
                    // OpenSSH says "failure" whatever the reason. A file of this name can only be
                    // our own.
                    self.create_refusal = Some(status);
                    let path = &self.temporary;
                    out.send(Purpose::ClearTemporary, Request::Remove { path });
                }
            }
            Placing::Direct => {
                self.unfinished_may_remain = false;
                if is_plain || self.failure.is_some() {
                    self.create_failed(&status);
                } else if self.replaces == Replaces::Nothing {
                    self.create_refusal = Some(status);
                    let path = &self.target;
                    out.send(Purpose::LookAfterRefusal, Request::Lstat { path });
                } else if !self.crowded_out(&status) {
                    self.create_failed(&status);
                }
            }
        }
    }

    /// Whether the file was refused because others are open, as far as can be known.
    fn crowded_out(&mut self, status: &Status) -> bool {
        self.is_crowded_out = self.others_open.is_some()
            && self.failure.is_none()
            && status.code != StatusCode::UNSUPPORTED;
        self.is_crowded_out
    }

    /// What a look at the final name says about why it was not created.
    pub(super) fn creation_explained(&mut self, answer: &Answer) {
        if matches!(answer, Answer::Attributes(_)) {
            self.occupied();
        } else if let Some(refusal) = self.create_refusal.clone()
            && !self.crowded_out(&refusal)
        {
            self.create_failed(&refusal);
        }
    }

    pub(super) fn temporary_cleared(&mut self, answer: &Answer, out: &mut Requests<'_>) {
        match answer {
            Answer::Refused(status) if status.code.is_absent() => {
                self.unfinished_may_remain = false;
                if let Some(refusal) = self.create_refusal.clone()
                    && !self.crowded_out(&refusal)
                {
                    self.create_failed(&refusal);
                }
            }
            Answer::Refused(status) => {
                if let Some(refusal) = self.create_refusal.clone()
                    && self.crowded_out(&refusal)
                {
                    return;
                }
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
            Answer::Ok | Answer::Handle(_) | Answer::Data(_) | Answer::Attributes(_) => {
                self.unfinished_may_remain = false;
                self.create(out);
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
        let file = match self.recipe.placing {
            Placing::Rename => format!("the temporary file for {}", self.name),
            Placing::Direct => self.name.to_string(),
        };
        self.fail(
            Phase::Create,
            status.code.class(),
            format!("the server does not create {file}: {status}{hint}"),
        );
    }
}
