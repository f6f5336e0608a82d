//! How results are encrypted. Their names tell it, so that whoever receives them knows what opens them, and a
//! program that knows one kind only leaves the other alone.
//!
//! Deliberately absent: keys and recipients, which a `KeyId` stands for.

use serde::{Deserialize, Serialize};

/// A kind of encryption.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Encryption {
    /// Fernet, under a key that sender and recipient share.
    #[default]
    Fernet,
    /// age, for recipients of whom the sender knows the public keys alone.
    Age,
}

impl Encryption {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Fernet, Self::Age];

    /// Whether it is the one that entries leave out, as all did that are older than the other.
    pub(crate) fn is_fernet(&self) -> bool {
        *self == Self::Fernet
    }

    /// What a result's name ends with after `.zip`.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Fernet => "",
            Self::Age => ".age",
        }
    }
}
