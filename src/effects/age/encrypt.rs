//! Encryption as a stream: message chunks of any size in, an age file out, one pass, in pieces of 64 KiB.
//!
//! What always holds here: the first stanza names the intent; nothing of a file that was not finished decrypts
//! as a whole. Deliberately absent: where the file goes, and what marks the intent (`fernet`).

use std::io::Write;

use courier_ledger::Digest;
use openssl::sha::Sha256;
use zeroize::Zeroizing;

use super::header::{FRAME_BYTES, RECIPIENT_BYTES, Written};
use super::payload::{CHUNK_BYTES, Payload, Place, SEALED_BYTES};
use super::recipients::Recipients;
use super::secrets::{FileKey, NONCE_BYTES, TAG_BYTES};
use crate::effects::fernet::{EncryptError, TokenDigest};
use crate::effects::intent_stanza::{self, IntentStanza};

/// The size of the age file of a plaintext, bytes.
#[must_use]
pub(crate) fn file_size(plaintext_bytes: u64, recipients: &Recipients) -> u64 {
    let header = FRAME_BYTES
        + intent_stanza::STANZA_BYTES
        + RECIPIENT_BYTES * recipients.each().len()
        + NONCE_BYTES;
    // An empty message is one empty piece.
    let chunks = plaintext_bytes.div_ceil(CHUNK_BYTES as u64).max(1);
    header as u64 + plaintext_bytes + chunks * TAG_BYTES as u64
}

/// Encrypts one message into one age file, which it writes to `W` while the message comes in.
///
/// The file is complete only when [`finish`](Self::finish) has returned; after an error it is worthless.
pub(crate) struct AgeEncryptor<W> {
    output: W,
    payload: Payload,
    plaintext_hash: Sha256,
    file_hash: Sha256,
    /// The next piece, as far as it has come; a full one waits until it is known whether it is the last.
    chunk: Zeroizing<Vec<u8>>,
    sealed: Box<[u8]>,
    plaintext_bytes: u64,
    file_bytes: u64,
}

impl<W: Write> AgeEncryptor<W> {
    /// Begins a file for all of these, and writes its header.
    pub(crate) fn new(
        recipients: &Recipients,
        intent: &IntentStanza,
        output: W,
    ) -> Result<Self, EncryptError> {
        let file_key = FileKey::draw()?;
        let mut header = Written::new();
        header.add(intent_stanza::TAG, None, &intent.body());
        for recipient in recipients.each() {
            header.add_recipient(&file_key.wrap(recipient.bytes())?);
        }
        let header = header.end(|marked| file_key.header_mac(marked))?;
        let mut nonce = [0; NONCE_BYTES];
        openssl::rand::rand_bytes(&mut nonce)?;
        let mut begun = Self {
            output,
            payload: Payload::new(file_key.payload(&nonce)?)?,
            plaintext_hash: Sha256::new(),
            file_hash: Sha256::new(),
            chunk: Zeroizing::new(Vec::with_capacity(CHUNK_BYTES)),
            sealed: vec![0; SEALED_BYTES].into_boxed_slice(),
            plaintext_bytes: 0,
            file_bytes: 0,
        };
        begun.write(&[&header[..], &nonce].concat())?;
        Ok(begun)
    }

    /// Encrypts the next part of the message.
    pub(crate) fn update(&mut self, mut plaintext: &[u8]) -> Result<(), EncryptError> {
        self.plaintext_hash.update(plaintext);
        self.plaintext_bytes += plaintext.len() as u64;
        while !plaintext.is_empty() {
            if self.chunk.len() == CHUNK_BYTES {
                self.seal(Place::Within)?;
            }
            let room = CHUNK_BYTES - self.chunk.len();
            let (piece, rest) = plaintext.split_at(room.min(plaintext.len()));
            self.chunk.extend_from_slice(piece);
            plaintext = rest;
        }
        Ok(())
    }

    /// Ends the message: writes the rest of the file, flushes the output and gives it back.
    pub(crate) fn finish(mut self) -> Result<(W, TokenDigest), EncryptError> {
        self.seal(Place::Last)?;
        self.output.flush().map_err(EncryptError::Output)?;
        let digest = TokenDigest {
            plaintext_sha256: Digest(self.plaintext_hash.finish()),
            token_sha256: Digest(self.file_hash.finish()),
            plaintext_bytes: self.plaintext_bytes,
            token_bytes: self.file_bytes,
        };
        Ok((self.output, digest))
    }

    fn seal(&mut self, place: Place) -> Result<(), EncryptError> {
        let count = self.payload.seal(&self.chunk, place, &mut self.sealed)?;
        self.chunk.clear();
        let sealed = std::mem::take(&mut self.sealed);
        let written = self.write(&sealed[..count]);
        self.sealed = sealed;
        written
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), EncryptError> {
        self.file_hash.update(bytes);
        self.file_bytes += bytes.len() as u64;
        self.output.write_all(bytes).map_err(EncryptError::Output)
    }
}
