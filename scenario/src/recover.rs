//! `recover`: a ledger begins anew from what a lost one's drop-box holds.
//!
//! `recover-from 8 shows 0-2 deleted 3 adopts 0 1 7 unknown 9 fetched`: what `status.xml` as of entry 8
//! shows (half complete, uploaded once), which files are proven to be that ledger's, which are not, and
//! that what is missing was fetched. Where that is not exact enough: `of LOG hash HASH begun-from LOG #4
//! line 0 50 at 1000000 updated 1500000 deleted 2000000 adopt 0 by #7 under first bytes 100
//! temporary .export_0.zip.03030303-9.part`; `here` at the drop-box that is configured, `with` whom it is
//! not: URL, tag, host, port, folder, user, host key.

use std::fmt::Write as _;

use courier_ledger::{
    Adopted, Ancestor, BrokerAddress, Digest, DropBoxAddress, Encryption, Hundredths, LegacyEntry,
    LogId, Missing, Partners, Recovered, RemoteName, RequestId, Sequence, Timestamp, Tip,
};

use crate::history::KEY;
use crate::partners::{partners, port};
use crate::words::{Unclear, Words, Written as _, key};

const LOG: LogId = LogId([3; 16]);
const HASH: Digest = Digest([3; 32]);

/// What was found, in a story's words.
pub(crate) fn read(words: &mut Words) -> Result<Recovered, Unclear> {
    let lost = Tip {
        log: LOG,
        sequence: Sequence(words.value()?),
        hash: HASH,
    };
    let mut recovered = Recovered {
        lost,
        ancestors: Vec::new(),
        sha256: Digest([4; 32]),
        entries: Vec::new(),
        adopted: Vec::new(),
        unknown: Vec::new(),
        temporaries: Vec::new(),
        missing: Missing::Deliver,
        partners: None,
    };
    while words.peek().is_some() {
        match words.word()?.as_str() {
            "of" => recovered.lost.log = words.value()?,
            "hash" => recovered.lost.hash = words.value()?,
            "begun-from" => recovered.ancestors.push(Ancestor {
                log: words.value()?,
                sequence: words.value()?,
            }),
            "line" => recovered.entries.push(line(words)?),
            "adopt" => recovered.adopted.push(adopted(words)?),
            "temporary" => {
                let name = temporary(&recovered, &words.word()?)?;
                recovered.temporaries.push(name);
            }
            "shows" => recovered
                .entries
                .extend(words.numbers()?.into_iter().map(|id| entry(id, None))),
            "deleted" => {
                let ids = words.numbers()?.into_iter();
                recovered
                    .entries
                    .extend(ids.map(|id| entry(id, Some(Timestamp(2_000_000)))));
            }
            "adopts" => {
                recovered.adopted = words
                    .numbers()?
                    .into_iter()
                    .map(|id| Adopted {
                        request: RequestId(id),
                        start: Sequence(id + 1),
                        key: KEY,
                        size_bytes: 100,
                        encryption: Encryption::Fernet,
                    })
                    .collect();
            }
            "unknown" => recovered.unknown = words.numbers()?.into_iter().map(RequestId).collect(),
            "left-over" => {
                let of = RemoteName::export(RequestId(words.value()?));
                let start = lost.sequence.next();
                recovered.temporaries.push(of.temporary(lost.log, start));
            }
            "here" => recovered.partners = Some(Box::new(partners())),
            "with" => recovered.partners = Some(Box::new(found_with(words)?)),
            "fetched" => recovered.missing = Missing::Fetched,
            other => return Err(Unclear::new(format!("{other:?} is nothing that is found"))),
        }
    }
    Ok(recovered)
}

fn entry(id: u64, deleted: Option<Timestamp>) -> LegacyEntry {
    LegacyEntry {
        id: RequestId(id),
        completion: Hundredths(50),
        uploaded: Timestamp(1_000_000),
        last_update: None,
        deleted,
    }
}

/// A line of `status.xml`: the request, its hundredths of completion, and its times.
fn line(words: &mut Words) -> Result<LegacyEntry, Unclear> {
    let (id, completion) = (RequestId(words.value()?), Hundredths(words.value()?));
    words.expect("at")?;
    Ok(LegacyEntry {
        id,
        completion,
        uploaded: Timestamp(words.value()?),
        last_update: words.after("updated")?.map(Timestamp),
        deleted: words.after("deleted")?.map(Timestamp),
    })
}

