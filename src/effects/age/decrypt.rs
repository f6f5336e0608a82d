//! Decryption of an age file, in constant memory and one pass, into a file that gets its name only when the
//! last piece was verified. Deliberately absent: passphrases, armour, overwriting, output before verification.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek as _, Write};
use std::path::{Path, PathBuf};

use courier_ledger::{Digest, KeyId};
use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::sha::Sha256;
use zeroize::Zeroizing;

use super::bech32;
use super::header::Header;
use super::payload::{CHUNK_BYTES, Payload, Place, SEALED_BYTES};
use super::secrets::{self, NONCE_BYTES};
use crate::effects::intent_stanza::IntentStanza;
use crate::effects::new_file::NewFile;
use crate::effects::secret_file::{self, SecretFileError};

const KIND: &str = "age-secret-key-";

/// Private keys of recipients, as `age-keygen` writes them.
pub(crate) struct Identities(Vec<PKey<Private>>);

/// What was decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AgeReport {
    /// SHA-256 of the message.
    pub(crate) plaintext_sha256: Digest,
    /// The message's size.
    pub(crate) plaintext_bytes: u64,
    /// The recipients that the file names, if this program made it.
    pub(crate) recipients: Option<KeyId>,
}

/// Why a file was not decrypted, or no private key is there. No output exists then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AgeError {
    /// The file of the private key cannot be read.
    #[error("cannot read identity file {}", .path.display())]
    Identity {
        /// The file.
        path: PathBuf,
        /// Why.
        source: SecretFileError,
    },
    /// It holds something else.
    #[error("identity file {} does not hold private keys, a line each that begins with AGE-SECRET-KEY-1", .0.display())]
    NoIdentity(PathBuf),
    /// The file cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no age file, or one of a later version.
    #[error("{} is not a file of age, version 1", .0.display())]
    NotAge(PathBuf),
    /// None of the private keys fits.
    #[error("{} was encrypted for others than whose identity was given", .0.display())]
    NoMatch(PathBuf),
    /// It is damaged or cut.
    #[error("{} is damaged or cut", .0.display())]
    Damaged(PathBuf),
    /// The output's name is taken.
    #[error("{} exists already and is never overwritten", .0.display())]
    OutputExists(PathBuf),
    /// The output cannot be written.
    #[error("cannot write {}", .path.display())]
    Write {
        /// The output.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// OpenSSL refused.
    #[error("decryption failed")]
    Cryptography(#[from] ErrorStack),
}

impl AgeError {
    /// That this file cannot be read, for this reason.
    fn reading(path: &Path) -> impl Fn(io::Error) -> Self + Copy {
        move |source| Self::Read {
            path: path.into(),
            source,
        }
    }

    /// What a person may do.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::Identity { .. } | Self::NoIdentity(_) => {
                "`age-keygen` makes one, and prints the public key that belongs to it"
            }
            Self::NoMatch(_) => {
                "name the identity of one of SECURITY.RECIPIENTS with --identity; nothing was written"
            }
            Self::NotAge(_) | Self::Damaged(_) => "was it delivered whole? nothing was written",
            Self::Read { .. }
            | Self::OutputExists(_)
            | Self::Write { .. }
            | Self::Cryptography(_) => "nothing was written",
        }
    }
}

impl Identities {
    /// Those in a file: a line each, beside lines that are empty or begin with `#`.
    pub(crate) fn load(path: &Path) -> Result<Self, AgeError> {
        let read = secret_file::read(path, secret_file::TEXT_LIMIT_BYTES);
        let (bytes, exposed) = read.map_err(|source| AgeError::Identity {
            path: path.into(),
            source,
        })?;
        if let Some(exposed) = exposed {
            tracing::warn!("{exposed}");
        }
        let none = || AgeError::NoIdentity(path.into());
        let text = std::str::from_utf8(&bytes).map_err(|_| none())?;
        Self::parse(text)?.ok_or_else(none)
    }

