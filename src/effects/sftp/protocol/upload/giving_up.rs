//! The end of an upload that does not succeed: what is still removed, and what is said of the rest.
//! An unfinished file is removed; a final name is not because of what a verification found, as
//! somebody else may have put a file there meanwhile.
//!
//! What always holds: an unfinished file is gone when a look does not find it; where looking is forbidden
//! the answer to its removal counts.

use std::ops::ControlFlow;

use courier_ledger::{Failure, Phase, RemoteAfterFailure};

use super::super::answer::{self, Answer, Handle, Said, Sighted};
use super::super::operation::OperationError;
use super::super::outbox::Requests;
use super::super::recipe::Placing;
use super::super::sighting::{Question, Sight, folder_of};
use super::super::withdrawal::Withdrawal;
use super::State;
use super::task::Order;
use crate::effects::sftp::wire::reply::Room;
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
    /// It is as it was if the file still has its temporary name, which its removal shows.
    AsTheTemporaryTells,
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

    /// The file, under the temporary name.
    pub(super) const TEMPORARY: Self = Self {
        unfinished: Unfinished::Removable,
        ..Self::NOTHING
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

    /// Notes what the removal of the unfinished file and the look behind it show.
    fn withdrawn(&mut self, said: &Said<()>, seen: &Sight) {
        let was_there = said.is_ok();
        let was_absent = matches!(said, Err(status) if status.code.is_absent());
        let (unfinished, had_its_name) = match seen {
            Sight::Present(_) => (Unfinished::Stays, true),
            Sight::Absent => (Unfinished::Absent, was_there),
            Sight::Unseen(_) if was_there || was_absent => (Unfinished::Absent, was_there),
            Sight::Unseen(_) => (Unfinished::Stays, false),
        };
        self.unfinished = unfinished;
        if self.final_name == FinalName::AsTheTemporaryTells {
            self.final_name = if had_its_name {
                FinalName::AsItWas
            } else {
                FinalName::InDoubt
            };
        }
    }

    fn remote(&self, order: &Order) -> RemoteAfterFailure {
        match (self.final_name, self.unfinished, order.recipe.placing) {
            (FinalName::InDoubt | FinalName::AsTheTemporaryTells, _, _) => {
                RemoteAfterFailure::Uncertain
            }
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

/// An upload that failed and cleans up.
pub(super) struct GivingUp {
    failure: Failure,
    left: Left,
    room: RoomAsked,
    /// The removal of the unfinished file.
    withdrawal: Option<Withdrawal<Asked>>,
}

/// Whether the server was asked how much room there is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RoomAsked {
    /// It need not be.
    Never,
    /// Not yet: bytes were refused.
    NotYet,
}

struct Asked;

impl Question for Asked {
    fn answer(sighted: Sighted) -> Answer {
        Answer::GivingUp(answer::GivingUp::Sighted(sighted))
    }
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
        let room = if failure.phase == Phase::Write {
            RoomAsked::NotYet
        } else {
            RoomAsked::Never
        };
        Self {
            failure,
            left,
            room,
            withdrawal: None,
        }
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
        let asked = std::mem::replace(&mut self.room, RoomAsked::Never);
        if asked == RoomAsked::NotYet && out.capabilities.statvfs {
            // Before the unfinished file makes room.
            let path = folder_of(order.written());
            out.room(Request::Room { path }, |said| {
                Answer::GivingUp(answer::GivingUp::Measured(said))
            });
            return ControlFlow::Continue(self);
        }
        if let Some(handle) = &self.left.handle {
            out.act(Request::Close { handle }, |_| {
                Answer::GivingUp(answer::GivingUp::Closed)
            });
            return ControlFlow::Continue(self);
        }
        if self.left.unfinished == Unfinished::Removable {
            self.left.unfinished = Unfinished::Stays;
            let answer = |said| Answer::GivingUp(answer::GivingUp::Withdrawn(said));
            self.withdrawal = Some(Withdrawal::begin(order.written(), answer, out));
            return ControlFlow::Continue(self);
        }
        if let Some((said, seen)) = self.withdrawal.as_ref().and_then(Withdrawal::end) {
            self.left.withdrawn(said, seen);
        }
        let remote = self.left.remote(order);
        ControlFlow::Break(OperationError::new(self.failure, remote))
    }

    /// Takes an answer.
    pub(super) fn answer(mut self, answer: answer::GivingUp, out: &mut Requests<'_>) -> State {
        match (answer, &mut self.withdrawal) {
            (answer::GivingUp::Closed, _) => self.left.handle = None,
            (answer::GivingUp::Measured(Ok(room)), _) => self.measured(room),
            (answer::GivingUp::Measured(Err(_)), _) => {}
            (answer::GivingUp::Withdrawn(said), Some(withdrawal)) => withdrawal.said(said, out),
            (answer::GivingUp::Sighted(sighted), Some(withdrawal)) => {
                withdrawal.sighted(sighted, out);
            }
            // Nothing was asked.
            (answer::GivingUp::Withdrawn(_) | answer::GivingUp::Sighted(_), None) => {}
        }
        State::GivingUp(self)
    }

    /// Takes how much room there is.
    fn measured(&mut self, room: Room) {
        if self.failure.is_no_room() || room.is_too_little() {
            let words = if room.is_too_little() {
                "the drop-box is full"
            } else {
                "the drop-box is over its quota"
            };
            self.failure = Failure::no_room(format!("{words}: {room} are free"));
        }
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
