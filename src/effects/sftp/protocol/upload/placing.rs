//! The last act of an upload: from the temporary name to the final one. Every refusal of a rename is
//! looked into before the final name is touched, and what a foreign file holds stays as it is.

use courier_ledger::{FailureClass, Phase, Placement, Replaces};

use super::super::answer::{self, Answer, Said};
use super::super::outbox::Requests;
use super::super::recipe::Placing as Way;
use super::State;
use super::giving_up::{FinalName, Left, Unfinished};
use super::placed::{LookBehind, Placed};
use super::task::Task;
use crate::effects::sftp::wire::attributes::Attributes;
use crate::effects::sftp::wire::request::Request;
use crate::effects::sftp::wire::status::{Status, StatusCode};

/// A confirmed file on its way to its final name.
pub(super) struct Placing {
    size_bytes: u64,
    step: Step,
    behind: LookBehind,
}

/// What is asked. One thing at a time, besides the look behind.
enum Step {
    /// It is being renamed.
    Renaming(Rename),
    /// That was refused, and it is looked what stands under the final name.
    Explaining(Status),
    /// The old version is being removed from the final name.
    Unlinking,
    /// It will not be put in place.
    Stopped(OldVersion),
}

/// How it is renamed.
enum Rename {
    /// Over what is there.
    Over,
    /// Plainly.
    Plain,
    /// Plainly, once more.
    Again(OldVersion),
}

/// What this upload did to the old version under the final name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OldVersion {
    /// Nothing.
    Untouched,
    /// It removed it.
    Unlinked,
}

impl Placing {
    /// Sends the rename. A server that keeps to the order of requests answers it and the look behind
    /// it in one round trip.
    pub(super) fn begin(size_bytes: u64, task: &mut Task, out: &mut Requests<'_>) -> State {
        let order = &task.order;
        if order.recipe.placing == Way::Direct {
            let behind = LookBehind::ShowsNothing;
            return Placed::begin(size_bytes, Placement::Direct, behind, task, out);
        }
        let rename = if order.replaces == Replaces::Own && out.capabilities.posix_rename {
            Rename::Over
        } else {
            Rename::Plain
        };
        let step = rename.ask(task, out);
        let path = &order.target;
        out.look(Request::Lstat { path }, |said| {
            Answer::Placing(answer::Placing::LookedBehind(said))
        });
        State::Placing(Self {
            size_bytes,
            step,
            behind: LookBehind::ShowsTheRename,
        })
    }

    /// Takes an answer.
    pub(super) fn answer(
        self,
        answer: answer::Placing,
        task: &mut Task,
        out: &mut Requests<'_>,
    ) -> State {
        use answer::Placing::{Explained, LookedAfter, LookedBehind, Renamed, Unlinked};
        let mut behind = self.behind;
        let step = match (self.step, answer) {
            (Step::Renaming(rename), Renamed(Ok(()))) => {
                return Placed::begin(self.size_bytes, rename.placement(), behind, task, out);
            }
            (Step::Renaming(rename), Renamed(Err(status))) => {
                behind = LookBehind::ShowsNothing;
                rename.refused(status, task, out)
            }
            (Step::Explaining(refusal), Explained(said)) => explained(&refusal, &said, task, out),
            (Step::Unlinking, Unlinked(said)) => unlinked(said, task, out),
            (step, LookedBehind(_)) => {
                behind = LookBehind::ShowsNothing;
                step
            }
            // It asks one thing at a time, and looks again only when it is in place.
            (step @ (Step::Explaining(_) | Step::Unlinking | Step::Stopped(_)), Renamed(_))
            | (step @ (Step::Renaming(_) | Step::Unlinking | Step::Stopped(_)), Explained(_))
            | (step @ (Step::Renaming(_) | Step::Explaining(_) | Step::Stopped(_)), Unlinked(_))
            | (step, LookedAfter(_)) => step,
        };
        State::Placing(Self {
            size_bytes: self.size_bytes,
            step,
            behind,
        })
    }

