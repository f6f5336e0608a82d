//! The identifiers, each a type of its own: a node can never be passed for a request.
//!
//! Deliberately absent: generation. A log id comes in from outside, where randomness is allowed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! numeric_id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

numeric_id! {
    /// The number that the broker gave to a request; from 0, used again after its database was
    /// recreated (`docs/broker.md`), hence no identity without the time of publication.
    RequestId(u64)
}

numeric_id! {
    /// The number that the broker gave to a hospital's node.
    NodeId(u64)
}

numeric_id! {
    /// The position of an entry in the log; the first is 1, without gaps.
    Sequence(u64)
}

impl Sequence {
    /// What stands before the first entry.
    pub const NONE: Self = Self(0);

    /// The sequence number that follows.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Default for Sequence {
    fn default() -> Self {
        Self::NONE
    }
}

/// The identity of one log, drawn once when it is created.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogId(#[serde(with = "crate::digest::hex_or_bytes")] pub [u8; 16]);

impl LogId {
    /// Reads 32 hexadecimal digits; `None` for anything else.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        crate::digest::read_hex(text).map(Self)
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::digest::write_hex(f, &self.0)
    }
}

impl fmt::Debug for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogId({self})")
    }
}

/// Names an encryption key without revealing it: the first 8 bytes of a SHA-256 over the key under
/// a label of its own, so that two runs can tell whether they used the same key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(#[serde(with = "crate::digest::hex_or_bytes")] pub [u8; 8]);

impl KeyId {
    /// Reads 16 hexadecimal digits; `None` for anything else.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        crate::digest::read_hex(text).map(Self)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::digest::write_hex(f, &self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}
