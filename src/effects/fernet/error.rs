//! Why a token could not be made. Deliberately absent: anything of key, message or token.

use std::io;

use openssl::error::ErrorStack;

/// Why a token could not be made.
#[derive(Debug, thiserror::Error)]
pub enum EncryptError {
    /// The token's text could not be handed on.
    #[error("cannot write the encrypted result")]
    Output(#[source] io::Error),
    /// OpenSSL refused.
    #[error("encryption failed")]
    Cryptography(#[from] ErrorStack),
}
