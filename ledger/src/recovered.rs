//! A ledger that was lost, damaged or older than what it had published, begun anew from what its
//! drop-box holds: what was found there, as the first thing that the new ledger knows.
//!
//! What always holds here: a file is adopted only when its token proves that it is the lost ledger's.
//! Deliberately absent: how it was looked for, and how a person is asked.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::added::present;
use crate::command::RemoteName;
use crate::digest::Digest;
use crate::encryption::Encryption;
use crate::id::{KeyId, LogId, RequestId, Sequence};
use crate::import::LegacyEntry;
use crate::partners::Partners;
use crate::tip::Tip;

/// A file of the lost ledger's, proven by its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adopted {
    /// The request whose name it has.
    pub request: RequestId,
    /// The intent in the lost log that it was made for.
    pub start: Sequence,
    /// The key that it was encrypted with.
    pub key: KeyId,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// How it is encrypted; absent in older ledgers, and where it is Fernet.
    #[serde(default, skip_serializing_if = "Encryption::is_fernet")]
    pub encryption: Encryption,
}

/// A ledger that another one was begun from, and how far it came, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ancestor {
    /// Its log.
    pub log: LogId,
    /// Its last known entry.
    pub sequence: Sequence,
}

/// What is thought of results that the published `status.xml` shows, and that are not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// They are delivered again.
    Deliver,
    /// The recipient took them.
    Fetched,
}

/// Everything that is known of the lost ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recovered {
    /// Its last known entry, as its published `status.xml` names it.
    pub lost: Tip,
    /// The ledgers that it had been begun from itself, the last first: files bear their marks, too.
    pub ancestors: Vec<Ancestor>,
    /// SHA-256 of that file.
    pub sha256: Digest,
    /// The lines of that file, in its order.
    pub entries: Vec<LegacyEntry>,
    /// The files that are its, by request.
    pub adopted: Vec<Adopted>,
    /// Files under such names that are not proven to be its: they are left alone.
    pub unknown: Vec<RequestId>,
    /// Uploads that it had begun and not finished: what is left of them is removed.
    pub temporaries: Vec<RemoteName>,
    /// What is thought of results that are not there.
    pub missing: Missing,
    /// Whose drop-box it was found at, and which broker was configured then; absent in older ledgers, and
    /// where a copy of the drop-box was looked at.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub partners: Option<Box<Partners>>,
}

impl Recovered {
    /// The requests whose results should be there, and under whose names nothing is.
    pub fn missing(&self) -> impl Iterator<Item = RequestId> {
        let there: BTreeSet<RequestId> = self.adopted.iter().map(|it| it.request).collect();
        let shown = self.entries.iter().filter(|entry| entry.deleted.is_none());
        shown
            .map(|entry| entry.id)
            .filter(move |id| !there.contains(id) && self.unknown.binary_search(id).is_err())
    }

    /// Whether requests ascend, each once, and what is to be removed can be named.
    pub(crate) fn is_canonical(&self) -> bool {
        self.adopted.is_sorted_by(|a, b| a.request < b.request)
            && self.unknown.is_sorted_by(|a, b| a < b)
            && self.temporaries.iter().all(RemoteName::is_safe)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use crate::id::LogId;

    use super::*;

    #[test]
    fn what_cannot_be_a_name_at_a_drop_box_is_not_left_over_there() {
        let with = |name: &str| Recovered {
            lost: Tip {
                log: LogId([1; 16]),
                sequence: Sequence(9),
                hash: Digest([2; 32]),
            },
            ancestors: Vec::new(),
            sha256: Digest([3; 32]),
            entries: Vec::new(),
            adopted: Vec::new(),
            unknown: Vec::new(),
            temporaries: vec![rmp_serde::from_slice(&rmp_serde::to_vec(name).unwrap()).unwrap()],
            missing: Missing::Deliver,
            partners: None,
        };
        assert!(with(".export_8.zip.61206c6f-430.part").is_canonical());
        for wrong in ["", "..", "a/b", ".expo\u{7f}t_8.zip.61206c6f-430.part", "ä"] {
            assert!(!with(wrong).is_canonical(), "{wrong:?}");
        }
    }
}
