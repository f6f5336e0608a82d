//! The end of an upload that does not succeed: what is still removed, and what is said of the rest.
//! An unfinished file is removed; a final name is not because of what a verification found, as
//! somebody else may have put a file there meanwhile.

use std::ops::ControlFlow;

use courier_ledger::{Failure, Phase, RemoteAfterFailure};

use super::super::answer::{self, Answer, Handle};
use super::super::operation::OperationError;
use super::super::outbox::Requests;
use super::super::recipe::Placing;
use super::State;
use super::task::Order;
use crate::effects::sftp::wire::request::Request;

/// What an upload that failed may have left at the drop-box.
pub(super) struct Left {
    /// The file that the server has open.
    pub(super) handle: Option<Handle>,
    /// The unfinished file.
    pub(super) unfinished: Unfinished,
    /// What stands under the final name.
    pub(super) final_name: FinalName,
}

/// The unfinished file of an upload that failed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfinished {
    /// Nothing of it is there.
    Absent,
    /// It may be there, and is to be removed.
    Removable,
    /// It may be there, and is not removed any more.
    Stays,
}

/// The final name of an upload that failed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FinalName {
    /// It is as it was.
    AsItWas,
    /// The old version may be gone, or the new one there.
    InDoubt,
}

impl Left {
    /// Nothing at all.
    pub(super) const NOTHING: Self = Self {
        handle: None,
        unfinished: Unfinished::Absent,
        final_name: FinalName::AsItWas,
    };

    /// A part of the file, where it is written to.
    pub(super) fn unfinished(order: &Order) -> Self {
        Self {
            handle: None,
            unfinished: Unfinished::Removable,
            final_name: if order.writes_over() {
                FinalName::InDoubt
            } else {
                FinalName::AsItWas
            },
        }
    }

    fn remote(&self, order: &Order) -> RemoteAfterFailure {
        match (self.final_name, self.unfinished, order.recipe.placing) {
            (FinalName::InDoubt, _, _) => RemoteAfterFailure::Uncertain,
            (FinalName::AsItWas, Unfinished::Absent, _) => RemoteAfterFailure::Untouched,
            (_, Unfinished::Removable | Unfinished::Stays, Placing::Rename) => {
                RemoteAfterFailure::TemporaryMayRemain
            }
            (_, Unfinished::Removable | Unfinished::Stays, Placing::Direct) => {
                RemoteAfterFailure::Uncertain
            }
        }
    }
}

/// An upload that failed and cleans up. One thing is asked at a time.
pub(super) struct GivingUp {
    failure: Failure,
    left: Left,
}

impl GivingUp {
    /// The end of an upload for this reason, which may have left that.
    pub(super) fn new(failure: Failure, mut left: Left, order: &Order) -> Self {
        let is_of_verification = failure.phase == Phase::Confirm;
        if left.unfinished == Unfinished::Removable
            && is_of_verification
            && order.recipe.placing == Placing::Direct
        {
            left.unfinished = Unfinished::Stays;
        }
        Self { failure, left }
    }

    /// Where it failed.
    pub(super) fn phase(&self) -> Phase {
        self.failure.phase
    }

    /// Whether the server has the file open.
    pub(super) fn has_file_open(&self) -> bool {
        self.left.handle.is_some()
    }

    /// One step towards the end; nothing is outstanding.
    pub(super) fn go_on(
        mut self,
        order: &Order,
        out: &mut Requests<'_>,
    ) -> ControlFlow<OperationError, Self> {
        if let Some(handle) = &self.left.handle {
            out.act(Request::Close { handle }, |_| {
                Answer::GivingUp(answer::GivingUp::Closed)
            });
            return ControlFlow::Continue(self);
        }
        if self.left.unfinished == Unfinished::Removable {
            self.left.unfinished = Unfinished::Stays;
            let path = order.written();
            out.act(Request::Remove { path }, |said| {
                Answer::GivingUp(answer::GivingUp::Withdrawn(said))
            });
            return ControlFlow::Continue(self);
        }
        let remote = self.left.remote(order);
        ControlFlow::Break(OperationError::new(self.failure, remote))
    }

    /// Takes an answer.
    pub(super) fn answer(mut self, answer: answer::GivingUp) -> State {
        match answer {
            answer::GivingUp::Closed => self.left.handle = None,
            answer::GivingUp::Withdrawn(Ok(())) => self.left.unfinished = Unfinished::Absent,
            answer::GivingUp::Withdrawn(Err(status)) if status.code.is_absent() => {
                self.left.unfinished = Unfinished::Absent;
            }
            answer::GivingUp::Withdrawn(Err(_)) => {}
        }
        State::GivingUp(self)
    }

    /// The end when the connection is gone.
    pub(super) fn lost(self, order: &Order) -> OperationError {
        let remote = self.left.remote(order);
        OperationError::lost(self.failure, remote)
    }

    /// What it may have left.
    pub(super) fn left(self) -> Left {
        self.left
    }
}
