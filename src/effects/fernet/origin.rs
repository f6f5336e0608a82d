//! Which upload a token was made for. Half of its initialisation vector is drawn at random, the other
//! half is a keyed mark over that and the upload's intent: so a file whose upload had no outcome can be
//! told from one that somebody else put there, by its first bytes, and by nobody without the key.
//!
//! What always holds here: to whoever lacks the key the vector is as random as one that is all drawn
//! (HMAC-SHA256 is a pseudo-random function; NIST SP 800-38A, appendix C, asks for no more).

use base64_simd::URL_SAFE;
use courier_ledger::{LogId, Sequence};

use super::error::EncryptError;
use super::key::FernetKey;
use super::token::{BLOCK_BYTES, HEADER_BYTES, PREFIX_BYTES, TokenSeed};

/// So many bytes of a token's text tell its origin.
pub(crate) const TOKEN_START_BYTES: u32 = 36;

/// How every token's text begins: the version, and seconds since 1970 that have begun with zeros for
/// thousands of years and go on to.
const EVERY_TOKENS_START: &[u8] = b"gAAAA";

/// How much of a vector is drawn.
pub(super) const DRAWN_BYTES: usize = BLOCK_BYTES / 2;

/// The intent that a token is uploaded for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenOrigin {
    /// The log that holds it.
    pub log: LogId,
    /// Its sequence number.
    pub start: Sequence,
}

impl TokenOrigin {
    /// What a token for it contains besides key and message. The vector is one that no other token has,
    /// from OpenSSL's generator, which the operating system seeds. Fails when that has no random bytes.
    pub fn seed(self, time_seconds: u64, key: &FernetKey) -> Result<TokenSeed, EncryptError> {
        let mut iv = [0; BLOCK_BYTES];
        let (drawn, mark) = iv.split_at_mut(DRAWN_BYTES);
        openssl::rand::rand_bytes(drawn).map_err(EncryptError::Cryptography)?;
        mark.copy_from_slice(&self.mark(key, drawn)?[..BLOCK_BYTES - DRAWN_BYTES]);
        Ok(TokenSeed { time_seconds, iv })
    }

    /// Whether the token that begins with `text` was made for it, under this key.
    pub(crate) fn is_of(self, text: &[u8], key: &FernetKey) -> Result<bool, EncryptError> {
        let Some(seed) = seed_of(text) else {
            return Ok(false);
        };
        let (drawn, mark) = seed.iv.split_at(DRAWN_BYTES);
        Ok(openssl::memcmp::eq(
            mark,
            &self.mark(key, drawn)?[..BLOCK_BYTES - DRAWN_BYTES],
        ))
    }

    /// Whether the token that was made for it, under this key, may begin with `text` and go on: what is too
    /// short to say whose it is must not say that it is somebody else's.
    pub(crate) fn may_go_on_from(self, text: &[u8], key: &FernetKey) -> Result<bool, EncryptError> {
        let mut known = text.iter().zip(EVERY_TOKENS_START);
        let is_text = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !known.all(|(byte, known)| byte == known) || !text.iter().all(is_text) {
            return Ok(false);
        }
        let groups = &text[..text.len() / 4 * 4];
        let Ok(binary) = URL_SAFE.decode_to_vec(groups) else {
            return Ok(false);
        };
        let Some((drawn, begun)) = binary
            .get(PREFIX_BYTES..)
            .and_then(|iv| iv.split_at_checked(DRAWN_BYTES))
        else {
            return Ok(true);
        };
        let mark = self.mark(key, drawn)?;
        let length = begun.len().min(BLOCK_BYTES - DRAWN_BYTES);
        Ok(openssl::memcmp::eq(&begun[..length], &mark[..length]))
    }

    fn mark(self, key: &FernetKey, drawn: &[u8]) -> Result<[u8; 32], EncryptError> {
        let start = self.start.0.to_be_bytes();
        key.mark(&[drawn, &self.log.0, &start])
            .map_err(EncryptError::Cryptography)
    }
}

/// What the token that begins with `text` contains besides key and message; none if no token does.
pub(super) fn seed_of(text: &[u8]) -> Option<TokenSeed> {
    let start = text.get(..TOKEN_START_BYTES as usize)?;
    let binary = URL_SAFE.decode_to_vec(start).ok()?;
    let header = binary.first_chunk::<HEADER_BYTES>()?;
    TokenSeed::from_header(header)
}
