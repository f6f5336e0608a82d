//! The witness: `ledger.head`, one line that says how far the log had come when it was replaced.
//!
//! It is text, `SEQUENCE HASH CRC\n`, so that a person can hold it against the tip that a published
//! `status.xml` names. The checksum tells a damaged witness from one that disagrees with the log.
//! Deliberately absent: the log's id. The hash already depends on it.

use crate::digest::Digest;
use crate::id::Sequence;

/// The sequence number and hash of an entry that was on disk when the witness was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Witness {
    pub(crate) sequence: Sequence,
    pub(crate) hash: Digest,
}

impl Witness {
    /// More than any witness has: 20 digits, 64 and 8 hexadecimal ones, two spaces, a line feed.
    pub(crate) const SIZE_BYTES_MAX: usize = 95;

    pub(crate) fn encode(self) -> String {
        let text = format!("{} {}", self.sequence, self.hash);
        let crc = crc32fast::hash(text.as_bytes());
        format!("{text} {crc:08x}\n")
    }

    /// Reads a witness; `None` when any byte is not as it was written.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut words = std::str::from_utf8(bytes).ok()?.split([' ', '\n']);
        let witness = Self {
            sequence: words.next()?.parse().ok()?,
            hash: Digest::from_hex(words.next()?)?,
        };
        (witness.encode().as_bytes() == bytes).then_some(witness)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_witness_is_read_back_and_every_flipped_bit_and_cut_is_noticed() {
        let witness = Witness {
            sequence: Sequence(412),
            hash: Digest::of(&[b"x"]),
        };
        let text = witness.encode();
        assert_eq!(Witness::decode(text.as_bytes()), Some(witness));
        for bit in 0..text.len() * 8 {
            let mut bytes = text.clone().into_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Witness::decode(&bytes), None, "bit {bit}");
        }
        for cut in 0..text.len() {
            assert_eq!(
                Witness::decode(&text.as_bytes()[..cut]),
                None,
                "cut at {cut}"
            );
        }
        assert_eq!(Witness::decode(format!("{text} ").as_bytes()), None);
        let longest = Witness {
            sequence: Sequence(u64::MAX),
            hash: witness.hash,
        };
        assert_eq!(longest.encode().len(), Witness::SIZE_BYTES_MAX);
    }
}
