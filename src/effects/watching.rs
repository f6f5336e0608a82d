//! `watch.json` in the working directory: that a process watches, and how, for whoever asks.
//!
//! What always holds here: the file is locked for as long as its process watches, so that what one that is gone has
//! left there is not believed; and nothing depends on what is read. Deliberately absent: the lock of the ledger,
//! which is not held all the time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// More than it ever holds.
const MAX_BYTES: u64 = 4096;
/// Who looks holds the file for a moment.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(10);

/// How it is watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Standing {
    /// The process.
    pub(crate) pid: u32,
    /// How often a run begins at least.
    pub(crate) interval_seconds: u64,
    /// Whether the broker wakes it by its websocket.
    pub(crate) websocket: Listening,
}

/// Whether the broker wakes whoever watches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Listening {
    /// It is not yet known.
    Connecting,
    /// It does.
    Connected,
    /// It does not, for this reason: what is new is found by the next run that is due.
    Polling(String),
}

/// Held by the one process that watches.
pub(crate) struct Watching(File);

impl Watching {
    /// Becomes the one that watches over this working directory; another one that does is an error.
    pub(crate) fn begin(working_dir: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path(working_dir))?;
        for _ in 0..TRIES {
            match file.try_lock() {
                Ok(()) => {
                    file.set_len(0)?;
                    return Ok(Self(file));
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Err(io::ErrorKind::ResourceBusy.into())
    }

    /// Shows how.
    pub(crate) fn show(&mut self, standing: &Standing) -> io::Result<()> {
        let bytes = serde_json::to_vec(standing)?;
        self.0.set_len(0)?;
        self.0.write_all_at(&bytes, 0)
    }
}

impl Standing {
    /// How this working directory is watched now, if it is.
    pub(crate) fn of(working_dir: &Path) -> Option<Self> {
        let file = File::open(path(working_dir)).ok()?;
        let Err(TryLockError::WouldBlock) = file.try_lock_shared() else {
            return None;
        };
        let mut bytes = Vec::new();
        file.take(MAX_BYTES).read_to_end(&mut bytes).ok()?;
        serde_json::from_slice(&bytes).ok()
    }
}

fn path(working_dir: &Path) -> PathBuf {
    working_dir.join("watch.json")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn one_watches_and_what_it_left_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Standing::of(folder.path()), None);
        let mut watching = Watching::begin(folder.path()).unwrap();
        assert_eq!(Standing::of(folder.path()), None, "nothing is shown yet");
        let mut standing = Standing {
            pid: 4711,
            interval_seconds: 300,
            websocket: Listening::Polling("closed".to_owned()),
        };
        for interval_seconds in [300, 5] {
            standing.interval_seconds = interval_seconds;
            watching.show(&standing).unwrap();
            assert_eq!(Standing::of(folder.path()), Some(standing.clone()));
        }
        let other = Watching::begin(folder.path()).err().unwrap();
        assert_eq!(other.kind(), io::ErrorKind::ResourceBusy);
        drop(watching);
        assert_eq!(Standing::of(folder.path()), None);
        Watching::begin(folder.path()).unwrap();
    }
}
