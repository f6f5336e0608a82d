//! The layout of a token and the facts about one. A token is the base64url text of
//! `0x80 ‖ seconds (u64, big-endian) ‖ IV ‖ ciphertext ‖ HMAC` (fernet/spec, *Token Format*).
//! Deliberately absent: the clock; a token's time comes in as an argument.

use courier_ledger::Digest;

/// The only version that the specification defines.
pub(super) const VERSION: u8 = 0x80;
/// Version and seconds, before the initialisation vector.
pub(super) const PREFIX_BYTES: usize = 1 + 8;
/// An AES block, and the initialisation vector.
pub(super) const BLOCK_BYTES: usize = 16;
/// Everything before the ciphertext.
pub(super) const HEADER_BYTES: usize = PREFIX_BYTES + BLOCK_BYTES;
/// HMAC-SHA256 at the end.
pub(super) const TAG_BYTES: usize = 32;

/// The size of the token of a plaintext, bytes.
#[must_use]
pub(crate) fn token_size(plaintext_bytes: u64) -> u64 {
    let block = BLOCK_BYTES as u64;
    let ciphertext_bytes = (plaintext_bytes / block + 1) * block;
    let binary_bytes = (HEADER_BYTES + TAG_BYTES) as u64 + ciphertext_bytes;
    binary_bytes.div_ceil(3) * 4
}

/// What a token contains besides key and message. An IV serves one token only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenSeed {
    /// When the token was made, seconds since 1970 UTC.
    pub time_seconds: u64,
    /// The initialisation vector of AES-128-CBC.
    pub iv: [u8; BLOCK_BYTES],
}

impl TokenSeed {
    /// The bytes before the ciphertext.
    pub(super) fn header(&self) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        header[0] = VERSION;
        header[1..PREFIX_BYTES].copy_from_slice(&self.time_seconds.to_be_bytes());
        header[PREFIX_BYTES..].copy_from_slice(&self.iv);
        header
    }

    /// Reads the bytes before the ciphertext; `None` for another version.
    pub(super) fn from_header(header: &[u8; HEADER_BYTES]) -> Option<Self> {
        let (version, rest) = header.split_first()?;
        let (time, iv) = rest.split_first_chunk()?;
        (*version == VERSION).then_some(Self {
            time_seconds: u64::from_be_bytes(*time),
            iv: iv.try_into().ok()?,
        })
    }
}

/// What was learnt while a token was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenDigest {
    /// SHA-256 of the message.
    pub plaintext_sha256: Digest,
    /// SHA-256 of the token's text.
    pub token_sha256: Digest,
    /// The message's size.
    pub plaintext_bytes: u64,
    /// The size of the token's text.
    pub token_bytes: u64,
}
