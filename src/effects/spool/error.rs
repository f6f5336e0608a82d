//! What can go wrong with the spool, in words that a person can act on.

use std::io;
use std::path::PathBuf;

const MIB: u64 = 1 << 20;

/// Why the spool cannot be used, or cannot take more.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The folder cannot be made, emptied or used.
    #[error("cannot use the spool folder {}", .path.display())]
    Directory {
        /// `WORKING_DIR/spool`.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something else has the folder's name: a file, or a link that leads elsewhere.
    #[error("{} is not a folder of its own", .0.display())]
    NotADirectory(PathBuf),
    /// The folder belongs to another user, who could read and change what lies in it.
    #[error("the spool folder {} belongs to user {owner}, not to the one who runs this", .path.display())]
    Foreign {
        /// `WORKING_DIR/spool`.
        path: PathBuf,
        /// The owner's numeric id.
        owner: u32,
    },
    /// The result is larger than the spool may ever be.
    #[error("the spool may take {limit_bytes} bytes, this result needs {needed_bytes}")]
    TooLarge {
        /// What the result needs, as far as known.
        needed_bytes: u64,
        /// The configured limit.
        limit_bytes: u64,
    },
    /// The spool is full of other results: there is room when they are through.
    #[error(
        "the spool may take {limit_bytes} bytes and holds {used_bytes}: no room for {needed_bytes} more"
    )]
    Full {
        /// What the result needs, as far as known.
        needed_bytes: u64,
        /// What other results have taken.
        used_bytes: u64,
        /// The configured limit.
        limit_bytes: u64,
    },
    /// The disk has too little space.
    #[error(
        "no space in the working directory: {} has {} MiB left, {} are needed",
        .path.display(), available_bytes / MIB, needed_bytes.div_ceil(MIB)
    )]
    NoSpace {
        /// `WORKING_DIR/spool`.
        path: PathBuf,
        /// What is needed, the reserve for the ledger included.
        needed_bytes: u64,
        /// What the file system gives to us.
        available_bytes: u64,
    },
    /// The writer gave up; what the readers got is worthless.
    #[error("the result did not arrive completely: {0}")]
    Incomplete(String),
}

impl SpoolError {
    /// The kind of I/O error that this is for whoever only knows those.
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        match self {
            Self::Directory { source, .. } => source.kind(),
            Self::NotADirectory(_) => io::ErrorKind::NotADirectory,
            Self::Foreign { .. } => io::ErrorKind::PermissionDenied,
            Self::TooLarge { .. } => io::ErrorKind::FileTooLarge,
            Self::Full { .. } => io::ErrorKind::QuotaExceeded,
            Self::NoSpace { .. } => io::ErrorKind::StorageFull,
            Self::Incomplete(_) => io::ErrorKind::BrokenPipe,
        }
    }
}

impl From<SpoolError> for io::Error {
    fn from(error: SpoolError) -> Self {
        Self::new(error.kind(), error)
    }
}
