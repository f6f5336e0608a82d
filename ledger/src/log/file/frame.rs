//! One frame: header, payload, hash (`chain`); and how much one append writes at most.
//!
//! Deliberately absent: what the payload means (`codec`), and any judgement about a frame that is
//! not as it should be (`walk`, `recovery`).

use crate::log::chain::PAYLOAD_BYTES_MAX;

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
        bytes[..12].copy_from_slice(&self.fields());
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

    /// The fields, without their checksum.
    fn fields(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&self.length.to_le_bytes());
        bytes[4..].copy_from_slice(&self.sequence.to_le_bytes());
        bytes
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
}
