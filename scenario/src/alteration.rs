//! Events that are recorded otherwise than they were: `… but …`, for what must be refused.
//!
//! What always holds: everything that is not named stays true.

use courier_ledger::{
    Command, Digest, Drift, Drifted, Fingerprint, Gone, NumberSet, RemoteDelta, RemoteName,
    Renumbered, RequestId, SnapshotDelta, SnapshotDigest, Span, Timestamp, Unreadable,
};

use crate::history::failure;
use crate::words::{Unclear, Words, range};

/// A name: `none`, `export_7.zip`, `export_7.zip.age`, `status.xml`.
pub(crate) fn name(words: &mut Words) -> Result<RemoteName, Unclear> {
    let word = words.word()?;
    match RemoteName::read_result(&word) {
        Some((id, encryption)) => Ok(RemoteName::result(id, encryption)),
        None if word == "status.xml" => Ok(RemoteName::ledger()),
        None => Err(Unclear::new(format!("{word:?} is not the name of a file"))),
    }
}

fn ids(words: &mut Words) -> Result<Vec<RequestId>, Unclear> {
    if words.next_is("none") {
        return Ok(Vec::new());
    }
    Ok(words.numbers()?.into_iter().map(RequestId).collect())
}

/// Numbers as they stand there, in whatever order.
fn spans(words: &mut Words) -> Result<NumberSet, Unclear> {
    let mut spans = Vec::new();
    while let Some(range) = words.peek().and_then(range) {
        words.word()?;
        spans.push(Span(RequestId(*range.start()), RequestId(*range.end())));
    }
    Ok(NumberSet::of_spans(spans))
}

/// `missing`, or the size in bytes that a file has now.
fn drift(words: &mut Words) -> Result<Drift, Unclear> {
    if words.next_is("missing") {
        return Ok(Drift::Missing);
    }
    let size_bytes = words.value()?;
    Ok(Drift::Resized { size_bytes })
}

/// Alters what a poll showed.
pub(crate) fn snapshot(delta: &mut SnapshotDelta, words: &mut Words) -> Result<(), Unclear> {
    while words.next_is("but") {
        match words.word()?.as_str() {
            "changed" => {
                let known = std::mem::take(&mut delta.changed);
                for id in ids(words)? {
                    let observation = known.iter().find(|observation| observation.id == id);
                    let unclear = || Unclear::new(format!("request {id} has not changed"));
                    delta.changed.push(observation.ok_or_else(unclear)?.clone());
                }
            }
            "nodes-reversed" => {
                let id: u64 = words.value()?;
                for observation in &mut delta.changed {
                    if observation.id.0 == id {
                        let nodes: Vec<_> = observation.nodes.iter().collect();
                        observation.nodes = nodes.into_iter().rev().collect();
                    }
                }
            }
            "gone" => {
                delta.gone.clear();
                if !words.next_is("none") {
                    while words.peek().is_some_and(|word| word != "but") {
                        let id = RequestId(words.value()?);
                        let evidence = words.value()?;
                        delta.gone.push(Gone { id, evidence });
                    }
                }
            }
            "unreadable" => {
                let unreadable = ids(words)?.into_iter().map(|id| Unreadable {
                    id,
                    failure: failure(),
                });
                delta.unreadable = unreadable.collect();
            }
            "total" => delta.total = words.value()?,
            "whole" => {
                let whole = delta.whole.get_or_insert_default();
                match words.word()?.as_str() {
                    "total" => whole.total = words.value()?,
                    "appeared" => whole.appeared = spans(words)?,
                    "vanished" => whole.vanished = spans(words)?,
                    "renumbered" => {
                        let renumbered = ids(words)?.into_iter().map(|id| Renumbered {
                            id,
                            published: None,
                        });
                        whole.renumbered = renumbered.collect();
                    }
                    other => {
                        let unclear = format!("{other:?} is no part of a whole list");
                        return Err(Unclear::new(unclear));
                    }
                }
            }
            "digest-empty" => delta.digest = SnapshotDigest::EMPTY,
            other => return Err(Unclear::new(format!("{other:?} is no part of a poll"))),
        }
    }
    words.end()
}

/// Alters what a look saw.
pub(crate) fn look(delta: &mut RemoteDelta, words: &mut Words) -> Result<(), Unclear> {
    while words.next_is("but") {
        match words.word()?.as_str() {
            "changed" => {
                delta.changed.clear();
                if !words.next_is("none") {
                    while words.peek().is_some_and(|word| word != "but") {
                        let id = RequestId(words.value()?);
                        let drift = drift(words)?;
                        delta.changed.push(Drifted { id, drift });
                    }
                }
            }
            "settled" => delta.settled = ids(words)?,
            "total" => delta.total = words.value()?,
            "drifted" => delta.drifted = words.value()?,
            other => return Err(Unclear::new(format!("{other:?} is no part of a look"))),
        }
    }
    words.end()
}

/// Alters a command; gives the temporary name of its intent, if that is altered, too.
pub(crate) fn command(
    command: &mut Command,
    words: &mut Words,
) -> Result<Option<Option<RemoteName>>, Unclear> {
    let mut temporary = None;
    while words.next_is("but") {
        let part = words.word()?;
        match (part.as_str(), &mut *command) {
            ("temporary", _) => {
                temporary = Some(match words.next_is("none") {
                    true => None,
                    false => Some(name(words)?),
                });
            }
            (
                "name",
                Command::Upload { name: known, .. }
                | Command::Delete { name: known, .. }
                | Command::PublishLedger { name: known }
                | Command::RemoveTemporary { name: known },
            ) => *known = name(words)?,
            ("request", Command::Upload { request, .. } | Command::Delete { request, .. }) => {
                *request = RequestId(words.value()?);
            }
            ("fingerprint-other", Command::Upload { fingerprint, .. }) => {
                *fingerprint = Fingerprint(Digest([1; 32]));
            }
            ("published", Command::Upload { published, .. }) => {
                *published = match words.next_is("none") {
                    true => None,
                    false => Some(Timestamp(words.value()?)),
                };
            }
            ("replaces", Command::Upload { replaces, .. }) => *replaces = words.value()?,
            (other, _) => {
                return Err(Unclear::new(format!(
                    "{other:?} is no part of this command"
                )));
            }
        }
    }
    Ok(temporary)
}
