//! The last act of an upload: from the temporary name to the final one, and a look at both. What a
//! foreign file holds stays as it is.
//!
//! What always holds: the end is what the looks show, whatever was answered (`verdict.rs`). A server that
//! keeps to the order of requests answers the rename and the looks behind it in one round trip; where
//! these do not show a file in place, both names are looked at again, as another server may have looked
//! first.

use std::ops::ControlFlow;

use courier_ledger::{FailureClass, Phase, Placement, Replaces};

use super::super::answer::{self, Answer, Said};
use super::super::operation::Done;
use super::super::outbox::Requests;
use super::super::recipe::Placing as Way;
use super::super::sighting::{Sight, Sighting};
use super::State;
use super::giving_up::{FinalName, Left, Unfinished};
use super::names::{Before, BothNames, Target};
use super::task::Task;
use super::verdict::{Doubt, Verdict, judge};
use crate::effects::sftp::wire::request::Request;
use crate::effects::sftp::wire::status::{Status, StatusCode};

/// A confirmed file on its way to its final name.
pub(super) struct Placing {
    size_bytes: u64,
    before: Before,
    step: Step,
}

/// What is asked.
enum Step {
    /// It is being renamed, and both names are looked at behind that.
    Renaming {
        rename: Rename,
        said: Option<Said<()>>,
        names: BothNames,
    },
    /// Both names are looked at after that was answered.
    Looking {
        rename: Rename,
        said: Said<()>,
        names: BothNames,
    },
    /// The old version is being removed from the final name.
    Unlinking,
    /// That was refused, and it is looked whether it is there still.
    LookingForTheOld(Status, Sighting<Target>),
    /// It will not be put in place.
    Stopped(FinalName),
}

/// How it comes under its final name.
#[derive(Clone, Copy)]
enum Rename {
    /// Over what is there.
    Over,
    /// Plainly.
    Plain,
    /// Plainly, once more.
    Again(OldVersion),
    /// Not by a rename: it was written there.
    None,
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
    /// Sends the rename, and looks behind it.
    pub(super) fn begin(
        size_bytes: u64,
        before: Before,
        task: &Task,
        out: &mut Requests<'_>,
    ) -> State {
        let order = &task.order;
        let step = if order.recipe.placing == Way::Direct {
            Step::Renaming {
                rename: Rename::None,
                said: Some(Ok(())),
                names: BothNames::look_at_target(order, out),
            }
        } else if order.replaces == Replaces::Own && out.capabilities.posix_rename {
            Rename::Over.ask(task, out)
        } else {
            Rename::Plain.ask(task, out)
        };
        State::Placing(Self {
            size_bytes,
            before,
            step,
        })
    }

    /// Whether the server says that the file is in place: then only looks are outstanding, and they are
    /// waited for.
    pub(super) fn is_acknowledged(&self) -> bool {
        match &self.step {
            Step::Renaming { said, .. } => matches!(said, Some(Ok(()))),
            Step::Looking { said, .. } => said.is_ok(),
            Step::Unlinking | Step::LookingForTheOld(..) | Step::Stopped(_) => false,
        }
    }

    /// Takes an answer.
    pub(super) fn answer(
        mut self,
        answer: answer::Placing,
        task: &mut Task,
        out: &mut Requests<'_>,
    ) -> State {
        use answer::Placing::{Renamed, Target, Temporary, Unlinked};
        self.step = match (self.step, answer) {
            (Step::Renaming { rename, names, .. }, Renamed(said)) => {
                if said.is_ok() {
                    // It is done, whatever was given up meanwhile.
                    task.failure = None;
                }
                let said = Some(said);
                Step::Renaming {
                    rename,
                    said,
                    names,
                }
            }
            (mut step, Target(sighted)) => {
                match &mut step {
                    Step::Renaming { names, .. } | Step::Looking { names, .. } => {
                        names.target(sighted, out);
                    }
                    Step::LookingForTheOld(_, sighting) => sighting.answer(sighted, out),
                    Step::Unlinking | Step::Stopped(_) => {}
                }
                step
            }
            (mut step, Temporary(sighted)) => {
                if let Step::Renaming { names, .. } | Step::Looking { names, .. } = &mut step {
                    names.temporary(sighted, out);
                }
                step
            }
            // Also when time is over: between the unlinking and the rename there is neither version.
            (Step::Unlinking, Unlinked(said)) => match said {
                Ok(()) => Rename::Again(OldVersion::Unlinked).ask(task, out),
                Err(status) if status.code.is_absent() => {
                    Rename::Again(OldVersion::Untouched).ask(task, out)
                }
                Err(status) => {
                    Step::LookingForTheOld(status, Sighting::begin(&task.order.target, out))
                }
            },
            // Neither was asked.
            (
                step @ (Step::Looking { .. }
                | Step::Unlinking
                | Step::LookingForTheOld(..)
                | Step::Stopped(_)),
                Renamed(_),
            )
            | (
                step @ (Step::Renaming { .. }
                | Step::Looking { .. }
                | Step::LookingForTheOld(..)
                | Step::Stopped(_)),
                Unlinked(_),
            ) => step,
        };
        State::Placing(self)
    }

