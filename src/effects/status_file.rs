//! `WORKING_DIR/status.xml`: replaced as a whole or not at all (defect 8 of the replaced program).

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use courier_ledger::{ImportError, LegacyStatus, StatusDocument, Tip};

use super::new_file;
use crate::run::StatusFile;

/// The file.
pub(crate) struct LocalStatusFile {
    path: PathBuf,
}

/// What stands in the working directory under `status.xml`.
pub(crate) enum Found {
    /// Nothing.
    Nothing,
    /// The ledger of the replaced program.
    Legacy(LegacyStatus),
    /// A projection of ours.
    Projection(Tip, Vec<u8>),
}

/// Larger than the `status.xml` of a million requests.
pub(crate) const MAX_BYTES: u64 = 512 << 20;

/// Why `status.xml` cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StatusFileError {
    /// It cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something else than a file stands there.
    #[error("{} is not an ordinary file", path.display())]
    NoFile {
        /// Its path.
        path: PathBuf,
    },
    /// It is damaged.
    #[error("{} is not a status.xml that can be taken over", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where and how.
        source: ImportError,
    },
}

impl LocalStatusFile {
    /// The file in this working directory.
    #[must_use]
    pub(crate) fn inside(working_dir: &Path) -> Self {
        Self {
            path: working_dir.join("status.xml"),
        }
    }

    /// Removes what a run left that was killed while it replaced the file. The caller holds the lock on the
    /// ledger.
    pub(crate) fn sweep(&self) -> io::Result<()> {
        new_file::sweep(&self.path)
    }

    /// Reads it; what is neither a file of ours nor a complete one of the replaced program is an error.
    pub(crate) fn read(&self) -> Result<Found, StatusFileError> {
        let path = || self.path.clone();
        // To replace a link or a folder would destroy what somebody put there on purpose.
        match std::fs::symlink_metadata(&self.path) {
            Ok(metadata) if !metadata.is_file() => {
                return Err(StatusFileError::NoFile { path: path() });
            }
            Ok(_) | Err(_) => {}
        }
        let bytes = match read_bounded(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(source) => {
                return Err(StatusFileError::Unreadable {
                    path: path(),
                    source,
                });
            }
        };
        if let Some(tip) = StatusDocument::tip_of(&bytes) {
            return Ok(Found::Projection(tip, bytes));
        }
        LegacyStatus::parse(&bytes)
            .map(Found::Legacy)
            .map_err(|source| StatusFileError::Damaged {
                path: path(),
                source,
            })
    }
}

/// Reads a file that is not absurdly large: what is damaged must not take the memory with it.
pub(crate) fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    if size > MAX_BYTES {
        let text = format!("it has {size} bytes, which no status.xml has");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl StatusFile for LocalStatusFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn replace(&self, document: &[u8]) -> io::Result<()> {
        new_file::replace(&self.path, document)
    }
}
