//! What writer and readers of one result share: the bytes so far, and how it ended. Bytes that
//! count as written never change again, so readers of a file need no lock while they read.
//! Deliberately absent: the ways in and out, which are the writer's and the reader's.

use std::fmt;
use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use super::claim::Claim;
use super::error::SpoolError;
use crate::effects::mutex::lock;
use crate::effects::waker::Waker;

/// One result, as everyone but its writer sees it. Its space is free again when the writer and
/// every clone and reader are gone.
#[derive(Clone)]
pub(crate) struct Spool(pub(super) Arc<Buffer>);

impl Spool {
    /// Sets who is woken when a reader that found nothing can find something, for all readers, instead
    /// of an earlier one. Read after setting it: what was written before is not announced again.
    pub(crate) fn set_waker(&self, waker: Waker) {
        self.0.lock().waker = Some(waker);
    }

    /// How many bytes are there so far; all of them, once it is finished.
    #[must_use]
    pub(crate) fn written_bytes(&self) -> u64 {
        self.0.lock().written
    }
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.lock();
        f.debug_struct("Spool")
            .field("written", &state.written)
            .field("progress", &state.progress)
            .finish_non_exhaustive()
    }
}

pub(super) struct Buffer {
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) store: Store,
    /// Bytes that readers may have.
    pub(super) written: u64,
    pub(super) progress: Progress,
    /// A reader has found nothing since the last call of the waker.
    pub(super) is_awaited: bool,
    /// Bytes written since it did.
    pub(super) unannounced: u64,
    pub(super) waker: Option<Waker>,
    pub(super) claim: Claim,
}

pub(super) enum Store {
    Memory(Vec<u8>),
    File(Arc<File>),
}

#[derive(Debug)]
pub(super) enum Progress {
    Writing,
    Finished,
    Failed { kind: io::ErrorKind, reason: String },
}

impl Buffer {
    pub(super) fn new(store: Store, claim: Claim) -> Self {
        Self {
            state: Mutex::new(State {
                store,
                written: 0,
                progress: Progress::Writing,
                is_awaited: false,
                unannounced: 0,
                waker: None,
                claim,
            }),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is complete before `written` or `progress` says so: a panic in between
        // leaves a state that readers may have.
        lock(&self.state)
    }
}

impl State {
    /// A reader has found nothing: it is to be called.
    pub(super) fn await_more(&mut self) {
        if !self.is_awaited {
            self.is_awaited = true;
            self.unannounced = 0;
        }
    }

    /// Takes the waker if it is to be called now: for the end always, for bytes when somebody waits
    /// and `granularity_bytes` have come together. The caller releases the lock before calling it.
    pub(super) fn waker_to_call(&mut self, granularity_bytes: u64) -> Option<Waker> {
        let has_ended = !matches!(self.progress, Progress::Writing);
        if has_ended || (self.is_awaited && self.unannounced >= granularity_bytes) {
            self.is_awaited = false;
            self.unannounced = 0;
            return self.waker.clone();
        }
        None
    }
}

impl Progress {
    /// The writer's failure, for a reader: its kind is kept, its text becomes part of ours.
    pub(super) fn check(&self) -> io::Result<()> {
        match self {
            Self::Writing | Self::Finished => Ok(()),
            Self::Failed { kind, reason } => Err(io::Error::new(
                *kind,
                SpoolError::Incomplete(reason.clone()),
            )),
        }
    }
}
