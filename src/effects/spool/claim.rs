//! What the results on disk may take together, and each result's share of it.
//!
//! What always holds here: what was set aside is never more than the limit, and a share that is dropped
//! is free again. Deliberately absent: the bytes.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use super::error::SpoolError;
use crate::effects::mutex::lock;
use crate::effects::new_file;

/// What the spool may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpoolLimits {
    /// Results up to this size stay in memory, each.
    pub memory_bytes: usize,
    /// What all results on disk may take together.
    pub limit_bytes: u64,
    /// What is left free on the disk, so that the ledger can still be written.
    pub reserve_bytes: u64,
}

/// The folder, its limits, and what is taken of them.
#[derive(Debug)]
pub(super) struct Disk {
    pub(super) path: PathBuf,
    folder: File,
    pub(super) limits: SpoolLimits,
    usage: Mutex<Usage>,
}

/// Bytes on disk, of all results together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    pub(super) claimed: u64,
    written: u64,
}

impl Disk {
    pub(super) fn new(path: PathBuf, folder: File, limits: SpoolLimits) -> Self {
        Self {
            path,
            folder,
            limits,
            usage: Mutex::default(),
        }
    }

    pub(super) fn usage(&self) -> MutexGuard<'_, Usage> {
        // Two integers, always changed together: a panic elsewhere does not make them wrong.
        lock(&self.usage)
    }
}

/// One result's share of the disk; dropped, the share is free again.
#[derive(Debug)]
pub(super) struct Claim {
    disk: Arc<Disk>,
    claimed: u64,
    written: u64,
}

impl Claim {
    /// Nothing yet.
    pub(super) fn of(disk: Arc<Disk>) -> Self {
        Self {
            disk,
            claimed: 0,
            written: 0,
        }
    }

    /// Sees to it that `total_bytes` are set aside for this result. Asks the disk only when more is
    /// needed than was set aside before.
    pub(super) fn reserve(&mut self, total_bytes: u64) -> Result<(), SpoolError> {
        let Some(more) = total_bytes
            .checked_sub(self.claimed)
            .filter(|more| *more > 0)
        else {
            return Ok(());
        };
        let SpoolLimits {
            limit_bytes,
            reserve_bytes,
            ..
        } = self.disk.limits;
        if total_bytes > limit_bytes {
            return Err(SpoolError::TooLarge {
                needed_bytes: total_bytes,
                limit_bytes,
            });
        }
        let mut usage = self.disk.usage();
        if more > limit_bytes.saturating_sub(usage.claimed) {
            return Err(SpoolError::Full {
                needed_bytes: more,
                used_bytes: usage.claimed,
                limit_bytes,
            });
        }
        // What others have set aside and not yet written still counts as available on the disk.
        let unwritten = usage.claimed - usage.written;
        let needed_bytes = more.saturating_add(unwritten).saturating_add(reserve_bytes);
        let available_bytes = self.available_bytes()?;
        if needed_bytes > available_bytes {
            let path = self.disk.path.clone();
            return Err(SpoolError::NoSpace {
                path,
                needed_bytes,
                available_bytes,
            });
        }
        usage.claimed += more;
        self.claimed += more;
        Ok(())
    }

    /// Whether `total_bytes` are set aside already.
    pub(super) fn holds(&self, total_bytes: u64) -> bool {
        total_bytes <= self.claimed
    }

    /// Notes that `bytes` of what was set aside are on the disk now.
    pub(super) fn note_written(&mut self, bytes: u64) {
        self.written += bytes;
        self.disk.usage().written += bytes;
    }

    /// Frees what was set aside and not needed.
    pub(super) fn settle(&mut self) {
        self.disk.usage().claimed -= self.claimed - self.written;
        self.claimed = self.written;
    }

    /// A new file without a name, mode 0600.
    pub(super) fn create_file(&self) -> io::Result<File> {
        new_file::nameless(&self.disk.folder, &self.disk.path)
    }

    fn available_bytes(&self) -> Result<u64, SpoolError> {
        let statistics =
            rustix::fs::fstatvfs(&self.disk.folder).map_err(|error| SpoolError::Directory {
                path: self.disk.path.clone(),
                source: error.into(),
            })?;
        let free_bytes = statistics.f_bavail.saturating_mul(statistics.f_frsize);
        Ok(available(statistics.f_blocks, free_bytes))
    }
}

/// How many bytes there is room for, of what a file system of so many blocks tells. One that does not tell
/// its size (some FUSE and network ones) is not full for that: a write that it has no room for fails by
/// itself.
fn available(blocks: u64, free_bytes: u64) -> u64 {
    match blocks {
        0 => u64::MAX,
        _ => free_bytes,
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut usage = self.disk.usage();
        usage.claimed -= self.claimed;
        usage.written -= self.written;
    }
}

#[cfg(test)]
mod tests {
    use super::available;

    #[test]
    fn a_file_system_that_tells_no_size_is_not_full() {
        assert_eq!(available(0, 0), u64::MAX);
        assert_eq!(available(1, 0), 0);
        assert_eq!(available(100, 4096), 4096);
    }
}
