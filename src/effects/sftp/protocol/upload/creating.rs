//! The first act of an upload: a file that can be written to. Under a temporary name it is new,
//! whatever stood there; under the final one it is new, or takes the place of a file of this ledger.
//!
//! What always holds: whatever an attempt may have created under the temporary name is removed, also when
//! the server said that it refused. Where a server refuses to create a file on the condition that it must
//! not exist, it is looked for first and created without the condition; under the temporary name only,
//! which nobody else uses.

use courier_ledger::{Phase, Replaces};

use super::super::answer::{self, Answer, Handle, Said, Sighted};
use super::super::outbox::Requests;
use super::super::recipe::Placing;
use super::super::sighting::{Question, Sight, Sighting, name_of};
use super::State;
use super::giving_up::{FinalName, Left, Unfinished};
use super::task::{Order, Task};
use super::writing::Writing;
use crate::effects::sftp::wire::request::Request;
use crate::effects::sftp::wire::status::{Status, StatusCode};

/// A file in the making. One thing is asked at a time.
pub(super) enum Creating {
    /// It is looked whether the final name is free, before a file is created under it.
    Looking(Sighting<Asked>),
    /// The file is asked for.
    Asking(Attempt),
    /// It was refused, and what may stand under the temporary name is being removed.
    Clearing(Refusal),
    /// What stands there was not removed, and it is looked whether anything does.
    LookingForLeftover(Refusal, Status, Sighting<Asked>),
    /// It is to be created without the condition that it must not exist, and it is looked whether it
    /// does.
    LookingAhead(Option<Refusal>, Sighting<Asked>),
    /// It was refused under the final name, and it is looked what stands there.
    Explaining(Refusal, Before, Sighting<Asked>),
    /// There will be none.
    Refused(Left),
}

/// Which attempt it is.
pub(super) enum Attempt {
    /// The first.
    First(Before),
    /// The one after what stood under the temporary name was removed.
    AfterClearing {
        /// Files that others had open when the first was refused.
        others_open: Option<usize>,
    },
    /// The one without the condition that it must not exist.
    Unconditional(Option<Refusal>),
}

/// What was seen under the final name before a file was created there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// Nothing.
    Free,
    /// It was not looked at, or not shown.
    Unseen,
}

/// Why the file could not be created, when the reason may be a file that stands there.
pub(super) struct Refusal {
    status: Status,
    /// Files that others had open then; none where no other needed one.
    others_open: Option<usize>,
}

/// A look while the file is created.
pub(super) struct Asked;

impl Question for Asked {
    fn answer(sighted: Sighted) -> Answer {
        Answer::Creating(answer::Creating::Looked(sighted))
    }
}

impl Creating {
    /// Sends the first request.
    pub(super) fn begin(task: &Task, out: &mut Requests<'_>) -> State {
        let order = &task.order;
        State::Creating(match (order.recipe.placing, order.replaces) {
            // EXCL refuses what stands there, too; where that answer is lost, this one is known.
            (Placing::Direct, Replaces::Nothing) => {
                Self::Looking(Sighting::begin(&order.target, out))
            }
            (Placing::Rename, _) if out.capabilities.refuses_exclusive => {
                Self::LookingAhead(None, Sighting::begin(&order.temporary, out))
            }
            (Placing::Direct, Replaces::Own) | (Placing::Rename, _) => {
                Self::ask(Attempt::First(Before::Unseen), task, out)
            }
        })
    }

