//! The walk along the chain of frames, forwards, once, in constant memory.
//!
//! What always holds here: an entry is given out only when its header's checksum, its sequence
//! number, its hash over everything before it, and its bytes against its own encoding all hold.
//! Deliberately absent: what follows when one of them does not (`tail`, `recovery`).

use serde::{Deserialize, Serialize};

use crate::{Digest, Entry, Sequence};

use super::codec;
use super::error::LogError;
use super::frame::{FrameHeader, HASH_BYTES, PAYLOAD_BYTES_MAX};
use super::header::Header;
use super::storage::{LogFile, Storage};

/// A place between two frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// The entry before it.
    pub(crate) sequence: Sequence,
    /// That entry's hash, or the header's.
    pub(crate) hash: Digest,
    /// Where the next frame begins, in bytes.
    pub(crate) offset: u64,
}

impl Mark {
    /// The place before the first frame.
    pub(crate) fn first(header: Header) -> Self {
        Self {
            sequence: Sequence::NONE,
            hash: header.hash(),
            offset: Header::SIZE_BYTES as u64,
        }
    }
}

/// Why a walk ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    /// The file ends here.
    Boundary,
    /// The file ends within this frame.
    Short,
    /// The frame's header or hash does not hold.
    Bad,
    /// The frame's header holds and has another sequence number.
    SequenceGap,
    /// The frame's header holds and announces too much.
    Oversized,
    /// The hash holds, and the payload does not.
    Undecodable,
}

/// One step of a walk.
pub(crate) enum Step {
    Entry(Entry),
    Halt(Halt),
}

/// A walk from a place in the log to its end.
pub(crate) struct Walk<'s, S: ?Sized> {
    storage: &'s S,
    mark: Mark,
    end: u64,
    buffer: Vec<u8>,
    origin: u64,
    filled: usize,
    undecodable_by: Option<String>,
}

impl<'s, S: Storage + ?Sized> Walk<'s, S> {
    const BLOCK_BYTES: usize = 256 << 10;

    /// Begins at `mark`, which must lie between two frames, and sees the file's first `end` bytes.
    pub(crate) fn new(storage: &'s S, mark: Mark, end: u64) -> Self {
        Self {
            storage,
            mark,
            end,
            buffer: Vec::new(),
            origin: mark.offset,
            filled: 0,
            undecodable_by: None,
        }
    }

    /// How far the walk has come.
    pub(crate) fn mark(&self) -> Mark {
        self.mark
    }

    /// The version that the payload names at which the walk ended as undecodable, if it names one.
    pub(crate) fn undecodable_by(self) -> Option<String> {
        self.undecodable_by
    }

    /// The next entry, or why there is none.
    pub(crate) fn step(&mut self) -> Result<Step, LogError> {
        let Mark {
            sequence,
            hash: previous,
            offset,
        } = self.mark;
        let left = self.end.saturating_sub(offset);
        if left == 0 {
            return Ok(Step::Halt(Halt::Boundary));
        }
        let Some(start) = self.window(offset, FrameHeader::SIZE_BYTES)?.first_chunk() else {
            return Ok(Step::Halt(Halt::Short));
        };
        let Some(header) = FrameHeader::decode(start) else {
            return Ok(Step::Halt(Halt::Bad));
        };
        if header.sequence != sequence.next().0 {
            return Ok(Step::Halt(Halt::SequenceGap));
        }
        if header.length > PAYLOAD_BYTES_MAX {
            return Ok(Step::Halt(Halt::Oversized));
        }
        if header.frame_bytes() > left {
            return Ok(Step::Halt(Halt::Short));
        }
        // At most 64 MiB and 48 bytes, which every usize holds here.
        let size = header.length as usize + FrameHeader::SIZE_BYTES + HASH_BYTES;
        let frame = self.window(offset, size)?;
        let (Some(payload), Some(stored)) = (
            frame.get(FrameHeader::SIZE_BYTES..size - HASH_BYTES),
            frame.last_chunk::<HASH_BYTES>(),
        ) else {
            return Ok(Step::Halt(Halt::Short));
        };
        let hash = header.chain(previous, payload);
        if frame.len() != size || hash.0 != *stored {
            return Ok(Step::Halt(Halt::Bad));
        }
        let Ok((time, event)) = codec::decode(payload) else {
            self.undecodable_by = codec::version_named(payload);
            return Ok(Step::Halt(Halt::Undecodable));
        };
        let sequence = sequence.next();
        self.mark = Mark {
            sequence,
            hash,
            offset: offset + header.frame_bytes(),
        };
        Ok(Step::Entry(Entry {
            sequence,
            time,
            event,
            hash,
        }))
    }

    /// The bytes from `offset` on, `size` of them or as many as there are.
    fn window(&mut self, offset: u64, size: usize) -> Result<&[u8], LogError> {
        let left = usize::try_from(self.end.saturating_sub(offset)).unwrap_or(usize::MAX);
        let size = size.min(left);
        let mut skip = usize::try_from(offset - self.origin).unwrap_or(usize::MAX);
        if self.filled.saturating_sub(skip) < size {
            let kept = self.filled.saturating_sub(skip);
            if kept > 0 {
                self.buffer.copy_within(skip..self.filled, 0);
            }
            self.origin = offset;
            skip = 0;
            let wanted = size.max(Self::BLOCK_BYTES).min(left);
            if self.buffer.len() < wanted {
                self.buffer.resize(wanted, 0);
            }
            let read = self
                .storage
                .read_at(
                    LogFile::Log,
                    offset + kept as u64,
                    &mut self.buffer[kept..wanted],
                )
                .map_err(LogError::storage(self.storage, LogFile::Log, "reading"))?;
            self.filled = kept + read;
        }
        Ok(&self.buffer[skip..self.filled.min(skip + size)])
    }
}
