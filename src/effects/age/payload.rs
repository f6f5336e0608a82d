//! The payload of an age file, piece by piece: ChaCha20-Poly1305 under a counter, the last piece marked as such,
//! so that pieces can be neither moved nor left out nor cut off.

use openssl::cipher::Cipher;
use openssl::cipher_ctx::CipherCtx;
use openssl::error::ErrorStack;

use super::secrets::{Secret, TAG_BYTES};

/// A message's bytes that are encrypted at once.
pub(super) const CHUNK_BYTES: usize = 64 * 1024;
/// What becomes of them.
pub(super) const SEALED_BYTES: usize = CHUNK_BYTES + TAG_BYTES;

/// Whether a piece is the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Others follow.
    Within,
    /// It is.
    Last,
}

/// Encrypts, or decrypts, one piece after the other.
pub(super) struct Payload {
    cipher: CipherCtx,
    key: Secret,
    counter: u64,
}

impl Payload {
    pub(super) fn new(key: Secret) -> Result<Self, ErrorStack> {
        Ok(Self {
            cipher: CipherCtx::new()?,
            key,
            counter: 0,
        })
    }

    /// Eleven bytes of counter, of which no file needs more than eight, and the mark of the last piece.
    fn nonce(&self, place: Place) -> [u8; 12] {
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&self.counter.to_be_bytes());
        nonce[11] = u8::from(place == Place::Last);
        nonce
    }

    /// Encrypts the next piece into `sealed`, which holds the piece and a tag; says how much that is.
    pub(super) fn seal(
        &mut self,
        chunk: &[u8],
        place: Place,
        sealed: &mut [u8],
    ) -> Result<usize, ErrorStack> {
        let nonce = self.nonce(place);
        self.cipher.encrypt_init(
            Some(Cipher::chacha20_poly1305()),
            Some(self.key.as_slice()),
            Some(&nonce),
        )?;
        if !chunk.is_empty() {
            self.cipher
                .cipher_update(chunk, Some(&mut sealed[..chunk.len()]))?;
        }
        self.cipher.cipher_final(&mut [])?;
        let whole = chunk.len() + TAG_BYTES;
        self.cipher.tag(&mut sealed[chunk.len()..whole])?;
        self.counter += 1;
        Ok(whole)
    }

    /// Decrypts the next piece; says how much that is. None if it is not the one that stood there, or no piece
    /// at all: nothing of `chunk` may be used then.
    pub(super) fn open(
        &mut self,
        sealed: &[u8],
        place: Place,
        chunk: &mut [u8],
    ) -> Result<Option<usize>, ErrorStack> {
        let Some(length) = sealed.len().checked_sub(TAG_BYTES) else {
            return Ok(None);
        };
        let nonce = self.nonce(place);
        self.cipher.decrypt_init(
            Some(Cipher::chacha20_poly1305()),
            Some(self.key.as_slice()),
            Some(&nonce),
        )?;
        let (ciphertext, tag) = sealed.split_at(length);
        if !ciphertext.is_empty() {
            self.cipher
                .cipher_update(ciphertext, Some(&mut chunk[..length]))?;
        }
        self.cipher.set_tag(tag)?;
        if self.cipher.cipher_final(&mut []).is_err() {
            return Ok(None);
        }
        self.counter += 1;
        Ok(Some(length))
    }
}
