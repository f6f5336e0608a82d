//! The secrets of an age file: the file key that is drawn for it, what follows from that, and how it is wrapped
//! for a recipient.
//!
//! What always holds here: all of them are wiped from memory when they are dropped.

use openssl::cipher::Cipher;
use openssl::cipher_ctx::CipherCtx;
use openssl::derive::Deriver;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::md::Md;
use openssl::pkey::{HasPrivate, Id, PKey, PKeyRef, Private};
use openssl::pkey_ctx::PkeyCtx;
use openssl::sign::Signer;
use zeroize::Zeroizing;

const X25519_LABEL: &[u8] = b"age-encryption.org/v1/X25519";
pub(super) const FILE_KEY_BYTES: usize = 16;
pub(super) const TAG_BYTES: usize = 16;
pub(super) const NONCE_BYTES: usize = 16;
const ZERO_NONCE: [u8; 12] = [0; 12];

/// A secret of 32 bytes.
pub(super) type Secret = Zeroizing<[u8; 32]>;

/// The file key, as a recipient's stanza holds it.
pub(super) struct Wrapped {
    /// The public half of a key that was drawn for it alone.
    pub(super) share: [u8; 32],
    /// The file key, encrypted.
    pub(super) body: [u8; FILE_KEY_BYTES + TAG_BYTES],
}

/// The key of one file, for its header and its payload.
pub(super) struct FileKey(Zeroizing<[u8; FILE_KEY_BYTES]>);

impl FileKey {
    /// Draws one.
    pub(super) fn draw() -> Result<Self, ErrorStack> {
        let mut key = Zeroizing::new([0; FILE_KEY_BYTES]);
        openssl::rand::rand_priv_bytes(key.as_mut_slice())?;
        Ok(Self(key))
    }

    /// What the header is authenticated with: HMAC-SHA256 over it, up to the dashes of its last line.
    pub(super) fn header_mac(&self, header: &[u8]) -> Result<[u8; 32], ErrorStack> {
        let key = derived(self.0.as_slice(), &[], b"header")?;
        let mut signer = Signer::new(MessageDigest::sha256(), &*PKey::hmac(key.as_slice())?)?;
        signer.update(header)?;
        let mut mac = [0; 32];
        signer.sign(&mut mac)?;
        Ok(mac)
    }

    /// The payload's key.
    pub(super) fn payload(&self, nonce: &[u8; NONCE_BYTES]) -> Result<Secret, ErrorStack> {
        derived(self.0.as_slice(), nonce, b"payload")
    }

    /// Wraps it for whoever has the private half of this key.
    pub(super) fn wrap(&self, recipient: &[u8; 32]) -> Result<Wrapped, ErrorStack> {
        let ephemeral = PKey::generate_x25519()?;
        let share = public_half(&ephemeral)?;
        let key = wrapping_key(&ephemeral, recipient, &share, recipient)?;
        let mut body = [0; FILE_KEY_BYTES + TAG_BYTES];
        let (sealed, tag) = body.split_at_mut(FILE_KEY_BYTES);
        let mut cipher = CipherCtx::new()?;
        cipher.encrypt_init(
            Some(Cipher::chacha20_poly1305()),
            Some(key.as_slice()),
            Some(&ZERO_NONCE),
        )?;
        cipher.cipher_update(self.0.as_slice(), Some(sealed))?;
        cipher.cipher_final(&mut [])?;
        cipher.tag(tag)?;
        Ok(Wrapped { share, body })
    }
}

impl Wrapped {
    /// The file key, if it was wrapped for this identity. A share that no key has gives none.
    pub(super) fn unwrap(&self, identity: &PKeyRef<Private>) -> Option<FileKey> {
        let public = public_half(identity).ok()?;
        let key = wrapping_key(identity, &self.share, &self.share, &public).ok()?;
        let (sealed, tag) = self.body.split_at(FILE_KEY_BYTES);
        let mut file_key = Zeroizing::new([0; FILE_KEY_BYTES]);
        let mut cipher = CipherCtx::new().ok()?;
        cipher
            .decrypt_init(
                Some(Cipher::chacha20_poly1305()),
                Some(key.as_slice()),
                Some(&ZERO_NONCE),
            )
            .ok()?;
        cipher
            .cipher_update(sealed, Some(file_key.as_mut_slice()))
            .ok()?;
        cipher.set_tag(tag).ok()?;
        cipher.cipher_final(&mut []).ok()?;
        Some(FileKey(file_key))
    }
}

/// The private key of these bytes.
pub(super) fn identity(bytes: &[u8; 32]) -> Result<PKey<Private>, ErrorStack> {
    PKey::private_key_from_raw_bytes(bytes, Id::X25519)
}

fn public_half<T: HasPrivate>(key: &PKeyRef<T>) -> Result<[u8; 32], ErrorStack> {
    let mut half = [0; 32];
    let bytes = key.raw_public_key()?;
    half.copy_from_slice(&bytes[..32]);
    Ok(half)
}

/// OpenSSL refuses the shares whose result would be zero whatever the key.
fn wrapping_key<T: HasPrivate>(
    private: &PKeyRef<T>,
    peer: &[u8; 32],
    share: &[u8; 32],
    recipient: &[u8; 32],
) -> Result<Secret, ErrorStack> {
    let peer = PKey::public_key_from_raw_bytes(peer, Id::X25519)?;
    let mut deriver = Deriver::new(private)?;
    deriver.set_peer(&peer)?;
    let mut shared = Zeroizing::new([0; 32]);
    deriver.derive(shared.as_mut_slice())?;
    let salt = [share.as_slice(), recipient].concat();
    derived(shared.as_slice(), &salt, X25519_LABEL)
}

/// HKDF-SHA256 (RFC 5869).
fn derived(secret: &[u8], salt: &[u8], label: &[u8]) -> Result<Secret, ErrorStack> {
    let mut context = PkeyCtx::new_id(Id::HKDF)?;
    context.derive_init()?;
    context.set_hkdf_md(Md::sha256())?;
    // Without one it is zeros, which is what an empty one means.
    if !salt.is_empty() {
        context.set_hkdf_salt(salt)?;
    }
    context.set_hkdf_key(secret)?;
    context.add_hkdf_info(label)?;
    let mut key = Zeroizing::new([0; 32]);
    context.derive(Some(key.as_mut_slice()))?;
    Ok(key)
}
