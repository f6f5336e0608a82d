//! Digests: SHA-256 of one thing, and the digest of a whole snapshot, which can be brought up to
//! date from what changed alone.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

/// A SHA-256 digest (FIPS 180-4), printed as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(#[serde(with = "hex_or_bytes")] pub [u8; 32]);

impl Digest {
    /// The digest of the concatenation of `parts`.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hasher = sha2::Sha256::new();
        for part in parts {
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }

    /// Reads 64 hexadecimal digits; `None` for anything else.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        read_hex(text).map(Self)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// The digest of everything that one snapshot showed: the sum of the digests of its parts modulo
/// 2^256. A sum, because it follows a change of one request without reading the others; the log's
/// hash chain, not this, is what stands against an adversary.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SnapshotDigest(#[serde(with = "hex_or_bytes")] [u8; 32]);

impl SnapshotDigest {
    /// The digest of a snapshot that showed nothing.
    pub const EMPTY: Self = Self([0; 32]);

    /// Takes one more part in.
    pub fn add(&mut self, part: Digest) {
        let ([low, high], [part_low, part_high]) = (halves(self.0), halves(part.0));
        let (low, carry) = low.overflowing_add(part_low);
        let high = high.wrapping_add(part_high).wrapping_add(carry.into());
        self.0 = whole([low, high]);
    }

    /// Takes a part out again.
    pub fn remove(&mut self, part: Digest) {
        let ([low, high], [part_low, part_high]) = (halves(self.0), halves(part.0));
        let (low, borrow) = low.overflowing_sub(part_low);
        let high = high.wrapping_sub(part_high).wrapping_sub(borrow.into());
        self.0 = whole([low, high]);
    }
}

/// A number of 32 bytes, the lowest first, as two.
fn halves(bytes: [u8; 32]) -> [u128; 2] {
    let (low, high) = bytes.split_at(16);
    [low, high].map(|half| half.try_into().map_or(0, u128::from_le_bytes))
}

fn whole([low, high]: [u128; 2]) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&low.to_le_bytes());
    bytes[16..].copy_from_slice(&high.to_le_bytes());
    bytes
}

impl fmt::Display for SnapshotDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for SnapshotDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SnapshotDigest({self})")
    }
}

pub(crate) fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    let digit = |nibble: u8| DIGITS[usize::from(nibble & 15)];
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(*byte)])
        .try_for_each(|digit| f.write_char(digit))
}

pub(crate) fn read_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; N];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// Bytes in the log, hexadecimal digits where people read (JSON).
pub(crate) mod hex_or_bytes {
    use std::fmt;

    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(crate) fn serialize<const N: usize, S: Serializer>(
        bytes: &[u8; N],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        struct Hex<'a>(&'a [u8]);
        impl fmt::Display for Hex<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                super::write_hex(f, self.0)
            }
        }
        if serializer.is_human_readable() {
            serializer.collect_str(&Hex(bytes))
        } else {
            serializer.serialize_bytes(bytes)
        }
    }

    pub(crate) fn deserialize<'de, const N: usize, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<[u8; N], D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            super::read_hex(&text).ok_or_else(|| D::Error::custom("not hexadecimal digits"))
        } else {
            serde_bytes::ByteArray::<N>::deserialize(deserializer).map(|bytes| *bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: Some(Box::new(
                proptest::test_runner::FileFailurePersistence::Direct(
                    "../proptest-regressions/digest.txt"
                )
            )),
            ..ProptestConfig::default()
        })]

        #[test]
        fn a_snapshot_digest_forgets_what_is_taken_out(parts in prop::collection::vec(any::<[u8; 32]>(), 1..9)) {
            let mut digest = SnapshotDigest::EMPTY;
            for part in &parts { digest.add(Digest(*part)); }
            let mut reversed = SnapshotDigest::EMPTY;
            for part in parts.iter().rev() { reversed.add(Digest(*part)); }
            prop_assert_eq!(digest, reversed);
            for part in &parts { digest.remove(Digest(*part)); }
            prop_assert_eq!(digest, SnapshotDigest::EMPTY);
        }
    }

    #[test]
    fn hexadecimal_text_is_read_back() {
        let digest = Digest::of(&[b"a", b"bc"]);
        assert_eq!(
            digest.to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(Digest::from_hex(&digest.to_string()), Some(digest));
        assert_eq!(Digest::from_hex("ba78"), None);
    }
}
