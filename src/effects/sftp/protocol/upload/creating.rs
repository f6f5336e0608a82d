//! The first act of an upload: a file that can be written to. Under a temporary name it is new,
//! whatever stood there; under the final one it is new, or takes the place of a file of this ledger.

use courier_ledger::{Phase, Replaces};

use super::super::answer::{self, Answer, Said};
use super::super::outbox::Requests;
use super::super::recipe::Placing;
use super::State;
use super::giving_up::{Left, Unfinished};
use super::task::{Order, Task};
use super::writing::Writing;
use crate::effects::sftp::wire::request::Request;
use crate::effects::sftp::wire::status::{Status, StatusCode};

/// A file in the making. One thing is asked at a time.
pub(super) enum Creating {
    /// It is looked whether the final name is free, before a file is created under it.
    Looking,
    /// The file is asked for.
    Asking(Attempt),
    /// It was refused, and what may stand under the temporary name is being removed.
    Clearing(Refusal),
    /// It was refused, and it is looked what stands under the final name.
    Explaining(Refusal),
    /// There will be none.
    Refused(Unfinished),
}

/// Which attempt it is.
pub(super) enum Attempt {
    /// The first.
    First,
    /// The one after what stood under the temporary name was removed.
    AfterClearing {
        /// Files that others had open when the first was refused.
        others_open: Option<usize>,
    },
}

/// Why the file could not be created, when the reason may be a file that stands there.
pub(super) struct Refusal {
    status: Status,
    /// Files that others had open then; none where no other needed one.
    others_open: Option<usize>,
}

