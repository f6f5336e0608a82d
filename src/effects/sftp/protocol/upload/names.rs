//! The two names of an upload as they are looked at: together, so that both looks take one round trip.

use super::super::answer::{self, Answer, Sighted};
use super::super::outbox::Requests;
use super::super::sighting::{Question, Sight, Sighting};
use super::task::Order;

/// What was seen before a file is put in place.
#[derive(Clone, Debug)]
pub(super) struct Before {
    /// Under the final name.
    pub(super) target: Option<Sight>,
    /// Under the temporary name.
    pub(super) temporary: Option<Sight>,
}

/// Looks at both names.
pub(super) struct BothNames {
    target: Sighting<Target>,
    temporary: Sighting<Temporary>,
}

/// What they saw.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    /// Under the final name.
    pub(super) target: &'a Sight,
    /// Under the temporary name.
    pub(super) temporary: &'a Sight,
}

/// Under the final name.
pub(super) struct Target;

impl Question for Target {
    fn answer(sighted: Sighted) -> Answer {
        Answer::Placing(answer::Placing::Target(sighted))
    }
}

/// Under the temporary name.
struct Temporary;

impl Question for Temporary {
    fn answer(sighted: Sighted) -> Answer {
        Answer::Placing(answer::Placing::Temporary(sighted))
    }
}

impl BothNames {
    /// Looks at both.
    pub(super) fn look(order: &Order, out: &mut Requests<'_>) -> Self {
        Self {
            target: Sighting::begin(&order.target, out),
            temporary: Sighting::begin(&order.temporary, out),
        }
    }

    /// Looks at the final name of a file that never had another one.
    pub(super) fn look_at_target(order: &Order, out: &mut Requests<'_>) -> Self {
        Self {
            target: Sighting::begin(&order.target, out),
            temporary: Sighting::saw(Sight::Absent),
        }
    }

    /// Takes an answer about the final name.
    pub(super) fn target(&mut self, sighted: Sighted, out: &mut Requests<'_>) {
        self.target.answer(sighted, out);
    }

    /// Takes an answer about the temporary name.
    pub(super) fn temporary(&mut self, sighted: Sighted, out: &mut Requests<'_>) {
        self.temporary.answer(sighted, out);
    }

    /// What was seen, once both are known.
    pub(super) fn seen(&self) -> Option<Seen<'_>> {
        Some(Seen {
            target: self.target.sight()?,
            temporary: self.temporary.sight()?,
        })
    }
}
