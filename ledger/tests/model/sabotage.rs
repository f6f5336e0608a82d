//! Defects put into the model's runner on purpose, one for each property, to show that the property
//! notices: a check that cannot fail proves nothing.

/// A defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// Uploads claim success and deliver nothing.
    DeliverNothing,
    /// Deliveries are recorded under another key than the one that they were encrypted with.
    RecordWrongKey,
    /// An effect takes place although the append of its intent was torn.
    EffectBeforeIntent,
    /// Every disappearance counts as proven.
    TrustEmptyLists,
    /// Uploads overwrite whatever they find.
    OverwriteAnything,
    /// The log that is read is not the log that was written: a time differs.
    AlterOnReading,
    /// `status.xml` is projected from the state before the run, and claims to be newer.
    ProjectTooEarly,
    /// The runner does not keep the lock.
    IgnoreLock,
    /// Decisions depend on whether the clock says an even or an odd second.
    LookAtClock,
    /// Every upload is called new.
    CallEverythingNew,
    /// An outcome is recorded twice.
    RecordTwice,
    /// A changed observation is left out of the snapshot's delta.
    LoseObservation,
    /// An outcome's time is that of its place in the log, whichever ended there.
    MixUpTimes,
    /// What is held back because the broker seems to be another one is done all the same.
    TrustAnyBroker,
    /// Partners are declared by the first run and never again.
    DeclareOnce,
    /// What is held back because another partner is configured is done all the same.
    TrustAnyPartner,
    /// What an earlier broker asked for is withdrawn, although a person says that it stays.
    WithdrawAnyway,
    /// `recover` takes no file for the lost ledger's.
    AdoptNothing,
    /// Every entry claims the time that the clock says, and nothing is said of that.
    SayNothingOfClocks,
    /// Results are uploaded under any key.
    UploadUnderAnyKey,
    /// Nothing is recorded of names that were free before uploads wrote under them.
    ForgetLooks,
    /// Whatever is too short to say whose it is is taken for this ledger's.
    TakeAnythingShort,
    /// A plan that no longer holds is carried out as it is now.
    CarryOutMoved,
    /// What guards hold back is done where only a part of it is wanted.
    PassGuardsInParts,
    /// Whatever ledger is there is gone on with.
    GoOnWithAnything,
    /// Whatever stands at the drop-box in place of `status.xml` is overwritten.
    OverwriteAnyPublication,
}
