//! The time stamps of a ledger that are kept beside it: `timestamps-ID/`, where ID are the first digits of the
//! ledger's. For each stamped checkpoint of N entries `N.checkpoint`, as it was stamped, and `N.tsr`, the
//! authority's answer as it came: what `openssl ts -verify -data N.checkpoint -in N.tsr` takes.
//!
//! Deliberately absent: any look into an answer, which was judged before (`timestamp`).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use courier_ledger::LogId;

use crate::effects::new_file;

const STAMP: &str = "tsr";
const STAMPED: &str = "checkpoint";

/// The time stamps of one ledger.
#[derive(Debug)]
pub(super) struct Stamps {
    path: PathBuf,
}

impl Stamps {
    /// Those of `log` in this working directory; there need be none.
    pub(super) fn of(working_dir: &Path, log: LogId) -> Self {
        let id = log.to_string();
        let name = format!("timestamps-{}", id.get(..8).unwrap_or(&id));
        Self {
            path: working_dir.join(name),
        }
    }

    /// Their folder.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a checkpoint of so many entries is to be stamped: it is not, and the last stamp is older than that.
    pub(super) fn is_due(&self, size: u64, now: SystemTime, every: Duration) -> io::Result<bool> {
        let files = match fs::read_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
            files => files?,
        };
        let mut newest = None;
        for file in files {
            let file = file?;
            if Path::new(&file.file_name())
                .extension()
                .is_some_and(|it| it == STAMP)
            {
                newest = newest.max(Some(file.metadata()?.modified()?));
            }
        }
        let is_stamped = self.file(size, STAMP).try_exists()?;
        // A stamp from the future says nothing of how long ago it was.
        let is_old = newest.is_none_or(|it| now.duration_since(it).is_ok_and(|age| age >= every));
        Ok(!is_stamped && is_old)
    }

    /// Keeps a checkpoint and the authority's answer.
    pub(super) fn keep(&self, size: u64, checkpoint: &str, answer: &[u8]) -> io::Result<()> {
        match fs::create_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made?,
        }
        new_file::replace(&self.file(size, STAMPED), checkpoint.as_bytes())?;
        new_file::replace(&self.file(size, STAMP), answer)
    }

    fn file(&self, size: u64, extension: &str) -> PathBuf {
        self.path.join(format!("{size}.{extension}"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use super::*;

    const DAY: Duration = Duration::from_secs(86400);

    #[test]
    fn a_checkpoint_is_due_once_and_the_next_when_the_last_stamp_is_old() {
        let folder = tempfile::tempdir().unwrap();
        let stamps = Stamps::of(folder.path(), LogId([7; 16]));
        let now = SystemTime::now();
        assert!(stamps.is_due(5, now, DAY).unwrap());
        stamps.keep(5, "text\n", b"answer").unwrap();
        assert!(!stamps.is_due(5, now + 2 * DAY, DAY).unwrap());
        assert!(!stamps.is_due(6, now, DAY).unwrap());
        assert!(stamps.is_due(6, now + 2 * DAY, DAY).unwrap());
        let kept = |name: &str| fs::read(stamps.path().join(name)).unwrap();
        assert_eq!(
            (kept("5.checkpoint"), kept("5.tsr")),
            (b"text\n".to_vec(), b"answer".to_vec())
        );
    }
}
