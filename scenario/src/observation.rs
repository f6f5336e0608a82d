//! What a poll of the broker and a look into the drop-box find.
//!
//! What always holds: everything is as the history has it, unless the words say otherwise.

use courier_ledger::{Event, Look, PublishedSeen, RemoteCheckRule, RemoteDelta, RequestId, Seen};

use crate::alteration;
use crate::broker::failure_in;
use crate::history::History;
use crate::words::{Unclear, Words};

/// Polls the broker as it is now.
pub(crate) fn poll(history: &History, words: &mut Words) -> Result<Event, Unclear> {
    if words.next_is("fails") {
        let failure = failure_in(words)?;
        return Ok(Event::PollFailed { failure });
    }
    let Event::SnapshotObserved(mut delta) = history.snapshot() else {
        return Err(Unclear::new("a poll shows a snapshot"));
    };
    delta = delta.after(history.state().portions());
    if words.next_is("part") {
        let requests: u32 = words.value()?;
        return Ok(Event::PortionObserved(delta.take(requests as usize)));
    }
    alteration::snapshot(&mut delta, words)?;
    Ok(Event::SnapshotObserved(delta))
}

/// Looks at the drop-box: every file is as it was delivered, unless something else is said.
pub(crate) fn look(
    history: &History,
    rule: RemoteCheckRule,
    words: &mut Words,
) -> Result<Event, Unclear> {
    if words.next_is("fails") {
        let failure = failure_in(words)?;
        return Ok(Event::RemoteCheckFailed { failure });
    }
    let stored = history.state().stored_files();
    let mut look: Look = stored
        .map(|(id, file)| {
            let size = file.receipt.map(|receipt| receipt.size_bytes);
            (history.name(id), Seen::Present(size))
        })
        .collect();
    while words.peek().is_some_and(|word| word != "but") {
        let ids = words.numbers()?;
        let seen = match words.word()?.as_str() {
            "missing" => Some(Seen::Absent),
            "unsized" => Some(Seen::Present(None)),
            "unseen" => None,
            "has" => Some(Seen::Present(Some(words.value()?))),
            other => return Err(Unclear::new(format!("{other:?} is not how a file stands"))),
        };
        for id in ids {
            let name = history.name(RequestId(id));
            match seen {
                Some(seen) => look.insert(name, seen),
                None => look.remove(&name),
            };
        }
    }
    let mut delta = RemoteDelta::between(history.state(), &look, rule);
    alteration::look(&mut delta, words)?;
    Ok(Event::RemoteObserved(delta))
}

/// How the published `status.xml` was found.
pub(crate) fn published(words: &mut Words) -> Result<Event, Unclear> {
    let seen = match words.word()?.as_str() {
        "as-expected" => PublishedSeen::AsExpected,
        "missing" => PublishedSeen::Missing,
        "unusable" => PublishedSeen::Unusable,
        "unreadable" => PublishedSeen::Unreadable(failure_in(words)?),
        other => {
            let unclear = format!("{other:?} is not how the published status.xml is found");
            return Err(Unclear::new(unclear));
        }
    };
    Ok(Event::PublishedLedgerSeen { seen })
}
