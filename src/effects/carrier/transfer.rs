//! The part of a command that is the drop-box's: how far it is. Deliberately absent: what is
//! transferred.

use courier_ledger::{Failure, Placement};

/// The part of a command that is the drop-box's.
pub(super) enum Transfer<T> {
    /// Nothing was asked of the drop-box yet.
    NotBegun,
    /// The drop-box is at it.
    UnderWay,
    /// It has ended.
    Ended(Result<T, Failure>),
}

impl<T> Transfer<T> {
    /// Why it failed, if it has.
    pub(super) fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Ended(Err(failure)) => Some(failure),
            Self::NotBegun | Self::UnderWay | Self::Ended(Ok(_)) => None,
        }
    }

    /// Ends it, unless the drop-box is at it or has done it; says whether it did.
    pub(super) fn give_up(&mut self, failure: &Failure) -> bool {
        let may_end = match self {
            Self::NotBegun | Self::Ended(Err(_)) => true,
            Self::UnderWay | Self::Ended(Ok(_)) => false,
        };
        if may_end {
            *self = Self::Ended(Err(failure.clone()));
        }
        may_end
    }
}

/// How a file came under its final name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) size_bytes: u64,
    pub(super) placement: Placement,
    /// Whether the recipient took it a moment later.
    pub(super) was_taken: bool,
}

/// What to try once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repetition {
    /// Only the transfer: what it sends is there, or still arriving.
    Transfer,
    /// Everything, from the export on.
    Fetch,
}
