//! The key that checkpoints are signed with, and its file: one line, `PRIVATE+KEY+NAME+ID+KEY`, as Go's
//! `golang.org/x/mod/sumdb/note` writes it; or, with a passphrase, the verifier key in a line and the private key in
//! PKCS#8 (RFC 5958), encrypted, as PEM.
//!
//! What always holds here: nothing of the private half reaches an error or a `Debug` output. Deliberately
//! absent: any way to change or overwrite a key file.

use std::fmt;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use base64_simd::{AsOut, STANDARD};
use openssl::error::ErrorStack;
use openssl::pkey::{Id, PKey, Private};
use openssl::symm::Cipher;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::note::{self, Verifier};
use crate::effects::new_file::NewFile;
use crate::effects::secret_file::{self, Exposed, SecretFileError};

const START: &str = "PRIVATE+KEY+";
const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n";
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
    /// It is encrypted, and nobody says with what.
    #[error("the key file {} is encrypted, and no passphrase is given", .0.display())]
    NoPassphrase(PathBuf),
    /// It is encrypted with something else.
    #[error("the key file {} is encrypted with another passphrase, or damaged", .0.display())]
    WrongPassphrase(PathBuf),
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
    /// Makes a key of this name, in a new file, encrypted if there is a passphrase.
    pub(crate) fn generate(
        path: &Path,
        name: &str,
        passphrase: Option<&SecretString>,
    ) -> Result<Self, EvidenceKeyError> {
        let key = PKey::generate_ed25519().map_err(EvidenceKeyError::Library)?;
        let made = Self::named(key, name).map_err(EvidenceKeyError::Library)?;
        let text = match passphrase {
            None => made.text(),
            Some(passphrase) => made.encrypted_text(passphrase),
        };
        let text = text.map_err(EvidenceKeyError::Library)?;
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
    pub(crate) fn load(
        path: &Path,
        passphrase: Option<&SecretString>,
    ) -> Result<(Self, Option<Exposed>), EvidenceKeyError> {
        let (file, exposed) = KeyFile::read(path)?;
        let malformed = || EvidenceKeyError::Malformed(path.to_owned());
        let key = match file {
            KeyFile::Plain(key) => key,
            KeyFile::Encrypted { verifier, pem } => {
                let passphrase =
                    passphrase.ok_or_else(|| EvidenceKeyError::NoPassphrase(path.to_owned()))?;
                let passphrase = passphrase.expose_secret().as_bytes();
                let key = PKey::private_key_from_pem_passphrase(pem.as_bytes(), passphrase)
                    .map_err(|_| EvidenceKeyError::WrongPassphrase(path.to_owned()))?;
                let key = (key.id() == Id::ED25519).then_some(key);
                let key = Self::named(key.ok_or_else(malformed)?, verifier.name());
                let key = key.map_err(EvidenceKeyError::Library)?;
                // Its line can be read, and changed, without the passphrase.
                (key.verifier == verifier)
                    .then_some(key)
                    .ok_or_else(malformed)?
            }
        };
        Ok((key, exposed))
    }

    /// The public half of the key in a file, for which no passphrase is needed; with the same warning.
    pub(crate) fn public(path: &Path) -> Result<(Verifier, Option<Exposed>), EvidenceKeyError> {
        let (file, exposed) = KeyFile::read(path)?;
        let verifier = match file {
            KeyFile::Plain(key) => key.verifier,
            KeyFile::Encrypted { verifier, .. } => verifier,
        };
        Ok((verifier, exposed))
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

    /// The text of an encrypted file.
    fn encrypted_text(&self, passphrase: &SecretString) -> Result<Zeroizing<Vec<u8>>, ErrorStack> {
        let mut text = Zeroizing::new(format!("{}\n", self.verifier).into_bytes());
        let passphrase = passphrase.expose_secret().as_bytes();
        let cipher = Cipher::aes_256_cbc();
        text.extend(
            self.key
                .private_key_to_pem_pkcs8_passphrase(cipher, passphrase)?,
        );
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

/// What a key file holds.
enum KeyFile {
    /// A key that anybody can use who can read the file.
    Plain(EvidenceKey),
    /// One that takes a passphrase.
    Encrypted {
        verifier: Verifier,
        pem: Zeroizing<String>,
    },
}

impl KeyFile {
    fn read(path: &Path) -> Result<(Self, Option<Exposed>), EvidenceKeyError> {
        let unreadable = |error| EvidenceKeyError::File {
            path: path.to_owned(),
            error,
        };
        let malformed = || EvidenceKeyError::Malformed(path.to_owned());
        let read = secret_file::read(path, secret_file::TEXT_LIMIT_BYTES);
        let (bytes, exposed) = read.map_err(unreadable)?;
        let file = match std::str::from_utf8(&bytes).map(|text| text.split_once(ENCRYPTED)) {
            Ok(Some((verifier, pem))) => Self::Encrypted {
                verifier: verifier.trim().parse().map_err(|_| malformed())?,
                pem: Zeroizing::new(format!("{ENCRYPTED}{pem}")),
            },
            Ok(None) | Err(_) => {
                let (text, _) = secret_file::read_line(path).map_err(unreadable)?;
                let key = EvidenceKey::parse(text.expose_secret().trim());
                Self::Plain(key.ok_or_else(malformed)?)
            }
        };
        Ok((file, exposed))
    }
}
