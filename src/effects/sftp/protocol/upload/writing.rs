//! The bytes of an upload on their way: as many at a time as there is room for.

use super::super::answer::{Handle, Sending};
use super::super::outbox::{Flow, Requests};
use super::super::recipe::Verification;
use super::State;
use super::comparison::Hashing;
use super::confirming::Confirming;
use super::giving_up::Left;
use super::task::{Order, Task};
use crate::effects::source::Source;

/// A file that is being written.
pub(super) struct Writing {
    handle: Handle,
    /// Bytes that were sent.
    size_bytes: u64,
    /// Of what was sent, where it is to be read back.
    sum: Option<Hashing>,
}

impl Writing {
    /// The file is open.
    pub(super) fn begin(handle: Handle, order: &Order) -> State {
        let reads_back = order.recipe.verification == Verification::ReadBack;
        State::Writing(Self {
            handle,
            size_bytes: 0,
            sum: reads_back.then(Hashing::new),
        })
    }

    /// Sends the next piece, and what follows the last one.
    pub(super) fn feed(
        mut self,
        source: &mut dyn Source,
        room: usize,
        task: &mut Task,
        out: &mut Requests<'_>,
    ) -> (State, Flow) {
        let fed = match &mut self.sum {
            Some(sum) => out.write(&self.handle, self.size_bytes, room, &mut sum.over(source)),
            None => out.write(&self.handle, self.size_bytes, room, source),
        };
        match fed {
            Ok(fed) => {
                self.size_bytes += fed.bytes as u64;
                let state = match fed.source {
                    Flow::End => {
                        let sum = self.sum.map(Hashing::finish);
                        Confirming::begin(&self.handle, self.size_bytes, sum, task, out)
                    }
                    Flow::More | Flow::Pending => State::Writing(self),
                };
                (state, fed.source)
            }
            Err(error) => {
                task.source_failed(&error);
                (State::Writing(self), Flow::End)
            }
        }
    }

    /// Takes an answer.
    pub(super) fn answer(self, answer: Sending, task: &mut Task) -> State {
        match answer {
            Sending::Written(said) => task.written(said),
            // They are asked for when everything is sent.
            Sending::Synced(_)
            | Sending::Measured(_)
            | Sending::Closed(_)
            | Sending::LookedBefore(_)
            | Sending::LookedAtTemporary(_)
            | Sending::MeasuredByName(_) => {}
        }
        State::Writing(self)
    }

    /// What it may have left.
    pub(super) fn left(self, order: &Order) -> Left {
        Left {
            handle: Some(self.handle),
            ..Left::unfinished(order)
        }
    }
}