    /// Takes an answer.
    pub(super) fn answer(
        self,
        answer: answer::Creating,
        task: &mut Task,
        out: &mut Requests<'_>,
    ) -> State {
        use answer::Creating::{Cleared, Created, Looked};
        match (self, answer) {
            (Self::Asking(attempt), Created(Ok(handle))) => attempt.created(handle, task, out),
            (Self::Asking(attempt), Created(Err(status))) => match task.order.recipe.placing {
                Placing::Rename => attempt.refused(status, task, out),
                Placing::Direct => attempt.refused_under_the_final_name(status, task, out),
            },
            (Self::Clearing(refusal), Cleared(said)) => refusal.cleared(said, task, out),
            (mut looking, Looked(sighted)) => {
                if let Self::Looking(sighting)
                | Self::LookingForLeftover(_, _, sighting)
                | Self::LookingAhead(_, sighting)
                | Self::Explaining(_, _, sighting) = &mut looking
                {
                    sighting.answer(sighted, out);
                }
                looking.looked(task, out)
            }
            // It asks one thing at a time: nothing else can be answered.
            (state, Created(_) | Cleared(_)) => State::Creating(state),
        }
    }

    /// Goes on as soon as something was seen.
    fn looked(self, task: &mut Task, out: &mut Requests<'_>) -> State {
        let sight = match &self {
            Self::Looking(sighting)
            | Self::LookingForLeftover(_, _, sighting)
            | Self::LookingAhead(_, sighting)
            | Self::Explaining(_, _, sighting) => sighting.sight().cloned(),
            Self::Asking(_) | Self::Clearing(_) | Self::Refused(_) => None,
        };
        let Some(sight) = sight else {
            return State::Creating(self);
        };
        match self {
            Self::Looking(_) => State::Creating(match sight {
                Sight::Present(_) => {
                    task.occupied();
                    Self::Refused(Left::NOTHING)
                }
                Sight::Absent => Self::ask(Attempt::First(Before::Free), task, out),
                Sight::Unseen(_) => Self::ask(Attempt::First(Before::Unseen), task, out),
            }),
            Self::LookingForLeftover(refusal, status, _) => match sight {
                Sight::Absent => refusal.stands(task, out),
                Sight::Present(_) | Sight::Unseen(_) => refusal.leftover_stays(&status, task),
            },
            Self::LookingAhead(refusal, _) => match (sight, refusal) {
                (Sight::Absent | Sight::Unseen(_), refusal) => {
                    State::Creating(Self::ask(Attempt::Unconditional(refusal), task, out))
                }
                (Sight::Present(_), Some(refusal)) => refusal.fails(task),
                (Sight::Present(_), None) => {
                    let text = "the temporary name is not free".to_owned();
                    let refusal = Refusal {
                        status: Status::new(StatusCode::FILE_ALREADY_EXISTS.0, text.as_bytes()),
                        others_open: None,
                    };
                    refusal.clear(task, out)
                }
            },
            Self::Explaining(refusal, before, _) => refusal.explained(&sight, before, task),
            state @ (Self::Asking(_) | Self::Clearing(_) | Self::Refused(_)) => {
                State::Creating(state)
            }
        }
    }

    /// What it may have left.
    pub(super) fn left(self, order: &Order) -> Left {
        match self {
            Self::Looking(_) => Left::NOTHING,
            Self::Explaining(..) => Left {
                unfinished: Unfinished::Stays,
                ..Left::unfinished(order)
            },
            Self::Asking(_) => Left::unfinished(order),
            Self::Clearing(_) | Self::LookingForLeftover(..) | Self::LookingAhead(..) => {
                Left::TEMPORARY
            }
            Self::Refused(left) => left,
        }
    }

    /// Asks for the file, unless it was given up meanwhile.
    fn ask(attempt: Attempt, task: &Task, out: &mut Requests<'_>) -> Self {
        if task.failure.is_some() {
            return Self::Refused(match attempt {
                Attempt::First(_) => Left::NOTHING,
                Attempt::AfterClearing { .. } | Attempt::Unconditional(_) => Left::TEMPORARY,
            });
        }
        let path = task.order.written();
        let is_unconditional = matches!(attempt, Attempt::Unconditional(_));
        let request = if task.order.writes_over() || is_unconditional {
            Request::OpenOver { path }
        } else {
            Request::OpenNew { path }
        };
        out.open(request, |said| {
            Answer::Creating(answer::Creating::Created(said))
        });
        Self::Asking(attempt)
    }
}