    /// Everything was answered: the upload ends, or goes on.
    pub(super) fn go_on(
        mut self,
        task: &mut Task,
        out: &mut Requests<'_>,
    ) -> ControlFlow<Done, State> {
        let size_bytes = self.size_bytes;
        let verification = task.order.recipe.verification;
        self.step = match self.step {
            Step::Renaming {
                rename,
                said: Some(said),
                names,
            } if !names.seen().is_some_and(|seen| {
                // Another look would show no more.
                matches!(seen.temporary, Sight::Unseen(status) if status.code.is_denied())
                    || judge(&said, &self.before, seen, size_bytes, verification)
                        == Verdict::InPlace
                        && said.is_ok()
            }) =>
            {
                Step::Looking {
                    rename,
                    said,
                    names: match rename {
                        Rename::None => BothNames::look_at_target(&task.order, out),
                        Rename::Over | Rename::Plain | Rename::Again(_) => {
                            BothNames::look(&task.order, out)
                        }
                    },
                }
            }
            Step::Renaming {
                rename,
                said: Some(said),
                names,
            }
            | Step::Looking {
                rename,
                said,
                names,
            } => match names.seen() {
                Some(seen) => {
                    let verdict = judge(&said, &self.before, seen, size_bytes, verification);
                    match verdict {
                        Verdict::InPlace => {
                            return ControlFlow::Break(Done::Uploaded {
                                size_bytes,
                                placement: rename.placement(),
                                unseen: seen.target.unseen(),
                            });
                        }
                        Verdict::PickedUp => {
                            return ControlFlow::Break(Done::PickedUp {
                                size_bytes,
                                placement: rename.placement(),
                                unseen: seen.temporary.unseen(),
                            });
                        }
                        Verdict::Refused(status) => rename.refused(status, seen.target, task, out),
                        Verdict::NotDone => not_done(task),
                        Verdict::TakenBefore(status) => taken_before(&status, task),
                        Verdict::InDoubt(doubt) => in_doubt(&doubt, size_bytes, task),
                    }
                }
                None => Step::Looking {
                    rename,
                    said,
                    names,
                },
            },
            Step::LookingForTheOld(status, sighting) => {
                self.before.old_stays(&status, &sighting, task, out)
            }
            step @ (Step::Renaming { said: None, .. } | Step::Unlinking | Step::Stopped(_)) => step,
        };
        ControlFlow::Continue(State::Placing(self))
    }

    /// What it may have left.
    pub(super) fn left(self) -> Left {
        let final_name = match self.step {
            Step::Renaming {
                rename,
                said: Some(Err(_)),
                ..
            }
            | Step::Looking {
                rename,
                said: Err(_),
                ..
            } => rename.undone(),
            Step::Renaming { .. }
            | Step::Looking { .. }
            | Step::Unlinking
            | Step::LookingForTheOld(..) => FinalName::InDoubt,
            Step::Stopped(final_name) => final_name,
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
            Self::Plain | Self::Again(_) | Self::None => Request::Rename { from, to },
        };
        out.act(request, |said| {
            Answer::Placing(answer::Placing::Renamed(said))
        });
        Step::Renaming {
            rename: self,
            said: None,
            names: BothNames::look(&task.order, out),
        }
    }

    fn placement(self) -> Placement {
        match self {
            Self::Over => Placement::PosixRename,
            Self::Plain | Self::Again(OldVersion::Untouched) => Placement::Rename,
            Self::Again(OldVersion::Unlinked) => Placement::UnlinkThenRename,
            Self::None => Placement::Direct,
        }
    }

    /// The final name after this was refused.
    fn undone(self) -> FinalName {
        match self {
            Self::Again(OldVersion::Unlinked) | Self::None => FinalName::InDoubt,
            Self::Over | Self::Plain | Self::Again(OldVersion::Untouched) => {
                FinalName::AsTheTemporaryTells
            }
        }
    }

