//! What is known of one request: how the broker last showed it, what stands at the drop-box, and
//! its line in `status.xml`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Intent;
use crate::command::{Command, RemoteName};
use crate::completion::Hundredths;
use crate::digest::Digest;
use crate::drift::Drift;
use crate::encryption::Encryption;
use crate::event::{Delivery, Placement};
use crate::evidence::Evidence;
use crate::failure::Failure;
use crate::id::{KeyId, RequestId, Sequence};
use crate::observation::{Fingerprint, Observation};
use crate::time::Timestamp;

/// Whether the broker lists a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Presence {
    /// It was taken over from the replaced program, and no poll has shown it yet.
    Imported,
    /// The last poll listed it.
    Listed,
    /// The last poll did not list it.
    Gone(Evidence),
}

/// Which of the requests that ever had one number is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Identity {
    /// The replaced program did not record it.
    Unknown,
    /// The one published then; none for a draft.
    Published(Option<Timestamp>),
}

impl Identity {
    /// Whether a request published at `published` is the same: none → some is the same request being
    /// published, another time is another request (`docs/broker.md`).
    #[must_use]
    pub fn is(self, published: Option<Timestamp>) -> bool {
        match self {
            Self::Unknown | Self::Published(None) => true,
            Self::Published(Some(known)) => published == Some(known),
        }
    }
}

/// A result at the drop-box, as far as its delivery was confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredFile {
    /// Which request it belongs to.
    pub identity: Identity,
    /// The observation that it answers; none while an imported entry has not been matched to one.
    pub fingerprint: Option<Fingerprint>,
    /// The completion of that observation, as `status.xml` shows it.
    pub completion: Hundredths,
    /// The key that it was encrypted with; none when the replaced program did not record it.
    pub key: Option<KeyId>,
    /// What was delivered, and how; none for an imported entry.
    pub receipt: Option<Receipt>,
    /// How it differed when the drop-box was last looked at.
    pub drift: Option<Drift>,
    /// When a look found that the recipient had fetched it; none for one that was taken at once.
    pub missed: Option<Timestamp>,
}

/// What proves a delivery, besides its name and key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The intent.
    pub start: Sequence,
    /// Size of the token in bytes.
    pub size_bytes: u64,
    /// SHA-256 of what was encrypted.
    pub plaintext_sha256: Digest,
    /// SHA-256 of the token.
    pub token_sha256: Digest,
    /// How it was put in place.
    pub placement: Placement,
}

impl Receipt {
    pub(super) fn new(start: Sequence, delivery: &Delivery) -> Self {
        Self {
            start,
            size_bytes: delivery.size_bytes,
            plaintext_sha256: delivery.plaintext_sha256,
            token_sha256: delivery.token_sha256,
            placement: delivery.placement,
        }
    }
}

/// What stands under a request's final name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Remote {
    /// Nothing that this ledger created.
    Nothing,
    /// This file.
    Stored(StoredFile),
    /// This file was delivered, and the recipient took it away.
    PickedUp(StoredFile),
    /// The outcome of a command is unknown: it may be this earlier file, another, or none.
    Uncertain(Option<StoredFile>),
    /// This ledger removed it when that request was withdrawn.
    Deleted(Identity),
}

impl Remote {
    /// The last file that is known to have been delivered and not been withdrawn.
    #[must_use]
    pub fn file(&self) -> Option<&StoredFile> {
        match self {
            Self::Stored(file) | Self::PickedUp(file) | Self::Uncertain(Some(file)) => Some(file),
            Self::Nothing | Self::Uncertain(None) | Self::Deleted(_) => None,
        }
    }

    /// Whether what stands under the final name is this ledger's to overwrite and delete.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        match self {
            Self::Stored(_) | Self::PickedUp(_) | Self::Uncertain(_) => true,
            Self::Nothing | Self::Deleted(_) => false,
        }
    }
}

/// A request's line in `status.xml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerLine {
    /// Its place: where the first upload was begun, which does not depend on which upload ended first.
    pub position: (Sequence, u32),
    /// The completion at the last upload.
    pub completion: Hundredths,
    /// When the first upload was recorded.
    pub uploaded: Timestamp,
    /// When the last upload was recorded, if it was not the first.
    pub last_update: Option<Timestamp>,
    /// When the deletion was recorded, unless it was uploaded again since.
    pub deleted: Option<Timestamp>,
}

/// An upload without an outcome, where nothing else shows whose file stands under the final name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unproven {
    /// The intent.
    pub start: Sequence,
    /// What makes a file its own.
    pub claim: Claim,
}

/// What makes a file that of an upload without an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The mark that its bytes begin with.
    Mark,
    /// That, or, where the file is too short for it, that it may be how the bytes begin: the name was free
    /// when the upload was begun, which wrote under it from the start.
    FoundFree,
}

/// Everything known of one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Whether the broker lists it.
    pub presence: Presence,
    /// How the broker last showed it, with its fingerprint; none before its status could be read.
    #[serde(with = "packed")]
    pub observed: Option<(Observation, Fingerprint)>,
    /// When a poll last showed it otherwise than before; none before one showed it.
    pub changed: Option<Timestamp>,
    /// What stands at the drop-box, …
    pub remote: Remote,
    /// … and how that is encrypted, which its name tells.
    pub encryption: Encryption,
    /// Its line in `status.xml`, once it was uploaded.
    pub line: Option<LedgerLine>,
    /// Why the last command failed, until one succeeds.
    pub failure: Option<Failure>,
    /// The uploads whose outcome is unknown, since it was last known what stands at the drop-box, …
    pub in_doubt: BTreeSet<Sequence>,
    /// … and those of them that found the final name free before they were begun.
    pub found_free: BTreeSet<Sequence>,
    /// Whether the last delivery put back what was not at the drop-box as it was delivered.
    pub repaired: bool,
}

