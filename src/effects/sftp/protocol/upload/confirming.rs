//! What shows that a file arrived: the acknowledgement of every write, the sync, its size, the close.
//! Nothing here changes a name.

use courier_ledger::{Phase, Replaces};

use super::super::answer::{Answer, Handle, Sending, Sighted};
use super::super::outbox::Requests;
use super::super::recipe::{Placing as Way, Verification};
use super::super::sighting::{Question, Sight, Sighting};
use super::State;
use super::comparison::Sum;
use super::names::Before;
use super::placing::Placing;
use super::reading_back::ReadingBack;
use super::task::Task;
use crate::effects::sftp::wire::attributes::Attributes;
use crate::effects::sftp::wire::request::Request;
use crate::effects::sftp::wire::status::{Status, StatusCode};

/// A file whose bytes are all sent.
pub(super) struct Confirming {
    /// Bytes that were sent.
    size_bytes: u64,
    /// Of what was sent, where it is to be read back.
    sum: Option<Sum>,
    /// Whether the server still has it open.
    is_open: bool,
    /// Whether the open file's size could not be had, or is not what was sent.
    is_unmeasured: bool,
    /// That size, where it is not.
    other_size: Option<u64>,
    /// What stands under the final name.
    target: Option<Sighting<Target>>,
    /// What stands under the temporary name.
    temporary: Option<Sight>,
}

/// The final name, before the file is put there.
struct Target;

impl Question for Target {
    fn answer(sighted: Sighted) -> Answer {
        Answer::Sending(Sending::LookedBefore(sighted))
    }
}

impl Confirming {
    /// Sends what follows the last byte. Requests on one handle are served in order, or nearly so, and
    /// nothing is waited for here.
    pub(super) fn begin(
        handle: &Handle,
        size_bytes: u64,
        sum: Option<Sum>,
        task: &Task,
        out: &mut Requests<'_>,
    ) -> State {
        let (order, handle) = (&task.order, handle.as_slice());
        if out.capabilities.fsync {
            out.act(Request::Fsync { handle }, |said| {
                Answer::Sending(Sending::Synced(said))
            });
        }
        if order.recipe.verification != Verification::Nothing {
            out.look(Request::Fstat { handle }, |said| {
                Answer::Sending(Sending::Measured(said))
            });
        }
        out.act(Request::Close { handle }, |said| {
            Answer::Sending(Sending::Closed(said))
        });
        let mut target = None;
        if order.recipe.placing == Way::Rename {
            let path = &order.temporary;
            out.look(Request::Lstat { path }, |said| {
                Answer::Sending(Sending::LookedAtTemporary(said))
            });
            // Some servers overwrite in a plain rename; and what was there tells what came there.
            target = Some(Sighting::begin(&order.target, out));
        }
        State::Confirming(Self {
            size_bytes,
            sum,
            is_open: true,
            is_unmeasured: false,
            other_size: None,
            target,
            temporary: None,
        })
    }

    /// Whether the server still has the file open.
    pub(super) fn has_file_open(&self) -> bool {
        self.is_open
    }

    /// Whether the file is to be opened again.
    pub(super) fn reads_back(&self) -> bool {
        self.sum.is_some()
    }

    /// Takes an answer.
    pub(super) fn answer(
        mut self,
        answer: Sending,
        task: &mut Task,
        out: &mut Requests<'_>,
    ) -> State {
        match answer {
            Sending::Written(said) => task.written(said),
            Sending::Synced(Err(status)) if status.code == StatusCode::UNSUPPORTED => {
                out.capabilities.fsync = false;
            }
            Sending::Synced(Err(status)) => failed("cannot bring it to its disk", &status, task),
            Sending::Measured(Ok(Attributes {
                size_bytes: Some(size),
                ..
            })) if size == self.size_bytes => {}
            // Some servers answer this while they still write (`pkg/sftp` for one, against
            // draft-ietf-secsh-filexfer-02, section 6.1): it is asked for once more when all is written.
            Sending::Measured(told) => {
                self.is_unmeasured = true;
                self.other_size = told.ok().and_then(|it| it.size_bytes);
            }
            Sending::MeasuredByName(told) => {
                let size = told.ok().and_then(|it| it.size_bytes);
                if let Some(size) = size.or(self.other_size) {
                    self.compare(size, task);
                }
            }
            Sending::Closed(said) => {
                self.is_open = false;
                if let Err(status) = said {
                    failed("cannot close it", &status, task);
                }
            }
            Sending::LookedBefore(sighted) => {
                if let Some(sighting) = &mut self.target {
                    sighting.answer(sighted, out);
                    if task.order.replaces == Replaces::Nothing
                        && matches!(sighting.sight(), Some(Sight::Present(_)))
                    {
                        task.occupied();
                    }
                }
            }
            Sending::LookedAtTemporary(said) => self.temporary = Some(Sight::of(said)),
            Sending::Synced(Ok(())) => {}
        }
        State::Confirming(self)
    }

    /// Everything was answered, and nothing speaks against it.
    pub(super) fn go_on(mut self, task: &mut Task, out: &mut Requests<'_>) -> State {
        if self.is_unmeasured {
            self.is_unmeasured = false;
            let path = task.order.written();
            out.look(Request::Stat { path }, |said| {
                Answer::Sending(Sending::MeasuredByName(said))
            });
            return State::Confirming(self);
        }
        let before = Before {
            target: self.target.and_then(|it| it.sight().cloned()),
            temporary: self.temporary,
        };
        match self.sum {
            Some(sum) => ReadingBack::begin(self.size_bytes, sum, before, &task.order, out),
            None => Placing::begin(self.size_bytes, before, task, out),
        }
    }

    fn compare(&self, size: u64, task: &mut Task) {
        if size != self.size_bytes {
            let (name, sent) = (&task.order.name, self.size_bytes);
            task.differs(format!(
                "the server holds {size} bytes of {name} where {sent} were sent and acknowledged"
            ));
        }
    }
}

fn failed(what: &str, status: &Status, task: &mut Task) {
    let text = format!("the server took {} and {what}: {status}", task.order.name);
    task.fail(Phase::Confirm, status.code.class(), text);
}
