//! The log in the files of [`Storage`], open as the one writer.
//!
//! What always holds here: an entry that was given back is on disk; after the first failed write or
//! fsync nothing more is appended. Deliberately absent: retries (a kernel may call lost pages clean
//! after a failed fsync), and waiting for the lock.

use std::borrow::Cow;

use crate::event::{Entry, Event};
use crate::id::Sequence;
use crate::log::chain;
use crate::log::error::LogError;
use crate::log::event_log::{Entries, EventLog, NewLog, belongs_to};
use crate::log::file::error::failed;
use crate::log::file::examine::Examination;
use crate::log::file::frame::{BATCH_BYTES, BATCH_ENTRIES_MAX, FrameHeader, HASH_BYTES};
use crate::log::file::head;
use crate::log::file::heal::{cut_off_tail, kept_tails, rewrite, sweep};
use crate::log::file::mark::Mark;
use crate::log::file::read::entries;
use crate::log::file::recovery::{Action, Refusal, Rule};
use crate::log::file::state_cache::{CACHE_ENTRIES, Past, StateCache};
use crate::log::file::storage::{LogFile, Storage};
use crate::log::file::tail::TornTail;
use crate::log::header::Header;
use crate::salt::Salt;
use crate::state::State;
use crate::time::Timestamp;
use crate::tip::Tip;

/// The head is replaced after this many entries, however long the run.
const HEAD_ENTRIES: u64 = 4096;

/// … or after this many bytes.
const HEAD_BYTES: u64 = 32 << 20;

/// The log in the files of [`Storage`], held by its one writer.
pub struct Journal<S: Storage> {
    storage: S,
    mark: Mark,
    /// Where the last frame begins.
    before: Mark,
    sealed: Mark,
    past: Past,
    /// The entry that the state cache holds the state of; none where there is none.
    cached: Sequence,
    /// Places to begin reading at, ascending.
    index: Vec<Mark>,
    recovered: Vec<TornTail>,
    /// After the first failed write or fsync.
    unusable: bool,
    buffer: Vec<u8>,
}

impl<S: Storage> Journal<S> {
    /// Writes a log of one entry, under the lock, where there is none. It appears under its name with
    /// that entry or not at all.
    pub(crate) fn begin(
        mut storage: S,
        time: Timestamp,
        new: NewLog,
    ) -> Result<(Self, Entry), LogError> {
        let header = Header { log: new.id };
        let first = Mark::first(header);
        let mut buffer = header.encode().to_vec();
        let event = Event::LogCreated {
            log: new.id,
            version: new.version,
        };
        let mut past = Past::default();
        past.see(&event);
        let (entry, mark) = push_frame(&mut buffer, first, time, event, None)?;
        sweep(&mut storage)?;
        storage.replace(LogFile::Log, &buffer).map_err(failed(
            &storage,
            LogFile::Log,
            "creating",
        ))?;
        let mut journal = Self {
            storage,
            mark,
            before: first,
            sealed: first,
            past,
            cached: Sequence::NONE,
            index: vec![first],
            recovered: Vec::new(),
            unusable: false,
            buffer,
        };
        journal.seal()?;
        Ok((journal, entry))
    }

    /// Makes a log that was read to its end under the lock the runner's own, and heals a torn tail;
    /// the entries that recovery adds are given to `fold`.
    pub(crate) fn resume<E: From<LogError>>(
        mut storage: S,
        time: Timestamp,
        examination: Examination,
        mut fold: impl FnMut(Entry) -> Result<(), E>,
    ) -> Result<Self, E> {
        match examination.action() {
            Action::Refuse(rule) => {
                return Err(LogError::from(examination.refusal(&storage, rule)).into());
            }
            Action::Create => return Err(absent(&storage).into()),
            Action::Open => {}
            Action::Heal => cut_off_tail(&mut storage, examination.mark().offset)?,
        }
        let Some(sealed) = examination.covered() else {
            return Err(absent(&storage).into());
        };
        sweep(&mut storage)?;
        let (mark, before) = (examination.mark(), examination.before());
        let cached = examination.cached();
        let (index, past) = examination.into_parts();
        rewrite(&mut storage, sealed.offset, mark.offset)?;
        let recovered = kept_tails(&storage, mark.offset)?;
        let events: Vec<_> = recovered.iter().map(|tail| tail.event()).collect();
        let mut journal = Self {
            storage,
            mark,
            before,
            sealed,
            past,
            cached,
            index,
            recovered,
            unusable: false,
            buffer: Vec::new(),
        };
        if !events.is_empty() {
            for entry in journal.append(mark.tip.sequence.next(), time, events)? {
                fold(entry)?;
            }
        }
        journal.seal()?;
        Ok(journal)
    }

