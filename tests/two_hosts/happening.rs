//! What must happen somewhere among histories, so that what they prove is about it, too.

use std::fmt;

macro_rules! happenings {
    ($($(#[$words:meta])* $name:ident,)*) => {
        /// Something that happens in some histories.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Happening {
            $($(#[$words])* $name,)*
        }

        impl Happening {
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

happenings! {
    /// A connection was lost before its statement was executed, …
    LostBefore,
    /// … and behind that, without its answer.
    LostAfter,
    /// A statement was executed when its client had given it up.
    ExecutedLate,
    /// An answer came when nobody waited for it.
    AnsweredLate,
    /// A statement was to be asked once more.
    Refused40001,
    /// Nobody answered who was connected to.
    ConnectionHung,
    /// A host was cut off from the database.
    CutOff,
    /// A standby became the primary, …
    FailedOver,
    /// … whose clock was ahead, …
    ClockAhead,
    /// … or behind.
    ClockBehind,
    /// What a client read was not replicated yet, …
    ShownUnreplicated,
    /// … and what was shown so was lost.
    LostUnreplicated,
    /// A host was paused, …
    Paused,
    /// … for longer than its lease, …
    PausedPastLease,
    /// … or between its look at the lease and the effect.
    PausedBeforeEffect,
    /// A program was killed.
    Killed,
    /// The clock of the day was set.
    ClockSet,
    /// A ledger was taken that nobody held, …
    TookFree,
    /// … or whose holder had not renewed it.
    TookOver,
    /// A person said that a holder is dead, and took it.
    TakenByPerson,
    /// A ledger was held by another.
    FoundBusy,
    /// A holder learned that it was none any more.
    FoundFenced,
    /// An append was refused to whoever had been replaced.
    AppendFenced,
    /// An append without an answer had happened, …
    AppendFoundDone,
    /// … or was shown, and lost in a fail-over before it was proved.
    AppendFoundLost,
    /// An effect waited for its lease.
    HeldBack,
    /// An effect did not take place because its lease did not last.
    NotBegun,
    /// The drop-box did something when nobody waited for it any more, …
    EffectLate,
    /// … and another one held the ledger.
    EffectOvertaken,
    /// A late rename found nothing to rename any more.
    RenamedNothing,
    /// An upload in doubt was known by the mark in its file.
    FoundByMark,
    /// A result that was withdrawn was removed.
    Withdrawn,
    /// A request that was withdrawn came back.
    Returned,
    /// A removal was carried out late.
    RemovedLate,
    /// A run was complete.
    RanWhole,
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
