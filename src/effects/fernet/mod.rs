//! Fernet (github.com/fernet/spec, version 0x80): key files, a stream that encrypts in constant
//! memory, and decryption of files that shows nothing before it has verified everything.
//!
//! What always holds here: no key, plaintext or token byte reaches an error or a log; memory does
//! not grow with the message. Deliberately absent: time-to-live (a token's time is informative
//! here), and messages held in memory as a whole.

mod decrypt;
mod encrypt;
mod error;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod key;
mod key_files;
mod marker;
mod origin;
mod origins;
pub(crate) mod rotation;
mod token;

pub(crate) use decrypt::{DecryptError, decrypt_file, decrypt_open, decrypt_to, opens};
pub use encrypt::Encryptor;
pub(crate) use error::EncryptError;
pub use key::FernetKey;
pub(crate) use key::KeyError;
pub(crate) use key_files::{KeyFiles, OldKeys};
pub(crate) use origin::START_BYTES;
pub use origin::TokenOrigin;
pub use origins::origins;
pub(crate) use token::token_size;
#[allow(unreachable_pub, reason = "what is measured gives it back")]
pub use token::{TokenDigest, TokenSeed};

#[cfg(test)]
mod decrypt_tests;
#[cfg(test)]
mod key_tests;
#[cfg(test)]
mod tests;