    /// The torn tails that were cut off and recorded when it was opened. More than one only if a
    /// recovery was itself interrupted.
    #[must_use]
    pub fn recovered(&self) -> &[TornTail] {
        &self.recovered
    }

    /// One for the next entry that holds text.
    fn drawn_salt(&mut self) -> Result<Option<Salt>, LogError> {
        let drawn = self.storage.salt();
        drawn.map_err(failed(&self.storage, LogFile::Log, "drawing a salt for"))
    }

    /// Appends entries of another copy of this log as they are, with their times and salts.
    pub fn adopt(&mut self, entries: Vec<Entry>) -> Result<(), LogError> {
        let mut tip = self.mark.tip;
        for entry in &entries {
            (tip, _) = chain::again(tip, entry)?;
        }
        let due = self.mark.tip.sequence.next();
        let adopted = entries.into_iter();
        let adopted = adopted.map(|entry| (entry.time, entry.event, entry.salt));
        self.append_each(due, adopted.collect()).map(drop)
    }

    fn usable(&self) -> Result<(), LogError> {
        if self.unusable {
            return Err(LogError::Unusable {
                place: self.storage.locate(LogFile::Log),
            });
        }
        Ok(())
    }

    /// Replaces the head, so that it names the last entry. To be called at the end of a run; the
    /// journal does it by itself when it is opened and each 4,096 entries.
    pub fn seal(&mut self) -> Result<(), LogError> {
        self.usable()?;
        // Without an entry since the last head there is one already: a log has its first entry
        // before its first head.
        if self.sealed != self.mark {
            self.confirm()?;
            let line = head::encode(self.mark.tip);
            if let Err(error) = self.storage.replace(LogFile::Head, line.as_bytes()) {
                self.unusable = true;
                return Err(failed(&self.storage, LogFile::Head, "replacing")(error));
            }
            self.sealed = self.mark;
        }
        Ok(())
    }

    /// Looks whether the file still ends as it was written, and is what it was when it was last sealed: a
    /// backup that somebody puts in its place meanwhile must not become the truth under a new head.
    fn confirm(&mut self) -> Result<(), LogError> {
        let mut changed = None;
        for mark in [self.sealed, self.mark] {
            let Some(offset) = mark.offset.checked_sub(HASH_BYTES as u64) else {
                continue;
            };
            let mut hash = [0; HASH_BYTES];
            let read = self.storage.read_at(LogFile::Log, offset, &mut hash);
            let read = read.map_err(failed(&self.storage, LogFile::Log, "reading its end"))?;
            if mark.tip.sequence != Sequence::NONE && (read < HASH_BYTES || hash != mark.tip.hash.0)
            {
                changed = changed.or(Some(offset));
            }
        }
        let size = self.storage.size_bytes(LogFile::Log);
        let size = size.map_err(failed(&self.storage, LogFile::Log, "reading its size"))?;
        if size != Some(self.mark.offset) {
            changed = changed.or(Some(self.mark.offset.min(size.unwrap_or(0))));
        }
        let Some(offset_bytes) = changed else {
            return Ok(());
        };
        self.unusable = true;
        Err(Refusal {
            path: self.storage.locate(LogFile::Log),
            offset_bytes,
            rule: Rule::ReplacedMeanwhile,
            written_by: None,
        }
        .into())
    }

    /// Writes a state cache of `state`, which must be the one after this log's last entry.
    ///
    /// Seals the log first, so that the head never lies before the state cache.
    pub fn write_cache(&mut self, state: &State) -> Result<(), LogError> {
        let sequence = self.mark.tip.sequence;
        belongs_to(state, self.mark.tip)?;
        self.seal()?;
        let cache = StateCache {
            before: self.before,
            mark: self.mark,
            past: Cow::Borrowed(&self.past),
            index: Cow::Borrowed(&self.index),
            state: Cow::Borrowed(state),
        };
        let bytes = cache.encode()?;
        let replacing = self.storage.replace(LogFile::Cache, &bytes);
        replacing.map_err(failed(&self.storage, LogFile::Cache, "replacing"))?;
        self.cached = sequence;
        Ok(())
    }
}

