//! The one writer of a result. It fails for good with the first error, and readers learn of that,
//! as they do when it is dropped before it finished. Deliberately absent: waiting for readers.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::buffer::{Buffer, Progress, Spool, State, Store};
use super::claim::Claim;
use super::error::SpoolError;

// A reader that waits is called when this much is there: a few packets' worth.
const WAKE_BYTES: u64 = 64 * 1024;
// Disk space is set aside in steps of this size when the result's size is not known before.
const STEP_BYTES: u64 = 16 << 20;

/// Takes the bytes of one result. In memory up to a limit, beyond it in a file without a name.
#[derive(Debug)]
pub(crate) struct SpoolWriter {
    spool: Spool,
    file: Option<Arc<File>>,
    written: u64,
    memory_bytes: usize,
}

impl SpoolWriter {
    pub(super) fn new(claim: Claim, expected_bytes: u64, memory_bytes: usize) -> Self {
        let in_memory = usize::try_from(expected_bytes)
            .unwrap_or(usize::MAX)
            .min(memory_bytes);
        // What will go to a file anyway is not gathered in memory first.
        let memory_bytes = if expected_bytes > memory_bytes as u64 {
            0
        } else {
            memory_bytes
        };
        let store = Store::Memory(Vec::with_capacity(in_memory.min(memory_bytes)));
        Self {
            spool: Spool(Arc::new(Buffer::new(store, claim))),
            file: None,
            written: 0,
            memory_bytes,
        }
    }

    /// The result for readers, at any time.
    #[must_use]
    pub(crate) fn spool(&self) -> Spool {
        self.spool.clone()
    }

    /// Ends the result: readers may find its end now.
    pub(crate) fn finish(self) -> io::Result<Spool> {
        let mut state = self.spool.0.lock();
        state.progress.check()?;
        state.progress = Progress::Finished;
        state.claim.settle();
        let waker = state.waker_to_call(WAKE_BYTES);
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(self.spool.clone())
    }

    /// Gives the result up: readers fail with this kind and text, which may be logged.
    pub(super) fn give_up(&self, kind: io::ErrorKind, reason: String) {
        let mut state = self.spool.0.lock();
        if !matches!(state.progress, Progress::Writing) {
            return;
        }
        state.progress = Progress::Failed { kind, reason };
        let waker = state.waker_to_call(WAKE_BYTES);
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let count = bytes.len() as u64;
        if self.file.is_none() && self.written + count > self.memory_bytes as u64 {
            self.spill(count)?;
        }
        if let Some(file) = &self.file {
            reserve(&mut self.spool.0.lock().claim, self.written + count)?;
            // No lock: readers do not look beyond `written`, and nobody else writes.
            file.write_all_at(bytes, self.written)?;
        }
        self.written += count;
        let mut state = self.spool.0.lock();
        match &mut state.store {
            Store::Memory(memory) => memory.extend_from_slice(bytes),
            Store::File(_) => state.claim.note_written(count),
        }
        state.written = self.written;
        state.unannounced += count;
        let waker = state.waker_to_call(WAKE_BYTES);
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// Moves what is in memory to a file, before `more` bytes come. Readers have the memory until
    /// all of it is in the file.
    fn spill(&mut self, more: u64) -> io::Result<()> {
        let mut state = self.spool.0.lock();
        let State { store, claim, .. } = &mut *state;
        let Store::Memory(memory) = store else {
            return Ok(());
        };
        let moved = memory.len() as u64;
        reserve(claim, moved + more)?;
        let file = Arc::new(claim.create_file()?);
        file.write_all_at(memory, 0)?;
        claim.note_written(moved);
        *store = Store::File(Arc::clone(&file));
        self.file = Some(file);
        Ok(())
    }
}

impl Write for SpoolWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.spool.0.lock().progress.check()?;
        match self.append(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(error) => {
                self.give_up(error.kind(), error.to_string());
                Err(error)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for SpoolWriter {
    fn drop(&mut self) {
        self.give_up(
            io::ErrorKind::BrokenPipe,
            "its writer stopped before the end".to_owned(),
        );
    }
}

/// Sets aside at least `total_bytes`, in large steps where there is room for them.
fn reserve(claim: &mut Claim, total_bytes: u64) -> Result<(), SpoolError> {
    if claim.holds(total_bytes) {
        return Ok(());
    }
    claim
        .reserve(total_bytes.next_multiple_of(STEP_BYTES))
        .or_else(|_| claim.reserve(total_bytes))
}
