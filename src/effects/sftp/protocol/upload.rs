//! One upload, from the temporary name to the final one. Performs no I/O: answers come in, requests
//! go out, and every order of refusals ends in an outcome that says what remains at the drop-box.
//!
//! What always holds: unless the recipe says `Direct`, the final name is touched only after every
//! write, the sync, the size and the close were acknowledged; a file that this ledger did not create
//! is never replaced; an unfinished file is removed by whoever gives up, and otherwise reported; a
//! final name is never removed because of what a verification found. What became of a rename or a removal
//! is what a look shows, whatever was answered; where that cannot be known, the file is in doubt, and
//! whoever comes next finds out whose it is before touching it.
//!
//! How to read it: each state owns what it needs, in a file of its own, and turns an answer into the
//! next state. A failure ends a state only when everything that it asked was answered: then the upload
//! is given up, from whatever that state may have left.
//!
//! Deliberately absent: retries (the run loop's), any change of times or permissions. Another way of
//! placing or of verifying is another branch in `upload/creating.rs`, `confirming.rs` and `placing.rs`.

mod comparison;
mod confirming;
mod creating;
mod giving_up;
mod names;
mod placing;
mod reading_back;
mod task;
mod verdict;
mod writing;

use std::ops::ControlFlow;

use courier_ledger::{Failure, FailureClass, Phase};

use super::answer::{Answer, Misplaced};
use super::operation::Outcome;
use super::outbox::{Bounds, Flow, Requests};
use crate::effects::source::Source;
use confirming::Confirming;
use creating::Creating;
use giving_up::{GivingUp, Left};
use placing::Placing;
use reading_back::ReadingBack;
pub(crate) use task::Order;
use task::Task;
use writing::Writing;

/// How far an upload is.
#[derive(Default)]
enum State {
    /// It has not begun.
    #[default]
    Waiting,
    /// The server refused to open its file, most likely because others are open: nothing of it is
    /// there, and it can begin again when fewer are.
    CrowdedOut {
        /// Files that the server had open for others.
        others_open: usize,
    },
    /// Its file is being created.
    Creating(Creating),
    /// Its bytes are being sent.
    Writing(Writing),
    /// Everything is sent; it is confirmed that it arrived.
    Confirming(Confirming),
    /// It is being read back.
    ReadingBack(ReadingBack),
    /// It is being put under its final name.
    Placing(Placing),
    /// It failed; what can be cleaned up is.
    GivingUp(GivingUp),
}

/// An upload under way.
pub(crate) struct Upload {
    source: Box<dyn Source>,
    task: Task,
    state: State,
}

impl Upload {
    /// An upload of what `source` gives.
    pub(crate) fn new(source: Box<dyn Source>, order: Order) -> Self {
        Self {
            source,
            task: Task::new(order),
            state: State::Waiting,
        }
    }

    /// Sends the first request; also once more, after it was crowded out.
    pub(crate) fn begin(&mut self, out: &mut Requests<'_>) -> Option<Outcome> {
        self.state = match self.source.restart() {
            Ok(()) => Creating::begin(&self.task, out),
            Err(error) => {
                self.task.source_failed(&error);
                State::Waiting
            }
        };
        self.go_on(out)
    }

    /// Whether it can send or ask for data now.
    pub(crate) fn is_moving(&self) -> bool {
        let is_open = match &self.state {
            State::Writing(_) => true,
            State::ReadingBack(reading) => reading.has_file_open(),
            State::Waiting
            | State::CrowdedOut { .. }
            | State::Creating(_)
            | State::Confirming(_)
            | State::Placing(_)
            | State::GivingUp(_) => false,
        };
        is_open && self.task.failure.is_none()
    }

    /// Whether it holds, or may come to hold, a file open at the server.
    pub(crate) fn occupies_file(&self) -> bool {
        match &self.state {
            State::Creating(_) | State::ReadingBack(_) => true,
            // Its place is kept: a server may allow one open file.
            State::Confirming(confirming) => confirming.has_file_open() || confirming.reads_back(),
            State::Waiting
            | State::CrowdedOut { .. }
            | State::Writing(_)
            | State::Placing(_)
            | State::GivingUp(_) => self.has_file_open(),
        }
    }

    /// Files that the server had open for others when it refused to open this one's, if that is why
    /// this one waits.
    pub(crate) fn crowded_out_by(&self) -> Option<usize> {
        match self.state {
            State::CrowdedOut { others_open } => Some(others_open),
            State::Waiting
            | State::Creating(_)
            | State::Writing(_)
            | State::Confirming(_)
            | State::ReadingBack(_)
            | State::Placing(_)
            | State::GivingUp(_) => None,
        }
    }

    /// Whether the server has its file open.
    pub(crate) fn has_file_open(&self) -> bool {
        match &self.state {
            State::Writing(_) => true,
            State::Confirming(confirming) => confirming.has_file_open(),
            State::ReadingBack(reading) => reading.has_file_open(),
            State::GivingUp(giving_up) => giving_up.has_file_open(),
            State::Waiting | State::CrowdedOut { .. } | State::Creating(_) | State::Placing(_) => {
                false
            }
        }
    }

    /// Sends the next piece and what follows the last one, or asks for the next piece.
    pub(crate) fn feed(
        &mut self,
        bounds: &Bounds,
        out: &mut Requests<'_>,
    ) -> (Flow, Option<Outcome>) {
        let source = self.source.as_mut();
        let (state, flow) = match std::mem::take(&mut self.state) {
            State::Writing(writing) => {
                writing.feed(source, bounds.write_bytes, &mut self.task, out)
            }
            State::ReadingBack(mut reading) => {
                let flow = reading.ask(bounds.read_bytes, out);
                (State::ReadingBack(reading), flow)
            }
            // Nothing of it moves in any other state.
            state @ (State::Waiting
            | State::CrowdedOut { .. }
            | State::Creating(_)
            | State::Confirming(_)
            | State::Placing(_)
            | State::GivingUp(_)) => (state, Flow::End),
        };
        self.state = state;
        (flow, self.go_on(out))
    }