fn absent<S: Storage>(storage: &S) -> LogError {
    LogError::Absent {
        place: storage.locate(LogFile::Log),
    }
}

impl<S: Storage> EventLog for Journal<S> {
    fn tip(&self) -> Tip {
        self.mark.tip
    }

    fn append(
        &mut self,
        expected: Sequence,
        time: Timestamp,
        events: Vec<Event>,
    ) -> Result<Vec<Entry>, LogError> {
        let mut salted = Vec::with_capacity(events.len());
        for event in events {
            let salt = match event.holds_text() {
                true => self.drawn_salt()?,
                false => None,
            };
            salted.push((time, event, salt));
        }
        self.append_each(expected, salted)
    }

    fn read_from(&self, first: Sequence) -> Entries<'_> {
        entries(&self.storage, &self.index, self.mark, first)
    }

    fn cache(&mut self, state: &State) -> Result<(), LogError> {
        if self.mark.tip.sequence.0 - self.cached.0 < CACHE_ENTRIES {
            return belongs_to(state, self.mark.tip);
        }
        self.write_cache(state)
    }

    fn close(mut self) -> Result<(), LogError> {
        self.seal()
    }
}

/// Appends the frame of `event`, which follows `mark`, to `buffer`.
fn push_frame(
    buffer: &mut Vec<u8>,
    mark: Mark,
    time: Timestamp,
    event: Event,
    salt: Option<Salt>,
) -> Result<(Entry, Mark), LogError> {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; FrameHeader::SIZE_BYTES]);
    let payload = start + FrameHeader::SIZE_BYTES;
    let tip = chain::extend(mark.tip, time, &event, salt, buffer)?;
    let Tip { sequence, hash, .. } = tip;
    let header = FrameHeader {
        // What the chain takes in is far below.
        length: u32::try_from(buffer.len() - payload).unwrap_or(u32::MAX),
        sequence: sequence.0,
    };
    buffer[start..payload].copy_from_slice(&header.encode());
    buffer.extend_from_slice(&hash.0);
    let offset = mark.offset + header.frame_bytes();
    let entry = Entry {
        sequence,
        time,
        event,
        salt,
        hash,
    };
    Ok((entry, Mark { tip, offset }))
}

impl<S: Storage> Journal<S> {
    fn append_each(
        &mut self,
        expected: Sequence,
        events: Vec<(Timestamp, Event, Option<Salt>)>,
    ) -> Result<Vec<Entry>, LogError> {
        self.usable()?;
        let due = self.mark.tip.sequence.next();
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
        for (time, event, salt) in events {
            let (entry, next) = push_frame(&mut self.buffer, mark, time, event, salt)?;
            (before, mark) = (mark, next);
            past.see(&entry.event);
            entries.push(entry);
            if mark
                .tip
                .sequence
                .0
                .is_multiple_of(Examination::INDEX_ENTRIES)
            {
                marks.push(mark);
            }
            let batch = writes.last().map_or(self.mark, |(_, mark)| *mark);
            if mark.tip.sequence.0 - batch.tip.sequence.0 == BATCH_ENTRIES_MAX
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
        if self.mark.tip.sequence.0 - self.sealed.tip.sequence.0 >= HEAD_ENTRIES
            || self.mark.offset - self.sealed.offset >= HEAD_BYTES
        {
            self.seal()?;
        }
        Ok(entries)
    }

    /// Writes and syncs the frames in `self.buffer[range]`, which end at `mark`.
    fn write(&mut self, range: std::ops::Range<usize>, mark: Mark) -> Result<(), LogError> {
        let failed = failed::<S>;
        if let Err(error) = self.storage.append(LogFile::Log, &self.buffer[range]) {
            self.unusable = true;
            let error = failed(&self.storage, LogFile::Log, "appending")(error);
            // So that readers see a whole log until the next start. Should it fail, that start finds
            // a torn tail and heals it; the first error is the one to report.
            self.storage.truncate(LogFile::Log, self.mark.offset).ok();
            return Err(error);
        }
        if let Err(error) = self.storage.sync(LogFile::Log) {
            self.unusable = true;
            return Err(failed(&self.storage, LogFile::Log, "syncing")(error));
        }
        self.mark = mark;
        Ok(())
    }
}
