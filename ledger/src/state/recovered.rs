//! What a ledger knows that was begun anew from its drop-box: files that are its own, with no more than
//! `status.xml` said of them.

use std::collections::BTreeMap;

use super::State;
use super::illegal::Reason;
use super::request::{Identity, LedgerLine, Presence, Remote, Request, StoredFile};
use crate::completion::Hundredths;
use crate::evidence::Evidence;
use crate::id::{RequestId, Sequence};
use crate::import::LegacyEntry;
use crate::recovered::{Adopted, Ancestor, Missing, Recovered};
use crate::tip::Tip;

impl State {
    /// The last known entry of the lost ledger that this one was begun from.
    #[must_use]
    pub fn recovered_from(&self) -> Option<Tip> {
        self.recovered_from
    }

    /// The ledgers that this one was begun from, the last first.
    pub fn ancestors(&self) -> impl Iterator<Item = &Ancestor> {
        self.ancestors.iter()
    }

    pub(super) fn recover(
        &mut self,
        sequence: Sequence,
        recovered: &Recovered,
    ) -> Result<(), Reason> {
        if self.run.is_some() || !self.requests.is_empty() || self.recovered_from.is_some() {
            return Err(Reason::ImportTooLate);
        }
        if !recovered.is_canonical() {
            return Err(Reason::RecoveredDiffers);
        }
        let adopted: BTreeMap<RequestId, &Adopted> = recovered
            .adopted
            .iter()
            .map(|it| (it.request, it))
            .collect();
        let mut requests = BTreeMap::new();
        for (index, entry) in (0u32..).zip(&recovered.entries) {
            // What stands there and is not proven to be the lost ledger's is left alone.
            let missing = match recovered.unknown.binary_search(&entry.id) {
                Ok(_) => Missing::Deliver,
                Err(_) => recovered.missing,
            };
            let adopted = adopted.get(&entry.id).copied();
            let request = shown(entry, (sequence, index), adopted, missing);
            if requests.insert(entry.id, Box::new(request)).is_some() {
                return Err(Reason::OutOfOrder(entry.id));
            }
        }
        for (id, adopted) in &adopted {
            // The lost part of the log delivered it, after what was published last. It is this ledger's,
            // so nobody need look whose it is before it is replaced.
            requests.entry(*id).or_insert_with(|| {
                let mut request = Request::new(Presence::Imported);
                let file = file(Hundredths(0), Some(adopted));
                request.remote = Remote::Uncertain(Some(file));
                request.encryption = adopted.encryption;
                Box::new(request)
            });
        }
        self.lines = (0u32..)
            .zip(&recovered.entries)
            .map(|(index, entry)| ((sequence, index), entry.id))
            .collect();
        self.requests = requests;
        for name in &recovered.temporaries {
            self.leave_over(Some(name.clone()));
        }
        self.recovered_from = Some(recovered.lost);
        let Tip { log, sequence, .. } = recovered.lost;
        self.ancestors = vec![Ancestor { log, sequence }];
        self.ancestors.extend(&recovered.ancestors);
        self.meet(recovered.partners.as_deref());
        let newest = recovered.adopted.iter().max_by_key(|it| it.start);
        self.keys.accepted = newest.map(|it| it.key);
        Ok(())
    }
}

/// A request that the published `status.xml` shows.
fn shown(
    entry: &LegacyEntry,
    position: (Sequence, u32),
    adopted: Option<&Adopted>,
    missing: Missing,
) -> Request {
    let mut request = Request::new(Presence::Imported);
    let file = file(entry.completion, adopted);
    request.encryption = adopted.map(|it| it.encryption).unwrap_or_default();
    request.remote = match (entry.deleted, adopted, missing) {
        (None, Some(_), _) => Remote::Stored(file),
        (None, None, Missing::Deliver) => Remote::Nothing,
        (None, None, Missing::Fetched) => Remote::PickedUp(file),
        // It was delivered again after what was published last.
        (Some(_), Some(_), _) => Remote::Uncertain(Some(file)),
        (Some(_), None, _) => {
            request.presence = Presence::Gone(Evidence::Deleted);
            Remote::Deleted(Identity::Unknown)
        }
    };
    request.line = Some(LedgerLine {
        position,
        completion: entry.completion,
        uploaded: entry.uploaded,
        last_update: entry.last_update,
        deleted: entry.deleted,
    });
    request
}

/// A file of which no more is known than what `status.xml` says, and the key.
fn file(completion: Hundredths, adopted: Option<&Adopted>) -> StoredFile {
    StoredFile {
        identity: Identity::Unknown,
        fingerprint: None,
        completion,
        key: adopted.map(|it| it.key),
        receipt: None,
        drift: None,
        missed: None,
    }
}
