//! The folder of what stays on this machine of a ledger in a database, held by its one runner.
//!
//! What always holds here: nobody else on this machine has it meanwhile. Deliberately absent: anything that another
//! machine would need; the state that is kept here only saves time, and what was seen is judged by whoever
//! claims the ledger.

use courier_ledger::log::{
    self, CACHE_ENTRIES, FileError, Files, Lock, LogError, LogFile, Storage as _,
};
use courier_ledger::{Sequence, State, Tip};

use super::ledger_witness;

/// The folder, under its lock.
pub(crate) struct LocalFolder {
    files: Files,
    /// The last entry whose state is kept here.
    kept: Sequence,
    /// The last entry that was written down as seen.
    seen: Sequence,
}

impl LocalFolder {
    /// Keeps everybody else on this machine away from it.
    pub(crate) fn lock(mut files: Files) -> Result<Self, LogError> {
        let place = files.locate(LogFile::Log);
        match files.try_lock() {
            Ok(Lock::Acquired) => Ok(Self {
                files,
                kept: Sequence::NONE,
                seen: Sequence::NONE,
            }),
            Ok(Lock::HeldElsewhere) => Err(LogError::Busy { place, by: None }),
            Err(source) => Err(FileError {
                path: place,
                operation: "locking the directory of",
                source,
            }
            .into()),
        }
    }

    /// The state that was kept last, if any was, and the place in the log that it is of.
    pub(crate) fn kept_state(&mut self) -> Option<(State, Tip)> {
        let kept = log::kept_state(&self.files)?;
        self.kept = kept.1.sequence;
        Some(kept)
    }

    /// Writes down that the ledger had come so far.
    pub(crate) fn witness(&mut self, tip: Tip) -> Result<(), LogError> {
        if self.seen != tip.sequence {
            ledger_witness::write(self.files.folder(), tip)?;
            self.seen = tip.sequence;
        }
        Ok(())
    }

    /// Keeps the state at this place, if that is worth while.
    pub(crate) fn keep_state(&mut self, state: &State, tip: Tip) -> Result<(), LogError> {
        if tip.sequence.0.abs_diff(self.kept.0) < CACHE_ENTRIES {
            return Ok(());
        }
        log::keep_state(&mut self.files, state, tip)?;
        self.kept = tip.sequence;
        Ok(())
    }
}
