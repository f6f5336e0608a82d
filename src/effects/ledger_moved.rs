//! `ledger.moved` in the folder of a ledger: that it is kept elsewhere from now on, and where, so that nobody goes on
//! with the one that stayed behind.
//!
//! What always holds here: the ledger beside it is whole, and can be read. Deliberately absent: databases, whose tables
//! say it themselves.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use courier_ledger::log::{Advised, FileError, LogError};

use super::new_file;

/// Longer ones are not ours.
const MAX_BYTES: usize = 4096;

/// A ledger that is kept elsewhere.
#[derive(Debug, thiserror::Error)]
#[error("{}: this ledger moved to {to}", folder.display())]
struct Moved {
    folder: PathBuf,
    to: String,
}

impl Advised for Moved {
    fn hint(&self) -> &'static str {
        "name the ledger that it moved to: in LEDGER.URL, or by MISC.WORKING_DIR without [LEDGER] where that is a folder; \
         `broker-courier ledger copy --from … --to …` brings it back"
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join("ledger.moved")
}

/// Refuses a ledger that is kept elsewhere.
pub(crate) fn require_here(folder: &Path) -> Result<(), LogError> {
    match fs::read_to_string(path(folder)) {
        Ok(to) => Err(LogError::Other(Box::new(Moved {
            folder: folder.to_owned(),
            to: to.trim().chars().take(MAX_BYTES).collect(),
        }))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(failed(folder, "reading", source)),
    }
}

/// Says that it is kept there from now on; none for: here.
pub(crate) fn say(folder: &Path, to: Option<&str>) -> Result<(), LogError> {
    let path = path(folder);
    match to {
        Some(to) => new_file::replace(&path, format!("{to}\n").as_bytes())
            .map_err(|error| failed(folder, "writing", error)),
        None => match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed(folder, "removing", error))
            }
            Ok(()) | Err(_) => Ok(()),
        },
    }
}

fn failed(folder: &Path, operation: &'static str, source: io::Error) -> LogError {
    FileError {
        path: path(folder).display().to_string(),
        operation,
        source,
    }
    .into()
}
