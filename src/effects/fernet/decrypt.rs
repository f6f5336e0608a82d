//! Decryption of a token in a file, in constant memory and two passes: the first verifies the whole
//! token and writes nothing; the second decrypts what it verifies once more, into a file that gets
//! its name only after that. Deliberately absent: time-to-live, overwriting, output before
//! verification.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use base64_simd::URL_SAFE;
use courier_ledger::{Digest, KeyId};
use openssl::error::ErrorStack;
use openssl::sha::Sha256;

use super::key::FernetKey;
use super::token::{BLOCK_BYTES, HEADER_BYTES, TAG_BYTES, TokenSeed, token_size};
use crate::effects::new_file::NewFile;

// Token text read at once; a multiple of 4, so that every piece decodes by itself.
pub(super) const PIECE_BYTES: usize = 64 * 1024;
// The text that holds the header.
const HEADER_TEXT_BYTES: usize = HEADER_BYTES.div_ceil(3) * 4;
// White space tolerated after the token.
const TAIL_BYTES: u64 = 64;

/// What was decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DecryptReport {
    /// SHA-256 of the message.
    pub plaintext_sha256: Digest,
    /// The message's size.
    pub plaintext_bytes: u64,
    /// The key that fits.
    pub key: KeyId,
}

/// Why a file was not decrypted. No output exists then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecryptError {
    /// The file cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The token's file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is something else: no base64url text that begins with the version 0x80.
    #[error("{} is not a Fernet token", .0.display())]
    NotAToken(PathBuf),
    /// The file begins like a token and has a length that no token has.
    #[error("{} is truncated: no token is {characters} characters long", .path.display())]
    Truncated {
        /// The token's file.
        path: PathBuf,
        /// What is there.
        characters: u64,
    },
    /// The file begins like a token; later comes something that is not base64url.
    #[error("{} is damaged: not URL-safe base64 between bytes {from} and {to}", .path.display())]
    NotBase64 {
        /// The token's file.
        path: PathBuf,
        /// The first byte of the part in question.
        from: u64,
        /// The byte after it.
        to: u64,
    },
    /// The HMAC does not fit.
    #[error(
        "{} was encrypted with another key than {}, or is damaged or cut",
        .path.display(),
        listed(.keys)
    )]
    Unauthentic {
        /// The token's file.
        path: PathBuf,
        /// The keys that were tried.
        keys: Vec<KeyId>,
    },
    /// The HMAC fits, but the message's padding is none: whoever made it made a mistake.
    #[error("{} is authentic, but its padding is wrong", .0.display())]
    Padding(PathBuf),
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

fn listed(keys: &[KeyId]) -> String {
    let texts: Vec<String> = keys.iter().map(ToString::to_string).collect();
    texts.join(" and ")
}

/// Whether one of the keys opens the token in a file: the whole of it is verified, and nothing is written.
pub(crate) fn opens(keys: &[FernetKey], input: &Path) -> Result<(), DecryptError> {
    TokenFile::open(input)?.fitting(keys).map(drop)
}

/// Decrypts the token in the file `input` to the new file `output` (mode 0600), with the first of the
/// keys that fits.
///
/// The output appears under its name when the whole token has been verified, decrypted and brought
/// to disk; nothing that exists is overwritten.
pub(crate) fn decrypt_file(
    keys: &[FernetKey],
    input: &Path,
    output: &Path,
) -> Result<DecryptReport, DecryptError> {
    if output.symlink_metadata().is_ok() {
        return Err(DecryptError::OutputExists(output.into()));
    }
    let token = TokenFile::open(input)?;
    let key = token.fitting(keys)?;

    let unwritable = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => DecryptError::OutputExists(output.into()),
        _ => DecryptError::Write {
            path: output.into(),
            source,
        },
    };
    let new = NewFile::create(output).map_err(unwritable)?;
    let report = token.decrypt(key, &mut new.file(), output)?;
    new.publish().map_err(unwritable)?;
    Ok(report)
}

