//! `recover`: a ledger begins anew from what a lost one's drop-box holds.
//!
//! `recover-from 8 shows 0-2 deleted 3 adopts 0 1 7 unknown 9 fetched`: what `status.xml` as of entry 8
//! shows (half complete, uploaded once), which files are proven to be that ledger's, which are not, and
//! that what is missing was fetched.

use std::fmt::Write as _;

use courier_ledger::{
    Adopted, Digest, Hundredths, LegacyEntry, LogId, Missing, Recovered, RemoteName, RequestId,
    Sequence, Timestamp, Tip,
};

use crate::history::KEY;
use crate::words::{Unclear, Words};

/// What was found, in a story's words.
pub(crate) fn read(words: &mut Words) -> Result<Recovered, Unclear> {
    let lost = Tip {
        log: LogId([3; 16]),
        sequence: Sequence(words.value()?),
        hash: Digest([3; 32]),
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
    };
    while words.peek().is_some() {
        match words.word()?.as_str() {
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
                    })
                    .collect();
            }
            "unknown" => recovered.unknown = words.numbers()?.into_iter().map(RequestId).collect(),
            "left-over" => {
                let of = RemoteName::export(RequestId(words.value()?));
                let start = lost.sequence.next();
                recovered.temporaries.push(of.temporary(lost.log, start));
            }
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

/// The line that records it, as far as the language can say it.
pub(crate) fn written(recovered: &Recovered) -> String {
    let mut line = format!("recover-from {}", recovered.lost.sequence);
    for (word, is_deleted) in [("shows", false), ("deleted", true)] {
        let entries = recovered.entries.iter();
        let ids: Vec<_> = entries
            .filter(|entry| entry.deleted.is_some() == is_deleted)
            .map(|entry| entry.id.to_string())
            .collect();
        if !ids.is_empty() {
            let _ = write!(line, " {word} {}", ids.join(" "));
        }
    }
    let adopted: Vec<_> = recovered
        .adopted
        .iter()
        .map(|it| it.request.to_string())
        .collect();
    let unknown: Vec<_> = recovered.unknown.iter().map(ToString::to_string).collect();
    for (word, ids) in [("adopts", adopted), ("unknown", unknown)] {
        if !ids.is_empty() {
            let _ = write!(line, " {word} {}", ids.join(" "));
        }
    }
    if recovered.missing == Missing::Fetched {
        line.push_str(" fetched");
    }
    line
}
