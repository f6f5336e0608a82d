//! `ledger.cache`: the state as of one entry, so that opening a long log costs what was added
//! since (`docs/log-format.md`).
//!
//! What always holds here: it is a cache. One that is missing, damaged, of another version of these
//! sources or of another log is as if there were none, without a word; and the log decides whether it
//! holds the entry that the state cache speaks of (`examine`). Deliberately absent: anything that is
//! not in the log as well.

use std::borrow::Cow;
use std::io::{self, BufRead as _, BufReader, Read};

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use crate::event::Event;
use crate::log::chain::ChainError;
use crate::state::State;

use crate::log::file::mark::Mark;
use crate::log::file::storage::{LogFile, Storage};

/// As in the log's header, bytes that a transfer in text mode breaks.
const MAGIC: [u8; 8] = *b"\x89BCP\r\n\x1a\n";
const VERSION: u16 = 1;
const DIGEST_BYTES: usize = 32;
/// Magic, version, number of the sources.
const PREFIX_BYTES: usize = 8 + 2 + SOURCES.len();
/// Which sources folded and wrote the state, as decimal digits (`build.rs`).
const SOURCES: &str = env!("COURIER_LEDGER_SOURCES");
/// How much of it is in memory at a time.
const PIECE_BYTES: usize = 256 << 10;
/// More than the state of a million requests takes; what claims more is no state cache.
const BYTES_MAX: u64 = 1 << 30;
/// It is worth while after this many entries: fewer are folded in less time than replacing the file takes.
pub const CACHE_ENTRIES: u64 = 1024;

/// What a reading of the log remembers besides the state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Past {
    /// How many runs began.
    pub(crate) runs: u64,
    /// The last version of the program that recorded a start.
    pub(crate) written_by: Option<String>,
}

impl Past {
    /// Takes one more event into account.
    pub(crate) fn see(&mut self, event: &Event) {
        self.runs += u64::from(matches!(event, Event::RunStarted { .. }));
        if let Event::LogCreated { version, .. } | Event::RunStarted { version, .. } = event {
            self.written_by = Some(version.clone());
        }
    }
}

/// The state as of one entry of one log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StateCache<'a> {
    /// The place before that entry, …
    pub(crate) before: Mark,
    /// … and behind it.
    pub(crate) mark: Mark,
    pub(crate) past: Cow<'a, Past>,
    /// Places before it to begin reading at, ascending.
    pub(crate) index: Cow<'a, [Mark]>,
    pub(crate) state: Cow<'a, State>,
}

impl StateCache<'_> {
    pub(crate) fn encode(&self) -> Result<Vec<u8>, ChainError> {
        let mut bytes = prefix();
        let encoded = rmp_serde::encode::write(&mut bytes, self);
        encoded.map_err(|source| ChainError::Encode {
            sequence: self.mark.tip.sequence,
            source: Box::new(source),
        })?;
        let digest: [u8; DIGEST_BYTES] = sha2::Sha256::digest(&bytes).into();
        bytes.extend_from_slice(&digest);
        Ok(bytes)
    }

    /// `None` for everything that these very sources have not written. It is read piece by piece: its
    /// bytes take as much room as the state. What is made of them counts when their digest holds.
    fn read(mut bytes: impl Read, size_bytes: u64) -> Option<Self> {
        let mut sealed = BufReader::with_capacity(
            PIECE_BYTES,
            Sealed {
                bytes: &mut bytes,
                left: size_bytes.checked_sub(DIGEST_BYTES as u64)?,
                digest: sha2::Sha256::new(),
            },
        );
        let mut start = [0; PREFIX_BYTES];
        sealed.read_exact(&mut start).ok()?;
        if start[..] != prefix() {
            return None;
        }
        let cache = rmp_serde::from_read(&mut sealed).ok()?;
        let is_all = sealed.fill_buf().ok()?.is_empty();
        let computed: [u8; DIGEST_BYTES] = sealed.into_inner().digest.finalize().into();
        let mut digest = [0; DIGEST_BYTES];
        bytes.read_exact(&mut digest).ok()?;
        (is_all && computed == digest).then_some(cache)
    }

    /// What stands in the directory; `None` also when it cannot be read.
    pub(crate) fn load<S: Storage + ?Sized>(storage: &S) -> Option<Self> {
        let size = storage.size_bytes(LogFile::Cache).ok()??;
        let stored = Stored { storage, offset: 0 };
        if size > BYTES_MAX {
            return None;
        }
        Self::read(stored, size)
    }
}

/// The state cache in the directory, from its first byte on.
struct Stored<'s, S: ?Sized> {
    storage: &'s S,
    offset: u64,
}

impl<S: Storage + ?Sized> Read for Stored<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.storage.read_at(LogFile::Cache, self.offset, buffer)?;
        self.offset += read as u64;
        Ok(read)
    }
}

/// What a digest stands behind, which it is computed of on the way.
struct Sealed<R> {
    bytes: R,
    left: u64,
    digest: sha2::Sha256,
}

impl<R: Read> Read for Sealed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.by_ref().take(self.left).read(buffer)?;
        self.left -= read as u64;
        self.digest.update(&buffer[..read]);
        Ok(read)
    }
}

fn prefix() -> Vec<u8> {
    let mut bytes = Vec::with_capacity(PREFIX_BYTES);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(SOURCES.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use crate::digest::Digest;
    use crate::id::{LogId, Sequence};
    use crate::tip::Tip;

    use super::*;

    fn decode(bytes: &[u8]) -> Option<StateCache<'static>> {
        StateCache::read(bytes, bytes.len() as u64)
    }

    fn cache() -> StateCache<'static> {
        let mark = |sequence, offset| Mark {
            tip: Tip {
                log: LogId([7; 16]),
                sequence: Sequence(sequence),
                hash: Digest([3; 32]),
            },
            offset,
        };
        StateCache {
            before: mark(4, 400),
            mark: mark(5, 500),
            past: Cow::Owned(Past {
                runs: 2,
                written_by: Some("0.1.0".to_owned()),
            }),
            index: Cow::Owned(vec![mark(0, 32), mark(4, 400)]),
            state: Cow::Owned(State::default()),
        }
    }

    #[test]
    fn it_is_read_back_and_every_flipped_bit_cut_and_addition_is_noticed() {
        let bytes = cache().encode().unwrap();
        assert_eq!(decode(&bytes), Some(cache()));
        for cut in 0..bytes.len() {
            assert_eq!(decode(&bytes[..cut]), None, "{cut}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&flipped), None, "bit {bit}");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert_eq!(decode(&longer), None);
    }

    #[test]
    fn one_of_other_sources_is_none_although_its_digest_holds() {
        let mut bytes = cache().encode().unwrap();
        let end = bytes.len() - DIGEST_BYTES;
        bytes[PREFIX_BYTES - 1] ^= 1;
        let digest: [u8; DIGEST_BYTES] = sha2::Sha256::digest(&bytes[..end]).into();
        bytes[end..].copy_from_slice(&digest);
        assert_eq!(decode(&bytes), None);
    }
}
