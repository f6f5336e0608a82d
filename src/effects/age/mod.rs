//! age (age-encryption.org/v1, C2SP `age.md`) with X25519 recipients: whom results are encrypted for, a stream
//! that encrypts in constant memory, and decryption of files that shows nothing before it has verified
//! everything.
//!
//! What always holds here: no private key of a recipient is needed to encrypt, and none reaches an error or a
//! log; all cryptography is OpenSSL's. Deliberately absent: passphrases, armour, SSH keys and plugins.

mod bech32;
mod decrypt;
mod encrypt;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod header;
mod payload;
mod recipients;
mod secrets;

pub(crate) use decrypt::{AgeError, Identities};
pub(crate) use encrypt::{AgeEncryptor, file_size};
pub(crate) use header::MAGIC;
pub(crate) use recipients::Recipients;

#[cfg(test)]
mod tests;
