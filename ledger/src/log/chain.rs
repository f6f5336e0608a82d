//! The chain of entries: which bytes an event is kept as, and which hash joins it to everything before
//! it (`docs/log-format.md`).
//!
//! What always holds here: pure functions of their arguments. Whoever stores entries, in a file, in a
//! table or not at all, makes the same bytes and the same hashes of the same events. Deliberately
//! absent: where the bytes are kept, and what events mean.

use sha2::Digest as _;

use crate::digest::Digest;
use crate::event::{Entry, Event};
use crate::id::{LogId, Sequence};
use crate::salt::Salt;
use crate::time::Timestamp;
use crate::tip::Tip;

use super::codec::{self, Payload};
use super::header::Header;

/// The largest payload that is written or read: 64 MiB. The largest honest event, the first look
/// at 5,000 requests of 60 hospitals, stays below 5 MB.
pub const PAYLOAD_BYTES_MAX: u32 = 64 << 20;

/// Why an event cannot become the next entry, or bytes are not the next entry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// An event has more bytes than a payload may have.
    #[error("entry {sequence} would have {size_bytes} bytes, and {max_bytes} are allowed")]
    TooLarge {
        /// The entry.
        sequence: Sequence,
        /// The size of its payload.
        size_bytes: usize,
        /// The most that a payload may have.
        max_bytes: u32,
    },
    /// An event could not be encoded.
    #[error("entry {sequence} cannot be encoded")]
    Encode {
        /// The entry.
        sequence: Sequence,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The hash is not the one that these bytes have at this place.
    #[error("the bytes of entry {sequence} do not have its hash")]
    Broken {
        /// The entry.
        sequence: Sequence,
    },
    /// The hash holds, and the bytes are not an event of this version, in its one encoding.
    #[error("entry {sequence} holds no event that this version knows")]
    Unknown {
        /// The entry.
        sequence: Sequence,
        /// The version of the program that the bytes name, if they name one.
        written_by: Option<String>,
    },
}

/// The place before the first entry of the log `log`.
#[must_use]
pub fn start(log: LogId) -> Tip {
    Tip {
        log,
        sequence: Sequence::NONE,
        hash: Header { log }.hash(),
    }
}

/// The entry that `event`, recorded at `time`, becomes behind `tip`, and the bytes that it is kept as. What holds text
/// ([`Event::holds_text`]) should have a salt, drawn for it alone.
pub fn next(
    tip: Tip,
    time: Timestamp,
    event: &Event,
    salt: Option<Salt>,
) -> Result<(Entry, Vec<u8>), ChainError> {
    let mut payload = Vec::new();
    let Tip { sequence, hash, .. } = extend(tip, time, event, salt, &mut payload)?;
    let entry = Entry {
        sequence,
        time,
        event: event.clone(),
        salt,
        hash,
    };
    Ok((entry, payload))
}

/// As [`next`], behind what `buffer` already holds; gives the place behind the entry.
pub(crate) fn extend(
    tip: Tip,
    time: Timestamp,
    event: &Event,
    salt: Option<Salt>,
    buffer: &mut Vec<u8>,
) -> Result<Tip, ChainError> {
    let sequence = tip.sequence.next();
    let start = buffer.len();
    codec::encode(time, event, salt, buffer).map_err(|source| ChainError::Encode {
        sequence,
        source: Box::new(source),
    })?;
    let payload = &buffer[start..];
    let hash = hash(tip.hash, sequence, payload).ok_or(ChainError::TooLarge {
        sequence,
        size_bytes: payload.len(),
        max_bytes: PAYLOAD_BYTES_MAX,
    })?;
    Ok(Tip {
        sequence,
        hash,
        ..tip
    })
}

/// The bytes of an entry of another copy of this log, which stands behind `tip` there, too; they have its hash.
pub fn again(tip: Tip, entry: &Entry) -> Result<(Tip, Vec<u8>), ChainError> {
    let mut payload = Vec::new();
    let next = extend(tip, entry.time, &entry.event, entry.salt, &mut payload)?;
    match next.sequence == entry.sequence && next.hash == entry.hash {
        true => Ok((next, payload)),
        false => Err(ChainError::Broken {
            sequence: next.sequence,
        }),
    }
}

