//! One command under way: its two halves, the fetch and the transfer, and the ending that follows
//! from both.

use courier_ledger::{
    Command, Delivery, Failure, FailureClass, Phase, RemoteAfterFailure, Replaces,
};

use super::fetch::Fetched;
use crate::effects::sftp::Done;
use crate::run::{Ending, Errand};

/// The half at the drop-box.
pub(super) enum Transfer {
    /// Nothing was asked of the drop-box yet.
    NotBegun,
    /// Nothing will be asked of it.
    NotNeeded,
    /// The drop-box is at it.
    UnderWay,
    /// It has ended.
    Ended(Result<Done, (Failure, RemoteAfterFailure)>),
}

/// One command under way.
pub(super) struct Job {
    pub(super) errand: Errand,
    pub(super) fetched: Option<Result<Fetched, Failure>>,
    pub(super) transfer: Transfer,
}

impl Job {
    pub(super) fn new(errand: Errand) -> Self {
        Self {
            errand,
            fetched: None,
            transfer: Transfer::NotBegun,
        }
    }

    /// What may stand under the final name.
    pub(super) fn replaces(&self) -> Replaces {
        match &self.errand.command {
            Command::Upload { replaces, .. } => *replaces,
            Command::PublishLedger { .. } => Replaces::Own,
            Command::Delete { .. } | Command::RemoveTemporary { .. } => Replaces::Nothing,
        }
    }

    /// Whether both halves are known, as far as each is needed.
    pub(super) fn has_ended(&self) -> bool {
        match (&self.transfer, &self.fetched) {
            (Transfer::NotBegun | Transfer::UnderWay, _) => false,
            (Transfer::NotNeeded | Transfer::Ended(Err(_)), _) => true,
            (Transfer::Ended(Ok(_)), fetched) => fetched.is_some() || !self.is_fetched(),
        }
    }

    fn is_fetched(&self) -> bool {
        matches!(self.errand.command, Command::Upload { .. })
    }

    /// What to record of it.
    pub(super) fn ending(self) -> Ending {
        let failed = |failure, remote| Ending::Failed { failure, remote };
        match (self.transfer, self.fetched) {
            (Transfer::Ended(Err((_, remote))), Some(Err(failure))) => failed(failure, remote),
            (Transfer::Ended(Err((failure, remote))), _) => failed(failure, remote),
            (Transfer::Ended(Ok(done)), fetched) => ending_of(&self.errand, done, fetched),
            (_, Some(Err(failure))) => failed(failure, RemoteAfterFailure::Untouched),
            (Transfer::NotBegun | Transfer::NotNeeded | Transfer::UnderWay, _) => failed(
                contradiction("no transfer took place"),
                RemoteAfterFailure::Uncertain,
            ),
        }
    }
}

/// The ending of a transfer that succeeded. What the server confirmed and what was sent must agree:
/// otherwise nothing is claimed.
fn ending_of(errand: &Errand, done: Done, fetched: Option<Result<Fetched, Failure>>) -> Ending {
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
        Some(Err(failure)) => Err(failure.clone()),
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
            Done::Uploaded { .. } | Done::PickedUp { .. } | Done::Removed(_) | Done::Seen(_),
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
