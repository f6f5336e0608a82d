//! `WORKING_DIR/status.xml`: replaced as a whole or not at all (defect 8 of the replaced program).

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use courier_ledger::{ImportError, LegacyStatus, ProjectionTip, StatusDocument};

use crate::run::{RecordError, StatusFile};

/// The file.
pub struct LocalStatusFile {
    path: PathBuf,
}

/// What stands in the working directory under `status.xml`.
pub enum Found {
    /// Nothing.
    Nothing,
    /// The ledger of the replaced program.
    Legacy(LegacyStatus),
    /// A projection of ours.
    Projection(ProjectionTip, Vec<u8>),
}

/// Why `status.xml` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StatusFileError {
    /// It cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
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
    pub fn inside(working_dir: &Path) -> Self {
        Self {
            path: working_dir.join("status.xml"),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it; a file that is neither ours nor a complete one of the replaced program is an error.
    pub fn read(&self) -> Result<Found, StatusFileError> {
        let path = || self.path.clone();
        let bytes = match std::fs::read(&self.path) {
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

    fn try_replace(&self, document: &[u8]) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let mut temporary = tempfile::Builder::new()
            .prefix(".status.xml.")
            .suffix(".part")
            .tempfile_in(folder)?;
        temporary.write_all(document)?;
        temporary.as_file().sync_all()?;
        temporary.persist(&self.path)?;
        File::open(folder)?.sync_all()
    }
}

impl StatusFile for LocalStatusFile {
    fn replace(&self, document: &[u8]) -> Result<(), RecordError> {
        self.try_replace(document)
            .map_err(|source| RecordError::StatusFile {
                path: self.path.clone(),
                source,
            })
    }
}