    /// What it may have left.
    pub(super) fn left(self) -> Left {
        let final_name = match self.step {
            Step::Renaming(_) | Step::Unlinking | Step::Stopped(OldVersion::Unlinked) => {
                FinalName::InDoubt
            }
            Step::Explaining(_) | Step::Stopped(OldVersion::Untouched) => FinalName::AsItWas,
        };
        Left {
            handle: None,
            unfinished: Unfinished::Removable,
            final_name,
        }
    }
}

impl Rename {
    fn ask(self, task: &Task, out: &mut Requests<'_>) -> Step {
        let (from, to) = (task.order.temporary.as_str(), task.order.target.as_str());
        let request = match self {
            Self::Over => Request::PosixRename { from, to },
            Self::Plain | Self::Again(_) => Request::Rename { from, to },
        };
        out.act(request, |said| {
            Answer::Placing(answer::Placing::Renamed(said))
        });
        Step::Renaming(self)
    }

    fn placement(&self) -> Placement {
        match self {
            Self::Over => Placement::PosixRename,
            Self::Plain | Self::Again(OldVersion::Untouched) => Placement::Rename,
            Self::Again(OldVersion::Unlinked) => Placement::UnlinkThenRename,
        }
    }

    fn refused(self, status: Status, task: &mut Task, out: &mut Requests<'_>) -> Step {
        let code = status.code;
        let is_unsupported = code == StatusCode::UNSUPPORTED;
        match self {
            Self::Again(old) => place_failed(&status, old, task),
            Self::Over | Self::Plain if task.failure.is_some() => {
                Step::Stopped(OldVersion::Untouched)
            }
            // Denied may mean the extension alone. A plain rename cannot harm.
            Self::Over if is_unsupported || code.is_denied() => {
                if is_unsupported {
                    out.capabilities.posix_rename = false;
                }
                Self::Plain.ask(task, out)
            }
            Self::Over => place_failed(&status, OldVersion::Untouched, task),
            Self::Plain if is_unsupported || code.is_denied() || code.is_absent() => {
                place_failed(&status, OldVersion::Untouched, task)
            }
            Self::Plain => {
                let path = &task.order.target;
                out.look(Request::Lstat { path }, |said| {
                    Answer::Placing(answer::Placing::Explained(said))
                });
                Step::Explaining(status)
            }
        }
    }
}

/// What a look at the final name says about why the file was not renamed.
fn explained(
    refusal: &Status,
    said: &Said<Attributes>,
    task: &mut Task,
    out: &mut Requests<'_>,
) -> Step {
    if task.failure.is_some() {
        return Step::Stopped(OldVersion::Untouched);
    }
    match (task.order.replaces, said) {
        // Gone between two looks: the recipient took the old version.
        (_, Err(status)) if status.code.is_absent() => {
            Rename::Again(OldVersion::Untouched).ask(task, out)
        }
        (Replaces::Nothing, Ok(_)) => {
            task.occupied();
            Step::Stopped(OldVersion::Untouched)
        }
        (Replaces::Nothing, Err(_)) => place_failed(refusal, OldVersion::Untouched, task),
        (Replaces::Own, Ok(_) | Err(_)) => {
            let path = &task.order.target;
            out.act(Request::Remove { path }, |said| {
                Answer::Placing(answer::Placing::Unlinked(said))
            });
            Step::Unlinking
        }
    }
}

/// Goes on after the old version was removed, or not. Also when time is over: between the unlinking
/// and the rename there is neither version.
fn unlinked(said: Said<()>, task: &mut Task, out: &mut Requests<'_>) -> Step {
    match said {
        Ok(()) => Rename::Again(OldVersion::Unlinked).ask(task, out),
        Err(status) if status.code.is_absent() => {
            Rename::Again(OldVersion::Untouched).ask(task, out)
        }
        Err(status) => {
            let text = format!(
                "the server keeps the old version of {} in the way: {status}",
                task.order.name
            );
            task.fail(Phase::Place, status.code.class(), text);
            Step::Stopped(OldVersion::Untouched)
        }
    }
}

fn place_failed(status: &Status, old: OldVersion, task: &mut Task) -> Step {
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
    let text = format!(
        "{} was written and confirmed, and the server does not put it under its final name: \
         {status}{hint}",
        task.order.name
    );
    task.fail(Phase::Place, class, text);
    Step::Stopped(old)
}
