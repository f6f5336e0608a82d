//! The comparison of what was sent with what the server gives back: many READs under way, one
//! SHA-256 over the bytes in their order. Memory is bounded by the window of the pipeline.

use std::collections::BTreeMap;
use std::io;

use openssl::sha::Sha256;
use thiserror::Error;

use super::super::answer::{Answer, Piece, ReadingBack};
use super::super::outbox::{Flow, Requests};
use crate::effects::sftp::wire::status::{Status, StatusCode};
use crate::effects::source::{Available, Source};

/// SHA-256, 32 bytes.
pub(super) type Sum = [u8; 32];

/// The running sum of what is sent.
pub(super) struct Hashing(Sha256);

impl Hashing {
    pub(super) fn new() -> Self {
        Self(Sha256::new())
    }

    /// `source`, with every byte that is read from it added to the sum.
    pub(super) fn over<'a>(&'a mut self, source: &'a mut dyn Source) -> Hashed<'a> {
        Hashed {
            source,
            sum: &mut self.0,
        }
    }

    pub(super) fn finish(self) -> Sum {
        self.0.finish()
    }
}

/// A source that is summed up while it is read.
pub(super) struct Hashed<'a> {
    source: &'a mut dyn Source,
    sum: &'a mut Sha256,
}

impl Source for Hashed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Available> {
        let available = self.source.read(buffer)?;
        if let Available::Bytes(count) = available {
            self.sum.update(buffer.get(..count).unwrap_or_default());
        }
        Ok(available)
    }

    fn restart(&mut self) -> io::Result<()> {
        *self.sum = Sha256::new();
        self.source.restart()
    }
}

/// How the file at the server differs from what was sent, as far as one piece shows it.
#[derive(Debug, Error)]
pub(super) enum Difference {
    /// Nothing came, and no refusal.
    #[error("it gives nothing at byte {offset}")]
    Empty { offset: u64 },
    /// More came than was asked for.
    #[error("it gives {count} bytes where {length} were asked for")]
    TooMuch { count: usize, length: u32 },
    /// It goes on where it should end.
    #[error("it is longer than {size_bytes} bytes")]
    Long { size_bytes: u64 },
    /// It ends where it should go on.
    #[error("it ends before byte {offset}")]
    Short { offset: u64 },
    /// A part of it cannot be had.
    #[error("it cannot be read at byte {offset}: {status}")]
    Unreadable { offset: u64, status: Status },
}

/// What was read back of a file.
pub(super) struct ReadBack {
    sum: Sha256,
    size_bytes: u64,
    /// Up to where it was asked for; one more than its size when the end was asked for, too.
    asked: u64,
    /// Up to where it is in the sum.
    summed: u64,
    /// Pieces that came before those in front of them.
    early: BTreeMap<u64, Vec<u8>>,
    held_bytes: usize,
    ended: bool,
}

impl ReadBack {
    /// A file of that size.
    pub(super) fn new(size_bytes: u64) -> Self {
        Self {
            sum: Sha256::new(),
            size_bytes,
            asked: 0,
            summed: 0,
            early: BTreeMap::new(),
            held_bytes: 0,
            ended: false,
        }
    }

    /// Bytes that count against the window.
    pub(super) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Asks for the next piece; the last one is the byte that must not be there.
    pub(super) fn ask(&mut self, handle: &[u8], room: usize, out: &mut Requests<'_>) -> Flow {
        if self.asked > self.size_bytes {
            return Flow::End;
        }
        let left = (self.size_bytes - self.asked).max(1);
        let length = u32::try_from(left.min(room as u64)).unwrap_or(u32::MAX);
        ask(handle, self.asked, length, out);
        self.asked += u64::from(length);
        if self.asked > self.size_bytes {
            Flow::End
        } else {
            Flow::More
        }
    }

    /// Takes a piece. A server may give fewer bytes than it was asked for: the rest is asked for once
    /// more. A refusal at the end of the file is the right answer, whatever its words.
    pub(super) fn take(
        &mut self,
        piece: Piece,
        handle: &[u8],
        out: &mut Requests<'_>,
    ) -> Result<(), Difference> {
        let Piece { offset, length, .. } = piece;
        let bytes = match piece.bytes {
            Ok(bytes) => bytes,
            Err(_) if offset == self.size_bytes => {
                self.ended = true;
                return Ok(());
            }
            Err(status) if status.code == StatusCode::EOF => {
                return Err(Difference::Short { offset });
            }
            Err(status) => return Err(Difference::Unreadable { offset, status }),
        };
        let count = match u32::try_from(bytes.len()) {
            Ok(0) => return Err(Difference::Empty { offset }),
            Ok(count) if count <= length => count,
            Ok(_) | Err(_) => {
                let count = bytes.len();
                return Err(Difference::TooMuch { count, length });
            }
        };
        let end = offset + u64::from(count);
        if end > self.size_bytes {
            let size_bytes = self.size_bytes;
            return Err(Difference::Long { size_bytes });
        }
        if count < length {
            ask(handle, end, length - count, out);
        }
        if offset != self.summed {
            self.held_bytes += bytes.len();
            out.outbox.hold(bytes.len());
            self.early.insert(offset, bytes);
            return Ok(());
        }
        self.add(&bytes);
        while let Some(next) = self.early.remove(&self.summed) {
            self.held_bytes -= next.len();
            out.outbox.release(next.len());
            self.add(&next);
        }
        Ok(())
    }

    fn add(&mut self, bytes: &[u8]) {
        self.sum.update(bytes);
        self.summed += bytes.len() as u64;
    }

    /// Whether every byte and the end were read.
    pub(super) fn is_complete(&self) -> bool {
        self.ended && self.summed == self.size_bytes
    }

    pub(super) fn finish(self) -> Sum {
        self.sum.finish()
    }
}

fn ask(handle: &[u8], offset: u64, length: u32, out: &mut Requests<'_>) {
    out.read(handle, offset, length, |piece| {
        Answer::ReadingBack(ReadingBack::Read(piece))
    });
}
