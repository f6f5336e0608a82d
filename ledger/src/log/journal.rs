//! The log in the files of [`Storage`], open as the one writer.
//!
//! What always holds here: an entry that was given back is on disk; after the first failed write or
//! fsync nothing more is appended. Deliberately absent: retries (a kernel may call lost pages clean
//! after a failed fsync), and waiting for the lock.

mod appending;

use std::borrow::Cow;

use crate::event::{Entry, Event};
use crate::id::{LogId, Sequence};
use crate::state::State;
use crate::time::Timestamp;

use super::checkpoint::{Checkpoint, Past};
use super::error::LogError;
use super::event_log::EventLog as _;
use super::examine::Examination;
use super::frame::FRAME_BYTES_MAX;
use super::header::Header;
use super::heal::{cut_off_tail, kept_tails, lock, rewrite, sweep};
use super::recovery::Action;
use super::storage::{LogFile, Storage};
use super::tail::TornTail;
use super::walk::Mark;
use super::witness::Witness;
use appending::push_frame;

/// The most entries that are written by one append and one fsync; a longer batch is written in
/// several. Recovery relies on it (`tail`).
pub(crate) const BATCH_ENTRIES_MAX: u64 = 1024;

/// A batch of this many bytes is written before another entry is added to it.
const BATCH_BYTES: u64 = 8 << 20;

/// So no append writes more than this: a full batch with one more entry, the largest there can be.
pub(crate) const APPEND_BYTES_MAX: u64 = BATCH_BYTES + FRAME_BYTES_MAX;

/// A checkpoint is worth while after this many entries.
const CHECKPOINT_ENTRIES: u64 = 1024;

/// The witness is replaced after this many entries, however long the run.
const WITNESS_ENTRIES: u64 = 4096;

/// … or after this many bytes.
const WITNESS_BYTES: u64 = 32 << 20;

/// What a log that does not exist yet is created with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLog {
    /// Its identity, drawn at random by the caller.
    pub id: LogId,
    /// The program's version.
    pub version: String,
}

/// A log, opened by its one writer.
pub struct Opened<S: Storage> {
    /// The log.
    pub journal: Journal<S>,
    /// Whether it was created just now.
    pub created: bool,
    /// The torn tail that was cut off and recorded. More than one only if a recovery was itself
    /// interrupted.
    pub recovered: Vec<TornTail>,
}

/// Whether a missing log is created.
enum Missing {
    Create(NewLog),
    Fail,
}

/// The log in the files of [`Storage`], held by its one writer.
pub struct Journal<S: Storage> {
    storage: S,
    header: Header,
    mark: Mark,
    /// Where the last frame begins.
    before: Mark,
    sealed: Mark,
    past: Past,
    /// The entry that the checkpoint holds the state of; none where there is none.
    checkpointed: Sequence,
    /// Places to begin reading at, ascending.
    index: Vec<Mark>,
    poisoned: bool,
    buffer: Vec<u8>,
}

impl<S: Storage> Journal<S> {
    /// Takes the lock and creates a log where there is none; its first entry is given to `fold`.
    pub fn create<E: From<LogError>>(
        mut storage: S,
        time: Timestamp,
        new: NewLog,
        mut fold: impl FnMut(Entry) -> Result<(), E>,
    ) -> Result<Self, E> {
        lock(&mut storage)?;
        let examination = Examination::begin(&storage)?;
        match examination.action() {
            Action::Create => Ok(Self::begin(storage, time, new, &mut fold)?),
            Action::Open | Action::Heal | Action::Refuse(_) => Err(LogError::Exists {
                path: storage.locate(LogFile::Log),
            }
            .into()),
        }
    }

    /// Takes the lock, reads the log once from its start, giving every entry to `fold`, and heals a
    /// torn tail; the entry that records it is given to `fold` too.
    pub fn open<E: From<LogError>>(
        storage: S,
        time: Timestamp,
        mut fold: impl FnMut(Entry) -> Result<(), E>,
    ) -> Result<Opened<S>, E> {
        Self::start(storage, time, Missing::Fail, &mut fold)
    }

    /// As [`Self::open`], and creates the log when there is neither a log nor a witness.
    pub fn open_or_create<E: From<LogError>>(
        storage: S,
        time: Timestamp,
        new: NewLog,
        mut fold: impl FnMut(Entry) -> Result<(), E>,
    ) -> Result<Opened<S>, E> {
        Self::start(storage, time, Missing::Create(new), &mut fold)
    }

    fn start<E: From<LogError>>(
        mut storage: S,
        time: Timestamp,
        missing: Missing,
        fold: &mut dyn FnMut(Entry) -> Result<(), E>,
    ) -> Result<Opened<S>, E> {
        lock(&mut storage)?;
        let mut examination = Examination::begin(&storage)?;
        examination.advance(&storage, &mut |entry, _| fold(entry))?;
        match (examination.action(), missing) {
            (Action::Create, Missing::Create(new)) => {
                let journal = Self::begin(storage, time, new, fold)?;
                Ok(Opened {
                    journal,
                    created: true,
                    recovered: Vec::new(),
                })
            }
            _ => Self::open_examined(storage, time, examination, fold),
        }
    }

