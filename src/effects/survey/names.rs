//! What names in a drop-box stand for: results, unfinished uploads, the published ledger, anything else.
//! A name counts as this program's only where the program would write it exactly so.

use std::collections::BTreeMap;

use courier_ledger::{Encryption, LogId, RemoteName, RequestId, Sequence, TemporaryPattern};

use super::Temporary;
use crate::effects::sftp::{Attributes, Entry};

/// The names of a folder, told apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sorted {
    /// `status.xml`.
    pub(super) ledger: Option<Attributes>,
    /// Under names of results.
    pub(super) exports: BTreeMap<(RequestId, Encryption), Attributes>,
    /// Unfinished uploads.
    pub(super) temporaries: Vec<Temporary>,
    /// How many other names there are, but for what was signed of a ledger.
    pub(super) others: u64,
}

/// Tells names apart; `others` is how many there are besides. Temporary names are known by this pattern and
/// by the default one.
pub(super) fn sort(entries: Vec<Entry>, others: u64, pattern: &TemporaryPattern) -> Sorted {
    let mut sorted = Sorted {
        others,
        ..Sorted::default()
    };
    for Entry { name, attributes } in entries {
        if name == RemoteName::ledger().as_str() {
            sorted.ledger = Some(attributes);
        } else if let Some(result) = RemoteName::read_result(&name) {
            sorted.exports.insert(result, attributes);
        } else if let Some(temporary) = temporary(&name, pattern)
            .or_else(|| temporary(&name, &TemporaryPattern::default()))
            .filter(|_| !attributes.is_no_file())
        {
            sorted.temporaries.push(temporary);
        } else if !RemoteName::is_evidence(&name) {
            sorted.others += 1;
        }
    }
    // Servers list in an order of their own.
    sorted
        .temporaries
        .sort_by(|one, other| one.name.cmp(&other.name));
    sorted
}

/// The unfinished upload that has this name.
fn temporary(name: &str, pattern: &TemporaryPattern) -> Option<Temporary> {
    let (of, command) = pattern.inside(name)?.rsplit_once('.')?;
    let of = if of == RemoteName::ledger().as_str() {
        RemoteName::ledger()
    } else {
        let (request, encryption) = RemoteName::read_result(of)?;
        RemoteName::result(request, encryption)
    };
    let (log, start) = command.split_once('-')?;
    let log = LogId::from_hex(&format!("{log:0<32}"))?;
    let start = Sequence(start.parse().ok()?);
    let made_up = of.temporary_by(pattern, log, start);
    (made_up.as_str() == name).then_some(Temporary {
        name: made_up,
        of,
        start,
        log,
        pattern: pattern.clone(),
    })
}
