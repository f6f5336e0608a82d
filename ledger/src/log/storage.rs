//! The file operations that the log needs, so that a test can make each of them fail.
//!
//! Names are those of files in one directory. Deliberately absent: anything that could change bytes
//! that were synced, except `rewrite`, which puts the same bytes there again.

use std::io;

/// One directory.
pub trait Storage {
    /// The size of a file in bytes; none when it does not exist.
    fn size(&self, name: &str) -> io::Result<Option<u64>>;

    /// Reads up to `buffer.len()` bytes from `offset`; fewer only at the end of the file.
    fn read_at(&self, name: &str, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Creates a file with these bytes, or replaces it, as a whole: temporary file, fsync, rename,
    /// fsync of the directory.
    fn replace(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Appends bytes; they are durable after the next [`Storage::sync`].
    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Puts bytes that were read from there to `offset` again, so that the next sync reaches them.
    fn rewrite(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Cuts a file off.
    fn truncate(&mut self, name: &str, size_bytes: u64) -> io::Result<()>;

    /// Makes what was written to a file durable.
    fn sync(&mut self, name: &str) -> io::Result<()>;

    /// Takes the kernel's exclusive lock on the directory for as long as this value lives; false
    /// when another process holds it.
    fn lock(&mut self) -> io::Result<bool>;

    /// Where a file is, in words for messages.
    fn describe(&self, name: &str) -> String;
}
