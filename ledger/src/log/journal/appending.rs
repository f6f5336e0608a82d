//! Appending to a journal, and reading back what was appended. Everything is encoded before anything is
//! written; what was written is on disk before it counts.

use crate::event::{Entry, Event};
use crate::id::{LogId, Sequence};
use crate::time::Timestamp;

use super::super::codec;
use super::super::error::{LogError, Refusal, Rule};
use super::super::event_log::{EventLog, Tip};
use super::super::examine::Examination;
use super::super::frame::{FrameHeader, PAYLOAD_BYTES_MAX};
use super::super::storage::{LogFile, Storage};
use super::super::walk::{Halt, Mark, Step, Walk};
use super::{BATCH_BYTES, BATCH_ENTRIES_MAX, Journal, WITNESS_BYTES, WITNESS_ENTRIES};

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
pub(super) fn push_frame(
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
