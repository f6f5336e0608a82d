//! Frames and their entries out of bytes that come block by block.
//!
//! What always holds here: an entry is made only of a frame whose header, sequence number, hash and
//! encoding hold, and nothing is made of what stands behind one that does not. Deliberately absent:
//! files and threads.

use crate::Entry;

use super::codec;
use super::frame::{FrameHeader, HASH_BYTES, PAYLOAD_BYTES_MAX};
use super::walk::{Halt, Mark, Portion};

/// The place that was reached, and the bytes behind it so far.
pub(super) struct Frames {
    mark: Mark,
    end: u64,
    buffer: Vec<u8>,
}

/// What a look at the next frame gives.
enum Next {
    Entry(Entry, usize),
    Halt(Halt),
    /// The frame holds, and its payload does not; it may name the version that wrote it.
    Undecodable(Option<String>),
    /// More bytes are needed: this many for the whole frame.
    Needs(usize),
}

impl Frames {
    /// A buffer that an uncommonly large frame has left is not kept.
    const KEPT_BYTES: usize = 1 << 20;

    /// Begins at `mark`; the file's first `end` bytes will come.
    pub(super) fn new(mark: Mark, end: u64) -> Self {
        Self {
            mark,
            end,
            buffer: Vec::new(),
        }
    }

    /// Takes in the next block; an empty one says that there are no more.
    pub(super) fn feed(&mut self, block: &[u8]) -> Portion {
        self.buffer.extend_from_slice(block);
        let mut portion = Portion::default();
        let mut taken = 0;
        loop {
            match self.next(self.buffer.get(taken..).unwrap_or_default()) {
                Next::Entry(entry, size) => {
                    taken += size;
                    self.mark = Mark {
                        sequence: entry.sequence,
                        hash: entry.hash,
                        offset: self.mark.offset + size as u64,
                    };
                    portion.entries.push_back((entry, self.mark));
                }
                Next::Halt(halt) => {
                    portion.halt = Some(halt);
                    break;
                }
                Next::Undecodable(version) => {
                    portion.halt = Some(Halt::Undecodable);
                    portion.undecodable_by = version;
                    break;
                }
                Next::Needs(_) if block.is_empty() => {
                    portion.halt = Some(Halt::Short);
                    break;
                }
                Next::Needs(size) => {
                    self.buffer.drain(..taken);
                    if self.buffer.is_empty() {
                        self.buffer.shrink_to(Self::KEPT_BYTES);
                    }
                    self.buffer
                        .reserve_exact(size.saturating_sub(self.buffer.len()));
                    break;
                }
            }
        }
        portion
    }

    /// What stands in `bytes`, which begin at the place that was reached.
    fn next(&self, bytes: &[u8]) -> Next {
        let Mark {
            sequence,
            hash: previous,
            offset,
        } = self.mark;
        let left = self.end.saturating_sub(offset);
        if left == 0 {
            return Next::Halt(Halt::Boundary);
        }
        if left < FrameHeader::SIZE_BYTES as u64 {
            return Next::Halt(Halt::Short);
        }
        let Some(start) = bytes.first_chunk() else {
            return Next::Needs(FrameHeader::SIZE_BYTES);
        };
        let Some(header) = FrameHeader::decode(start) else {
            return Next::Halt(Halt::Bad);
        };
        let sequence = sequence.next();
        if header.sequence != sequence.0 {
            return Next::Halt(Halt::SequenceGap);
        }
        if header.length > PAYLOAD_BYTES_MAX {
            return Next::Halt(Halt::Oversized);
        }
        if header.frame_bytes() > left {
            return Next::Halt(Halt::Short);
        }
        // At most 64 MiB and 48 bytes, which every usize holds here.
        let size = header.length as usize + FrameHeader::SIZE_BYTES + HASH_BYTES;
        let Some((payload, stored)) = bytes
            .get(FrameHeader::SIZE_BYTES..size)
            .and_then(|rest| rest.split_last_chunk::<HASH_BYTES>())
        else {
            return Next::Needs(size);
        };
        let hash = header.chain(previous, payload);
        if hash.0 != *stored {
            return Next::Halt(Halt::Bad);
        }
        let Ok((time, event)) = codec::decode(payload) else {
            return Next::Undecodable(codec::version_named(payload));
        };
        let entry = Entry {
            sequence,
            time,
            event,
            hash,
        };
        Next::Entry(entry, size)
    }
}