    /// Opens a log that was read to its end under the lock; only what recovery adds is given to
    /// `fold`.
    pub(crate) fn open_examined<E: From<LogError>>(
        mut storage: S,
        time: Timestamp,
        examination: Examination,
        mut fold: impl FnMut(Entry) -> Result<(), E>,
    ) -> Result<Opened<S>, E> {
        match examination.action() {
            Action::Refuse(rule) => {
                Err(LogError::Refused(examination.refusal(&storage, rule)).into())
            }
            Action::Create => Err(LogError::NotFound {
                path: storage.locate(LogFile::Log),
            }
            .into()),
            Action::Open => Self::resume(storage, time, examination, &mut fold),
            Action::Heal => {
                let offset = examination.mark().offset;
                cut_off_tail(&mut storage, offset)?;
                Self::resume(storage, time, examination, &mut fold)
            }
        }
    }

    /// Writes a log of one entry. It appears under its name with that entry or not at all.
    fn begin<E: From<LogError>>(
        mut storage: S,
        time: Timestamp,
        new: NewLog,
        fold: &mut dyn FnMut(Entry) -> Result<(), E>,
    ) -> Result<Self, E> {
        let header = Header { log: new.id };
        let mark = Mark::first(header);
        let mut buffer = header.encode().to_vec();
        let event = Event::LogCreated {
            log: new.id,
            version: new.version,
        };
        let mut past = Past::default();
        past.see(&event);
        let (entry, mark) = push_frame(&mut buffer, mark, time, event)?;
        sweep(&mut storage)?;
        storage
            .replace(LogFile::Log, &buffer)
            .map_err(LogError::storage(&storage, LogFile::Log, "creating"))?;
        let mut journal = Self {
            storage,
            header,
            mark,
            before: Mark::first(header),
            sealed: Mark::first(header),
            past,
            checkpointed: Sequence::NONE,
            index: vec![Mark::first(header)],
            poisoned: false,
            buffer,
        };
        journal.seal()?;
        fold(entry)?;
        Ok(journal)
    }

    /// Makes a log that is whole again the writer's own.
    fn resume<E: From<LogError>>(
        mut storage: S,
        time: Timestamp,
        examination: Examination,
        fold: &mut dyn FnMut(Entry) -> Result<(), E>,
    ) -> Result<Opened<S>, E> {
        let (Some(header), Some(sealed)) = (examination.header(), examination.witnessed()) else {
            return Err(LogError::NotFound {
                path: storage.locate(LogFile::Log),
            }
            .into());
        };
        sweep(&mut storage)?;
        let (mark, before) = (examination.mark(), examination.before());
        let checkpointed = examination.checkpointed();
        let (index, past) = examination.into_parts();
        rewrite(&mut storage, sealed.offset, mark.offset)?;
        let kept = kept_tails(&storage, mark.offset)?;
        let mut journal = Self {
            storage,
            header,
            mark,
            before,
            sealed,
            past,
            checkpointed,
            index,
            poisoned: false,
            buffer: Vec::new(),
        };
        if !kept.is_empty() {
            let events = kept.iter().map(|tail| tail.event()).collect();
            for entry in journal.append(mark.sequence.next(), time, events)? {
                fold(entry)?;
            }
        }
        journal.seal()?;
        Ok(Opened {
            journal,
            created: false,
            recovered: kept,
        })
    }

    /// Replaces the witness, so that it names the last entry. To be called at the end of a run; the
    /// journal does it by itself when it is opened and each 4,096 entries.
    pub fn seal(&mut self) -> Result<(), LogError> {
        if self.poisoned {
            return Err(LogError::Poisoned {
                path: self.storage.locate(LogFile::Log),
            });
        }
        let Mark { sequence, hash, .. } = self.mark;
        // Without an entry since the last witness there is one already: a log has its first entry
        // before its first witness.
        if self.sealed != self.mark {
            let witness = Witness { sequence, hash }.encode();
            if let Err(error) = self.storage.replace(LogFile::Head, witness.as_bytes()) {
                self.poisoned = true;
                return Err(LogError::storage(&self.storage, LogFile::Head, "replacing")(error));
            }
            self.sealed = self.mark;
        }
        Ok(())
    }

    /// Writes a checkpoint if there is something to be gained by it: opening folds fewer entries in
    /// less time than replacing the file takes.
    pub fn leave_checkpoint(&mut self, state: &State) -> Result<(), LogError> {
        if self.mark.sequence.0 - self.checkpointed.0 < CHECKPOINT_ENTRIES {
            return Ok(());
        }
        self.write_checkpoint(state)
    }

    /// Writes a checkpoint of `state`, which must be the one after this log's last entry.
    ///
    /// Seals the log first, so that the witness never lies before the checkpoint.
    pub fn write_checkpoint(&mut self, state: &State) -> Result<(), LogError> {
        if state.log() != Some(self.header.log) || state.tip() != self.mark.sequence {
            return Err(LogError::Conflict {
                expected: state.tip(),
                due: self.mark.sequence,
            });
        }
        self.seal()?;
        let sequence = self.mark.sequence;
        let checkpoint = Checkpoint {
            log: self.header.log,
            before: self.before,
            mark: self.mark,
            past: Cow::Borrowed(&self.past),
            state: Cow::Borrowed(state),
        };
        let bytes = checkpoint
            .encode()
            .map_err(|source| LogError::Encode { sequence, source })?;
        let replacing = self.storage.replace(LogFile::Checkpoint, &bytes);
        replacing.map_err(LogError::storage(
            &self.storage,
            LogFile::Checkpoint,
            "replacing",
        ))?;
        self.checkpointed = sequence;
        Ok(())
    }

    /// Seals the log, and gives the lock back.
    pub fn close(mut self) -> Result<(), LogError> {
        self.seal()
    }
}
