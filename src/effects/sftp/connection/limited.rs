//! A peer that gets so much attention: bytes are read one by one where nobody knows how many come, so that none of
//! what follows is taken.

use std::io::{self, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Reads up to a number of bytes, until a deadline.
pub(super) struct Limited<'a> {
    pub(super) stream: &'a TcpStream,
    pub(super) deadline: Instant,
    /// Bytes that may still be read.
    pub(super) left: usize,
}

impl Limited<'_> {
    /// A line, without its end.
    pub(super) fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        loop {
            let [byte] = self.array()?;
            if byte == b'\n' {
                return Ok(line);
            }
            line.push(byte);
        }
    }

    pub(super) fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut array = [0; N];
        self.read_exact(&mut array)?;
        Ok(array)
    }
}

impl Read for Limited<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let time = self.deadline.saturating_duration_since(Instant::now());
        if time.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        if self.left < buffer.len() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.stream
            .set_read_timeout(Some(time.max(Duration::from_millis(1))))?;
        // A socket's time-out is called "try again" by the system.
        let count = (&mut &*self.stream)
            .read(buffer)
            .map_err(|error| match error.kind() {
                io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
                _ => error,
            })?;
        self.left -= count;
        Ok(count)
    }
}
