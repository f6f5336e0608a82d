//! The log in the files of [`Storage`], open as the one writer.
//!
//! What always holds here: an entry that was given back is on disk; after the first failed write or
//! fsync nothing more is appended. Deliberately absent: retries (a kernel may call lost pages clean
//! after a failed fsync), and waiting for the lock.

use std::borrow::Cow;

use crate::event::{Entry, Event};
use crate::id::{LogId, Sequence};
use crate::state::State;
use crate::time::Timestamp;

use crate::log::codec;
use crate::log::error::LogError;
use crate::log::event_log::{EventLog, Tip};
use crate::log::header::Header;

use crate::log::file::examine::Examination;
use crate::log::file::frame::{BATCH_BYTES, BATCH_ENTRIES_MAX, FrameHeader, PAYLOAD_BYTES_MAX};
use crate::log::file::head::Witness;
use crate::log::file::heal::{cut_off_tail, kept_tails, lock, rewrite, sweep};
use crate::log::file::mark::{Halt, Mark};
use crate::log::file::recovery::{Action, Refusal, Rule};
use crate::log::file::state_cache::{Checkpoint, Past};
use crate::log::file::storage::{LogFile, Storage};
use crate::log::file::tail::TornTail;
use crate::log::file::walk::{Step, Walk};

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

impl<S: Storage> EventLog for Journal<S> {
    fn tip(&self) -> Tip {
        Tip {
            sequence: self.mark.sequence,
            hash: self.mark.hash,
        }
    }

    fn log_id(&self) -> LogId {
        self.header.log
    }

    fn append(
        &mut self,
        expected: Sequence,
        time: Timestamp,
        events: Vec<Event>,
    ) -> Result<Vec<Entry>, LogError> {
        if self.poisoned {
            return Err(LogError::Poisoned {
                path: self.storage.locate(LogFile::Log),
            });
        }
        let due = self.mark.sequence.next();
        if expected != due {
            return Err(LogError::Conflict { expected, due });
        }
        // All are encoded before any is written: an event that cannot be leaves nothing behind.
        self.buffer.clear();
        let mut entries = Vec::with_capacity(events.len());
        let mut writes: Vec<(usize, Mark)> = Vec::new();
        let mut mark = self.mark;
        let mut marks = Vec::new();
        let (mut before, mut past) = (self.before, self.past.clone());
        for event in events {
            let (entry, next) = push_frame(&mut self.buffer, mark, time, event)?;
            (before, mark) = (mark, next);
            past.see(&entry.event);
            entries.push(entry);
            if mark.sequence.0.is_multiple_of(Examination::INDEX_ENTRIES) {
                marks.push(mark);
            }
            let batch = writes.last().map_or(self.mark, |(_, mark)| *mark);
            if mark.sequence.0 - batch.sequence.0 == BATCH_ENTRIES_MAX
                || mark.offset - batch.offset >= BATCH_BYTES
            {
                writes.push((self.buffer.len(), mark));
            }
        }
        writes.push((self.buffer.len(), mark));
        let mut written = 0;
        for (end, mark) in writes {
            if end > written {
                self.write(written..end, mark)?;
                written = end;
            }
        }
        (self.before, self.past) = (before, past);
        self.index.extend(marks);
        if self.mark.sequence.0 - self.sealed.sequence.0 >= WITNESS_ENTRIES
            || self.mark.offset - self.sealed.offset >= WITNESS_BYTES
        {
            self.seal()?;
        }
        Ok(entries)
    }

    fn read_from(&self, first: Sequence) -> Box<dyn Iterator<Item = Result<Entry, LogError>> + '_> {
        let before = self.index.partition_point(|mark| mark.sequence < first);
        let first_frame = Mark::first(self.header);
        let from = self
            .index
            .get(before.saturating_sub(1))
            .copied()
            .unwrap_or(first_frame);
        let mut walk = Walk::new(&self.storage, from, self.mark.offset);
        let mut ended = false;
        let entries = std::iter::from_fn(move || {
            if ended {
                return None;
            }
            match walk.step() {
                Ok(Step::Entry(entry)) => Some(Ok(entry)),
                Ok(Step::Halt(Halt::Boundary)) => None,
                Ok(Step::Halt(_)) => {
                    ended = true;
                    Some(Err(LogError::Refused(Refusal {
                        path: self.storage.locate(LogFile::Log),
                        offset_bytes: walk.mark().offset,
                        rule: Rule::ChangedSinceOpening,
                        written_by: None,
                    })))
                }
                Err(error) => {
                    ended = true;
                    Some(Err(error))
                }
            }
        });
        Box::new(
            entries
                .skip_while(move |entry| entry.as_ref().is_ok_and(|entry| entry.sequence < first)),
        )
    }
}

/// Appends the frame of `event`, which follows `mark`, to `buffer`.
fn push_frame(
    buffer: &mut Vec<u8>,
    mark: Mark,
    time: Timestamp,
    event: Event,
) -> Result<(Entry, Mark), LogError> {
    let sequence = mark.sequence.next();
    let start = buffer.len();
    buffer.extend_from_slice(&[0; FrameHeader::SIZE_BYTES]);
    let payload = start + FrameHeader::SIZE_BYTES;
    codec::encode(time, &event, buffer).map_err(|source| LogError::Encode { sequence, source })?;
    let size_bytes = buffer.len() - payload;
    let length = u32::try_from(size_bytes)
        .ok()
        .filter(|length| *length <= PAYLOAD_BYTES_MAX);
    let Some(length) = length else {
        return Err(LogError::TooLarge {
            sequence,
            size_bytes,
            max_bytes: PAYLOAD_BYTES_MAX,
        });
    };
    let header = FrameHeader {
        length,
        sequence: sequence.0,
    };
    buffer[start..payload].copy_from_slice(&header.encode());
    let hash = header.chain(mark.hash, &buffer[payload..]);
    buffer.extend_from_slice(&hash.0);
    let offset = mark.offset + header.frame_bytes();
    Ok((
        Entry {
            sequence,
            time,
            event,
            hash,
        },
        Mark {
            sequence,
            hash,
            offset,
        },
    ))
}

impl<S: Storage> Journal<S> {
    /// Writes and syncs the frames in `self.buffer[range]`, which end at `mark`.
    fn write(&mut self, range: std::ops::Range<usize>, mark: Mark) -> Result<(), LogError> {
        let failed = LogError::storage::<S>;
        if let Err(error) = self.storage.append(LogFile::Log, &self.buffer[range]) {
            self.poisoned = true;
            let error = failed(&self.storage, LogFile::Log, "appending")(error);
            // So that readers see a whole log until the next start. Should it fail, that start finds
            // a torn tail and heals it; the first error is the one to report.
            self.storage.truncate(LogFile::Log, self.mark.offset).ok();
            return Err(error);
        }
        if let Err(error) = self.storage.sync(LogFile::Log) {
            self.poisoned = true;
            return Err(failed(&self.storage, LogFile::Log, "syncing")(error));
        }
        self.mark = mark;
        Ok(())
    }
}
