//! What a ledger says should lie in a drop-box, by name.

use std::collections::BTreeMap;

use courier_ledger::account::{Account, RequestAccount, What};
use courier_ledger::{Command, Digest, RemoteName, Sequence};

/// A delivery under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Delivered {
    /// The entry that says so.
    pub(super) event: Sequence,
    /// The size of the file in bytes, and its SHA-256; none for one of the replaced program or of a lost ledger.
    pub(super) file: Option<(u64, Digest)>,
}

/// Everything that was ever delivered under one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Name {
    /// In order.
    pub(super) deliveries: Vec<Delivered>,
    /// The entry by which it was withdrawn, if nothing was delivered since.
    pub(super) withdrawn: Option<Sequence>,
    /// Whether it should be here.
    pub(super) expected: Expected,
}

/// Whether something should be there under a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Expected {
    /// It should.
    #[default]
    Here,
    /// Nobody knows: the outcome of an attempt is missing.
    Perhaps,
}

impl Name {
    /// One under which this alone is known.
    pub(super) fn once(delivered: Delivered, expected: Expected) -> Self {
        Self {
            deliveries: vec![delivered],
            withdrawn: None,
            expected,
        }
    }
}

/// Everything that is known, by name.
pub(super) type Names = BTreeMap<String, Name>;

/// The names under which something was delivered.
pub(super) fn names(account: &Account) -> Names {
    let names = account.requests.iter().map(|(id, request)| {
        let name = RemoteName::export(*id).as_str().to_owned();
        (name, delivered(request))
    });
    names.filter(|(_, it)| !it.deliveries.is_empty()).collect()
}

fn delivered(request: &RequestAccount) -> Name {
    let mut name = Name::default();
    let mut deletes = None;
    for happening in &request.happenings {
        let event = happening.event;
        let file = match &happening.what {
            What::Delivered { delivery, .. } => Some((delivery.size_bytes, delivery.token_sha256)),
            What::TakenOver { entry } if entry.deleted.is_none() => None,
            What::Adopted { .. } => None,
            What::Begun {
                command: Command::Delete { .. },
                ..
            } => {
                deletes = Some(event);
                continue;
            }
            What::Deleted { start, .. } if Some(*start) == deletes => {
                name.withdrawn = Some(event);
                continue;
            }
            _ => continue,
        };
        name.withdrawn = None;
        name.deliveries.push(Delivered { event, file });
    }
    name
}
