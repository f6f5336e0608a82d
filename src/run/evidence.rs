//! What is signed of a ledger, put beside its `status.xml`.
//!
//! What always holds here: only what this run has published is signed, and only where what was published before
//! was seen to be this ledger's: an old copy that went on unseen would contradict what was signed before.
//! Deliberately absent: records. What is signed is about the ledger, and stands beside it.

use std::sync::Arc;

use courier_ledger::log::{EventLog, Ledger};
use courier_ledger::{Command, Failure, PublishedSeen, RemoteName, Sequence};

use super::seams::{Carrier, Ending, Errand, Evidence, Task};

/// More than is ever put there: what is larger is not this ledger's.
const LIMIT_BYTES: u32 = 4 << 20;

/// So much of a list of what is delivered says whose it is.
const MANIFEST_BEGINNING_BYTES: u32 = 1 << 10;

/// Has the ledger signed, if that is due, and what was signed put at the drop-box.
pub(super) fn put_beside(
    ledger: &Ledger<impl EventLog>,
    evidence: &dyn Evidence,
    carrier: &mut dyn Carrier,
) {
    if !may_sign(ledger) {
        return;
    }
    let Some(name) = evidence.due(ledger.log()) else {
        return;
    };
    let there = match carrier.beginning(name.clone(), LIMIT_BYTES) {
        Ok(there) => there,
        Err(failure) => {
            tracing::warn!(
                "nothing is signed, as {name} at the drop-box cannot be read: {failure}"
            );
            return;
        }
    };
    let Some(document) = evidence.seal(ledger.log(), there) else {
        return;
    };
    if let Some(failure) = put(ledger, carrier, &name, document) {
        tracing::warn!("{name} is signed, and not yet at the drop-box: {failure}");
        return;
    }
    if let Some(failure) = put_manifest(ledger, evidence, carrier) {
        let name = RemoteName::manifest(ledger.tip().log);
        tracing::warn!("{name} is not yet at the drop-box: {failure}");
        return;
    }
    evidence.published();
}

/// Puts the list of what is delivered at the drop-box, if there is one; gives why it is not there.
fn put_manifest(
    ledger: &Ledger<impl EventLog>,
    evidence: &dyn Evidence,
    carrier: &mut dyn Carrier,
) -> Option<Failure> {
    let tip = ledger.tip();
    let name = RemoteName::manifest(tip.log);
    let there = match carrier.beginning(name.clone(), MANIFEST_BEGINNING_BYTES) {
        Ok(there) => there,
        Err(failure) => return Some(failure),
    };
    let document = evidence.manifest(ledger.state(), tip, there)?;
    put(ledger, carrier, &name, document)
}

/// Puts a document at the drop-box; gives why it is not there.
fn put(
    ledger: &Ledger<impl EventLog>,
    carrier: &mut dyn Carrier,
    name: &RemoteName,
    document: Arc<[u8]>,
) -> Option<Failure> {
    let task = Task::Publish {
        temporary: temporary(carrier, name, ledger),
        document,
    };
    carrier.begin(Errand {
        log: ledger.tip().log,
        start: ledger.next_sequence(),
        command: Command::PublishLedger { name: name.clone() },
        task,
    });
    match carrier.endings().into_iter().next().map(|it| it.ending) {
        Some(Ending::Failed { failure, .. }) => Some(failure),
        Some(
            Ending::Published { .. }
            | Ending::Delivered(_)
            | Ending::PickedUp(_)
            | Ending::Removed(_),
        )
        | None => None,
    }
}

/// The same name each time: what an interrupted run leaves is replaced by the next.
fn temporary(
    carrier: &dyn Carrier,
    name: &RemoteName,
    ledger: &Ledger<impl EventLog>,
) -> RemoteName {
    carrier.temporary(name, ledger.tip().log, Sequence::NONE)
}

/// Whether the ledger is published as it is, and was known to be the one that was published before.
fn may_sign(ledger: &Ledger<impl EventLog>) -> bool {
    let last = ledger.log().read_from(ledger.tip().sequence).next();
    let published = last.is_some_and(|it| {
        it.is_ok_and(|entry| matches!(entry.event, courier_ledger::Event::LedgerPublished { .. }))
    });
    published && matches!(ledger.state().published_seen(), PublishedSeen::AsExpected)
}
