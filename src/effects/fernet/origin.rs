//! Which upload a file was made for. Some bytes at its beginning are drawn at random, as many others are a
//! keyed mark over those and the upload's intent: so a file whose upload had no outcome can be told from one
//! that somebody else put there, by its first bytes, and by nobody without the key. In a token they are the
//! two halves of the initialisation vector, in an age file they stand in a stanza of their own.
//!
//! What always holds here: to whoever lacks the key the bytes are as random as if all were drawn
//! (HMAC-SHA256 is a pseudo-random function; NIST SP 800-38A, appendix C, asks for no more of a vector).

use base64_simd::URL_SAFE;
use courier_ledger::{KeyId, LogId, Sequence};

use super::error::EncryptError;
use super::key::FernetKey;
use super::token::{BLOCK_BYTES, HEADER_BYTES, PREFIX_BYTES, TokenSeed};
use crate::effects::intent_stanza::{self, Begun, IntentStanza};

/// So many bytes of a token's text tell its origin.
pub(super) const TOKEN_START_BYTES: usize = 36;

/// So many bytes tell the origin of any file; none of this program's is shorter as a whole.
pub(crate) const START_BYTES: u32 = intent_stanza::START_BYTES as u32;

/// How every token's text begins: the version, and seconds since 1970 that have begun with zeros for
/// thousands of years and go on to.
const EVERY_TOKENS_START: &[u8] = b"gAAAA";

/// How much is drawn.
pub(super) const DRAWN_BYTES: usize = 8;
/// How much of a mark there is.
pub(super) const MARK_BYTES: usize = BLOCK_BYTES - DRAWN_BYTES;

/// What makes the marks of age files others than those of tokens.
const STANZA_LABEL: &[u8] = b"broker-courier/intent-stanza/1\0";

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
        mark.copy_from_slice(&self.mark(key, drawn)?[..MARK_BYTES]);
        Ok(TokenSeed { time_seconds, iv })
    }

    /// What an age file for it says of itself, whom it is for included. The key marks it, and opens nothing.
    pub(crate) fn stanza(
        self,
        time_seconds: u64,
        recipients: KeyId,
        key: &FernetKey,
    ) -> Result<IntentStanza, EncryptError> {
        let mut drawn = [0; DRAWN_BYTES];
        openssl::rand::rand_bytes(&mut drawn).map_err(EncryptError::Cryptography)?;
        let mut mark = [0; MARK_BYTES];
        let whole = self.mark(key, &bound(drawn, recipients))?;
        mark.copy_from_slice(&whole[..MARK_BYTES]);
        Ok(IntentStanza {
            time_seconds,
            recipients,
            drawn,
            mark,
        })
    }

    /// Whether the file that begins with `start` was made for it, and marked with this key.
    pub(crate) fn is_of(self, start: &[u8], key: &FernetKey) -> Result<bool, EncryptError> {
        let Some(bearing) = Bearing::of(start) else {
            return Ok(false);
        };
        let mark = self.mark(key, &bearing.marked)?;
        Ok(openssl::memcmp::eq(&bearing.mark, &mark[..MARK_BYTES]))
    }

    /// Whether the file that was made for it, and marked with this key, may begin with `start` and go on: what
    /// is too short to say whose it is must not say that it is somebody else's.
    pub(crate) fn may_go_on_from(
        self,
        start: &[u8],
        key: &FernetKey,
    ) -> Result<bool, EncryptError> {
        if let Some(begun) = Begun::read(start) {
            let Some((recipients, drawn)) = begun.recipients().zip(begun.drawn()) else {
                return Ok(true);
            };
            return self.begins(begun.mark(), &bound(drawn, recipients), key);
        }
        let text = &start[..start.len().min(TOKEN_START_BYTES)];
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
        self.begins(begun, drawn, key)
    }

    /// Whether its mark over `marked` begins so.
    fn begins(self, begun: &[u8], marked: &[u8], key: &FernetKey) -> Result<bool, EncryptError> {
        let mark = self.mark(key, marked)?;
        let length = begun.len().min(MARK_BYTES);
        Ok(openssl::memcmp::eq(&begun[..length], &mark[..length]))
    }

    fn mark(self, key: &FernetKey, drawn: &[u8]) -> Result<[u8; 32], EncryptError> {
        let start = self.start.0.to_be_bytes();
        key.mark(&[drawn, &self.log.0, &start])
            .map_err(EncryptError::Cryptography)
    }
}

/// What an age file's mark stands over besides the intent.
fn bound(drawn: [u8; DRAWN_BYTES], recipients: KeyId) -> [u8; DRAWN_BYTES] {
    let mut hash = openssl::sha::Sha256::new();
    for piece in [STANZA_LABEL, &drawn, &recipients.0] {
        hash.update(piece);
    }
    let mut bound = [0; DRAWN_BYTES];
    bound.copy_from_slice(&hash.finish()[..DRAWN_BYTES]);
    bound
}

/// What a file's beginning bears that tells its origin.
pub(super) struct Bearing {
    /// When it was made, seconds since 1970 UTC.
    pub(super) time_seconds: u64,
    /// What the mark stands over besides the intent.
    pub(super) marked: [u8; DRAWN_BYTES],
    /// The mark.
    pub(super) mark: [u8; MARK_BYTES],
    /// Whom it is for, where others than who marked it can read it.
    pub(super) recipients: Option<KeyId>,
}

impl Bearing {
    /// That of a file that begins so; none if no file of this program does.
    pub(super) fn of(start: &[u8]) -> Option<Self> {
        if let Some(stanza) = IntentStanza::read(start) {
            return Some(Self {
                time_seconds: stanza.time_seconds,
                marked: bound(stanza.drawn, stanza.recipients),
                mark: stanza.mark,
                recipients: Some(stanza.recipients),
            });
        }
        let start = start.get(..TOKEN_START_BYTES)?;
        let binary = URL_SAFE.decode_to_vec(start).ok()?;
        let header = binary.first_chunk::<HEADER_BYTES>()?;
        let TokenSeed { time_seconds, iv } = TokenSeed::from_header(header)?;
        let (drawn, mark) = iv.split_first_chunk()?;
        Some(Self {
            time_seconds,
            marked: *drawn,
            mark: mark.try_into().ok()?,
            recipients: None,
        })
    }
}