/// Decrypts the token in the file `input` to a stream, with the first of the keys that fits: nothing is written before
/// the whole token has been verified.
pub(crate) fn decrypt_to(
    keys: &[FernetKey],
    input: &Path,
    output: &mut impl Write,
) -> Result<DecryptReport, DecryptError> {
    TokenFile::open(input)?.decrypt_fitting(keys, output)
}

/// The same of an open file, which errors call `name`.
pub(crate) fn decrypt_open(
    keys: &[FernetKey],
    name: &Path,
    input: File,
    output: &mut impl Write,
) -> Result<DecryptReport, DecryptError> {
    TokenFile::of(name, input)?.decrypt_fitting(keys, output)
}

/// A file that looks like a token: version, alphabet of the beginning and length are right.
pub(super) struct TokenFile<'a> {
    path: &'a Path,
    file: File,
    pub(super) seed: TokenSeed,
    /// The size of its text, without white space after it.
    pub(super) text_bytes: u64,
    binary_bytes: u64,
}

impl<'a> TokenFile<'a> {
    pub(super) fn open(path: &'a Path) -> Result<Self, DecryptError> {
        let unreadable = |source| DecryptError::Read {
            path: path.into(),
            source,
        };
        // Before it is opened: opening a pipe waits for its other end, and two passes need a file.
        if !path.metadata().map_err(unreadable)?.is_file() {
            let source = io::Error::new(io::ErrorKind::InvalidInput, "not a regular file");
            return Err(unreadable(source));
        }
        Self::of(path, File::open(path).map_err(unreadable)?)
    }

    /// The same of an open file, which errors call so.
    fn of(path: &'a Path, file: File) -> Result<Self, DecryptError> {
        let unreadable = |source| DecryptError::Read {
            path: path.into(),
            source,
        };
        let file_bytes = file.metadata().map_err(unreadable)?.len();

        let mut tail = [0; TAIL_BYTES as usize];
        let tail_start = file_bytes.saturating_sub(TAIL_BYTES);
        let tail = &mut tail[..(file_bytes - tail_start) as usize];
        file.read_exact_at(tail, tail_start).map_err(unreadable)?;
        let tail = tail.trim_ascii_end();
        let text_bytes = tail_start + tail.len() as u64;
        let padding = tail
            .iter()
            .rev()
            .take(2)
            .take_while(|byte| **byte == b'=')
            .count() as u64;

        // The beginning first: whatever is not a token at all shall not be called truncated.
        let mut start = [0; HEADER_TEXT_BYTES];
        let readable = text_bytes.min(HEADER_TEXT_BYTES as u64) as usize / 4 * 4;
        file.read_exact_at(&mut start[..readable], 0)
            .map_err(unreadable)?;
        let truncated = || DecryptError::Truncated {
            path: path.into(),
            characters: text_bytes,
        };
        let seed = match URL_SAFE.decode_inplace(&mut start[..readable]) {
            Ok(binary) => match binary.first_chunk::<HEADER_BYTES>() {
                Some(header) => TokenSeed::from_header(header),
                None if binary.first() == Some(&super::token::VERSION) => return Err(truncated()),
                None => None,
            },
            Err(_) => None,
        };
        let seed = seed.ok_or_else(|| DecryptError::NotAToken(path.into()))?;

        let binary_bytes = (text_bytes / 4 * 3).saturating_sub(padding);
        if text_bytes < token_size(0)
            || !text_bytes.is_multiple_of(4)
            || !(binary_bytes - (HEADER_BYTES + TAG_BYTES) as u64)
                .is_multiple_of(BLOCK_BYTES as u64)
        {
            return Err(truncated());
        }
        Ok(Self {
            path,
            file,
            seed,
            text_bytes,
            binary_bytes,
        })
    }

    /// Both passes, to a stream.
    fn decrypt_fitting(
        &self,
        keys: &[FernetKey],
        output: &mut impl Write,
    ) -> Result<DecryptReport, DecryptError> {
        let name = Path::new("standard output");
        let key = self.fitting(keys)?;
        let report = self.decrypt(key, output, name)?;
        output.flush().map_err(|source| DecryptError::Write {
            path: name.into(),
            source,
        })?;
        Ok(report)
    }