    /// The server does not rename, and `target` stands under the final name.
    fn refused(
        self,
        status: Status,
        target: &Sight,
        task: &mut Task,
        out: &mut Requests<'_>,
    ) -> Step {
        let code = status.code;
        let is_unsupported = code == StatusCode::UNSUPPORTED;
        match self {
            // Denied may mean the extension alone. A plain rename cannot harm.
            Self::Over if is_unsupported || code.is_denied() => {
                if is_unsupported {
                    out.capabilities.posix_rename = false;
                }
                Self::Plain.ask(task, out)
            }
            Self::Plain if !(is_unsupported || code.is_denied() || code.is_absent()) => {
                self.in_the_way(&status, target, task, out)
            }
            Self::Over | Self::Plain | Self::Again(_) | Self::None => {
                place_failed(&status, self.undone(), task)
            }
        }
    }

    /// What stands under the final name may be the reason.
    fn in_the_way(
        self,
        refusal: &Status,
        target: &Sight,
        task: &mut Task,
        out: &mut Requests<'_>,
    ) -> Step {
        match (task.order.replaces, target) {
            // Gone between two looks: the recipient took the old version.
            (_, Sight::Absent) => Self::Again(OldVersion::Untouched).ask(task, out),
            (Replaces::Nothing, Sight::Present(_)) => {
                task.occupied();
                Step::Stopped(self.undone())
            }
            (Replaces::Nothing, Sight::Unseen(_)) => place_failed(refusal, self.undone(), task),
            (Replaces::Own, Sight::Present(_) | Sight::Unseen(_)) => {
                let path = &task.order.target;
                out.act(Request::Remove { path }, |said| {
                    Answer::Placing(answer::Placing::Unlinked(said))
                });
                Step::Unlinking
            }
        }
    }
}

impl Before {
    /// Goes on after the removal of the old version was refused, by what stands there now.
    fn old_stays(
        &self,
        status: &Status,
        sighting: &Sighting<Target>,
        task: &mut Task,
        out: &mut Requests<'_>,
    ) -> Step {
        let is_other = |now| {
            let before = self.target.as_ref();
            before.is_none_or(|before| before.is_other_than(now))
        };
        let final_name = match sighting.sight() {
            Some(Sight::Absent) => return Rename::Again(OldVersion::Unlinked).ask(task, out),
            Some(Sight::Present(now)) if !is_other(*now) => FinalName::AsTheTemporaryTells,
            Some(Sight::Present(_) | Sight::Unseen(_)) | None => FinalName::InDoubt,
        };
        let text = format!(
            "the server keeps the old version of {} in the way: {status}",
            task.order.name
        );
        task.fail(Phase::Place, status.code.class(), text);
        Step::Stopped(final_name)
    }
}

fn place_failed(status: &Status, final_name: FinalName, task: &mut Task) -> Step {
    let (class, hint) = if status.code.is_absent() {
        (
            FailureClass::Transient,
            "; it is there under its temporary name",
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
    Step::Stopped(final_name)
}

/// The rename was acknowledged, and was not done. It may be done late: what the next attempt has written
/// so far must not come under the final name by it.
fn not_done(task: &mut Task) -> Step {
    let text = format!(
        "the server says that it has put {} under its final name, and a look shows that it still has its \
         temporary one: if that happens every time, SFTP.UPLOAD = \"direct\" does without renaming",
        task.order.name
    );
    task.fail(Phase::Place, FailureClass::Transient, text);
    Step::Stopped(FinalName::InDoubt)
}

fn taken_before(status: &Status, task: &mut Task) -> Step {
    let text = format!(
        "{} was written and confirmed, and something took it away under its temporary name before it \
         could be put under its final one ({status}): if the recipient collects whatever is there, \
         SFTP.UPLOAD = \"direct\" writes it under its final name, and SFTP.TEMPORARY can give it another \
         temporary one",
        task.order.name
    );
    task.fail(Phase::Place, FailureClass::NeedsPerson, text);
    Step::Stopped(FinalName::InDoubt)
}

fn in_doubt(doubt: &Doubt, size_bytes: u64, task: &mut Task) -> Step {
    let name = &task.order.name;
    let text = match doubt {
        Doubt::OtherSize(size) => format!(
            "the server says that it has put {name} under its final name, and a look shows {size} bytes \
             there where {size_bytes} were written and confirmed"
        ),
        Doubt::Twice => format!(
            "the server does not say that it has put {name} under its final name, and a look shows it \
             under both names"
        ),
        Doubt::Refused(status) => format!(
            "{name} was written and confirmed, and nobody can tell whether it stands under its final \
             name: the server says {status}, and its temporary name is gone"
        ),
    };
    task.fail(Phase::Place, FailureClass::Transient, text);
    Step::Stopped(FinalName::InDoubt)
}
