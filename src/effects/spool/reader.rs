//! A reader of a result: follows the writer, never waits, and can begin again. Each has a position
//! of its own. Deliberately absent: seeking.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::buffer::{Progress, Spool, Store};
use crate::effects::source::{Available, Source};

/// Reads one result from its first byte on.
#[derive(Debug)]
pub(crate) struct SpoolReader {
    spool: Spool,
    file: Option<Arc<File>>,
    position: u64,
}

impl Spool {
    /// A reader that begins at the first byte.
    #[must_use]
    pub(crate) fn reader(&self) -> SpoolReader {
        SpoolReader {
            spool: self.clone(),
            file: None,
            position: 0,
        }
    }
}

impl Source for SpoolReader {
    /// Fails as soon as the writer has failed, even if there is something left to read: the rest
    /// will never come.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Available> {
        let mut state = self.spool.0.lock();
        state.progress.check()?;
        let left = state.written - self.position;
        if left == 0 {
            return Ok(match state.progress {
                Progress::Finished => Available::End,
                Progress::Writing | Progress::Failed { .. } => {
                    state.await_more();
                    Available::Pending
                }
            });
        }
        let count = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let buffer = &mut buffer[..count];
        match &state.store {
            Store::Memory(memory) => {
                // What does not fit into memory is not in this store, so its positions fit too.
                let start = self.position as usize;
                buffer.copy_from_slice(&memory[start..start + count]);
            }
            Store::File(file) => {
                let file = Arc::clone(self.file.get_or_insert_with(|| Arc::clone(file)));
                drop(state);
                file.read_exact_at(buffer, self.position)?;
            }
        }
        self.position += count as u64;
        Ok(Available::Bytes(count))
    }

    fn restart(&mut self) -> io::Result<()> {
        self.position = 0;
        Ok(())
    }
}
