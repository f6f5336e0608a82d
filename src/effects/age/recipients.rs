//! Whom results are encrypted for: public keys, as `age-keygen` prints them. Together they have an id, as a key
//! has one; the ledger records that.
//!
//! What always holds here: whoever lists the same recipients in another order, or twice, lists the same.

use std::fmt;
use std::str::FromStr;

use courier_ledger::{Digest, KeyId};

use super::bech32;

const KIND: &str = "age";
const ID_LABEL: &[u8] = b"broker-courier/age-recipients-id/1\0";

/// A recipient's public key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Recipient([u8; 32]);

impl Recipient {
    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A text is no recipient. It is not shown: it may be a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the public key of a recipient, which begins with age1")]
pub(crate) struct NoRecipient;

impl FromStr for Recipient {
    type Err = NoRecipient;

    fn from_str(text: &str) -> Result<Self, NoRecipient> {
        let key = bech32::decode(KIND, text.trim());
        key.map(Self).ok_or(NoRecipient)
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bech32::encode(KIND, &self.0))
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Everybody whom results are encrypted for: each of them can read all.
#[derive(Clone, Debug)]
pub(crate) struct Recipients(Vec<Recipient>);

impl Recipients {
    /// These; none if there are none.
    #[must_use]
    pub(crate) fn new(mut recipients: Vec<Recipient>) -> Option<Self> {
        recipients.sort_unstable();
        recipients.dedup();
        let is_some = !recipients.is_empty();
        is_some.then_some(Self(recipients))
    }

    /// What the ledger records in place of a key's id: the first 8 bytes of SHA-256 over a label and the
    /// recipients' keys in ascending order, 32 bytes each.
    #[must_use]
    pub(crate) fn id(&self) -> KeyId {
        let keys: Vec<u8> = self.0.iter().flat_map(|it| it.0).collect();
        let Digest(digest) = Digest::of(&[ID_LABEL, &keys]);
        let mut id = [0; 8];
        id.copy_from_slice(&digest[..8]);
        KeyId(id)
    }

    /// Each of them.
    pub(crate) fn each(&self) -> impl ExactSizeIterator<Item = &Recipient> {
        self.0.iter()
    }
}
