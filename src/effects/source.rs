//! The seam between whoever produces a file's bytes and the upload that sends them: reading never
//! waits, so that one thread can serve many files. Deliberately absent: sizes and names.

use std::io;

/// What a [`Source`] had to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Available {
    /// That many bytes were put at the front of the buffer; 0 only if the buffer was empty.
    Bytes(usize),
    /// None now: whoever produces them wakes the reader when there are more.
    Pending,
    /// Everything has been read.
    End,
}

/// Bytes to be sent, which can be read from the beginning again as often as it takes. It is read
/// on the thread that serves the network: it must not block.
pub(crate) trait Source: Send {
    /// Reads what is there, without waiting. Fails when whoever produces the bytes has failed.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Available>;

    /// Goes back to the first byte.
    fn restart(&mut self) -> io::Result<()>;
}
