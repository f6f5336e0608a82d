//! What keeps an entry from being guessed: random bytes beside what it says.
//!
//! What always holds here: it means nothing, and nothing follows from it. Deliberately absent: drawing it. It comes
//! in through [`crate::log::Storage`], where randomness is allowed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Random bytes in an entry that holds text of a person or about one: whoever has only the hashes around it cannot
/// find out what it says by trying.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Salt(#[serde(with = "crate::digest::hex_or_bytes")] pub [u8; 16]);

impl fmt::Display for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::digest::write_hex(f, &self.0)
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Salt({self})")
    }
}
