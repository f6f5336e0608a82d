//! Encryption as a stream: message chunks of any size in, token text out, one pass, two buffers that
//! stay in the processor's cache and are used again. Deliberately absent: the random number
//! generator and the clock, which come in as a [`TokenSeed`]; retries of a failed output.

use std::io::Write;

use base64_simd::{AsOut, URL_SAFE};
use courier_ledger::Digest;
use openssl::cipher_ctx::CipherCtx;
use openssl::sha::Sha256;
use openssl::sign::Signer;

use super::error::EncryptError;
use super::key::FernetKey;
use super::token::{BLOCK_BYTES, HEADER_BYTES, TAG_BYTES, TokenDigest, TokenSeed};

// Binary token bytes that are collected before they become text: a multiple of 3, so that no
// padding falls into the middle of the text, and of the cipher's block.
pub(super) const BATCH_BYTES: usize = 48 * 1024;
// OpenSSL may give a block more than it was given, and the tag follows the last block.
const SLACK_BYTES: usize = 2 * BLOCK_BYTES + TAG_BYTES;
const BUFFER_BYTES: usize = BATCH_BYTES + SLACK_BYTES;

/// Encrypts one message into one token, which it writes to `W` while the message comes in.
///
/// The token is complete only when [`finish`](Self::finish) has returned; after an error it is
/// worthless.
pub struct Encryptor<W> {
    output: W,
    cipher: CipherCtx,
    signer: Signer<'static>,
    plaintext_hash: Sha256,
    token_hash: Sha256,
    /// The binary token as far as it is not yet text: `binary[..filled]`, of which the signer has
    /// seen `binary[..signed]`.
    binary: Box<[u8]>,
    filled: usize,
    signed: usize,
    text: Box<[u8]>,
    plaintext_bytes: u64,
    token_bytes: u64,
}

impl<W: Write> Encryptor<W> {
    /// Begins a token under `key`. Nothing is written yet.
    pub fn new(key: &FernetKey, seed: &TokenSeed, output: W) -> Result<Self, EncryptError> {
        let mut binary = vec![0; BUFFER_BYTES].into_boxed_slice();
        binary[..HEADER_BYTES].copy_from_slice(&seed.header());
        Ok(Self {
            output,
            cipher: key.encryption(&seed.iv)?,
            signer: key.signer()?,
            plaintext_hash: Sha256::new(),
            token_hash: Sha256::new(),
            binary,
            filled: HEADER_BYTES,
            signed: 0,
            text: vec![0; URL_SAFE.encoded_length(BUFFER_BYTES)].into_boxed_slice(),
            plaintext_bytes: 0,
            token_bytes: 0,
        })
    }

    /// Encrypts the next part of the message. Large parts (64 KiB and more) are fastest.
    pub fn update(&mut self, mut plaintext: &[u8]) -> Result<(), EncryptError> {
        while !plaintext.is_empty() {
            // Whole blocks, so that OpenSSL need not set a part of one aside. Never 0: a batch is
            // written out as soon as less than a block of room is left.
            let room = (BATCH_BYTES - self.filled) / BLOCK_BYTES * BLOCK_BYTES;
            let (piece, rest) = plaintext.split_at(room.min(plaintext.len()));
            self.plaintext_hash.update(piece);
            self.filled += self
                .cipher
                .cipher_update(piece, Some(&mut self.binary[self.filled..]))?;
            self.plaintext_bytes += piece.len() as u64;
            plaintext = rest;
            if self.filled + BLOCK_BYTES > BATCH_BYTES {
                self.sign()?;
                self.write_text(self.filled / 3 * 3)?;
            }
        }
        Ok(())
    }

    /// Ends the message: writes the rest of the token, flushes the output and gives it back.
    pub fn finish(mut self) -> Result<(W, TokenDigest), EncryptError> {
        self.filled += self.cipher.cipher_final(&mut self.binary[self.filled..])?;
        self.sign()?;
        self.filled += self
            .signer
            .sign(&mut self.binary[self.filled..][..TAG_BYTES])?;
        self.write_text(self.filled)?;
        self.output.flush().map_err(EncryptError::Output)?;
        let digest = TokenDigest {
            plaintext_sha256: Digest(self.plaintext_hash.finish()),
            token_sha256: Digest(self.token_hash.finish()),
            plaintext_bytes: self.plaintext_bytes,
            token_bytes: self.token_bytes,
        };
        Ok((self.output, digest))
    }

    fn sign(&mut self) -> Result<(), EncryptError> {
        self.signer.update(&self.binary[self.signed..self.filled])?;
        self.signed = self.filled;
        Ok(())
    }

    /// Turns the first `count` binary bytes into text; the last ones of them make the padding, so
    /// that `count` is a multiple of 3 except at the end.
    fn write_text(&mut self, count: usize) -> Result<(), EncryptError> {
        let text = URL_SAFE.encode(&self.binary[..count], self.text.as_out());
        self.token_hash.update(text);
        self.token_bytes += text.len() as u64;
        self.output.write_all(text).map_err(EncryptError::Output)?;
        self.binary.copy_within(count..self.filled, 0);
        self.filled -= count;
        self.signed = self.filled;
        Ok(())
    }
}
