//! `ledger.head`: up to where the log was known to be whole, kept apart from it. Without a witness
//! a cut at a frame boundary is invisible, and damage to the last record looks like a torn write.
//!
//! u64 seq · hash [32] · CRC-32 of the above; little-endian, 44 bytes.

use crate::{Digest, Sequence};

use super::Tip;

const WITNESS_BYTES: usize = 8 + 32 + 4;

pub(crate) fn encode(tip: Tip) -> [u8; WITNESS_BYTES] {
    let mut bytes = [0; WITNESS_BYTES];
    bytes[..8].copy_from_slice(&tip.sequence.0.to_le_bytes());
    bytes[8..40].copy_from_slice(&tip.hash.0);
    let crc = crc32fast::hash(&bytes[..40]);
    bytes[40..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Reads a whole witness; none when it is damaged.
pub(crate) fn decode(bytes: &[u8]) -> Option<Tip> {
    let bytes: &[u8; WITNESS_BYTES] = bytes.try_into().ok()?;
    let (sequence, rest) = bytes.split_first_chunk::<8>()?;
    let (hash, crc) = rest.split_first_chunk::<32>()?;
    let crc = u32::from_le_bytes(crc.try_into().ok()?);
    let fits = crc32fast::hash(&bytes[..40]) == crc;
    fits.then_some(Tip {
        sequence: Sequence(u64::from_le_bytes(*sequence)),
        hash: Digest(*hash),
    })
}

/// Bytes to read to see whether a witness is longer than it may be.
pub(crate) const READ_BYTES: usize = WITNESS_BYTES + 1;