    /// The first pass: verifies the whole token, with one key after the other.
    fn fitting<'k>(&self, keys: &'k [FernetKey]) -> Result<&'k FernetKey, DecryptError> {
        for key in keys {
            match self.verify(key) {
                Ok(()) => return Ok(key),
                Err(DecryptError::Unauthentic { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Err(DecryptError::Unauthentic {
            path: self.path.into(),
            keys: keys.iter().map(FernetKey::id).collect(),
        })
    }

    /// The first pass with one key.
    pub(super) fn verify(&self, key: &FernetKey) -> Result<(), DecryptError> {
        self.scan(key, |_| Ok(()))
    }

    /// The second pass: verifies the whole token again and writes the message, of which nothing
    /// may be shown unless this succeeds. `name` is the output's, for errors.
    pub(super) fn decrypt(
        &self,
        key: &FernetKey,
        output: &mut impl Write,
        name: &Path,
    ) -> Result<DecryptReport, DecryptError> {
        let unwritable = |source| DecryptError::Write {
            path: name.into(),
            source,
        };
        let mut cipher = key.decryption(&self.seed.iv)?;
        let mut plaintext = vec![0; PIECE_BYTES];
        let mut plaintext_hash = Sha256::new();
        let mut plaintext_bytes = 0;
        let mut write = |plaintext: &[u8]| {
            plaintext_hash.update(plaintext);
            plaintext_bytes += plaintext.len() as u64;
            output.write_all(plaintext).map_err(unwritable)
        };
        self.scan(key, |ciphertext| {
            let count = cipher.cipher_update(ciphertext, Some(&mut plaintext))?;
            write(&plaintext[..count])
        })?;
        let count = cipher
            .cipher_final(&mut plaintext)
            .map_err(|_| DecryptError::Padding(self.path.into()))?;
        write(&plaintext[..count])?;
        Ok(DecryptReport {
            plaintext_sha256: Digest(plaintext_hash.finish()),
            plaintext_bytes,
            key: key.id(),
        })
    }

    /// Reads the token from beginning to end, hands out its ciphertext, and compares the HMAC at the
    /// end.
    fn scan(
        &self,
        key: &FernetKey,
        mut ciphertext: impl FnMut(&[u8]) -> Result<(), DecryptError>,
    ) -> Result<(), DecryptError> {
        let mut signer = key.signer()?;
        let mut text = vec![0; PIECE_BYTES];
        let mut tag = Vec::with_capacity(TAG_BYTES);
        let mut unsigned_from = self.binary_bytes - TAG_BYTES as u64;
        let mut header_bytes = HEADER_BYTES;
        let mut offset = 0;
        while offset < self.text_bytes {
            let count = (self.text_bytes - offset).min(PIECE_BYTES as u64);
            let text = &mut text[..count as usize];
            self.file
                .read_exact_at(text, offset)
                .map_err(|source| DecryptError::Read {
                    path: self.path.into(),
                    source,
                })?;
            let is_last = offset + count == self.text_bytes;
            let binary = URL_SAFE
                .decode_inplace(text)
                .ok()
                // Padding belongs to the end of the text only.
                .filter(|binary| is_last || binary.len() as u64 == count / 4 * 3)
                .ok_or_else(|| DecryptError::NotBase64 {
                    path: self.path.into(),
                    from: offset,
                    to: offset + count,
                })?;
            let signed_bytes = unsigned_from.min(binary.len() as u64) as usize;
            let (signed, rest) = binary.split_at(signed_bytes);
            signer.update(signed)?;
            tag.extend_from_slice(rest);
            // The first piece is longer than the header, and holds all of it: only there is this
            // more than 0.
            ciphertext(&signed[header_bytes.min(signed.len())..])?;
            header_bytes = 0;
            unsigned_from -= signed_bytes as u64;
            offset += count;
        }
        let mut expected = [0; TAG_BYTES];
        signer.sign(&mut expected)?;
        if tag.len() != TAG_BYTES || !openssl::memcmp::eq(&tag, &expected) {
            return Err(DecryptError::Unauthentic {
                path: self.path.into(),
                keys: vec![key.id()],
            });
        }
        Ok(())
    }
}