fn adopted(words: &mut Words) -> Result<Adopted, Unclear> {
    let request = RequestId(words.value()?);
    words.expect("by")?;
    let start = words.value()?;
    words.expect("under")?;
    let key = words.value()?;
    words.expect("bytes")?;
    let size_bytes = words.value()?;
    let encryption = words.after("encrypted")?.unwrap_or_default();
    Ok(Adopted {
        request,
        start,
        key,
        size_bytes,
        encryption,
    })
}

/// Whose drop-box it was found at.
fn found_with(words: &mut Words) -> Result<Partners, Unclear> {
    Ok(Partners {
        broker: BrokerAddress {
            url: words.word()?,
            tag: words.word()?,
        },
        drop_box: DropBoxAddress {
            host: words.word()?,
            port: port(words)?,
            folder: words.word()?,
        },
        user: words.word()?,
        host_key: Some(words.word()?),
    })
}

/// The temporary file of this name, of a log that was named before.
fn temporary(recovered: &Recovered, word: &str) -> Result<RemoteName, Unclear> {
    let logs = recovered.ancestors.iter().map(|it| it.log);
    let named = word
        .strip_prefix('.')
        .and_then(|it| it.strip_suffix(".part"));
    let parts = named.and_then(|named| {
        let (named, start) = named.rsplit_once('-')?;
        let (of, _) = named.rsplit_once('.')?;
        let of = crate::alteration::name(&mut Words::of(of)).ok()?;
        Some((of, Sequence(start.parse().ok()?)))
    });
    let mut names = std::iter::once(recovered.lost.log)
        .chain(logs)
        .filter_map(|log| parts.as_ref().map(|(of, start)| of.temporary(log, *start)));
    names
        .find(|name| name.as_str() == word)
        .ok_or_else(|| Unclear::new(format!("{word:?} is no temporary file of a lost ledger")))
}

/// The line that records it.
pub(crate) fn written(recovered: &Recovered) -> String {
    let mut line = format!("recover-from {}", recovered.lost.sequence);
    if recovered.lost.log != LOG {
        let _ = write!(line, " of {}", recovered.lost.log);
    }
    if recovered.lost.hash != HASH {
        let _ = write!(line, " hash {}", recovered.lost.hash);
    }
    for Ancestor { log, sequence } in &recovered.ancestors {
        let _ = write!(line, " begun-from {log} #{sequence}");
    }
    for entry in &recovered.entries {
        let (id, Hundredths(completion)) = (entry.id, entry.completion);
        let _ = write!(line, " line {id} {completion} at {}", entry.uploaded.0);
        for (word, time) in [("updated", entry.last_update), ("deleted", entry.deleted)] {
            if let Some(Timestamp(time)) = time {
                let _ = write!(line, " {word} {time}");
            }
        }
    }
    for it in &recovered.adopted {
        let (id, start, bytes) = (it.request, it.start, it.size_bytes);
        let key = key(it.key);
        let _ = write!(line, " adopt {id} by #{start} under {key} bytes {bytes}");
        if it.encryption != Encryption::Fernet {
            let _ = write!(line, " encrypted {}", it.encryption.written());
        }
    }
    let unknown: Vec<_> = recovered.unknown.iter().map(ToString::to_string).collect();
    if !unknown.is_empty() {
        let _ = write!(line, " unknown {}", unknown.join(" "));
    }
    for name in &recovered.temporaries {
        let _ = write!(line, " temporary {name}");
    }
    if recovered.missing == Missing::Fetched {
        line.push_str(" fetched");
    }
    if let Some(it) = &recovered.partners {
        let (broker, drop_box) = (&it.broker, &it.drop_box);
        let _ = write!(
            line,
            " with \"{}\" \"{}\" \"{}\" {} \"{}\" \"{}\" \"{}\"",
            broker.url,
            broker.tag,
            drop_box.host,
            drop_box.port,
            drop_box.folder,
            it.user,
            it.host_key.as_deref().unwrap_or_default()
        );
    }
    line
}