impl Attempt {
    /// The file is there.
    fn created(self, handle: Handle, task: &Task, out: &mut Requests<'_>) -> State {
        if matches!(self, Self::Unconditional(_)) && !out.capabilities.refuses_exclusive {
            out.capabilities.refuses_exclusive = true;
            tracing::warn!(
                "the server refuses to create a file on the condition that it must not exist: from \
                 here on temporary files are created without it, after looking"
            );
        }
        Writing::begin(handle, &task.order)
    }

    /// The server refused to create a file under the temporary name. It may have created it, and an
    /// earlier attempt may have.
    fn refused(self, status: Status, task: &mut Task, out: &mut Requests<'_>) -> State {
        let others_open = out.others_open;
        let is_over = task.failure.is_some();
        match self {
            Self::First(_) | Self::AfterClearing { .. }
                if is_over || status.code.is_absent() || status.code.is_full() =>
            {
                create_failed(&status, task);
                State::Creating(Creating::Refused(Left::TEMPORARY))
            }
            // OpenSSH says "failure" whatever the reason. A file of this name can only be our own.
            Self::First(_) if !status.code.is_denied() => Refusal {
                status,
                others_open,
            }
            .clear(task, out),
            // The right that is missing may be that for the condition.
            Self::First(_) => Refusal {
                status,
                others_open: None,
            }
            .stands(task, out),
            Self::AfterClearing { others_open } => Refusal {
                status,
                others_open,
            }
            .stands(task, out),
            Self::Unconditional(Some(refusal)) => refusal.fails(task),
            Self::Unconditional(None) => {
                let refusal = Refusal {
                    status,
                    others_open,
                };
                match refusal.crowded_out(task) {
                    Some(state) => state,
                    None => refusal.fails(task),
                }
            }
        }
    }

    /// The server refused to create or to empty a file under the final name. It is looked what stands
    /// there: it may have done it.
    fn refused_under_the_final_name(
        self,
        status: Status,
        task: &mut Task,
        out: &mut Requests<'_>,
    ) -> State {
        let before = match self {
            Self::First(before) => before,
            Self::AfterClearing { .. } | Self::Unconditional(_) => Before::Unseen,
        };
        let others_open = out.others_open.filter(|_| !is_plain(&status));
        let refusal = Refusal {
            status,
            others_open,
        };
        let sighting = Sighting::begin(&task.order.target, out);
        State::Creating(Creating::Explaining(refusal, before, sighting))
    }
}

impl Refusal {
    /// Removes what may stand under the temporary name.
    fn clear(self, task: &Task, out: &mut Requests<'_>) -> State {
        let path = &task.order.temporary;
        out.act(Request::Remove { path }, |said| {
            Answer::Creating(answer::Creating::Cleared(said))
        });
        State::Creating(Creating::Clearing(self))
    }

    /// Takes the answer to that.
    fn cleared(self, said: Said<()>, task: &mut Task, out: &mut Requests<'_>) -> State {
        match said {
            Ok(()) => {
                let others_open = self.others_open;
                let attempt = if out.capabilities.refuses_exclusive {
                    Attempt::Unconditional(None)
                } else {
                    Attempt::AfterClearing { others_open }
                };
                State::Creating(Creating::ask(attempt, task, out))
            }
            Err(status) if status.code.is_absent() => {
                let others_open = self.others_open;
                self.crowded_out(task).unwrap_or_else(|| {
                    let attempt = Attempt::AfterClearing { others_open };
                    State::Creating(Creating::ask(attempt, task, out))
                })
            }
            Err(status) => {
                let sighting = Sighting::begin(&task.order.temporary, out);
                State::Creating(Creating::LookingForLeftover(self, status, sighting))
            }
        }
    }

    /// What stands under the temporary name cannot be removed, or not be seen.
    fn leftover_stays(self, status: &Status, task: &mut Task) -> State {
        self.crowded_out(task).unwrap_or_else(|| {
            let text = format!(
                "the temporary file for {} cannot be created, and what may stand there cannot be \
                 removed: {status}",
                task.order.name
            );
            task.fail(Phase::Create, status.code.class(), text);
            State::Creating(Creating::Refused(Left {
                unfinished: Unfinished::Stays,
                ..Left::NOTHING
            }))
        })
    }

