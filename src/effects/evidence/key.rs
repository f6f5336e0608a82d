//! The key that checkpoints are signed with, and its file: one line, `PRIVATE+KEY+NAME+ID+KEY`, as Go's
//! `golang.org/x/mod/sumdb/note` writes it.
//!
//! What always holds here: nothing of the private half reaches an error or a `Debug` output. Deliberately
//! absent: any way to change or overwrite a key file.

use std::fmt;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use base64_simd::{AsOut, STANDARD};
use openssl::error::ErrorStack;
use openssl::pkey::{Id, PKey, Private};
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::note::{self, Verifier};
use crate::effects::new_file::NewFile;
use crate::effects::secret_file::{self, Exposed, SecretFileError};

const START: &str = "PRIVATE+KEY+";
/// The kind, and the seed of Ed25519.
const KEY_BYTES: usize = 33;
const ED25519: u8 = 1;

/// A key that signs checkpoints.
pub(crate) struct EvidenceKey {
    key: PKey<Private>,
    verifier: Verifier,
}

impl fmt::Debug for EvidenceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EvidenceKey").field(&self.verifier).finish()
    }
}

/// A text is not what a key can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key's name has no blanks and no `+`, as clinic.example/broker-courier has none")]
pub(crate) struct KeyNameError;

impl KeyNameError {
    /// Whether a key can be called so.
    pub(crate) fn check(name: &str) -> Result<(), Self> {
        if note::is_name(name) {
            Ok(())
        } else {
            Err(Self)
        }
    }
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EvidenceKeyError {
    /// Its file cannot be used.
    #[error("the key file {} {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: SecretFileError,
    },
    /// The file holds something else.
    #[error("the key file {} holds no key that signs checkpoints", .0.display())]
    Malformed(PathBuf),
    /// Something stands where a key is to be made.
    #[error("{} exists already and is never overwritten", .0.display())]
    Exists(PathBuf),
    /// The new file cannot be written.
    #[error("cannot write the key file {}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// OpenSSL makes no key.
    #[error("no key can be made")]
    Library(#[source] ErrorStack),
}

impl EvidenceKey {
    /// Makes a key of this name, in a new file.
    pub(crate) fn generate(path: &Path, name: &str) -> Result<Self, EvidenceKeyError> {
        let key = PKey::generate_ed25519().map_err(EvidenceKeyError::Library)?;
        let made = Self::named(key, name).map_err(EvidenceKeyError::Library)?;
        let text = made.text().map_err(EvidenceKeyError::Library)?;
        let written = NewFile::create(path).and_then(|new| {
            new.file().write_all(&text)?;
            new.publish()
        });
        match written {
            Ok(()) => Ok(made),
            Err(source) if source.kind() == io::ErrorKind::AlreadyExists => {
                Err(EvidenceKeyError::Exists(path.to_owned()))
            }
            Err(source) => Err(EvidenceKeyError::Unwritable {
                path: path.to_owned(),
                source,
            }),
        }
    }

    /// Reads a key file; with it comes a warning when the file's mode lets group or others read it.
    pub(crate) fn load(path: &Path) -> Result<(Self, Option<Exposed>), EvidenceKeyError> {
        let (text, exposed) =
            secret_file::read_line(path).map_err(|error| EvidenceKeyError::File {
                path: path.to_owned(),
                error,
            })?;
        let key = Self::parse(text.expose_secret().trim());
        let key = key.ok_or_else(|| EvidenceKeyError::Malformed(path.to_owned()))?;
        Ok((key, exposed))
    }

    fn parse(text: &str) -> Option<Self> {
        let (name, rest) = text.strip_prefix(START)?.split_once('+')?;
        let (id, key) = rest.split_once('+')?;
        let key = Zeroizing::new(STANDARD.decode_to_vec(key).ok()?);
        let (kind, seed) = key.split_first()?;
        if *kind != ED25519 || !note::is_name(name) {
            return None;
        }
        let key = PKey::private_key_from_raw_bytes(seed, Id::ED25519).ok()?;
        let made = Self::named(key, name).ok()?;
        let due = u32::from_be_bytes(made.verifier.id());
        (format!("{due:08x}") == id).then_some(made)
    }

    fn named(key: PKey<Private>, name: &str) -> Result<Self, ErrorStack> {
        let mut public = [0; 32];
        public.copy_from_slice(key.raw_public_key()?.get(..32).unwrap_or(&[0; 32]));
        let verifier = Verifier::new(name, public);
        Ok(Self { key, verifier })
    }

    /// The line of the file.
    fn text(&self) -> Result<Zeroizing<Vec<u8>>, ErrorStack> {
        let seed = Zeroizing::new(self.key.raw_private_key()?);
        let mut bytes = Zeroizing::new([ED25519; KEY_BYTES]);
        bytes[1..].copy_from_slice(seed.get(..KEY_BYTES - 1).unwrap_or(&[0; KEY_BYTES - 1]));
        let id = u32::from_be_bytes(self.verifier.id());
        let start = format!("{START}{}+{id:08x}+", self.verifier.name());
        let length = start.len() + STANDARD.encoded_length(KEY_BYTES);
        let mut text = Zeroizing::new(vec![b'\n'; length + 1]);
        text[..start.len()].copy_from_slice(start.as_bytes());
        let _: &mut [u8] = STANDARD.encode(bytes.as_slice(), text[start.len()..length].as_out());
        Ok(text)
    }

    /// Who its signatures are from.
    pub(crate) fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The note of this text.
    pub(super) fn sign(&self, text: &str) -> Result<String, ErrorStack> {
        note::sign(text, &self.verifier, &self.key)
    }
}
