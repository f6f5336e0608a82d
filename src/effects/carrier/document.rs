//! A document in memory as the source of an upload.

use std::io;
use std::sync::Arc;

use crate::effects::source::{Available, Source};

/// Bytes in memory, and how far they were read.
pub(super) struct Document {
    bytes: Arc<[u8]>,
    at: usize,
}

impl Document {
    pub(super) fn new(bytes: Arc<[u8]>) -> Self {
        Self { bytes, at: 0 }
    }
}

impl Source for Document {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Available> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if count == 0 {
            return Ok(Available::End);
        }
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(Available::Bytes(count))
    }

    fn restart(&mut self) -> io::Result<()> {
        self.at = 0;
        Ok(())
    }
}
