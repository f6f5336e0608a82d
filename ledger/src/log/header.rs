//! The first bytes of the log: what the file is, in which version, under which hash, and whose.
//!
//! Deliberately absent: room for options. Another format is another version.

use crate::digest::Digest;
use crate::id::LogId;

/// Why the first bytes of `ledger.log` are not the header of a log that this version reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderFault {
    /// The file is shorter than a header.
    Short,
    /// The file does not begin as a log does.
    NotALog,
    /// The header's checksum does not hold.
    Damaged,
    /// The header is sound, of another version of the format.
    UnknownVersion(u16),
    /// The header is sound, of another hash.
    UnknownHash(u8),
    /// The file begins as a redacted copy of a log does.
    Redacted,
}

/// The header of `ledger.log`, 31 bytes: magic, version, hash id, log id, CRC-32 of the above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) log: LogId,
}

impl Header {
    pub(crate) const SIZE_BYTES: usize = 31;
    /// As in PNG, bytes that a transfer in text mode, or one that cuts to seven bits, breaks.
    const MAGIC: [u8; 8] = *b"\x89BCL\r\n\x1a\n";
    /// The same, for copies in which payloads were left out.
    const REDACTED: [u8; 8] = *b"\x89BCR\r\n\x1a\n";
    const VERSION: u16 = 1;
    const SHA_256: u8 = 1;

    pub(crate) fn encode(self) -> [u8; Self::SIZE_BYTES] {
        self.encode_behind(Self::MAGIC)
    }

    /// The header of a redacted copy of this log.
    pub(crate) fn encode_redacted(self) -> [u8; Self::SIZE_BYTES] {
        self.encode_behind(Self::REDACTED)
    }

    fn encode_behind(self, magic: [u8; 8]) -> [u8; Self::SIZE_BYTES] {
        let mut bytes = [0; Self::SIZE_BYTES];
        bytes[..8].copy_from_slice(&magic);
        bytes[8..10].copy_from_slice(&Self::VERSION.to_le_bytes());
        bytes[10] = Self::SHA_256;
        bytes[11..27].copy_from_slice(&self.log.0);
        let crc = crc32fast::hash(&bytes[..27]);
        bytes[27..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads the first bytes of a file, which may be fewer than a header has.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, HeaderFault> {
        if bytes.starts_with(&Self::REDACTED) {
            return Err(HeaderFault::Redacted);
        }
        Self::decode_behind(Self::MAGIC, bytes)
    }

    /// Reads the first bytes of a redacted copy.
    pub(crate) fn decode_redacted(bytes: &[u8]) -> Result<Self, HeaderFault> {
        Self::decode_behind(Self::REDACTED, bytes)
    }

    fn decode_behind(expected: [u8; 8], bytes: &[u8]) -> Result<Self, HeaderFault> {
        let Some((magic, rest)) = bytes.split_first_chunk::<8>() else {
            return Err(HeaderFault::Short);
        };
        if *magic != expected {
            return Err(HeaderFault::NotALog);
        }
        let Some((&[v0, v1, hash], rest)) = rest.split_first_chunk::<3>() else {
            return Err(HeaderFault::Short);
        };
        let (Some((id, rest)), version) =
            (rest.split_first_chunk::<16>(), u16::from_le_bytes([v0, v1]))
        else {
            return Err(HeaderFault::Short);
        };
        let Some(crc) = rest.first_chunk::<4>() else {
            return Err(HeaderFault::Short);
        };
        // The checksum first: a flipped bit in the version is damage, not a newer program's file.
        if u32::from_le_bytes(*crc) != crc32fast::hash(&bytes[..27]) {
            return Err(HeaderFault::Damaged);
        }
        if version != Self::VERSION {
            return Err(HeaderFault::UnknownVersion(version));
        }
        if hash != Self::SHA_256 {
            return Err(HeaderFault::UnknownHash(hash));
        }
        Ok(Self { log: LogId(*id) })
    }

    /// What the first frame is chained to.
    pub(crate) fn hash(self) -> Digest {
        Digest::of(&[&self.encode()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_back_and_every_flipped_bit_and_cut_is_noticed() {
        let header = Header {
            log: LogId([7; 16]),
        };
        let bytes = header.encode();
        assert_eq!(Header::decode(&bytes), Ok(header));
        for cut in 0..bytes.len() {
            assert_eq!(
                Header::decode(&bytes[..cut]),
                Err(HeaderFault::Short),
                "{cut}"
            );
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::decode(&flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn another_version_and_another_hash_are_named() {
        let sealed = |version: u16, hash: u8| {
            let mut bytes = Header {
                log: LogId([7; 16]),
            }
            .encode();
            bytes[8..10].copy_from_slice(&version.to_le_bytes());
            bytes[10] = hash;
            let crc = crc32fast::hash(&bytes[..27]);
            bytes[27..].copy_from_slice(&crc.to_le_bytes());
            Header::decode(&bytes)
        };
        assert_eq!(sealed(2, 1), Err(HeaderFault::UnknownVersion(2)));
        assert_eq!(sealed(1, 2), Err(HeaderFault::UnknownHash(2)));
    }
}
