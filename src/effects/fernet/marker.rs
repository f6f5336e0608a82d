//! Many marks under one key: HMAC-SHA256 (RFC 2104) with the key's two blocks hashed once, which is most
//! of what a single mark costs. Deliberately absent: what is marked.

use openssl::sha::Sha256;
use zeroize::Zeroizing;

/// What SHA-256 takes at a time.
const BLOCK_BYTES: usize = 64;

/// A key's two blocks, hashed. Marks can be made with it, and no key is read from it.
pub(super) struct Marker {
    inner: Sha256,
    outer: Sha256,
}

impl Marker {
    /// For a key of at most a block.
    pub(super) fn new(key: &[u8; 32]) -> Self {
        let after = |pad: u8| {
            let mut block = Zeroizing::new([pad; BLOCK_BYTES]);
            for (byte, key) in block.iter_mut().zip(key) {
                *byte ^= key;
            }
            let mut hash = Sha256::new();
            hash.update(block.as_slice());
            hash
        };
        Self {
            inner: after(0x36),
            outer: after(0x5c),
        }
    }

    /// HMAC-SHA256 of the message.
    pub(super) fn mark(&self, message: &[u8]) -> [u8; 32] {
        let mut inner = self.inner.clone();
        inner.update(message);
        let mut outer = self.outer.clone();
        outer.update(&inner.finish());
        outer.finish()
    }
}
