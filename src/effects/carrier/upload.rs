//! The upload of a result: its two halves, the fetch and the transfer, and the ending that follows from
//! both.
//!
//! What always holds here: what the server confirmed and what was encrypted must agree; otherwise
//! nothing is claimed. Deliberately absent: how often it is tried (`job`).

use courier_ledger::{
    BundleEntry, Delivery, Digest, Failure, FailureClass, Found, KeyId, LogId, Phase,
    RemoteAfterFailure, RemoteName, Replaces, RequestId, Sequence,
};

use super::ownership::Ownership;
use super::transfer::{Placed, Repetition, Transfer};
use crate::effects::spool::Spool;
use crate::run::Ending;

/// What is to be fetched, and for which intent.
#[derive(Clone, Copy)]
pub(super) struct FetchOrder {
    pub(super) log: LogId,
    pub(super) start: Sequence,
    pub(super) request: RequestId,
}

/// What was encrypted.
#[derive(Clone, Debug)]
pub(super) struct Fetched {
    pub(super) plaintext_sha256: Digest,
    pub(super) token_sha256: Digest,
    pub(super) token_bytes: u64,
    pub(super) key: KeyId,
    /// What the bundle held, where its directory could be read.
    pub(super) contents: Option<Vec<BundleEntry>>,
}

/// Why nothing, or not all, was fetched.
#[derive(Clone, Debug)]
pub(super) struct FetchError {
    pub(super) failure: Failure,
    /// What may help.
    pub(super) remedy: Remedy,
}

/// What may help after a fetch that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Another fetch, from the export on.
    FetchAnew,
    /// Nothing in this run: the calls that begin a fetch were repeated already.
    NextRun,
}

impl From<Failure> for FetchError {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            remedy: Remedy::FetchAnew,
        }
    }
}

/// The upload of a result.
pub(super) struct Upload {
    order: FetchOrder,
    pub(super) temporary: RemoteName,
    replaces: Replaces,
    /// What is known about what stands under the final name.
    pub(super) ownership: Ownership,
    /// The result, encrypted; part of it may still be on its way.
    pub(super) spool: Option<Spool>,
    fetched: Option<Result<Fetched, FetchError>>,
    pub(super) transfer: Transfer<Placed>,
}

impl Upload {
    pub(super) fn new(
        order: FetchOrder,
        temporary: RemoteName,
        replaces: Replaces,
        ownership: Ownership,
    ) -> Self {
        Self {
            order,
            temporary,
            replaces,
            ownership,
            spool: None,
            fetched: None,
            transfer: Transfer::NotBegun,
        }
    }

    /// The request whose result it is.
    pub(super) fn request(&self) -> RequestId {
        self.order.request
    }

    /// Begins to fetch, anew if it was fetched before.
    pub(super) fn fetch(&mut self) -> FetchOrder {
        self.spool = None;
        self.fetched = None;
        self.transfer = Transfer::NotBegun;
        self.order
    }

    /// Takes how the fetch has ended.
    pub(super) fn fetched(&mut self, result: Result<Fetched, FetchError>) {
        self.fetched = Some(result);
    }

    /// What may stand under the final name.
    pub(super) fn replaces(&self) -> Replaces {
        match self.ownership {
            Ownership::Shown(Found::Nothing) => Replaces::Nothing,
            Ownership::AsRecorded
            | Ownership::Unknown { .. }
            | Ownership::Shown(Found::Own(_) | Found::Foreign) => self.replaces,
        }
    }

    /// Ends it, unless the drop-box is at it or has done it.
    pub(super) fn not_sent(&mut self, failure: &Failure) {
        if self.transfer.give_up(failure) {
            self.fetched = None;
        }
    }

