//! A command as the words say it, and how one that is under way ended.
//!
//! What always holds: what the words leave open is what was planned, or as it should be.

use courier_ledger::{
    Command, Digest, Event, Evidence, Intent, RemoteName, Removal, RequestId, Sequence,
    UploadReason,
};

use crate::alteration::name;
use crate::broker::failure_in;
use crate::history::{History, delivery};
use crate::words::{Unclear, Words};

/// A command: one that is planned, or one that the words say everything about.
pub(crate) fn command(history: &History, words: &mut Words) -> Result<Command, Unclear> {
    match words.word()?.as_str() {
        "upload" => {
            let id = RequestId(words.value()?);
            let Some(reason) = words.maybe::<UploadReason>() else {
                return planned(history, id);
            };
            let unclear = || Unclear::new(format!("request {id} was never read"));
            history.upload(id, reason).ok_or_else(unclear)
        }
        "delete" => {
            let request = RequestId(words.value()?);
            match words.maybe::<Evidence>() {
                Some(evidence) => Ok(Command::Delete {
                    request,
                    name: history.name(request),
                    evidence,
                }),
                None => planned(history, request),
            }
        }
        "remove" => {
            let word = words.word()?;
            let mut leftovers = history.state().leftovers();
            let name = match leftovers.find(|name| name.as_str() == word) {
                Some(name) => name.clone(),
                None => name(&mut Words::of(&word))?,
            };
            Ok(Command::RemoveTemporary { name })
        }
        "publish" => Ok(Command::PublishLedger {
            name: RemoteName::ledger(),
        }),
        other => Err(Unclear::new(format!(
            "{other:?} is not a command that can begin"
        ))),
    }
}

fn planned(history: &History, id: RequestId) -> Result<Command, Unclear> {
    let mut commands = history.decide().commands.into_iter();
    let planned = commands.find(|command| command.request() == Some(id));
    planned.ok_or_else(|| Unclear::new(format!("nothing is planned for request {id}")))
}

/// The command that a line is about: `#7`, the number of a request, or `status`.
pub(crate) fn open(
    history: &History,
    words: &mut Words,
) -> Result<(Sequence, Option<Intent>), Unclear> {
    let mut intents = history.state().intents();
    let found = if let Some(start) = words.maybe::<Sequence>() {
        let intent = intents.find(|(open, _)| *open == start);
        return Ok((start, intent.map(|(_, intent)| intent.clone())));
    } else if words.next_is("status") {
        intents.find(|(_, intent)| matches!(intent.command, Command::PublishLedger { .. }))
    } else {
        let id = RequestId(words.value()?);
        intents.find(|(_, intent)| intent.command.request() == Some(id))
    };
    let (start, intent) = found.ok_or_else(|| Unclear::new("no such command is under way"))?;
    Ok((start, Some(intent.clone())))
}

/// The event that ends a command with this verb.
pub(crate) fn outcome(
    history: &History,
    verb: &str,
    start: Sequence,
    intent: Option<&Intent>,
    words: &mut Words,
) -> Result<Event, Unclear> {
    Ok(match verb {
        "deleted" => Event::Deleted {
            start,
            removal: words.maybe().unwrap_or(Removal::Removed),
            found: words.after("found")?,
            unseen: words.after("unseen")?,
        },
        "failed" => Event::CommandFailed {
            start,
            remote: words.value()?,
            found: words.after("found")?,
            failure: failure_in(words)?,
        },
        "published" => Event::LedgerPublished {
            start,
            through: words.after("through")?.unwrap_or(start),
            sha256: words.after("sha256")?.unwrap_or(Digest([1; 32])),
            size_bytes: words.after("bytes")?.unwrap_or(1),
        },
        _ => {
            let name = match words.next_is("as") {
                true => name(words)?,
                false => intent.map_or(RemoteName::ledger(), |it| it.command.name().clone()),
            };
            let mut delivery = delivery(&name, history.policy.key);
            let (found, unseen) = (words.after("found")?, words.after("unseen")?);
            while words.peek().is_some() {
                if let Some(bytes) = words.after("bytes")? {
                    delivery.size_bytes = bytes;
                } else if let Some(key) = words.after("key")? {
                    delivery.key = key;
                } else {
                    words.expect("by")?;
                    delivery.placement = words.value()?;
                }
            }
            match verb {
                "uploaded" => Event::Uploaded {
                    start,
                    delivery,
                    found,
                    unseen,
                },
                _ => Event::PickedUp {
                    start,
                    delivery,
                    found,
                    unseen,
                },
            }
        }
    })
}
