//! The spool's folder and its limits: `WORKING_DIR/spool`, mode 0700, empty at the start of a run
//! and gone at its end. One runner uses it at a time, which the lock on the ledger ensures.
//! Deliberately absent: touching anything in the folder that is not ours.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::{SpoolError, SpoolWriter};
use crate::effects::new_file;

/// What the spool may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpoolLimits {
    /// Results up to this size stay in memory, each.
    pub memory_bytes: usize,
    /// What all results on disk may take together.
    pub limit_bytes: u64,
    /// What is left free on the disk, so that the ledger can still be written.
    pub reserve_bytes: u64,
}

/// The open spool. Dropped, the folder is removed, unless something that is not ours lies in it.
#[derive(Debug)]
pub struct SpoolDirectory {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    folder: File,
    limits: SpoolLimits,
    usage: Mutex<Usage>,
}

/// Bytes on disk, of all results together.
#[derive(Clone, Copy, Debug, Default)]
struct Usage {
    claimed: u64,
    written: u64,
}

impl SpoolDirectory {
    /// Opens `working_dir/spool`: creates it, or takes it over and removes left-overs of an earlier
    /// run from it. The caller holds the lock on the ledger.
    pub fn open(working_dir: &Path, limits: SpoolLimits) -> Result<Self, SpoolError> {
        let path = working_dir.join("spool");
        let failed = |source| SpoolError::Directory {
            path: path.clone(),
            source,
        };
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(error)),
        }
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
        let folder: File = match rustix::fs::open(&path, flags, Mode::empty()) {
            Ok(descriptor) => descriptor.into(),
            Err(Errno::NOTDIR | Errno::LOOP) => return Err(SpoolError::NotADirectory(path)),
            Err(error) => return Err(failed(error.into())),
        };
        let owner = folder.metadata().map_err(failed)?.uid();
        if owner != rustix::process::geteuid().as_raw() {
            return Err(SpoolError::Foreign { path, owner });
        }
        folder
            .set_permissions(Permissions::from_mode(0o700))
            .map_err(failed)?;
        remove_left_overs(&path).map_err(failed)?;
        let shared = Shared {
            path,
            folder,
            limits,
            usage: Mutex::default(),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Begins a result. If its size is known, its space is checked and set aside now.
    pub fn create(&self, expected_bytes: Option<u64>) -> Result<SpoolWriter, SpoolError> {
        let mut claim = Claim {
            shared: Arc::clone(&self.shared),
            claimed: 0,
            written: 0,
        };
        let memory_bytes = self.shared.limits.memory_bytes;
        let expected = expected_bytes.unwrap_or(0);
        if expected > memory_bytes as u64 {
            claim.reserve(expected)?;
        }
        Ok(SpoolWriter::new(claim, expected, memory_bytes))
    }

    /// What the results on disk have taken or set aside, bytes.
    #[cfg(test)]
    pub(super) fn used_bytes(&self) -> u64 {
        self.shared.usage().claimed
    }
}

impl Drop for SpoolDirectory {
    fn drop(&mut self) {
        // What cannot be removed now is removed at the next start.
        fs::remove_dir(&self.shared.path).ok();
    }
}

impl Shared {
    fn usage(&self) -> MutexGuard<'_, Usage> {
        // Two integers, always changed together: a panic elsewhere does not make them wrong.
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One result's share of the disk; dropped, the share is free again.
#[derive(Debug)]
pub(super) struct Claim {
    shared: Arc<Shared>,
    claimed: u64,
    written: u64,
}

impl Claim {
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
        } = self.shared.limits;
        if total_bytes > limit_bytes {
            return Err(SpoolError::TooLarge {
                needed_bytes: total_bytes,
                limit_bytes,
            });
        }
        let mut usage = self.shared.usage();
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
            let path = self.shared.path.clone();
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
        self.shared.usage().written += bytes;
    }

    /// Frees what was set aside and not needed.
    pub(super) fn settle(&mut self) {
        self.shared.usage().claimed -= self.claimed - self.written;
        self.claimed = self.written;
    }

    /// A new file without a name, mode 0600.
    pub(super) fn create_file(&self) -> io::Result<File> {
        new_file::nameless(&self.shared.folder, &self.shared.path)
    }

    fn available_bytes(&self) -> Result<u64, SpoolError> {
        let statistics =
            rustix::fs::fstatvfs(&self.shared.folder).map_err(|error| SpoolError::Directory {
                path: self.shared.path.clone(),
                source: error.into(),
            })?;
        Ok(statistics.f_bavail.saturating_mul(statistics.f_frsize))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut usage = self.shared.usage();
        usage.claimed -= self.claimed;
        usage.written -= self.written;
    }
}

/// Removes the files that a run left behind which was killed between making a file and unlinking
/// it.
fn remove_left_overs(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let is_ours = entry
            .file_name()
            .to_str()
            .is_some_and(new_file::is_left_over);
        if is_ours && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
