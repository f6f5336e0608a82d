//! One command under way: its two halves, the fetch and the transfer, how often they were tried, and
//! the ending that follows from both.
//!
//! What always holds here: what an attempt may have left at the drop-box is not forgotten by the next.

use std::sync::Arc;
use std::time::Instant;

use courier_ledger::{
    Command, Delivery, Failure, FailureClass, Phase, RemoteAfterFailure, Replaces,
};

use super::document::Document;
use super::fetch::{FetchError, Fetched};
use super::ownership::Ownership;
use crate::effects::sftp::Done;
use crate::effects::source::Source;
use crate::effects::spool::Spool;
use crate::run::{Ending, Errand};

/// What an upload sends, as often as it takes.
pub(super) enum Supply {
    /// A result, encrypted; part of it may still be on its way.
    Spool(Spool),
    /// A document in memory.
    Document(Arc<[u8]>),
}

impl Supply {
    /// A source that begins at the first byte.
    pub(super) fn source(&self) -> Box<dyn Source> {
        match self {
            Self::Spool(spool) => Box::new(spool.reader()),
            Self::Document(bytes) => Box::new(Document::new(Arc::clone(bytes))),
        }
    }
}

/// The half at the drop-box.
pub(super) enum Transfer {
    /// Nothing was asked of the drop-box yet.
    NotBegun,
    /// Nothing will be asked of it.
    NotNeeded,
    /// The drop-box is at it.
    UnderWay,
    /// It has ended.
    Ended(Result<Done, Failure>),
}

/// What to try once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repetition {
    /// Only the transfer: what it sends is there, or still arriving.
    Transfer,
    /// Everything, from the export on.
    Fetch,
}

/// One command under way.
pub(super) struct Job {
    pub(super) errand: Errand,
    pub(super) supply: Option<Supply>,
    pub(super) fetched: Option<Result<Fetched, FetchError>>,
    pub(super) transfer: Transfer,
    /// When it goes on; the past while it waits for a connection.
    pub(super) due: Option<Instant>,
    /// What is known about what stands under its final name.
    pub(super) ownership: Ownership,
    /// How often it was tried again.
    pub(super) repetitions: u32,
    /// The worst that its attempts may have left.
    left: RemoteAfterFailure,
}

impl Job {
    pub(super) fn new(errand: Errand) -> Self {
        let supply = errand.document.clone().map(Supply::Document);
        Self {
            ownership: Ownership::of(&errand),
            errand,
            supply,
            fetched: None,
            transfer: Transfer::NotBegun,
            due: None,
            repetitions: 0,
            left: RemoteAfterFailure::Untouched,
        }
    }

    /// What may stand under the final name.
    pub(super) fn replaces(&self) -> Replaces {
        match &self.errand.command {
            Command::Upload { .. } if self.ownership == Ownership::Nothing => Replaces::Nothing,
            Command::Upload { replaces, .. } => *replaces,
            Command::PublishLedger { .. } => Replaces::Own,
            Command::Delete { .. } | Command::RemoveTemporary { .. } => Replaces::Nothing,
        }
    }

    /// Takes note of how a transfer ended, and what it may have left.
    pub(super) fn transferred(&mut self, result: Result<Done, (Failure, RemoteAfterFailure)>) {
        self.transfer = Transfer::Ended(result.map_err(|(failure, left)| {
            self.left = self.left.max(left);
            failure
        }));
    }

    /// Ends what has not ended, because nothing can be done any more.
    pub(super) fn give_up(&mut self, failure: &Failure) {
        self.due = None;
        match self.transfer {
            Transfer::UnderWay => {}
            Transfer::NotBegun | Transfer::NotNeeded | Transfer::Ended(Err(_)) => {
                self.transfer = Transfer::Ended(Err(failure.clone()));
                self.fetched = None;
            }
            // It is in place; without its digests nothing can be said of it.
            Transfer::Ended(Ok(_)) if self.fetched.is_none() && self.is_fetched() => {
                self.fetched = Some(Err(failure.clone().into()));
            }
            Transfer::Ended(Ok(_)) => {}
        }
    }

    /// Whether this attempt is over, as far as each half is needed.
    fn attempt_has_ended(&self) -> bool {
        match (&self.transfer, &self.fetched) {
            (Transfer::NotBegun | Transfer::UnderWay, _) => false,
            (Transfer::NotNeeded | Transfer::Ended(Err(_)), _) => true,
            (Transfer::Ended(Ok(_)), fetched) => fetched.is_some() || !self.is_fetched(),
        }
    }

    /// Whether nothing more will become of it.
    pub(super) fn has_ended(&self) -> bool {
        self.due.is_none() && self.attempt_has_ended()
    }

