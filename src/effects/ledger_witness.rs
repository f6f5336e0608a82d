//! `ledger.witness` in the folder of this machine: the last event that it has seen of a ledger in a database. What
//! `ledger.head` is to a log in a file: one line, `LOG SEQUENCE HASH CRC`.
//!
//! What always holds here: the database had acknowledged what it names. A database that holds another ledger, ends
//! before that event, or has another one in its place, is not gone on with. Deliberately absent: being up to date;
//! other machines have gone on since, and an older witness is enough.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use courier_ledger::log::{Advised, FileError, LogError};
use courier_ledger::{Digest, LogId, Sequence, State, Tip};

use super::new_file;

/// Longer ones are not ours.
const SIZE_BYTES_MAX: u64 = 256;

/// What this machine has seen.
#[derive(Clone, Debug)]
pub(crate) struct Witness {
    path: PathBuf,
    seen: Tip,
    /// The database that is asked.
    place: String,
}

/// A ledger that is not, or not any more, the one that was seen.
#[derive(Debug, thiserror::Error)]
enum Refused {
    /// There is another one, or none.
    #[error(
        "{place} holds {}, and this machine knows the ledger {} up to event {} ({})",
        here.map_or_else(|| "no ledger".to_owned(), |log| format!("the ledger {log}")),
        seen.log, seen.sequence, path.display()
    )]
    Another {
        place: String,
        path: PathBuf,
        seen: Tip,
        here: Option<LogId>,
    },
    /// It is shorter.
    #[error(
        "{place} ends with event {last}, and this machine has seen event {} ({}): it is an old copy",
        seen.sequence, path.display()
    )]
    Old {
        place: String,
        path: PathBuf,
        seen: Tip,
        last: Sequence,
    },
    /// It has another event in that place.
    #[error(
        "{place} has another event {} than this machine has seen ({}): somebody went on from an old copy, or rewrote it",
        seen.sequence, path.display()
    )]
    Forked {
        place: String,
        path: PathBuf,
        seen: Tip,
    },
    /// The file does not say what was seen.
    #[error("{} is damaged: it is not as it was written", path.display())]
    Damaged { path: PathBuf },
}

impl Advised for Refused {
    fn hint(&self) -> &'static str {
        match self {
            Self::Another { .. } => {
                "nothing was changed; check LEDGER.URL (host, database, schema); if the right ledger is lost, restore \
                 it from a backup, or let `broker-courier recover` begin a new one in new tables; if this machine is \
                 to keep another ledger from now on, move that file away"
            }
            Self::Old { .. } => {
                "nothing was changed; the database was restored from an old backup, or a fail-over lost what it had \
                 acknowledged: restore a newer one; if there is none, `broker-courier recover` begins a new ledger in \
                 new tables, from what is at the drop-box"
            }
            Self::Forked { .. } => {
                "nothing was changed; find out who went on from an old copy or changed the tables; restore the right \
                 ones; if there are none, `broker-courier recover` begins a new ledger in new tables, from what is at \
                 the drop-box"
            }
            Self::Damaged { .. } => {
                "nothing was changed; find out what damaged it (check the disk); once it is moved away, the next run \
                 writes it anew, and until then the published status.xml alone is a witness"
            }
        }
    }
}

impl From<Refused> for LogError {
    fn from(refused: Refused) -> Self {
        Self::Refused(Box::new(refused))
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join("ledger.witness")
}

fn encode(seen: Tip) -> String {
    let text = format!("{} {} {}", seen.log, seen.sequence, seen.hash);
    let crc = crc32fast::hash(text.as_bytes());
    format!("{text} {crc:08x}\n")
}

fn decode(bytes: &[u8]) -> Option<Tip> {
    let mut words = std::str::from_utf8(bytes).ok()?.split([' ', '\n']);
    let seen = Tip {
        log: LogId::from_hex(words.next()?)?,
        sequence: Sequence(words.next()?.parse().ok()?),
        hash: Digest::from_hex(words.next()?)?,
    };
    (encode(seen).as_bytes() == bytes).then_some(seen)
}

/// Writes down what was seen last.
pub(crate) fn write(folder: &Path, seen: Tip) -> Result<(), LogError> {
    let path = path(folder);
    new_file::replace(&path, encode(seen).as_bytes())
        .map_err(|source| failed(&path, "writing", source))
}

fn failed(path: &Path, operation: &'static str, source: io::Error) -> LogError {
    let path = path.display().to_string();
    FileError {
        path,
        operation,
        source,
    }
    .into()
}

impl Witness {
    /// What this folder's machine has seen of the ledger at `place`; none where nothing was.
    pub(crate) fn of(folder: &Path, place: String) -> Result<Option<Self>, LogError> {
        let path = path(folder);
        let mut bytes = Vec::new();
        let read = File::open(&path).and_then(|file| {
            let mut file = file.take(SIZE_BYTES_MAX);
            file.read_to_end(&mut bytes)
        });
        match read {
            Ok(_) => match decode(&bytes) {
                Some(seen) => Ok(Some(Self { path, seen, place })),
                None => Err(Refused::Damaged { path }.into()),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(failed(&path, "reading", source)),
        }
    }

    /// The event whose hash decides.
    pub(crate) fn event(&self) -> Sequence {
        self.seen.sequence
    }

    /// Refuses a ledger of which `state` is all and this the hash of that event, unless it is the one that was seen.
    pub(crate) fn judge(self, state: &State, hash: Option<Digest>) -> Result<(), LogError> {
        let Self { path, seen, place } = self;
        let (here, last) = (state.log(), state.tip());
        Err(match hash {
            _ if here != Some(seen.log) => Refused::Another {
                place,
                path,
                seen,
                here,
            },
            _ if last < seen.sequence => Refused::Old {
                place,
                path,
                seen,
                last,
            },
            Some(hash) if hash == seen.hash => return Ok(()),
            Some(_) | None => Refused::Forked { place, path, seen },
        }
        .into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_witness_is_read_back_and_every_flipped_bit_and_cut_is_noticed() {
        let seen = Tip {
            log: LogId([7; 16]),
            sequence: Sequence(412),
            hash: Digest::of(&[b"x"]),
        };
        let text = encode(seen);
        assert_eq!(decode(text.as_bytes()), Some(seen));
        for bit in 0..text.len() * 8 {
            let mut bytes = text.clone().into_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&bytes), None, "bit {bit}");
        }
        for cut in 0..text.len() {
            assert_eq!(decode(&text.as_bytes()[..cut]), None, "cut at {cut}");
        }
        let longest = Tip {
            sequence: Sequence(u64::MAX),
            ..seen
        };
        assert!(u64::try_from(encode(longest).len()).unwrap() < SIZE_BYTES_MAX);
    }
}
