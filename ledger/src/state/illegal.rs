//! Why an event cannot follow: named, never a panic.

use crate::id::{KeyId, RequestId, Sequence};

/// An event that cannot follow the entries before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {sequence} ({kind}) cannot follow: {reason}")]
pub struct IllegalEvent {
    /// The entry.
    pub sequence: Sequence,
    /// The event's kind.
    pub kind: &'static str,
    /// What it contradicts.
    pub reason: Reason,
}

/// What an illegal event contradicts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// Its number is not the next one.
    #[error("the entry after {tip} was expected")]
    NotNext {
        /// The last entry.
        tip: Sequence,
    },
    /// The log begins with its creation, once.
    #[error("a log begins with LogCreated, once")]
    NotFirst,
    /// An import comes right after the creation.
    #[error("an import follows the creation of the log, before any run")]
    ImportTooLate,
    /// The event belongs into a run, and none is under way.
    #[error("no run is under way")]
    NoRun,
    /// A run ends when every command has its outcome.
    #[error("command {0} has no outcome yet")]
    OutcomeMissing(Sequence),
    /// An imported or listed number stands twice, or numbers are not ascending.
    #[error("request {0} stands twice or out of order")]
    OutOfOrder(RequestId),
    /// An observation's nodes are not ascending.
    #[error("the nodes of request {0} stand twice or out of order")]
    NodesOutOfOrder(RequestId),
    /// The snapshot says that a request is gone that was not expected.
    #[error("request {0} was not listed before")]
    NotListedBefore(RequestId),
    /// A listed request was neither read nor unreadable.
    #[error("request {0} was neither read nor unreadable")]
    NeitherReadNorUnreadable(RequestId),
    /// The folded snapshot is not the one recorded.
    #[error("the folded snapshot has another size or digest than the recorded one")]
    SnapshotDiffers,
    /// The folded list of all requests is not the one recorded.
    #[error("the list of all requests has other numbers than the folded one")]
    WholeListDiffers,
    /// What is held back has another digest.
    #[error("what is held back has another digest than the recorded one")]
    HeldDiffers,
    /// What is approved is not what is held back.
    #[error("what is held back is not what was approved")]
    NotHeld,
    /// An approval says what kind of change each other partner is, and nothing else.
    #[error("the approval does not say what kind of change each other partner is, or says more")]
    OtherAnswer,
    /// Partners are recorded when they are others.
    #[error("the partners and rules are those that were recorded last")]
    NothingDeclared,
    /// Nothing is known to be at that drop-box.
    #[error("nothing was left behind there")]
    NothingLeftBehind,
    /// What was recovered is by request, each once.
    #[error("what was recovered stands twice or out of order")]
    RecoveredDiffers,
    /// The drop-box is looked at after the broker was polled.
    #[error("the drop-box was looked at before the broker was polled")]
    LookedBeforePoll,
    /// Only delivered files can drift.
    #[error("the result of request {0} was not at the drop-box")]
    NotDelivered(RequestId),
    /// A look records what was not known.
    #[error("the look says nothing new of request {0}")]
    NothingNew(RequestId),
    /// The folded look is not the one recorded.
    #[error("the folded look has another number of files than the recorded one")]
    LookDiffers,
    /// Nodes are named by number, and only as they were not called before.
    #[error("names of nodes stand twice or out of order, or are none")]
    NoNewNames,
    /// The command is not one that this state allows.
    #[error("the state does not allow the command: {0}")]
    CommandNotAllowed(&'static str),
    /// The temporary name is not the one that the intent must have.
    #[error("the temporary name is not the intent's own")]
    WrongTemporary,
    /// The outcome belongs to no open intent.
    #[error("no command {0} is under way")]
    NoIntent(Sequence),
    /// The outcome is of another kind than the command.
    #[error("command {0} cannot end like this")]
    WrongOutcome(Sequence),
    /// The run says that it waits for a person because of its key, and that is not so.
    #[error(
        "no run has to wait because of the key {0}, or it is another that it is used instead of"
    )]
    WrongKey(KeyId),
    /// The clocks agree.
    #[error("the clocks are not as far apart as it says")]
    ClocksAgree,
    /// The key is in use, or announced already.
    #[error("the key {0} is in use, or was announced before")]
    NothingToAnnounce(KeyId),
    /// What was found under the final name is not what can have been found there.
    #[error("command {0} cannot have found that")]
    WrongFinding(Sequence),
}
