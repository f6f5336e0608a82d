//! One frame: header, payload, hash. The hash chains it to everything before it.
//!
//! Deliberately absent: what the payload means (`codec`), and any judgement about a frame that is
//! not as it should be (`walk`, `recovery`).

use sha2::Digest as _;

use crate::digest::Digest;

/// The largest payload that is written or read: 64 MiB. The largest honest event, the first look
/// at 5,000 requests of 60 hospitals, stays below 5 MB.
pub(crate) const PAYLOAD_BYTES_MAX: u32 = 64 << 20;

/// The largest frame in bytes.
pub(crate) const FRAME_BYTES_MAX: u64 =
    PAYLOAD_BYTES_MAX as u64 + (FrameHeader::SIZE_BYTES + HASH_BYTES) as u64;

/// The most entries that are written by one append and one fsync; a longer batch is written in
/// several. Recovery relies on it (`tail`).
pub(crate) const BATCH_ENTRIES_MAX: u64 = 1024;

/// A batch of this many bytes is written before another entry is added to it.
pub(crate) const BATCH_BYTES: u64 = 8 << 20;

/// So no append writes more than this: a full batch with one more entry, the largest there can be.
pub(crate) const APPEND_BYTES_MAX: u64 = BATCH_BYTES + FRAME_BYTES_MAX;

/// What stands before a payload: u32 length of the payload, u64 sequence number, CRC-32 of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) length: u32,
    pub(crate) sequence: u64,
}

impl FrameHeader {
    pub(crate) const SIZE_BYTES: usize = 16;

    pub(crate) fn encode(self) -> [u8; Self::SIZE_BYTES] {
        let mut bytes = [0; Self::SIZE_BYTES];
        bytes[..12].copy_from_slice(&self.chained());
        let crc = crc32fast::hash(&bytes[..12]);
        bytes[12..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads a header whose checksum holds; `None` when it does not.
    pub(crate) fn decode(bytes: &[u8; Self::SIZE_BYTES]) -> Option<Self> {
        let header = Self::unchecked(bytes);
        (header.encode() == *bytes).then_some(header)
    }

    /// Reads the fields without a look at the checksum.
    pub(crate) fn unchecked(bytes: &[u8; Self::SIZE_BYTES]) -> Self {
        let [l0, l1, l2, l3, s0, s1, s2, s3, s4, s5, s6, s7, ..] = *bytes;
        Self {
            length: u32::from_le_bytes([l0, l1, l2, l3]),
            sequence: u64::from_le_bytes([s0, s1, s2, s3, s4, s5, s6, s7]),
        }
    }

    /// The size of the whole frame in bytes.
    pub(crate) fn frame_bytes(self) -> u64 {
        u64::from(self.length) + (Self::SIZE_BYTES + HASH_BYTES) as u64
    }

    /// The fields as the hash takes them in.
    fn chained(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&self.length.to_le_bytes());
        bytes[4..].copy_from_slice(&self.sequence.to_le_bytes());
        bytes
    }

    /// The frame's hash: SHA-256(previous ‖ length ‖ sequence ‖ payload).
    pub(crate) fn chain(self, previous: Digest, payload: &[u8]) -> Digest {
        let mut hasher = sha2::Sha256::new();
        let mut start = [0; 44];
        start[..32].copy_from_slice(&previous.0);
        start[32..].copy_from_slice(&self.chained());
        hasher.update(start);
        hasher.update(payload);
        Digest(hasher.finalize().into())
    }
}

/// The size of the hash behind a payload.
pub(crate) const HASH_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_header_is_read_back_and_every_flipped_bit_is_noticed() {
        let header = FrameHeader {
            length: 300,
            sequence: 5_000_000_000,
        };
        let bytes = header.encode();
        assert_eq!(FrameHeader::decode(&bytes), Some(header));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(FrameHeader::decode(&flipped), None, "bit {bit}");
        }
    }

    #[test]
    fn the_hash_depends_on_predecessor_length_sequence_and_payload() {
        let header = FrameHeader {
            length: 2,
            sequence: 1,
        };
        let zero = Digest([0; 32]);
        let hashes = [
            header.chain(zero, b"ab"),
            header.chain(Digest([1; 32]), b"ab"),
            header.chain(zero, b"ac"),
            FrameHeader {
                length: 3,
                ..header
            }
            .chain(zero, b"ab"),
            FrameHeader {
                sequence: 2,
                ..header
            }
            .chain(zero, b"ab"),
        ];
        let distinct: std::collections::BTreeSet<_> = hashes.iter().collect();
        assert_eq!(distinct.len(), hashes.len());
        assert_eq!(
            hashes[0],
            Digest::of(&[&[0; 32], &2u32.to_le_bytes(), &1u64.to_le_bytes(), b"ab"])
        );
    }
}
