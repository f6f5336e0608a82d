//! A model of everything around the pure core: a broker, a drop-box, a runner that can be cut off
//! between any two events, a clock that jumps, and people. Arbitrary histories are generated from it,
//! folded by `State::apply` and `decide`, and held against named properties.
//!
//! What always holds: no threads, no files, no clock; the same steps give the same history.
//! Deliberately absent: any use of the ledger's own conclusions as proof of themselves. What should be
//! follows from the broker's model and from the events alone.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on must end where it stands"
)]
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "checks ask for single kinds; the transition table is where none may be forgotten"
)]

mod auditor;
mod broker;
mod carry;
mod clock;
mod courier;
mod drop_box;
mod happening;
mod invariants;
mod look;
mod partners;
mod people;
mod poll;
mod recovery;
mod replay;
mod runner;
mod sabotage;
mod saved;
mod settle;
mod standing;
mod step;
mod story;
mod stranger;
mod verdict;
mod world;

pub(crate) use happening::Happening;
pub(crate) use sabotage::Sabotage;
pub(crate) use step::{Histories, Setting, Step};
pub(crate) use world::World;

/// A property that does not hold, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) property: Property,
    pub(crate) text: String,
}

/// The invariants that histories are held against, by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Property {
    /// Invariant 1: After faults stop, at most 2 runs make the drop-box equal the broker's tagged results.
    Convergence,
    /// Invariant 2: One more run does nothing.
    Idempotence,
    /// Invariant 3: Every file of ours on the server has an intent in the log.
    NoLostOutcome,
    /// Invariant 7: No mass deletion on an empty, partial, malformed or failed answer.
    NoMassDeletion,
    /// Invariant 8: Only names that the ledger created are overwritten or deleted.
    Ownership,
    /// Invariant 9: Folding a log gives byte-identical state and projection.
    ReplayDeterminism,
    /// Invariant 10: `status.xml` = project(log) after any crash.
    StatusIsProjection,
    /// Invariant 12: At most one runner.
    OneRunner,
    /// Invariant 13: No decision changes when the clock jumps by years.
    ClockIndependence,
    /// Invariant 19: The folded snapshot's digest is the recorded one.
    DeltaEqualsWhole,
    /// Invariant 20: The folded state does not depend on the order in which concurrent commands finished.
    OrderIndependence,
    /// Nothing is delivered under a key that no run used before and no person released.
    KnownKey,
    /// What a plan says of each request, and why, follows from the events alone.
    TrueReasons,
    /// What a run records always follows from what is recorded.
    Legality,
    /// Invariant 21: nothing is deleted, overwritten or delivered for another broker than the one that
    /// is known, until a person approves it.
    NoStranger,
    /// Nothing is done for a broker, and nothing at all at a drop-box, that is not the known one; what was
    /// left behind is known until a person says that it is gone.
    KnownPartner,
    /// Invariant 23: After `recover`, convergence, and no file of ours left whose request is gone.
    Recovery,
    /// A run that is bound to a saved plan does exactly that, or nothing; a plan that is narrowed is a part of the
    /// whole one, and passes no guard that the whole does not pass.
    SavedPlan,
    /// No entry claims a time before that of the one before it, unless it says so.
    Clock,
    /// A ledger that was lost, or is an older copy of itself, is told by its `status.xml` from one that
    /// is gone on with; what the replaced program left is taken over once.
    Standing,
}

impl Property {
    /// The violation of this property.
    pub(crate) fn violated(self, text: impl Into<String>) -> Violation {
        Violation {
            property: self,
            text: text.into(),
        }
    }

    /// Nothing when the property holds.
    pub(crate) fn holds(self, met: bool, text: impl FnOnce() -> String) -> Result<(), Violation> {
        if met {
            Ok(())
        } else {
            Err(self.violated(text()))
        }
    }
}
