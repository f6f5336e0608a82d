//! The head: `ledger.head`, one line that says how far the log had come when it was replaced.
//!
//! It is text, `SEQUENCE HASH CRC\n`, so that a person can hold it against the tip that a published
//! `status.xml` names. The checksum tells a damaged head from one that disagrees with the log.
//! Deliberately absent: the log's id. The hash already depends on it.

use crate::digest::Digest;
use crate::id::LogId;
use crate::tip::Tip;

/// More than any head has: 20 digits, 64 and 8 hexadecimal ones, two spaces, a line feed.
pub(crate) const SIZE_BYTES_MAX: usize = 95;

/// The line for an entry that is on disk.
pub(crate) fn encode(tip: Tip) -> String {
    let text = format!("{} {}", tip.sequence, tip.hash);
    let crc = crc32fast::hash(text.as_bytes());
    format!("{text} {crc:08x}\n")
}

/// Reads the head of the log `log`; `None` when any byte is not as it was written.
pub(crate) fn decode(log: LogId, bytes: &[u8]) -> Option<Tip> {
    let mut words = std::str::from_utf8(bytes).ok()?.split([' ', '\n']);
    let tip = Tip {
        log,
        sequence: words.next()?.parse().ok()?,
        hash: Digest::from_hex(words.next()?)?,
    };
    (encode(tip).as_bytes() == bytes).then_some(tip)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Sequence;

    #[test]
    fn a_head_is_read_back_and_every_flipped_bit_and_cut_is_noticed() {
        let log = LogId([7; 16]);
        let head = Tip {
            log,
            sequence: Sequence(412),
            hash: Digest::of(&[b"x"]),
        };
        let text = encode(head);
        assert_eq!(decode(log, text.as_bytes()), Some(head));
        for bit in 0..text.len() * 8 {
            let mut bytes = text.clone().into_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(log, &bytes), None, "bit {bit}");
        }
        for cut in 0..text.len() {
            assert_eq!(decode(log, &text.as_bytes()[..cut]), None, "cut at {cut}");
        }
        assert_eq!(decode(log, format!("{text} ").as_bytes()), None);
        let longest = Tip {
            sequence: Sequence(u64::MAX),
            ..head
        };
        assert_eq!(encode(longest).len(), SIZE_BYTES_MAX);
    }
}
