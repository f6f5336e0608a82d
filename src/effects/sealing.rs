//! How results are encrypted: the one place that knows that there are two ways, and which one the
//! configuration has chosen.
//!
//! What always holds here: whichever it is, memory does not grow with the message, and how the file begins says
//! to whoever has the key, and to nobody else, which intent it was made for.

use std::io::Write;

use courier_ledger::KeyId;

use super::age::{AgeEncryptor, Recipients, file_size};
use super::fernet::{EncryptError, Encryptor, FernetKey, TokenDigest, TokenOrigin, token_size};

/// How results are encrypted, and whom for.
#[derive(Clone)]
pub(crate) struct Sealing {
    /// Encrypts under Fernet; for age it marks alone.
    key: FernetKey,
    /// Whom for; none under Fernet, whose key the recipient has.
    recipients: Option<Recipients>,
}

impl Sealing {
    /// With this key, or for these recipients.
    #[must_use]
    pub(crate) fn new(key: FernetKey, recipients: Option<Recipients>) -> Self {
        Self { key, recipients }
    }

    /// What the ledger records: the key's id, or the recipients'.
    #[must_use]
    pub(crate) fn id(&self) -> KeyId {
        match &self.recipients {
            None => self.key.id(),
            Some(recipients) => recipients.id(),
        }
    }

    /// What a message of this size becomes.
    #[must_use]
    pub(crate) fn size(&self, plaintext_bytes: u64) -> u64 {
        match &self.recipients {
            None => token_size(plaintext_bytes),
            Some(recipients) => file_size(plaintext_bytes, recipients),
        }
    }

    /// Begins a file that is made for this intent.
    pub(crate) fn begin<W: Write>(
        &self,
        origin: TokenOrigin,
        time_seconds: u64,
        output: W,
    ) -> Result<Seal<W>, EncryptError> {
        match &self.recipients {
            None => {
                let seed = origin.seed(time_seconds, &self.key)?;
                let encryptor = Encryptor::new(&self.key, &seed, output)?;
                Ok(Seal::Fernet(Box::new(encryptor)))
            }
            Some(recipients) => {
                let stanza = origin.stanza(time_seconds, recipients.id(), &self.key)?;
                let encryptor = AgeEncryptor::new(recipients, &stanza, output)?;
                Ok(Seal::Age(Box::new(encryptor)))
            }
        }
    }
}

/// A file that is being encrypted. It is complete only when [`finish`](Self::finish) has returned; after an
/// error it is worthless.
pub(crate) enum Seal<W> {
    /// A token.
    Fernet(Box<Encryptor<W>>),
    /// An age file.
    Age(Box<AgeEncryptor<W>>),
}

impl<W: Write> Seal<W> {
    /// Encrypts the next part of the message.
    pub(crate) fn update(&mut self, plaintext: &[u8]) -> Result<(), EncryptError> {
        match self {
            Self::Fernet(encryptor) => encryptor.update(plaintext),
            Self::Age(encryptor) => encryptor.update(plaintext),
        }
    }

    /// Ends the message: writes the rest, flushes the output and gives it back.
    pub(crate) fn finish(self) -> Result<(W, TokenDigest), EncryptError> {
        match self {
            Self::Fernet(encryptor) => encryptor.finish(),
            Self::Age(encryptor) => encryptor.finish(),
        }
    }
}
