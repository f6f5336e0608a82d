//! The key and its file: 44 characters of base64 that hold 16 bytes for signing and 16 for
//! encryption. The key is wiped from memory when dropped and cannot be printed; errors name the
//! file, never what is in it. Deliberately absent: any way to change or overwrite a key file.

use std::fmt;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use base64_simd::{AsOut, URL_SAFE};
use courier_ledger::{Digest, KeyId};
use openssl::cipher::Cipher;
use openssl::cipher_ctx::CipherCtx;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use zeroize::Zeroizing;

use super::marker::Marker;
use crate::effects::encoding::{self, NotText};
use crate::effects::new_file::NewFile;
use crate::effects::secret_file::{self, Exposed, SecretFileError};

const KEY_BYTES: usize = 32;
const HALF_BYTES: usize = KEY_BYTES / 2;
const TEXT_BYTES: usize = 44;
// Far above any key file with its white space: whoever names a result by mistake gets an error, not
// a wait.
const FILE_LIMIT_BYTES: u64 = 1024;
/// What the mark of a token's origin is made with.
pub(super) const MARK_LABEL: &[u8] = b"broker-courier/token-origin/1\0";
const ID_LABEL: &[u8] = b"broker-courier/fernet-key-id/1\0";

/// A Fernet key. Boxed, so that moving it leaves no copies behind.
#[derive(Clone)]
pub struct FernetKey {
    bytes: Box<Zeroizing<[u8; KEY_BYTES]>>,
    id: KeyId,
}