    /// What may help, when this attempt has failed.
    pub(super) fn repetition(&self) -> Option<Repetition> {
        if self.due.is_some() || !self.attempt_has_ended() || self.may_be_overtaken() {
            return None;
        }
        let (failure, repetition) = match (&self.transfer, &self.fetched) {
            (Transfer::NotNeeded | Transfer::Ended(Err(_)), Some(Err(error))) => {
                if !error.may_repeat {
                    return None;
                }
                (&error.failure, Repetition::Fetch)
            }
            (Transfer::Ended(Err(failure)), _) => (failure, Repetition::Transfer),
            (Transfer::NotBegun | Transfer::NotNeeded | Transfer::UnderWay, _)
            | (Transfer::Ended(Ok(_)), _) => return None,
        };
        let is_worth_it = failure.class == FailureClass::Transient && failure.phase != Phase::Run;
        is_worth_it.then_some(repetition)
    }

    /// Whether a rename of the temporary name is on its way without an answer. It may reach the server
    /// late, and would then put whatever the next attempt has written so far under the final name; so
    /// that attempt needs another temporary name, and thus another intent.
    fn may_be_overtaken(&self) -> bool {
        self.errand.temporary.is_some() && self.left == RemoteAfterFailure::Uncertain
    }

    /// Forgets a fetch that failed.
    pub(super) fn begin_anew(&mut self) {
        self.supply = None;
        self.fetched = None;
        self.transfer = Transfer::NotBegun;
    }

    /// Whether it needs a result from the broker.
    pub(super) fn is_fetched(&self) -> bool {
        matches!(self.errand.command, Command::Upload { .. })
    }

    /// What to record of it.
    pub(super) fn ending(self) -> Ending {
        let left = self.left;
        let failed = |failure, remote: RemoteAfterFailure| Ending::Failed {
            failure,
            remote: remote.max(left),
        };
        match (self.transfer, self.fetched) {
            (
                Transfer::Ended(Err(_)) | Transfer::NotNeeded,
                Some(Err(FetchError { failure, .. })),
            )
            | (Transfer::Ended(Err(failure)), _) => failed(failure, RemoteAfterFailure::Untouched),
            (Transfer::Ended(Ok(done)), fetched) => ending_of(&self.errand, done, fetched),
            (Transfer::NotBegun | Transfer::NotNeeded | Transfer::UnderWay, _) => failed(
                contradiction("no transfer took place"),
                RemoteAfterFailure::Uncertain,
            ),
        }
    }
}

/// The ending of a transfer that succeeded. What the server confirmed and what was sent must agree:
/// otherwise nothing is claimed.
fn ending_of(errand: &Errand, done: Done, fetched: Option<Result<Fetched, FetchError>>) -> Ending {
    let uncertain = |failure| Ending::Failed {
        failure,
        remote: RemoteAfterFailure::Uncertain,
    };
    let delivery = |size_bytes, placement| match &fetched {
        Some(Ok(fetched)) if fetched.token_bytes == size_bytes => Ok(Delivery {
            name: errand.command.name().clone(),
            size_bytes,
            plaintext_sha256: fetched.plaintext_sha256,
            token_sha256: fetched.token_sha256,
            key: fetched.key,
            placement,
        }),
        Some(Ok(fetched)) => Err(contradiction(&format!(
            "{} bytes were encrypted and {size_bytes} confirmed",
            fetched.token_bytes
        ))),
        Some(Err(error)) => Err(error.failure.clone()),
        None => Err(contradiction(
            "an upload ended that nothing was fetched for",
        )),
    };
    match (done, &errand.command, &errand.document) {
        (Done::Uploaded { size_bytes, .. }, Command::PublishLedger { .. }, Some(document))
        | (Done::PickedUp { size_bytes, .. }, Command::PublishLedger { .. }, Some(document)) => {
            Ending::Published {
                sha256: super::digest_of(document),
                size_bytes,
            }
        }
        (
            Done::Uploaded {
                size_bytes,
                placement,
            },
            Command::Upload { .. },
            _,
        ) => delivery(size_bytes, placement).map_or_else(uncertain, Ending::Delivered),
        (
            Done::PickedUp {
                size_bytes,
                placement,
            },
            Command::Upload { .. },
            _,
        ) => delivery(size_bytes, placement).map_or_else(uncertain, Ending::PickedUp),
        (Done::Removed(removal), Command::Delete { .. } | Command::RemoveTemporary { .. }, _) => {
            Ending::Removed(removal)
        }
        (
            Done::Uploaded { .. }
            | Done::PickedUp { .. }
            | Done::Removed(_)
            | Done::Seen(_)
            | Done::Excerpt(_),
            _,
            _,
        ) => uncertain(contradiction(
            "the drop-box did something else than it was asked",
        )),
    }
}

fn contradiction(text: &str) -> Failure {
    Failure {
        phase: Phase::Confirm,
        class: FailureClass::Permanent,
        text: format!("{text}; please report this defect"),
    }
}