/// The entry that stands behind `tip` as `payload`, if that has the hash `stored`.
pub fn check(tip: Tip, payload: &[u8], stored: Digest) -> Result<Entry, ChainError> {
    let sequence = tip.sequence.next();
    if hash(tip.hash, sequence, payload) != Some(stored) {
        return Err(ChainError::Broken { sequence });
    }
    let Ok(Payload { time, event, salt }) = codec::decode(payload) else {
        return Err(ChainError::Unknown {
            sequence,
            written_by: codec::version_named(payload),
        });
    };
    Ok(Entry {
        sequence,
        time,
        event,
        salt,
        hash: stored,
    })
}

/// SHA-256(hash before ‖ u32 length ‖ u64 sequence ‖ payload); none for more than a payload may have.
#[must_use]
pub fn hash(before: Digest, sequence: Sequence, payload: &[u8]) -> Option<Digest> {
    let length = u32::try_from(payload.len())
        .ok()
        .filter(|length| *length <= PAYLOAD_BYTES_MAX)?;
    let mut start = [0; 44];
    start[..32].copy_from_slice(&before.0);
    start[32..36].copy_from_slice(&length.to_le_bytes());
    start[36..].copy_from_slice(&sequence.0.to_le_bytes());
    let mut hasher = sha2::Sha256::new();
    hasher.update(start);
    hasher.update(payload);
    Some(Digest(hasher.finalize().into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::RunCounts;

    fn event() -> Event {
        Event::RunFinished {
            counts: RunCounts::default(),
            duration_micros: 5,
            verdict: None,
        }
    }

    #[test]
    fn the_hash_depends_on_predecessor_sequence_and_payload() {
        let zero = Digest([0; 32]);
        let hashes = [
            hash(zero, Sequence(1), b"ab"),
            hash(Digest([1; 32]), Sequence(1), b"ab"),
            hash(zero, Sequence(1), b"ac"),
            hash(zero, Sequence(1), b"abc"),
            hash(zero, Sequence(2), b"ab"),
        ];
        let distinct: std::collections::BTreeSet<_> = hashes.iter().collect();
        assert_eq!(distinct.len(), hashes.len());
        let parts: [&[u8]; 4] = [
            &[0; 32],
            &2u32.to_le_bytes(),
            &1u64.to_le_bytes(),
            b"ab".as_slice(),
        ];
        assert_eq!(hashes[0], Some(Digest::of(&parts)));
    }

    #[test]
    fn what_becomes_the_next_entry_is_read_back_there_and_nowhere_else() {
        let tip = start(LogId([7; 16]));
        let (entry, payload) =
            next(tip, Timestamp(3), &event(), Some(Salt([5; 16]))).expect("an entry");
        assert_eq!(check(tip, &payload, entry.hash).expect("is read"), entry);
        let (behind, copied) = again(tip, &entry).expect("the same");
        assert_eq!((behind.sequence, behind.hash), (entry.sequence, entry.hash));
        assert_eq!(copied, payload);
        let other_time = Entry {
            time: Timestamp(4),
            ..entry.clone()
        };
        assert!(matches!(
            again(tip, &other_time),
            Err(ChainError::Broken { .. })
        ));
        let elsewhere = Tip {
            sequence: Sequence(1),
            ..tip
        };
        let other = start(LogId([8; 16]));
        for tip in [elsewhere, other] {
            let checked = check(tip, &payload, entry.hash);
            assert!(matches!(checked, Err(ChainError::Broken { .. })));
        }
        for bit in 0..payload.len() * 8 {
            let mut flipped = payload.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let checked = check(tip, &flipped, entry.hash);
            assert!(
                matches!(checked, Err(ChainError::Broken { .. })),
                "bit {bit}"
            );
        }
    }

    #[test]
    fn bytes_with_the_right_hash_that_are_no_event_are_named_so() {
        let tip = start(LogId([7; 16]));
        let payload = b"\xc0";
        let stored = hash(tip.hash, Sequence(1), payload).expect("short enough");
        let checked = check(tip, payload, stored);
        assert!(matches!(checked, Err(ChainError::Unknown { .. })));
    }
}