/// An observation in a state cache, most of which is observations: with its nodes as they are kept in memory.
mod packed {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use crate::id::RequestId;
    use crate::nodes::Packed;
    use crate::observation::{Fingerprint, Observation};
    use crate::time::Timestamp;

    type Observed = Option<(Observation, Fingerprint)>;
    type Kept = Option<(RequestId, Option<Timestamp>, Packed, Fingerprint)>;

    pub(super) fn serialize<S: Serializer>(
        observed: &Observed,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let kept: Kept = observed.as_ref().map(|(observation, fingerprint)| {
            let nodes = Packed(observation.nodes.clone());
            (observation.id, observation.published, nodes, *fingerprint)
        });
        kept.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Observed, D::Error> {
        let kept = Kept::deserialize(deserializer)?;
        Ok(kept.map(|(id, published, Packed(nodes), fingerprint)| {
            let observation = Observation {
                id,
                published,
                nodes,
            };
            (observation, fingerprint)
        }))
    }
}

impl Request {
    pub(super) fn new(presence: Presence) -> Self {
        Self {
            presence,
            observed: None,
            changed: None,
            remote: Remote::Nothing,
            encryption: Encryption::default(),
            line: None,
            failure: None,
            in_doubt: BTreeSet::new(),
            found_free: BTreeSet::new(),
            repaired: false,
        }
    }

    /// The uploads, one of which must have put there whatever stands under the final name, if it is
    /// this ledger's at all: nothing of this ledger's stood there before them.
    #[must_use]
    pub fn unproven(&self) -> Vec<Unproven> {
        match self.remote {
            Remote::Uncertain(None) => unproven(&self.in_doubt, &self.found_free),
            Remote::Uncertain(Some(_))
            | Remote::Nothing
            | Remote::Stored(_)
            | Remote::PickedUp(_)
            | Remote::Deleted(_) => Vec::new(),
        }
    }

    /// The name under which its file stands, or may stand.
    #[must_use]
    pub fn name(&self, id: RequestId) -> RemoteName {
        RemoteName::result(id, self.encryption)
    }

    /// Whether what stands under the name for this encryption is this ledger's to overwrite.
    pub(crate) fn is_ours_under(&self, encryption: Encryption) -> bool {
        self.encryption == encryption && self.remote.is_ours()
    }

    /// Whether nothing of this ledger's is known to stand under the final name for this encryption: only
    /// then is it looked for what does.
    pub(super) fn may_be_found_free(&self, encryption: Encryption) -> bool {
        match self.remote {
            _ if self.encryption != encryption => true,
            Remote::Nothing | Remote::Deleted(_) | Remote::Uncertain(None) => true,
            Remote::Stored(_) | Remote::PickedUp(_) | Remote::Uncertain(Some(_)) => false,
        }
    }

    /// Nobody knows what came of this intent.
    pub(super) fn put_in_doubt(&mut self, start: Sequence, intent: &Intent) {
        if matches!(intent.command, Command::Upload { .. }) {
            self.in_doubt.insert(start);
            if intent.found.is_some() {
                self.found_free.insert(start);
            }
        }
        self.remote = Remote::Uncertain(self.remote.file().cloned());
    }

    /// Whatever is put at the drop-box from now on is encrypted so. What stood under the name of the other
    /// encryption is no longer this request's: left over, if it may be this ledger's.
    pub(super) fn turn_to(&mut self, encryption: Encryption) -> Option<Leftover> {
        if self.encryption == encryption {
            return None;
        }
        self.encryption = encryption;
        let left = match self.remote {
            Remote::Nothing | Remote::Deleted(_) => return None,
            Remote::Uncertain(None) => Leftover {
                in_doubt: std::mem::take(&mut self.in_doubt),
                found_free: std::mem::take(&mut self.found_free),
            },
            Remote::Stored(_) | Remote::PickedUp(_) | Remote::Uncertain(Some(_)) => {
                self.in_doubt.clear();
                self.found_free.clear();
                Leftover::default()
            }
        };
        self.remote = Remote::Nothing;
        Some(left)
    }

    /// It is known again what stands at the drop-box.
    pub(super) fn settle(&mut self, remote: Remote) {
        self.remote = remote;
        self.failure = None;
        self.in_doubt.clear();
        self.found_free.clear();
    }

    /// Whether nothing would be lost by forgetting it.
    pub(super) fn is_forgettable(&self) -> bool {
        self.remote == Remote::Nothing
            && self.line.is_none()
            && matches!(
                self.presence,
                Presence::Gone(Evidence::Deleted | Evidence::Untagged)
            )
    }
}

/// A file that is left over at the drop-box.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Leftover {
    /// The uploads that may have put it there, where nothing else shows whose it is; none where it is this
    /// ledger's.
    in_doubt: BTreeSet<Sequence>,
    /// Those of them that found the name free.
    found_free: BTreeSet<Sequence>,
}

impl Leftover {
    /// As [`Request::unproven`].
    pub(super) fn unproven(&self) -> Vec<Unproven> {
        unproven(&self.in_doubt, &self.found_free)
    }
}

fn unproven(in_doubt: &BTreeSet<Sequence>, found_free: &BTreeSet<Sequence>) -> Vec<Unproven> {
    let unproven = |start: &Sequence| Unproven {
        start: *start,
        claim: if found_free.contains(start) {
            Claim::FoundFree
        } else {
            Claim::Mark
        },
    };
    in_doubt.iter().map(unproven).collect()
}
