//! The spool's folder and its limits: `WORKING_DIR/spool`, mode 0700, empty at the start of a run
//! and gone at its end. One runner uses it at a time, which the lock on the ledger ensures.
//! Deliberately absent: touching anything in the folder that is not ours.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::claim::{Claim, Disk, SpoolLimits};
use super::error::SpoolError;
use super::writer::SpoolWriter;
use crate::effects::new_file;

/// The open spool. Dropped, the folder is removed, unless something that is not ours lies in it.
#[derive(Debug)]
pub(crate) struct SpoolDirectory {
    disk: Arc<Disk>,
}

impl SpoolDirectory {
    /// Opens `working_dir/spool`: creates it, or takes it over and removes left-overs of an earlier
    /// run from it. The caller holds the lock on the ledger.
    pub(crate) fn open(working_dir: &Path, limits: SpoolLimits) -> Result<Self, SpoolError> {
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
        Ok(Self {
            disk: Arc::new(Disk::new(path, folder, limits)),
        })
    }

    /// Begins a result. If its size is known, its space is checked and set aside now.
    pub(crate) fn create(&self, expected_bytes: Option<u64>) -> Result<SpoolWriter, SpoolError> {
        let mut claim = Claim::of(Arc::clone(&self.disk));
        let memory_bytes = self.disk.limits.memory_bytes;
        let expected = expected_bytes.unwrap_or(0);
        if expected > memory_bytes as u64 {
            claim.reserve(expected)?;
        }
        Ok(SpoolWriter::new(claim, expected, memory_bytes))
    }

    /// What the results on disk have taken or set aside, bytes.
    #[cfg(test)]
    pub(super) fn used_bytes(&self) -> u64 {
        self.disk.usage().claimed
    }
}

impl Drop for SpoolDirectory {
    fn drop(&mut self) {
        // What cannot be removed now is removed at the next start.
        fs::remove_dir(&self.disk.path).ok();
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
            .is_some_and(|name| new_file::is_left_over(name) || is_of_an_older_version(name));
        if is_ours && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Whether this is the name that an earlier version gave to a file here until it was unlinked.
fn is_of_an_older_version(name: &str) -> bool {
    name.strip_prefix("courier-")
        .and_then(|rest| rest.strip_suffix(".spool"))
        .is_some_and(|number| number.parse::<u64>().is_ok())
}
