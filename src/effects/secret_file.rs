//! Files that hold one secret: a key, a password. Read once, into memory that is wiped.
//!
//! What always holds here: nothing that is in the file reaches an error; what is no ordinary file is
//! not opened, for a pipe would wait for its other end. Deliberately absent: what the secret means.

use std::fmt;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::encoding::{self, NotText};
use super::environment;

/// A file with a secret that others than its owner can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposed {
    /// The file.
    pub path: PathBuf,
    /// Its permission bits.
    pub mode: u32,
}

impl Exposed {
    /// A file of this mode, if group or others may read it.
    #[must_use]
    pub fn of(path: &Path, mode: u32) -> Option<Self> {
        Self::beside(path, mode, environment::credentials().as_deref())
    }

    /// The same, where a service has its secrets in this folder.
    fn beside(path: &Path, mode: u32, credentials: Option<&Path>) -> Option<Self> {
        // Of a file with an access control list, the group's bits are that list's mask: systemd gives a
        // service's user the right to read its secrets so, and nobody else gets into the folder.
        let readers = match credentials.is_some_and(|folder| is_below(path, folder)) {
            true => OTHERS,
            false => GROUP | OTHERS,
        };
        (mode & readers != 0).then(|| Self {
            path: path.to_owned(),
            mode: mode & 0o7777,
        })
    }
}

const GROUP: u32 = 0o040;
const OTHERS: u32 = 0o004;

/// Whether it really is there, whatever links and dots its path has.
fn is_below(path: &Path, folder: &Path) -> bool {
    match (path.canonicalize(), folder.canonicalize()) {
        (Ok(path), Ok(folder)) => path.starts_with(folder),
        (Err(_), _) | (_, Err(_)) => false,
    }
}

impl fmt::Display for Exposed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        write!(
            f,
            "{path} holds secrets and can be read by its group or by others (mode {:04o}): \
             `chmod 600 {path}` closes it",
            self.mode
        )
    }
}

/// Why a file does not give its secret; follows the file's path in a sentence.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretFileError {
    /// Nothing stands there.
    #[error("does not exist")]
    Missing,
    /// A folder stands there.
    #[error("is not a file that holds one secret")]
    Directory,
    /// Something else that is not a file: a pipe, a socket, a device.
    #[error("is not a file that holds one secret")]
    NotAFile,
    /// It is larger than any such secret.
    #[error("is not a file that holds one secret")]
    TooLarge,
    /// It holds nothing.
    #[error("is empty")]
    Empty,
    /// It holds something else than text.
    #[error("is {} (line {}, column {})", .0.kind, .0.line, .0.column)]
    NotText(NotText),
    /// It holds more than one line.
    #[error("has a second line (line {line}), and a secret is one")]
    SecondLine {
        /// The line that is one too many.
        line: usize,
    },
    /// It holds a character that nobody can type.
    #[error("has a control character (line 1, column {column}), which no secret has")]
    Control {
        /// Its column in characters, from 1.
        column: usize,
    },
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
}

/// Far above any password or private key.
pub(crate) const TEXT_LIMIT_BYTES: u64 = 1 << 20;

/// Reads a secret of one line, without a byte order mark and without the line breaks at its end, which
/// editors add and nobody means; with it comes a warning when the file's mode lets group or others read
/// it. Anything else that may not be meant is refused.
pub(crate) fn read_line(path: &Path) -> Result<(SecretString, Option<Exposed>), SecretFileError> {
    let (bytes, exposed) = read(path, TEXT_LIMIT_BYTES)?;
    let text = encoding::text(&bytes).map_err(SecretFileError::NotText)?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(SecretFileError::Empty);
    }
    if let Some(offset) = text.find(char::is_control) {
        let before = text.get(..offset).unwrap_or_default();
        let (_, column) = encoding::position(before);
        // Old editors end lines by a carriage return alone.
        return Err(match text.as_bytes().get(offset) {
            Some(b'\r' | b'\n') => SecretFileError::SecondLine { line: 2 },
            _ => SecretFileError::Control { column },
        });
    }
    Ok((SecretString::from(text), exposed))
}

/// Reads a file of at most `limit_bytes`, with the same warning.
pub(crate) fn read(
    path: &Path,
    limit_bytes: u64,
) -> Result<(Zeroizing<Vec<u8>>, Option<Exposed>), SecretFileError> {
    check(&fs::metadata(path).map_err(unreadable)?)?;
    let file = File::open(path).map_err(unreadable)?;
    // It may be another one by now.
    let metadata = file.metadata().map_err(unreadable)?;
    check(&metadata)?;
    let bytes = read_all(&file, limit_bytes).map_err(unreadable)?;
    let bytes = bytes.ok_or(SecretFileError::TooLarge)?;
    Ok((bytes, Exposed::of(path, metadata.mode())))
}

/// Reads all of what is open, into memory that is wiped; none when it is more than `limit_bytes`.
pub(crate) fn read_all(
    source: impl io::Read,
    limit_bytes: u64,
) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    // Never grown: no copy stays behind in memory that is not wiped.
    let capacity = usize::try_from(limit_bytes + 1).unwrap_or(0);
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    source.take(limit_bytes + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit_bytes).then_some(bytes))
}

fn check(metadata: &Metadata) -> Result<(), SecretFileError> {
    if metadata.is_dir() {
        Err(SecretFileError::Directory)
    } else if !metadata.is_file() {
        Err(SecretFileError::NotAFile)
    } else {
        Ok(())
    }
}

fn unreadable(error: io::Error) -> SecretFileError {
    match error.kind() {
        io::ErrorKind::NotFound => SecretFileError::Missing,
        _ => SecretFileError::Unreadable(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secrets_that_a_service_was_given_are_readable_for_its_user_and_no_exposure() {
        let folder = tempfile::tempdir().unwrap();
        let (given, own) = (folder.path().join("given"), folder.path().join("own"));
        for place in [&given, &own] {
            fs::create_dir(place).unwrap();
            fs::write(place.join("api-key"), "k").unwrap();
        }
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&given, &link).unwrap();
        let is_exposed = |path: &Path, mode: u32, credentials: Option<&Path>| {
            Exposed::beside(path, mode, credentials).is_some()
        };
        for path in [given.join("api-key"), link.join("api-key")] {
            assert!(!is_exposed(&path, 0o100_440, Some(&given)));
            assert!(!is_exposed(&path, 0o100_440, Some(&link)));
            assert!(
                is_exposed(&path, 0o100_444, Some(&given)),
                "for others, too"
            );
            assert!(is_exposed(&path, 0o100_440, None), "no service");
        }
        let elsewhere = [own.join("api-key"), given.join("../own/api-key")];
        for path in elsewhere {
            assert!(is_exposed(&path, 0o100_440, Some(&given)), "{path:?}");
            assert!(!is_exposed(&path, 0o100_400, Some(&given)), "{path:?}");
        }
    }
}