    /// Those in a text; `None` where it holds none, or something else.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, ErrorStack> {
        let mut identities = Vec::new();
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let Some(key) = bech32::decode(KIND, line).map(Zeroizing::new) else {
                return Ok(None);
            };
            identities.push(secrets::identity(&key)?);
        }
        let is_some = !identities.is_empty();
        Ok(is_some.then_some(Self(identities)))
    }

    /// Whether one of them opens the file: the whole of it is verified, and nothing is written.
    pub(crate) fn opens(&self, input: &Path) -> Result<(), AgeError> {
        self.decrypt(input, &mut io::sink(), Path::new(""))
            .map(drop)
    }

    /// Decrypts the file `input` to a stream: nothing is written before the whole file has been verified.
    pub(crate) fn decrypt_to(
        &self,
        input: &Path,
        output: &mut impl Write,
    ) -> Result<AgeReport, AgeError> {
        let file = File::open(input).map_err(AgeError::reading(input))?;
        self.decrypt_open(input, file, output)
    }

    /// Decrypts an open file, which errors call `name`, to a stream: nothing is written before the whole file has
    /// been verified.
    pub(crate) fn decrypt_open(
        &self,
        name: &Path,
        mut input: File,
        output: &mut impl Write,
    ) -> Result<AgeReport, AgeError> {
        let begin = |input: &mut File| input.rewind().map_err(AgeError::reading(name));
        begin(&mut input)?;
        self.decrypt_from(BufReader::new(&input), name, &mut io::sink(), Path::new(""))?;
        begin(&mut input)?;
        let output_name = Path::new("standard output");
        let report = self.decrypt_from(BufReader::new(&input), name, output, output_name)?;
        output.flush().map_err(|source| AgeError::Write {
            path: output_name.into(),
            source,
        })?;
        Ok(report)
    }

    /// Decrypts the file `input` to the new file `output` (mode 0600).
    ///
    /// The output appears under its name when everything has been verified, decrypted and brought to disk;
    /// nothing that exists is overwritten.
    pub(crate) fn decrypt_file(&self, input: &Path, output: &Path) -> Result<AgeReport, AgeError> {
        if output.symlink_metadata().is_ok() {
            return Err(AgeError::OutputExists(output.into()));
        }
        let unwritable = |source: io::Error| match source.kind() {
            io::ErrorKind::AlreadyExists => AgeError::OutputExists(output.into()),
            _ => AgeError::Write {
                path: output.into(),
                source,
            },
        };
        let new = NewFile::create(output).map_err(unwritable)?;
        let report = self.decrypt(input, &mut new.file(), output)?;
        new.publish().map_err(unwritable)?;
        Ok(report)
    }

    fn decrypt(
        &self,
        input: &Path,
        output: &mut impl Write,
        name: &Path,
    ) -> Result<AgeReport, AgeError> {
        let file = File::open(input).map_err(AgeError::reading(input))?;
        self.decrypt_from(BufReader::new(file), input, output, name)
    }

    /// The same of whatever holds the file `input`.
    pub(super) fn decrypt_from(
        &self,
        mut file: impl BufRead,
        input: &Path,
        output: &mut impl Write,
        name: &Path,
    ) -> Result<AgeReport, AgeError> {
        let unreadable = AgeError::reading(input);
        let header = Header::read(&mut file).map_err(unreadable)?;
        let header = header.ok_or_else(|| AgeError::NotAge(input.into()))?;
        let mut pairs = header
            .wrapped
            .iter()
            .flat_map(|wrapped| self.0.iter().map(move |it| (wrapped, it)));
        let file_key = pairs
            .find_map(|(wrapped, identity)| wrapped.unwrap(identity))
            .ok_or_else(|| AgeError::NoMatch(input.into()))?;
        let damaged = || AgeError::Damaged(input.into());
        if !openssl::memcmp::eq(&file_key.header_mac(&header.marked)?, &header.mac) {
            return Err(damaged());
        }
        let mut nonce = [0; NONCE_BYTES];
        let count = read_full(&mut file, &mut nonce).map_err(unreadable)?;
        if count < NONCE_BYTES {
            return Err(damaged());
        }
        let mut payload = Payload::new(file_key.payload(&nonce)?)?;
        let mut sealed = vec![0; SEALED_BYTES];
        let mut next = vec![0; SEALED_BYTES];
        let mut chunk = Zeroizing::new(vec![0; CHUNK_BYTES]);
        let mut hash = Sha256::new();
        let mut plaintext_bytes = 0;
        let mut count = read_full(&mut file, &mut sealed).map_err(unreadable)?;
        loop {
            let following = read_full(&mut file, &mut next).map_err(unreadable)?;
            let place = match following {
                0 => Place::Last,
                _ => Place::Within,
            };
            let opened = payload.open(&sealed[..count], place, &mut chunk)?;
            let opened = opened.ok_or_else(damaged)?;
            // Only an empty message has an empty piece.
            if opened == 0 && plaintext_bytes > 0 {
                return Err(damaged());
            }
            hash.update(&chunk[..opened]);
            plaintext_bytes += opened as u64;
            output
                .write_all(&chunk[..opened])
                .map_err(|source| AgeError::Write {
                    path: name.into(),
                    source,
                })?;
            if place == Place::Last {
                break;
            }
            std::mem::swap(&mut sealed, &mut next);
            count = following;
        }
        let marked = &header.marked;
        Ok(AgeReport {
            plaintext_sha256: Digest(hash.finish()),
            plaintext_bytes,
            recipients: IntentStanza::read(marked).map(|stanza| stanza.recipients),
        })
    }
}

/// Reads until the buffer is full, or there is no more.
fn read_full(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
