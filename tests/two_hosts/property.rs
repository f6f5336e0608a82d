//! What must hold in every history.

use std::fmt;

/// What was violated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Property {
    /// What was acknowledged is in the ledger for ever, under its number.
    NothingLost,
    /// Nothing is in the ledger more often than it was to be recorded.
    NothingDoubled,
    /// The ledger's entries are a chain that can be folded.
    WholeChain,
    /// Whoever was replaced adds nothing.
    NoStaleAppend,
    /// Never do two hosts believe that they hold the ledger.
    OneHolder,
    /// While an effect takes place that was begun in time, nobody else holds the ledger.
    NoStaleEffect,
    /// A newer result is never replaced by an older one.
    RightOrder,
    /// What was published never shows more than the ledger has.
    NothingPublishedTooEarly,
    /// A ledger that is as it should be is never refused, and no program ends by a panic.
    NoDefect,
    /// When faults stop, runs go on …
    Liveness,
    /// … and the drop-box gets the newest of every request, and nothing that is withdrawn.
    Convergence,
}

/// That a property does not hold.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) property: Property,
    pub(crate) text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.property, self.text)
    }
}
