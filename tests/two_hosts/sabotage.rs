//! Defects put into a history on purpose, one for each thing that keeps two hosts apart, to show that the properties
//! notice: a check that cannot fail proves nothing.
//!
//! What always holds: the program is as it is; the database, the clock, or what stands around the program misbehaves
//! as if the defect were there.

/// A defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// An append is taken under any epoch.
    NoFence,
    /// The ledger can be taken from whoever holds it.
    TakeOverBeforeExpiry,
    /// What a lease lasts is counted by the clock of the day, …
    LeaseByClockOfDay,
    /// … or from when it was granted instead of from before it was asked for, …
    LeaseFromAnswer,
    /// … or to its very end.
    LeaseWithoutMargin,
    /// Effects take place whether the lease lasts or not.
    EffectWithoutLook,
    /// An append that failed is done once more, whether it is there already or not.
    BlindRetry,
    /// What was read counts although no commit behind it is sure, …
    ActOnUnacknowledged,
    /// … or one that did not find it there.
    ActOnAnyCommit,
    /// What an upload in doubt has left is said to be gone, and is not.
    LeaveTemporaries,
    /// Uploads claim success and deliver nothing.
    DeliverNothing,
    /// A lease whose holder is gone never ends.
    LeaseForEver,
}
