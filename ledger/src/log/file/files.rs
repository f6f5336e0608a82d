//! [`Storage`] on the files of a real directory: the only place in the crate that touches files.
//!
//! What always holds here: files are created with mode 0600, links and directories in a file's place
//! are refused, and the lock is the kernel's, on the directory itself, so that it needs no file, is
//! there before the log is, and ends with the process. Deliberately absent: creating the directory.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the crate's one door to the file system"
)]

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::log::file::storage::{Lock, LogFile, OLD_CACHE, Storage};
use crate::salt::Salt;

/// The files of one directory.
#[derive(Debug)]
pub struct Files {
    path: PathBuf,
    /// Open on the directory, for its fsync; the lock, once it is held, belongs to it.
    directory: File,
    /// The files appended to. Kept open, because the kernel reports a failed write-back only to
    /// those that had the file open when it happened.
    appending: BTreeMap<LogFile, File>,
    /// Who draws random bytes; none draws none.
    salts: Option<fn() -> io::Result<Salt>>,
}

impl Files {
    const TEMPORARY_SUFFIX: &str = ".tmp";
    const MODE: u32 = 0o600;

    /// Uses an existing directory.
    pub fn new(directory: impl Into<PathBuf>) -> io::Result<Self> {
        let path = directory.into();
        let directory = File::open(&path)?;
        if !directory.metadata()?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self {
            path,
            directory,
            appending: BTreeMap::new(),
            salts: None,
        })
    }

    /// The folder that they are in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.path
    }

    /// The same, with salts from there for the entries that are written.
    #[must_use]
    pub fn salted(self, salts: fn() -> io::Result<Salt>) -> Self {
        Self {
            salts: Some(salts),
            ..self
        }
    }

    fn path(&self, file: LogFile) -> PathBuf {
        self.path.join(file.to_string())
    }

    /// The file's size, when it is there and an ordinary file.
    fn size(path: &Path) -> io::Result<Option<u64>> {
        match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_file() => Ok(Some(metadata.len())),
            Ok(_) => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is not an ordinary file",
            )),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens an existing, ordinary file.
    fn existing(&self, file: LogFile, options: &OpenOptions) -> io::Result<File> {
        let path = self.path(file);
        match Self::size(&path)? {
            Some(_) => options.open(path),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn appender(&mut self, file: LogFile) -> io::Result<&mut File> {
        let opened = match self.appending.remove(&file) {
            Some(opened) => opened,
            None => self.existing(file, OpenOptions::new().read(true).append(true))?,
        };
        Ok(self.appending.entry(file).or_insert(opened))
    }

    /// Writes a temporary file, and puts it in place when it is on disk.
    fn put(
        &mut self,
        file: LogFile,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<()> {
        let path = self.path(file);
        // A rename would replace a link without a word.
        Self::size(&path)?;
        let temporary = self.path.join(format!("{file}{}", Self::TEMPORARY_SUFFIX));
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut options = OpenOptions::new();
        let mut target = options
            .write(true)
            .create_new(true)
            .mode(Self::MODE)
            .open(&temporary)?;
        let written = write(&mut target).and_then(|()| target.sync_all());
        if let Err(error) = written.and_then(|()| fs::rename(&temporary, &path)) {
            // The next sweep removes what cannot be removed now.
            fs::remove_file(&temporary).ok();
            return Err(error);
        }
        self.appending.remove(&file);
        self.sync_directory()
    }

    /// Brings the directory's entries to disk, where its file system knows how: some (SMB, 9p, FUSE) answer
    /// that they do not (fsync(2), EINVAL). What is there after a power failure is then the old file or
    /// the new one all the same, and recovery knows both.
    fn sync_directory(&self) -> io::Result<()> {
        match self.directory.sync_all() {
            Err(error) if is_not_offered(&error) => Ok(()),
            synced => synced,
        }
    }
}

impl Storage for Files {
    fn salt(&mut self) -> io::Result<Option<Salt>> {
        self.salts.map(|draw| draw()).transpose()
    }

    fn locate(&self, file: LogFile) -> String {
        self.path(file).display().to_string()
    }

    fn size_bytes(&self, file: LogFile) -> io::Result<Option<u64>> {
        Self::size(&self.path(file))
    }

    fn read_at(&self, file: LogFile, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let opened = self.existing(file, OpenOptions::new().read(true))?;
        let mut filled = 0;
        while filled < buffer.len() {
            match opened.read_at(&mut buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn append(&mut self, file: LogFile, bytes: &[u8]) -> io::Result<()> {
        self.appender(file)?.write_all(bytes)
    }

    fn overwrite(&mut self, file: LogFile, offset: u64, bytes: &[u8]) -> io::Result<()> {
        // Not through the appending file: with O_APPEND, Linux ignores the offset.
        self.existing(file, OpenOptions::new().write(true))?
            .write_all_at(bytes, offset)
    }

    fn truncate(&mut self, file: LogFile, size_bytes: u64) -> io::Result<()> {
        self.appender(file)?.set_len(size_bytes)
    }

    fn sync(&mut self, file: LogFile) -> io::Result<()> {
        // fdatasync: it includes the size, which is all of the metadata that reading needs.
        self.appender(file)?.sync_data()
    }

    fn replace(&mut self, file: LogFile, bytes: &[u8]) -> io::Result<()> {
        self.put(file, |target| target.write_all(bytes))
    }

    fn keep(&mut self, offset: u64, target: LogFile) -> io::Result<()> {
        if Self::size(&self.path(target))?.is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let mut log = self.existing(LogFile::Log, OpenOptions::new().read(true))?;
        log.seek(SeekFrom::Start(offset))?;
        let mut log = io::BufReader::new(log);
        self.put(target, |target| {
            let mut block = vec![0; 64 << 10];
            loop {
                match log.read(&mut block)? {
                    0 => return Ok(()),
                    read => target.write_all(&block[..read])?,
                }
            }
        })
    }

    fn sweep(&mut self) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name();
            let is_ours = name
                .to_str()
                .is_some_and(|name| is_temporary(name) || name == OLD_CACHE);
            if is_ours && entry.file_type()?.is_file() {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    fn try_lock(&mut self) -> io::Result<Lock> {
        // A reader that asks whether there is a writer holds the lock, shared, for a moment. Only
        // then can it be shared here too, and another try is worth while.
        const TRIES_MAX: u32 = 10_000;
        for _ in 0..TRIES_MAX {
            match self.directory.try_lock() {
                Ok(()) => return Ok(Lock::Acquired),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
            match self.directory.try_lock_shared() {
                Ok(()) => self.directory.unlock()?,
                Err(TryLockError::WouldBlock) => return Ok(Lock::HeldElsewhere),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Ok(Lock::HeldElsewhere)
    }

    fn has_writer(&self) -> io::Result<bool> {
        // A file of its own: a lock belongs to what was opened, and the one here may hold it.
        match File::open(&self.path)?.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// Whether an operation failed only because the file system does not know it.
fn is_not_offered(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
    )
}

/// Whether a file of this name is one that [`Files::put`] may have left.
fn is_temporary(name: &str) -> bool {
    let stem = name
        .strip_suffix(Files::TEMPORARY_SUFFIX)
        .unwrap_or_default();
    stem == LogFile::Log.to_string()
        || stem == LogFile::Head.to_string()
        || stem == LogFile::Cache.to_string()
        || stem == OLD_CACHE
        || stem.strip_prefix("ledger.torn.").is_some_and(|rest| {
            !rest.is_empty()
                && rest
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || byte == b'.')
        })
}
