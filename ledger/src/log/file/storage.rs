//! The file operations of one directory, as few as the log needs, so that a test can make each fail.
//!
//! What always holds here: nothing is on disk before the call that promises it; `replace` and `keep`
//! show the old contents or the new, never a mixture. Deliberately absent: what the files mean.

use std::fmt;
use std::io;

use crate::salt::Salt;

/// The files of a ledger, by what they are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogFile {
    /// The log itself: `ledger.log`.
    Log,
    /// Its head: `ledger.head`.
    Head,
    /// The state as of one of its entries: `ledger.cache`.
    Cache,
    /// A torn tail that recovery cut off: `ledger.torn.<offset>`, and from the second with the same
    /// offset on `ledger.torn.<offset>.<copy>`.
    Torn {
        /// Where in the log it began, in bytes.
        offset: u64,
        /// Which of those with this offset, from 1.
        copy: u32,
    },
}

impl fmt::Display for LogFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log => f.write_str("ledger.log"),
            Self::Head => f.write_str("ledger.head"),
            Self::Cache => f.write_str("ledger.cache"),
            Self::Torn { offset, copy: 1 } => write!(f, "ledger.torn.{offset}"),
            Self::Torn { offset, copy } => write!(f, "ledger.torn.{offset}.{copy}"),
        }
    }
}

/// Earlier versions named the state cache so; nothing reads it any more.
pub(crate) const OLD_CACHE: &str = "ledger.checkpoint";

/// What came of asking for the exclusive lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// It is held from now on, until the storage is dropped or the process dies.
    Acquired,
    /// Somebody else holds it.
    HeldElsewhere,
}

/// The file operations of one directory.
///
/// Every method gives the operating system's error unchanged. A file that is not an ordinary file
/// (a directory, a symbolic link) is an error of kind [`io::ErrorKind::InvalidInput`].
pub trait Storage {
    /// The file's name for people, with its directory.
    fn locate(&self, file: LogFile) -> String;

    /// The file's size in bytes; `None` when it does not exist.
    fn size_bytes(&self, file: LogFile) -> io::Result<Option<u64>>;

    /// Reads at `offset` into `buffer`, less than asked only at the end of the file; gives how much.
    fn read_at(&self, file: LogFile, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes all of `bytes` behind the end of an existing file. After an error any part of them
    /// may be there.
    fn append(&mut self, file: LogFile, bytes: &[u8]) -> io::Result<()>;

    /// Writes `bytes` once more over bytes that the file already has.
    fn overwrite(&mut self, file: LogFile, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Cuts the file to `size_bytes`.
    fn truncate(&mut self, file: LogFile, size_bytes: u64) -> io::Result<()>;

    /// Returns when the file's contents and size are on disk. After an error nothing is known about
    /// what was not synced before, and another call must not be believed.
    fn sync(&mut self, file: LogFile) -> io::Result<()>;

    /// Creates the file, or replaces its contents, by temporary file, fsync, rename and fsync of the
    /// directory. Readable and writable by the owner only (mode 0600).
    fn replace(&mut self, file: LogFile, bytes: &[u8]) -> io::Result<()>;

    /// Creates `target` with everything that the log has from `offset` on, as [`Self::replace`] does.
    fn keep(&mut self, offset: u64, target: LogFile) -> io::Result<()>;

    /// Removes temporary files that an interrupted [`Self::replace`] or [`Self::keep`] left, and the
    /// state cache under the name that earlier versions gave it.
    fn sweep(&mut self) -> io::Result<()>;

    /// Asks for the exclusive kernel lock on the directory, without waiting.
    fn try_lock(&mut self) -> io::Result<Lock>;

    /// Random bytes for one entry that holds text, from whoever may draw them; none where nobody does, as in tests
    /// that compare bytes.
    fn salt(&mut self) -> io::Result<Option<Salt>> {
        Ok(None)
    }

    /// Whether anybody holds that lock now.
    fn has_writer(&self) -> io::Result<bool>;
}
