//! What can go wrong in a history, kind by kind, so that a history that fails can be told without what does not matter.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

macro_rules! faults {
    ($($(#[$words:meta])* $name:ident,)*) => {
        /// A kind of fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Fault {
            $($(#[$words])* $name,)*
        }

        impl Fault {
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

faults! {
    /// Connections are lost.
    LostConnections,
    /// Statements and answers come late.
    LateStatements,
    /// Statements are to be asked once more.
    Refusals,
    /// Whoever is connected to says nothing.
    HungConnections,
    /// Hosts are paused.
    Pauses,
    /// Hosts are paused between their look at the lease and the effect.
    PausesBeforeEffect,
    /// Programs are killed.
    Kills,
    /// A standby takes over.
    FailOvers,
    /// Nothing is replicated for a while.
    Stalls,
    /// Hosts are cut off from the database.
    Cuts,
    /// Clocks of the day are set.
    SetClocks,
    /// The drop-box takes its time, and does not always answer.
    SlowDropBox,
    /// The broker or the drop-box are away.
    AwayPartners,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = Self::ALL.iter().find(|it| it.to_string() == text);
        named
            .copied()
            .ok_or_else(|| format!("{text:?} is no fault of {:?}", Self::ALL))
    }
}

/// What goes wrong.
pub(crate) type Faults = BTreeSet<Fault>;

/// Everything.
pub(crate) fn all() -> Faults {
    Fault::ALL.iter().copied().collect()
}