    /// Ends what has not ended, because nothing can be done any more.
    pub(super) fn give_up(&mut self, failure: &Failure) {
        if self.transfer.give_up(failure) {
            self.fetched = None;
        } else if matches!(self.transfer, Transfer::Ended(Ok(_))) {
            // It is in place; without its digests nothing can be said of it.
            self.fetched
                .get_or_insert_with(|| Err(failure.clone().into()));
        }
    }

    /// What failed and what may help, if this attempt has failed.
    pub(super) fn repetition(&self) -> Option<(&Failure, Repetition)> {
        match (&self.transfer, &self.fetched) {
            (Transfer::NotBegun | Transfer::Ended(Err(_)), Some(Err(error))) => {
                match error.remedy {
                    Remedy::FetchAnew => Some((&error.failure, Repetition::Fetch)),
                    Remedy::NextRun => None,
                }
            }
            (Transfer::Ended(Err(failure)), _) => Some((failure, Repetition::Transfer)),
            (Transfer::NotBegun | Transfer::UnderWay | Transfer::Ended(Ok(_)), _) => None,
        }
    }

    /// What to record of it; none while a half is missing. `left` is the worst that its attempts may
    /// have left.
    pub(super) fn ending(&self, name: &RemoteName, left: RemoteAfterFailure) -> Option<Ending> {
        let failed = |failure: &Failure, remote| Ending::Failed {
            failure: failure.clone(),
            remote,
        };
        let ending = match (&self.transfer, &self.fetched) {
            (Transfer::NotBegun | Transfer::Ended(Err(_)), Some(Err(error))) => {
                failed(&error.failure, left)
            }
            (Transfer::Ended(Err(failure)), _) => failed(failure, left),
            (Transfer::Ended(Ok(placed)), Some(Ok(fetched))) => {
                match delivery(name, *placed, fetched) {
                    Ok(delivery) if placed.was_taken => Ending::PickedUp(delivery),
                    Ok(delivery) => Ending::Delivered(delivery),
                    Err(failure) => failed(&failure, RemoteAfterFailure::Uncertain),
                }
            }
            (Transfer::Ended(Ok(_)), Some(Err(error))) => {
                failed(&error.failure, RemoteAfterFailure::Uncertain)
            }
            (Transfer::NotBegun, None | Some(Ok(_)))
            | (Transfer::UnderWay, _)
            | (Transfer::Ended(Ok(_)), None) => return None,
        };
        Some(ending)
    }
}

fn delivery(name: &RemoteName, placed: Placed, fetched: &Fetched) -> Result<Delivery, Failure> {
    if fetched.token_bytes != placed.size_bytes {
        return Err(Failure {
            phase: Phase::Confirm,
            class: FailureClass::Permanent,
            text: format!(
                "{} bytes were encrypted and {} confirmed; please report this defect",
                fetched.token_bytes, placed.size_bytes
            ),
        });
    }
    Ok(Delivery {
        name: name.clone(),
        size_bytes: placed.size_bytes,
        plaintext_sha256: fetched.plaintext_sha256,
        token_sha256: fetched.token_sha256,
        key: fetched.key,
        placement: placed.placement,
        contents: fetched.contents.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = include_str!("../../../docs/broker.md");

    /// What `broker::tests::bundles` shows to be transient, once a body has begun to come.
    #[test]
    fn a_download_that_fails_in_its_body_is_fetched_anew_as_the_document_says() {
        let failure = Failure {
            phase: Phase::Download,
            class: FailureClass::Transient,
            text: "not a byte came for 60 s".to_owned(),
        };
        assert_eq!(FetchError::from(failure).remedy, Remedy::FetchAnew);
        let row = DOCUMENT
            .lines()
            .find(|line| line.starts_with("| a download that breaks off, falls silent"));
        assert!(
            row.is_some_and(|row| row.contains("| another export and download, ")),
            "{row:?}"
        );
        let others = DOCUMENT
            .lines()
            .find(|line| line.contains("any other time-out"));
        assert!(
            others.is_some_and(|row| row.contains("nothing within this run")),
            "{others:?}"
        );
    }
}