    /// No file is in the way: others have too many open, or the condition is the reason, or another.
    fn stands(self, task: &mut Task, out: &mut Requests<'_>) -> State {
        if let Some(state) = self.crowded_out(task) {
            return state;
        }
        if task.failure.is_some() {
            return State::Creating(Creating::Refused(Left::TEMPORARY));
        }
        let sighting = Sighting::begin(&task.order.temporary, out);
        State::Creating(Creating::LookingAhead(Some(self), sighting))
    }

    /// There is another reason.
    fn fails(self, task: &mut Task) -> State {
        create_failed(&self.status, task);
        State::Creating(Creating::Refused(Left::TEMPORARY))
    }

    /// What a look at the final name says about a file that was not created or emptied there.
    fn explained(self, sight: &Sight, before: Before, task: &mut Task) -> State {
        if let Some(state) = self.crowded_out(task)
            && matches!(sight, Sight::Absent)
        {
            return state;
        }
        let is_empty = |sight: &Sight| matches!(sight, Sight::Present(it) if it.size_bytes.is_none_or(|size| size == 0));
        let in_doubt = Left {
            unfinished: Unfinished::Absent,
            final_name: FinalName::InDoubt,
            handle: None,
        };
        let left = match (task.order.replaces, sight) {
            (Replaces::Nothing, Sight::Present(_)) if before == Before::Free && is_empty(sight) => {
                create_failed(&self.status, task);
                in_doubt
            }
            (Replaces::Nothing, Sight::Present(_)) => {
                task.occupied();
                Left::NOTHING
            }
            (Replaces::Own, _) if is_empty(sight) => {
                create_failed(&self.status, task);
                in_doubt
            }
            (Replaces::Nothing | Replaces::Own, _) => {
                create_failed(&self.status, task);
                Left::NOTHING
            }
        };
        State::Creating(Creating::Refused(left))
    }

    /// Whether the file was refused because others are open, as far as can be known.
    fn crowded_out(&self, task: &Task) -> Option<State> {
        self.others_open
            .filter(|_| task.failure.is_none() && self.status.code != StatusCode::UNSUPPORTED)
            .map(|others_open| State::CrowdedOut { others_open })
    }
}

/// Whether the status says why, and no file that stands there can be the reason.
fn is_plain(status: &Status) -> bool {
    status.code.is_absent() || status.code.is_denied() || status.code.is_full()
}

fn create_failed(status: &Status, task: &mut Task) {
    let is_hidden = task.order.recipe.placing == Placing::Rename
        && name_of(&task.order.temporary).starts_with('.');
    let hint = if status.code.is_absent() && is_hidden {
        "; is the folder still there? If the server refuses names that begin with a dot, SFTP.TEMPORARY \
         = \"{name}.part\" or SFTP.UPLOAD = \"direct\" does without"
    } else if status.code.is_absent() {
        "; is the folder still there?"
    } else if status.code.is_full() {
        ""
    } else if status.code.is_denied() && is_hidden {
        "; the user needs the right to create files in the folder; if the server refuses names that \
         begin with a dot, SFTP.TEMPORARY = \"{name}.part\" or SFTP.UPLOAD = \"direct\" does without"
    } else if is_hidden {
        "; if the server refuses names that begin with a dot, SFTP.TEMPORARY = \"{name}.part\" or \
         SFTP.UPLOAD = \"direct\" does without"
    } else if status.code.is_denied() {
        "; the user needs the right to create files in the folder"
    } else {
        ""
    };
    let file = match task.order.recipe.placing {
        Placing::Rename => format!("the temporary file for {}", task.order.name),
        Placing::Direct => task.order.name.to_string(),
    };
    let text = format!("the server does not create {file}: {status}{hint}");
    task.fail(Phase::Create, status.code.class(), text);
}
