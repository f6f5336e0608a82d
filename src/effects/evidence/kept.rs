//! The checkpoints of a ledger that are kept beside it, all of them: `checkpoints-ID.txt`, where ID are the
//! first digits of the ledger's.
//!
//! What always holds here: the file is replaced as a whole or not at all. Deliberately absent: who may sign.

use std::io;
use std::path::{Path, PathBuf};

use courier_ledger::{LogId, RemoteName};

use super::checkpoint::{Signed, file_of, signed_in};
use crate::effects::{new_file, status_file};

/// The checkpoints of one ledger, the oldest first.
#[derive(Debug)]
pub(crate) struct Kept {
    path: PathBuf,
    checkpoints: Vec<Signed>,
}

/// Why they cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeptError {
    /// The file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It holds something else.
    #[error("{} holds something else than checkpoints of this ledger", .0.display())]
    Damaged(PathBuf),
}

impl Kept {
    /// The checkpoints of `log` in this working directory.
    pub(crate) fn read(working_dir: &Path, log: LogId) -> Result<Self, KeptError> {
        let path = working_dir.join(RemoteName::checkpoints(log).as_str());
        let checkpoints = match status_file::read_bounded(&path) {
            Ok(bytes) => of_ledger(&bytes, log).ok_or_else(|| KeptError::Damaged(path.clone()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(KeptError::File { path, source }),
        };
        Ok(Self { path, checkpoints })
    }

    /// All of them.
    pub(crate) fn all(&self) -> &[Signed] {
        &self.checkpoints
    }

    /// Their file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps these.
    pub(super) fn replace(&mut self, checkpoints: Vec<Signed>) -> Result<(), KeptError> {
        let replaced = new_file::replace(&self.path, file_of(&checkpoints).as_bytes());
        replaced.map_err(|source| KeptError::File {
            path: self.path.clone(),
            source,
        })?;
        self.checkpoints = checkpoints;
        Ok(())
    }
}

/// The checkpoints in a file, if all are of this ledger and none is smaller than one before it.
pub(super) fn of_ledger(bytes: &[u8], log: LogId) -> Option<Vec<Signed>> {
    let found = signed_in(std::str::from_utf8(bytes).ok()?)?;
    let ascending = found.is_sorted_by_key(|it| it.claim.size);
    let ours = found.iter().all(|it| it.claim.log() == Some(log));
    (ascending && ours).then_some(found)
}
