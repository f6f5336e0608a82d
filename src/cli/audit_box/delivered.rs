//! What a ledger says should lie in a drop-box, by name.

use std::collections::BTreeMap;

use courier_ledger::account::{Account, RequestAccount, What};
use courier_ledger::{Command, Digest, Encryption, RemoteName, Sequence};

/// A delivery under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Delivered {
    /// The entry that says so.
    pub(super) event: Sequence,
    /// The size of the file in bytes, and its SHA-256; none for one of the replaced program or of a lost ledger.
    pub(super) file: Option<(u64, Digest)>,
}

/// Everything that was ever delivered of the request whose result has one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Name {
    /// In order.
    pub(super) deliveries: Vec<Delivered>,
    /// Whether the last of them has another name.
    pub(super) is_former: bool,
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
            is_former: false,
            withdrawn: None,
            expected,
        }
    }
}

/// Everything that is known, by name.
pub(super) type Names = BTreeMap<String, Name>;

/// The names under which something was delivered.
pub(super) fn names(account: &Account) -> Names {
    let mut names = BTreeMap::new();
    for (id, request) in &account.requests {
        let (whole, used) = delivered(request);
        let last = used.last().copied();
        for encryption in used {
            let name = Name {
                is_former: Some(encryption) != last,
                ..whole.clone()
            };
            names.insert(RemoteName::result(*id, encryption).to_string(), name);
        }
    }
    names
}

/// What was delivered of a request, and how that was encrypted, the last way last.
fn delivered(request: &RequestAccount) -> (Name, Vec<Encryption>) {
    let mut used = Vec::new();
    let mut name = Name::default();
    let mut deletes = None;
    for happening in &request.happenings {
        let event = happening.event;
        let file = match &happening.what {
            What::Delivered { delivery, .. } => {
                let read = RemoteName::read_result(delivery.name.as_str());
                turn_to(&mut used, read.map(|(_, it)| it).unwrap_or_default());
                Some((delivery.size_bytes, delivery.token_sha256))
            }
            What::TakenOver { entry } if entry.deleted.is_none() => {
                turn_to(&mut used, Encryption::Fernet);
                None
            }
            What::Adopted { encryption, .. } => {
                turn_to(&mut used, *encryption);
                None
            }
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
    (name, used)
}

fn turn_to(used: &mut Vec<Encryption>, encryption: Encryption) {
    used.retain(|it| *it != encryption);
    used.push(encryption);
}
