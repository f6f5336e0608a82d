//! What can go wrong with the files of a log: an operation that failed, in words of file and step.
//!
//! Deliberately absent: files that are there and cannot be relied on (`recovery`).

use std::io;

use crate::log::error::{Advised, LogError};

use super::storage::{LogFile, Storage};

/// Taking the lock that keeps a second run away.
pub(crate) const LOCKING: &str = "locking its directory";

/// A file operation failed.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {operation} failed")]
pub struct FileError {
    /// The file.
    pub path: String,
    /// What was tried.
    pub operation: &'static str,
    /// Why it failed.
    pub source: io::Error,
}

impl Advised for FileError {
    fn hint(&self) -> &'static str {
        if self.operation == LOCKING {
            return "its file system has no lock (flock) that keeps a second run away, as NFS has none for \
                    folders: MISC.WORKING_DIR belongs on a local disk (docs/file-systems.md)";
        }
        "check the directory's owner, permissions, free space and disk, then start again"
    }
}

impl From<FileError> for LogError {
    fn from(error: FileError) -> Self {
        Self::Other(Box::new(error))
    }
}

/// Says of an operating system's error which file it concerns and what was tried.
pub(crate) fn failed<S: Storage + ?Sized>(
    storage: &S,
    file: LogFile,
    operation: &'static str,
) -> impl FnOnce(io::Error) -> LogError {
    move |source| {
        let path = storage.locate(file);
        LogError::from(FileError {
            path,
            operation,
            source,
        })
    }
}