    /// Takes an answer. `out.outstanding` no longer counts its request.
    pub(crate) fn answer(
        &mut self,
        answer: Answer,
        out: &mut Requests<'_>,
    ) -> Result<Option<Outcome>, Misplaced> {
        let task = &mut self.task;
        self.state = match std::mem::take(&mut self.state) {
            State::Creating(creating) => creating.answer(answer.creating()?, task, out),
            State::Writing(writing) => writing.answer(answer.sending()?, task),
            State::Confirming(confirming) => confirming.answer(answer.sending()?, task, out),
            State::ReadingBack(reading) => reading.answer(answer.reading_back()?, task, out),
            State::Placing(placing) => placing.answer(answer.placing()?, task, out),
            State::GivingUp(giving_up) => giving_up.answer(answer.giving_up()?, out),
            // It has asked nothing.
            State::Waiting | State::CrowdedOut { .. } => return Err(Misplaced),
        };
        Ok(self.go_on(out))
    }

    /// Gives up because the time for it is over. What is irrevocable is waited for.
    pub(crate) fn expire(&mut self, out: &mut Requests<'_>) -> Option<Outcome> {
        match &self.state {
            // It cleans up already.
            State::GivingUp(_) => {}
            // Only looks are outstanding.
            State::Placing(placing) if placing.is_acknowledged() => {}
            State::Waiting
            | State::CrowdedOut { .. }
            | State::Creating(_)
            | State::Writing(_)
            | State::Confirming(_)
            | State::ReadingBack(_)
            | State::Placing(_) => {
                let name = &self.task.order.name;
                let text = format!("the upload of {name} took longer than allowed");
                let phase = self.state.phase();
                self.task.fail(phase, FailureClass::Transient, text);
            }
        }
        self.go_on(out)
    }

    /// The end when the connection is gone.
    pub(crate) fn lost(mut self, reason: &str) -> Outcome {
        let name = &self.task.order.name;
        let text = match self.state {
            State::GivingUp(giving_up) => return Err(giving_up.lost(&self.task.order)),
            State::Waiting | State::CrowdedOut { .. } => {
                format!("{name} was not uploaded: {reason}")
            }
            State::Creating(_)
            | State::Writing(_)
            | State::Confirming(_)
            | State::ReadingBack(_)
            | State::Placing(_) => format!("the upload of {name} was cut off: {reason}"),
        };
        let failure = self.task.failure.take().unwrap_or_else(|| Failure {
            phase: self.state.phase(),
            class: FailureClass::Transient,
            text,
        });
        let left = self.state.left(&self.task.order);
        Err(GivingUp::new(failure, left, &self.task.order).lost(&self.task.order))
    }

    /// What follows when nothing is outstanding.
    fn go_on(&mut self, out: &mut Requests<'_>) -> Option<Outcome> {
        loop {
            if *out.outstanding > 0 {
                return None;
            }
            let mut state = std::mem::take(&mut self.state);
            if let Some(failure) = self.task.failure.take() {
                if let State::ReadingBack(reading) = &state {
                    reading.release(out);
                }
                let left = state.left(&self.task.order);
                state = State::GivingUp(GivingUp::new(failure, left, &self.task.order));
            }
            self.state = match state {
                State::Confirming(confirming) => confirming.go_on(&mut self.task, out),
                State::ReadingBack(reading) => {
                    reading.go_on(out);
                    State::ReadingBack(reading)
                }
                State::Placing(placing) => match placing.go_on(&mut self.task, out) {
                    ControlFlow::Continue(state) => state,
                    ControlFlow::Break(done) => return Some(Ok(done)),
                },
                State::GivingUp(giving_up) => match giving_up.go_on(&self.task.order, out) {
                    ControlFlow::Continue(giving_up) => State::GivingUp(giving_up),
                    ControlFlow::Break(error) => return Some(Err(error)),
                },
                // They go on with an answer, or with bytes of the source.
                state @ (State::Waiting
                | State::CrowdedOut { .. }
                | State::Creating(_)
                | State::Writing(_)) => state,
            };
            // What has just failed is given up, as nothing else will bring it on.
            self.task.failure.as_ref()?;
        }
    }
}

impl State {
    /// Where a failure of it is recorded.
    fn phase(&self) -> Phase {
        match self {
            Self::Waiting | Self::CrowdedOut { .. } | Self::Creating(_) => Phase::Create,
            Self::Writing(_) => Phase::Write,
            Self::Confirming(_) | Self::ReadingBack(_) => Phase::Confirm,
            Self::Placing(_) => Phase::Place,
            Self::GivingUp(giving_up) => giving_up.phase(),
        }
    }

    /// What it may have left at the drop-box.
    fn left(self, order: &Order) -> Left {
        match self {
            Self::Waiting | Self::CrowdedOut { .. } => Left::NOTHING,
            Self::Creating(creating) => creating.left(order),
            Self::Writing(writing) => writing.left(order),
            Self::Confirming(_) => Left::unfinished(order),
            Self::ReadingBack(reading) => reading.left(order),
            Self::Placing(placing) => placing.left(),
            Self::GivingUp(giving_up) => giving_up.left(),
        }
    }
}