impl Creating {
    /// Sends the first request.
    pub(super) fn begin(task: &Task, out: &mut Requests<'_>) -> State {
        let order = &task.order;
        State::Creating(
            if order.recipe.placing == Placing::Direct && order.replaces == Replaces::Nothing {
                // EXCL refuses what stands there, too; where that answer is lost, this one is known.
                look(order, out);
                Self::Looking
            } else {
                Self::ask(Attempt::First, task, out)
            },
        )
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
            (Self::Looking, Looked(Ok(_))) => {
                task.occupied();
                State::Creating(Self::Refused(Unfinished::Absent))
            }
            (Self::Looking, Looked(Err(_))) => {
                State::Creating(Self::ask(Attempt::First, task, out))
            }
            (Self::Asking(_), Created(Ok(handle))) => Writing::begin(handle, &task.order),
            (Self::Asking(attempt), Created(Err(status))) => match task.order.recipe.placing {
                Placing::Rename => attempt.refused(status, task, out),
                Placing::Direct => refused_under_the_final_name(status, task, out),
            },
            (Self::Clearing(refusal), Cleared(said)) => refusal.cleared(said, task, out),
            (Self::Explaining(_), Looked(Ok(_))) => {
                task.occupied();
                State::Creating(Self::Refused(Unfinished::Absent))
            }
            (Self::Explaining(refusal), Looked(Err(_))) => refusal.stands(Unfinished::Absent, task),
            // It asks one thing at a time: nothing else can be answered.
            (state @ (Self::Looking | Self::Explaining(_)), Created(_) | Cleared(_))
            | (state @ Self::Asking(_), Looked(_) | Cleared(_))
            | (state @ Self::Clearing(_), Looked(_) | Created(_))
            | (state @ Self::Refused(_), Looked(_) | Created(_) | Cleared(_)) => {
                State::Creating(state)
            }
        }
    }

    /// What it may have left.
    pub(super) fn left(self, order: &Order) -> Left {
        match self {
            Self::Looking | Self::Explaining(_) => Left::NOTHING,
            Self::Asking(_) => Left::unfinished(order),
            Self::Clearing(_) => Left {
                unfinished: Unfinished::Removable,
                ..Left::NOTHING
            },
            Self::Refused(unfinished) => Left {
                unfinished,
                ..Left::NOTHING
            },
        }
    }

    /// Asks for the file, unless it was given up meanwhile.
    fn ask(attempt: Attempt, task: &Task, out: &mut Requests<'_>) -> Self {
        if task.failure.is_some() {
            return Self::Refused(Unfinished::Absent);
        }
        let path = task.order.written();
        let request = if task.order.writes_over() {
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
    /// The server refused to create a file under the temporary name. That creates nothing; an earlier
    /// attempt may have. Where that was cleared, or the folder is missing, nothing stands there.
    fn refused(self, status: Status, task: &mut Task, out: &mut Requests<'_>) -> State {
        match self {
            Self::First if status.code.is_absent() => {
                create_failed(&status, task);
                State::Creating(Creating::Refused(Unfinished::Absent))
            }
            Self::First if is_plain(&status) => {
                create_failed(&status, task);
                State::Creating(Creating::Refused(Unfinished::Removable))
            }
            Self::First if task.failure.is_some() => {
                State::Creating(Creating::Refused(Unfinished::Removable))
            }
            Self::First => {
                // OpenSSH says "failure" whatever the reason. A file of this name can only be our
                // own.
                let path = &task.order.temporary;
                out.act(Request::Remove { path }, |said| {
                    Answer::Creating(answer::Creating::Cleared(said))
                });
                State::Creating(Creating::Clearing(Refusal {
                    status,
                    others_open: out.others_open,
                }))
            }
            Self::AfterClearing { .. } if is_plain(&status) => {
                create_failed(&status, task);
                State::Creating(Creating::Refused(Unfinished::Absent))
            }
            Self::AfterClearing { others_open } => Refusal {
                status,
                others_open,
            }
            .stands(Unfinished::Absent, task),
        }
    }
}

impl Refusal {
    /// Takes the answer to the removal of what may stand under the temporary name.
    fn cleared(self, said: Said<()>, task: &mut Task, out: &mut Requests<'_>) -> State {
        match said {
            Ok(()) => {
                let others_open = self.others_open;
                let attempt = Attempt::AfterClearing { others_open };
                State::Creating(Creating::ask(attempt, task, out))
            }
            Err(status) if status.code.is_absent() => self.stands(Unfinished::Absent, task),
            Err(status) => self.crowded_out(task).unwrap_or_else(|| {
                let text = format!(
                    "the temporary file for {} cannot be created, and what may stand there cannot \
                     be removed: {status}",
                    task.order.name
                );
                task.fail(Phase::Create, status.code.class(), text);
                State::Creating(Creating::Refused(Unfinished::Stays))
            }),
        }
    }

    /// No file is in the way: others have too many open, or it has another reason.
    fn stands(self, unfinished: Unfinished, task: &mut Task) -> State {
        self.crowded_out(task).unwrap_or_else(|| {
            create_failed(&self.status, task);
            State::Creating(Creating::Refused(unfinished))
        })
    }

    /// Whether the file was refused because others are open, as far as can be known.
    fn crowded_out(&self, task: &Task) -> Option<State> {
        self.others_open
            .filter(|_| task.failure.is_none() && self.status.code != StatusCode::UNSUPPORTED)
            .map(|others_open| State::CrowdedOut { others_open })
    }
}

/// The server refused to create or to empty a file under the final name.
fn refused_under_the_final_name(status: Status, task: &mut Task, out: &mut Requests<'_>) -> State {
    if is_plain(&status) || task.failure.is_some() {
        create_failed(&status, task);
        return State::Creating(Creating::Refused(Unfinished::Absent));
    }
    let refusal = Refusal {
        status,
        others_open: out.others_open,
    };
    match task.order.replaces {
        Replaces::Nothing => {
            look(&task.order, out);
            State::Creating(Creating::Explaining(refusal))
        }
        Replaces::Own => refusal.stands(Unfinished::Absent, task),
    }
}

/// Whether the status says why, and no file that stands there can be the reason.
fn is_plain(status: &Status) -> bool {
    status.code.is_absent() || status.code.is_denied() || status.code.is_full()
}

fn look(order: &Order, out: &mut Requests<'_>) {
    let path = &order.target;
    out.look(Request::Lstat { path }, |said| {
        Answer::Creating(answer::Creating::Looked(said))
    });
}

fn create_failed(status: &Status, task: &mut Task) {
    let hint = if status.code.is_absent() {
        "; is the folder still there?"
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