/// Why there is no key. The file is named, its content never shown.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Nothing lies at the path.
    #[error("key file {} does not exist", .0.display())]
    Missing(PathBuf),
    /// A directory lies at the path.
    #[error("key file {} is a directory", .0.display())]
    Directory(PathBuf),
    /// A pipe, socket or device lies at the path; reading it could wait for ever.
    #[error("key file {} is not a regular file", .0.display())]
    NotAFile(PathBuf),
    /// The file holds nothing or white space only.
    #[error("key file {} is empty", .0.display())]
    Empty(PathBuf),
    /// The file holds something else than a key.
    #[error(
        "key file {} is malformed: expected 44 characters of URL-safe base64 (A-Z a-z 0-9 - _, the last one =), which are 32 bytes",
        .0.display()
    )]
    Malformed(PathBuf),
    /// The file is in an encoding that no key is in.
    #[error(
        "key file {}, line {}, column {}: {}",
        .path.display(), .reason.line, .reason.column, .reason.kind
    )]
    NotText {
        /// The key file.
        path: PathBuf,
        /// What it is, and where that is seen.
        reason: NotText,
    },
    /// The file cannot be read.
    #[error("cannot read key file {}", .path.display())]
    Unreadable {
        /// The key file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A key is to be generated where something exists already.
    #[error("{} exists already and is never overwritten", .0.display())]
    Exists(PathBuf),
    /// The new key file cannot be written.
    #[error("cannot write key file {}", .path.display())]
    Unwritable {
        /// The key file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The random number generator failed.
    #[error("no random numbers for a key")]
    Random(#[source] ErrorStack),
}

impl FernetKey {
    /// Loads a key file; white space around the key is ignored. With the key comes a warning when
    /// the file's mode lets group or others read it.
    ///
    /// Both base64 alphabets are accepted, as by the replaced program: `openssl rand -base64 32`
    /// makes a key too.
    pub fn load(path: &Path) -> Result<(Self, Option<Exposed>), KeyError> {
        let (text, exposed) = secret_file::read(path, FILE_LIMIT_BYTES).map_err(|error| {
            let path = path.to_path_buf();
            match error {
                SecretFileError::Missing => KeyError::Missing(path),
                SecretFileError::Directory => KeyError::Directory(path),
                SecretFileError::NotAFile => KeyError::NotAFile(path),
                SecretFileError::Empty => KeyError::Empty(path),
                SecretFileError::TooLarge
                | SecretFileError::NotText(_)
                | SecretFileError::SecondLine { .. }
                | SecretFileError::Control { .. } => KeyError::Malformed(path),
                SecretFileError::Unreadable(source) => KeyError::Unreadable { path, source },
            }
        })?;
        let text = encoding::text(&text).map_err(|reason| KeyError::NotText {
            path: path.into(),
            reason,
        })?;
        let key = match text.as_bytes().trim_ascii() {
            [] => return Err(KeyError::Empty(path.into())),
            text => Self::parse(text).ok_or_else(|| KeyError::Malformed(path.into()))?,
        };
        Ok((key, exposed))
    }

    /// Draws a new key and writes it to a new file.
    pub fn generate(path: &Path) -> Result<Self, KeyError> {
        let mut bytes = Box::new(Zeroizing::new([0; KEY_BYTES]));
        openssl::rand::rand_priv_bytes(bytes.as_mut_slice()).map_err(KeyError::Random)?;
        let key = Self::new(bytes);
        key.write(path)?;
        Ok(key)
    }

    /// Writes the key, with a newline, to a new file with mode 0600, which is on disk when this returns.
    pub(crate) fn write(&self, path: &Path) -> Result<(), KeyError> {
        let mut text = Zeroizing::new([b'\n'; TEXT_BYTES + 1]);
        let _: &mut [u8] = URL_SAFE.encode(self.bytes.as_slice(), text[..TEXT_BYTES].as_out());
        NewFile::create(path)
            .and_then(|new| {
                new.file().write_all(text.as_slice())?;
                new.publish()
            })
            .map_err(|source| match source.kind() {
                io::ErrorKind::AlreadyExists => KeyError::Exists(path.into()),
                _ => KeyError::Unwritable {
                    path: path.into(),
                    source,
                },
            })
    }

    /// What may be recorded about the key: the first 8 bytes of SHA-256 over a label and the key.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Reads the 44 characters; `None` for anything else.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let mut text = Zeroizing::new(<[u8; TEXT_BYTES]>::try_from(text).ok()?);
        for character in text.iter_mut() {
            *character = match *character {
                b'+' => b'-',
                b'/' => b'_',
                other => other,
            };
        }
        let mut bytes = Box::new(Zeroizing::new([0; KEY_BYTES]));
        let decoded_bytes = URL_SAFE.decode_inplace(text.as_mut_slice()).ok()?;
        if decoded_bytes.len() != KEY_BYTES {
            return None;
        }
        bytes.copy_from_slice(decoded_bytes);
        Some(Self::new(bytes))
    }

    fn new(bytes: Box<Zeroizing<[u8; KEY_BYTES]>>) -> Self {
        let mut id = [0; 8];
        let digest = Digest::of(&[ID_LABEL, bytes.as_slice()]);
        id.copy_from_slice(&digest.0[..8]);
        Self {
            bytes,
            id: KeyId(id),
        }
    }

    /// HMAC-SHA256 under the first half.
    pub(super) fn signer(&self) -> Result<Signer<'static>, ErrorStack> {
        Signer::new(
            MessageDigest::sha256(),
            &*PKey::hmac(&self.bytes[..HALF_BYTES])?,
        )
    }

    /// A mark that only this key makes: HMAC-SHA256 under both halves, which sign and encrypt nothing
    /// together, of these pieces, whose lengths are fixed.
    pub(super) fn mark(&self, pieces: &[&[u8]]) -> Result<[u8; 32], ErrorStack> {
        let mut signer = Signer::new(
            MessageDigest::sha256(),
            &*PKey::hmac(self.bytes.as_slice())?,
        )?;
        signer.update(MARK_LABEL)?;
        for piece in pieces {
            signer.update(piece)?;
        }
        let mut mark = [0; 32];
        signer.sign(&mut mark)?;
        Ok(mark)
    }

    /// Makes many such marks, of messages that begin with the label.
    pub(super) fn marker(&self) -> Marker {
        Marker::new(&self.bytes)
    }

    /// AES-128-CBC with PKCS #7 padding under the second half, for encryption.
    pub(super) fn encryption(&self, iv: &[u8]) -> Result<CipherCtx, ErrorStack> {
        let mut context = CipherCtx::new()?;
        context.encrypt_init(
            Some(Cipher::aes_128_cbc()),
            Some(&self.bytes[HALF_BYTES..]),
            Some(iv),
        )?;
        Ok(context)
    }

    /// The same for decryption.
    pub(super) fn decryption(&self, iv: &[u8]) -> Result<CipherCtx, ErrorStack> {
        let mut context = CipherCtx::new()?;
        context.decrypt_init(
            Some(Cipher::aes_128_cbc()),
            Some(&self.bytes[HALF_BYTES..]),
            Some(iv),
        )?;
        Ok(context)
    }
}

impl fmt::Debug for FernetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FernetKey({})", self.id)
    }
}
