//! The first bytes of the file: what it is, in which version, and whose.
//!
//! magic `BRKCOUR\n` · u16 version · u8 hash id (1 = SHA-256) · log id [16] · CRC-32 of the above;
//! little-endian, 31 bytes.

use crate::{Digest, LogId};

const MAGIC: [u8; 8] = *b"BRKCOUR\n";
const VERSION: u16 = 1;
const SHA_256: u8 = 1;

/// The header's size in bytes.
pub(crate) const HEADER_BYTES: usize = 8 + 2 + 1 + 16 + 4;

/// What the first bytes of a file say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Header {
    /// A log of this version.
    Valid(LogId),
    /// Not a log, or a damaged header.
    Malformed,
    /// A log of another version.
    UnknownVersion(u16),
    /// A log with another hash function.
    UnknownHash(u8),
}

/// The header of a new log.
pub(crate) fn encode(log: LogId) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..10].copy_from_slice(&VERSION.to_le_bytes());
    bytes[10] = SHA_256;
    bytes[11..27].copy_from_slice(&log.0);
    let crc = crc32fast::hash(&bytes[..27]);
    bytes[27..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Reads the first bytes of a file.
pub(crate) fn decode(bytes: &[u8]) -> Header {
    let Some(bytes) = bytes.first_chunk::<HEADER_BYTES>() else {
        return Header::Malformed;
    };
    let mut log = [0; 16];
    log.copy_from_slice(&bytes[11..27]);
    let crc = u32::from_le_bytes([bytes[27], bytes[28], bytes[29], bytes[30]]);
    if bytes[..8] != MAGIC || crc32fast::hash(&bytes[..27]) != crc {
        return Header::Malformed;
    }
    match (u16::from_le_bytes([bytes[8], bytes[9]]), bytes[10]) {
        (VERSION, SHA_256) => Header::Valid(LogId(log)),
        (VERSION, hash) => Header::UnknownHash(hash),
        (version, _) => Header::UnknownVersion(version),
    }
}

/// What the first frame's hash chains to.
pub(crate) fn hash(log: LogId) -> Digest {
    Digest::of(&[&encode(log)])
}
