//! Frames and their entries out of bytes that come block by block.
//!
//! What always holds here: an entry is made only of a frame whose header, sequence number, hash and
//! encoding hold, and nothing is made of what stands behind one that does not. Deliberately absent:
//! files and threads.

use std::collections::VecDeque;

use crate::digest::Digest;
use crate::event::Entry;

use crate::log::chain::{self, ChainError, PAYLOAD_BYTES_MAX};
use crate::log::file::frame::{FrameHeader, HASH_BYTES};
use crate::log::file::mark::{Halt, Mark, Portion};
use crate::tip::Tip;

/// The place that was reached, and the bytes behind it so far, which are less than a frame.
pub(super) struct Frames {
    mark: Mark,
    end: u64,
    /// What is there of a frame that goes on in the next block.
    begun: Vec<u8>,
    /// How many entries ended in the last block.
    entries: usize,
}

/// What became of a frame: its size, or the size that it needs.
enum Taken {
    Entry(usize),
    Halt,
    Needs(usize),
}

/// What a look at the next frame gives.
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time, and nearly always the large one"
)]
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
            begun: Vec::new(),
            entries: 0,
        }
    }

    /// Takes in the next block; an empty one says that there are no more.
    pub(super) fn feed(&mut self, mut block: &[u8]) -> Portion {
        let is_last = block.is_empty();
        let mut portion = Portion {
            entries: VecDeque::with_capacity(self.entries),
            ..Portion::default()
        };
        // First the frame that began in an earlier block, …
        let mut begun = std::mem::take(&mut self.begun);
        while !begun.is_empty() {
            match self.take(&begun, &mut portion) {
                Taken::Entry(_) => begun.clear(),
                Taken::Halt => return portion,
                Taken::Needs(_) if block.is_empty() => break,
                Taken::Needs(size) => {
                    let missing = size.saturating_sub(begun.len());
                    let (more, rest) = block.split_at(missing.min(block.len()));
                    begun.reserve_exact(missing);
                    begun.extend_from_slice(more);
                    block = rest;
                }
            }
        }
        // … then those that lie in this one.
        if begun.is_empty() {
            loop {
                match self.take(block, &mut portion) {
                    Taken::Entry(size) => block = block.get(size..).unwrap_or_default(),
                    Taken::Halt => return portion,
                    Taken::Needs(_) => break,
                }
            }
            begun.shrink_to(Self::KEPT_BYTES);
            begun.extend_from_slice(block);
        }
        self.begun = begun;
        self.entries = portion.entries.len();
        if is_last {
            portion.halt = Some(Halt::Short);
        }
        portion
    }

    /// Takes the frame at the start of `bytes`, which begin at the place that was reached.
    fn take(&mut self, bytes: &[u8], portion: &mut Portion) -> Taken {
        match self.next(bytes) {
            Next::Entry(entry, size) => {
                self.mark = Mark {
                    tip: Tip {
                        sequence: entry.sequence,
                        hash: entry.hash,
                        ..self.mark.tip
                    },
                    offset: self.mark.offset + size as u64,
                };
                portion.entries.push_back((entry, self.mark));
                Taken::Entry(size)
            }
            Next::Halt(halt) => {
                portion.halt = Some(halt);
                Taken::Halt
            }
            Next::Undecodable(version) => {
                portion.halt = Some(Halt::Undecodable);
                portion.undecodable_by = version;
                Taken::Halt
            }
            Next::Needs(size) => Taken::Needs(size),
        }
    }

    /// What stands in `bytes`, which begin at the place that was reached.
    fn next(&self, bytes: &[u8]) -> Next {
        let Mark { tip, offset } = self.mark;
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
        if header.sequence != tip.sequence.next().0 {
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
        match chain::check(tip, payload, Digest(*stored)) {
            Ok(entry) => Next::Entry(entry, size),
            Err(ChainError::Unknown { written_by, .. }) => Next::Undecodable(written_by),
            Err(
                ChainError::Broken { .. } | ChainError::TooLarge { .. } | ChainError::Encode { .. },
            ) => Next::Halt(Halt::Bad),
        }
    }
}
