//! The log's directory on a real disk. The one place in this crate that touches files.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "this module is the Storage on real files"
)]

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::storage::Storage;

/// A directory. Files are created with mode 0600.
#[derive(Debug)]
pub struct Files {
    directory: PathBuf,
    appending: Option<(String, File)>,
    locked: Option<File>,
}

impl Files {
    /// The directory at this path; nothing is opened yet.
    #[must_use]
    pub fn in_directory(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            appending: None,
            locked: None,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn appending(&mut self, name: &str) -> io::Result<&mut File> {
        if self.appending.as_ref().is_none_or(|(open, _)| open != name) {
            let file = OpenOptions::new().append(true).open(self.path(name))?;
            self.appending = Some((name.to_owned(), file));
        }
        match &mut self.appending {
            Some((_, file)) => Ok(file),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn sync_directory(&self) -> io::Result<()> {
        File::open(&self.directory)?.sync_all()
    }
}

impl Storage for Files {
    fn size(&self, name: &str) -> io::Result<Option<u64>> {
        match std::fs::metadata(self.path(name)) {
            Ok(metadata) if metadata.is_file() => Ok(Some(metadata.len())),
            Ok(_) => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a regular file",
            )),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn read_at(&self, name: &str, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let file = File::open(self.path(name))?;
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match file.read_at(rest, offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn replace(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let temporary = self.path(&format!("{name}.new"));
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, self.path(name))?;
        self.sync_directory()
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.appending(name)?.write_all(bytes)
    }

    fn rewrite(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        // Not through the appending handle: Linux appends there whatever the offset.
        OpenOptions::new()
            .write(true)
            .open(self.path(name))?
            .write_all_at(bytes, offset)
    }

    fn truncate(&mut self, name: &str, size_bytes: u64) -> io::Result<()> {
        self.appending = None;
        OpenOptions::new()
            .write(true)
            .open(self.path(name))?
            .set_len(size_bytes)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.appending(name)?.sync_all()
    }

    fn lock(&mut self) -> io::Result<bool> {
        // The directory itself, so that no lock file is left behind or can be replaced.
        let directory = File::open(&self.directory)?;
        match directory.try_lock() {
            Ok(()) => {
                self.locked = Some(directory);
                Ok(true)
            }
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn describe(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}
