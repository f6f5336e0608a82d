//! What can go wrong with the log, and what a person can do about each.
//!
//! Deliberately absent: event contents in messages.

use std::io;

use crate::id::Sequence;

use crate::log::file::recovery::Refusal;
use crate::log::file::storage::{LogFile, Storage};

/// Why a log is not opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Another process is its writer.
    #[error("{path} is locked: another run is active")]
    Locked {
        /// The log.
        path: String,
    },
    /// There is neither a log nor a witness.
    #[error("there is no ledger at {path}")]
    NotFound {
        /// Where the log would be.
        path: String,
    },
    /// A log was to be created where there is one.
    #[error("there is a ledger at {path} already")]
    Exists {
        /// The log.
        path: String,
    },
    /// What is on disk cannot be relied on; nothing was changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A file operation failed.
    #[error("{path}: {operation} failed")]
    Storage {
        /// The file.
        path: String,
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// Entries were to be appended at another place than the end.
    #[error("entry {expected} was to be appended, and entry {due} is due")]
    Conflict {
        /// The sequence number that the caller expected.
        expected: Sequence,
        /// The one that is due.
        due: Sequence,
    },
    /// An earlier write or fsync failed: what is on disk is known only to the next opening.
    #[error("{path}: nothing can be appended after a failed write")]
    Poisoned {
        /// The log.
        path: String,
    },
    /// An event has more bytes than a frame may hold.
    #[error("entry {sequence} would have {size_bytes} bytes, and {max_bytes} are allowed")]
    TooLarge {
        /// The entry.
        sequence: Sequence,
        /// The size of its payload.
        size_bytes: usize,
        /// The most that a payload may have.
        max_bytes: u32,
    },
    /// An event could not be encoded.
    #[error("entry {sequence} cannot be encoded")]
    Encode {
        /// The entry.
        sequence: Sequence,
        /// Why.
        source: rmp_serde::encode::Error,
    },
}

impl LogError {
    /// Says of an operating system's error which file it concerns and what was tried.
    pub(crate) fn storage<S: Storage + ?Sized>(
        storage: &S,
        file: LogFile,
        operation: &'static str,
    ) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Storage {
            path: storage.locate(file),
            operation,
            source,
        }
    }

    /// What a person can do.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Locked { .. } => "wait until the other run has ended",
            Self::NotFound { .. } => "check the path; the first run creates the ledger",
            Self::Exists { .. } => "use the ledger that is there, or another directory",
            Self::Refused(refusal) => refusal.rule.hint(),
            Self::Storage { .. } => {
                "check the directory's owner, permissions, free space and disk, then start again"
            }
            Self::Conflict { .. } | Self::Encode { .. } => "this is a bug; please report it",
            Self::Poisoned { .. } => {
                "check free space and the disk, then start again: everything acknowledged is kept"
            }
            Self::TooLarge { .. } => "this is more than any known broker shows; please report it",
        }
    }
}
