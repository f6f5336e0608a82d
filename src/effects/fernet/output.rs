//! A new file that gets its name only when it is complete, and never takes an existing one. Until
//! then it has no name at all where the file system allows that, so that even a killed process
//! leaves no plaintext behind. Deliberately absent: replacing files.

use std::fs::{File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;
use tempfile::NamedTempFile;

const DESCRIPTORS: &str = "/proc/self/fd";

/// The file while it is being written; dropped, it is gone.
pub(super) enum NewFile {
    /// Without a name (`O_TMPFILE`).
    Unnamed(File),
    /// Under a temporary name, on file systems that know no files without one.
    Named(NamedTempFile),
}

impl NewFile {
    /// Creates the file in `folder`, with mode 0600.
    pub(super) fn create(folder: &Path) -> io::Result<Self> {
        let new = if Path::new(DESCRIPTORS).exists() {
            let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
            match rustix::fs::open(folder, flags, Mode::RUSR | Mode::WUSR) {
                Ok(descriptor) => Self::Unnamed(descriptor.into()),
                Err(Errno::OPNOTSUPP | Errno::ISDIR) => Self::named(folder)?,
                Err(error) => return Err(error.into()),
            }
        } else {
            Self::named(folder)?
        };
        // The umask may have taken the owner's bits away.
        new.file().set_permissions(Permissions::from_mode(0o600))?;
        Ok(new)
    }

    pub(super) fn named(folder: &Path) -> io::Result<Self> {
        tempfile::Builder::new()
            .prefix(".courier-")
            .suffix(".partial")
            .tempfile_in(folder)
            .map(Self::Named)
    }

    /// The file to write to.
    pub(super) fn file(&self) -> &File {
        match self {
            Self::Unnamed(file) => file,
            Self::Named(file) => file.as_file(),
        }
    }

    /// Brings the file to disk and gives it its name. `AlreadyExists` if something has that name.
    pub(super) fn publish(self, path: &Path, folder: &Path) -> io::Result<()> {
        self.file().sync_all()?;
        match self {
            Self::Unnamed(file) => {
                let unnamed = format!("{DESCRIPTORS}/{}", file.as_raw_fd());
                rustix::fs::linkat(CWD, unnamed, CWD, path, AtFlags::SYMLINK_FOLLOW)?;
            }
            Self::Named(file) => {
                file.persist_noclobber(path)
                    .map_err(|failed| failed.error)?;
            }
        }
        File::open(folder)?.sync_all()
    }
}
