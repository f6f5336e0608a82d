//! An upload that is in place: a last look tells whether the recipient took it at once.

use std::ops::ControlFlow;

use courier_ledger::Placement;

use super::super::answer::{self, Answer};
use super::super::operation::Done;
use super::super::outbox::Requests;
use super::State;
use super::task::Task;
use crate::effects::sftp::wire::request::Request;

/// A file under its final name.
pub(super) struct Placed {
    size_bytes: u64,
    placement: Placement,
    behind: LookBehind,
}

/// The look that was sent right behind the rename.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum LookBehind {
    /// It is to be answered after the rename, and will show what that did.
    ShowsTheRename,
    /// It was answered before, or that rename was refused.
    ShowsNothing,
}

impl Placed {
    /// The file is in place, whatever was given up meanwhile. A look follows, unless the one behind the
    /// rename is still to come.
    pub(super) fn begin(
        size_bytes: u64,
        placement: Placement,
        behind: LookBehind,
        task: &mut Task,
        out: &mut Requests<'_>,
    ) -> State {
        task.failure = None;
        if behind == LookBehind::ShowsNothing {
            look_after(task, out);
        }
        State::Placed(Self {
            size_bytes,
            placement,
            behind,
        })
    }

    /// Takes an answer: the upload ends, or goes on.
    pub(super) fn answer(
        self,
        answer: answer::Placing,
        task: &Task,
        out: &mut Requests<'_>,
    ) -> ControlFlow<Done, Self> {
        use answer::Placing::{Explained, LookedAfter, LookedBehind, Renamed, Unlinked};
        match (self.behind, answer) {
            // A server that worked out of order must not make a delivery a pick-up.
            (LookBehind::ShowsTheRename, LookedBehind(Err(status))) if status.code.is_absent() => {
                look_after(task, out);
                ControlFlow::Continue(Self {
                    behind: LookBehind::ShowsNothing,
                    ..self
                })
            }
            (LookBehind::ShowsTheRename, LookedBehind(Ok(_) | Err(_))) => {
                ControlFlow::Break(self.uploaded())
            }
            (_, LookedAfter(Err(status))) if status.code.is_absent() => {
                ControlFlow::Break(Done::PickedUp {
                    size_bytes: self.size_bytes,
                    placement: self.placement,
                })
            }
            (_, LookedAfter(Ok(_) | Err(_))) => ControlFlow::Break(self.uploaded()),
            // It shows nothing; the rest was answered before the file was in place.
            (LookBehind::ShowsNothing, LookedBehind(_))
            | (_, Renamed(_) | Explained(_) | Unlinked(_)) => ControlFlow::Continue(self),
        }
    }

    /// The end without a last look.
    pub(super) fn uploaded(&self) -> Done {
        Done::Uploaded {
            size_bytes: self.size_bytes,
            placement: self.placement,
        }
    }
}

fn look_after(task: &Task, out: &mut Requests<'_>) {
    let path = &task.order.target;
    out.look(Request::Lstat { path }, |said| {
        Answer::Placing(answer::Placing::LookedAfter(said))
    });
}
