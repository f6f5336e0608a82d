//! The comparison of what was sent with what the server gives back: many READs under way, one
//! SHA-256 over the bytes in their order. Memory is bounded by the window of the pipeline.

use std::collections::BTreeMap;
use std::io;

use openssl::sha::Sha256;

use super::super::outbox::{Flow, Requests};
use crate::effects::sftp::wire::status::{Status, StatusCode};
use crate::effects::source::{Available, Source};

/// SHA-256, 32 bytes.
type Sum = [u8; 32];

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

/// A file that is being read back.
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
        out.read(handle, self.asked, length);
        self.asked += u64::from(length);
        if self.asked > self.size_bytes {
            Flow::End
        } else {
            Flow::More
        }
    }

    /// Takes what came for `length` bytes at `offset`. A server may give fewer: the rest is asked for
    /// once more.
    pub(super) fn take(
        &mut self,
        offset: u64,
        length: u32,
        bytes: Vec<u8>,
        handle: &[u8],
        out: &mut Requests<'_>,
    ) -> Result<(), String> {
        let count = match u32::try_from(bytes.len()) {
            Ok(0) => return Err(format!("it gives nothing at byte {offset}")),
            Ok(count) if count <= length => count,
            Ok(_) | Err(_) => {
                return Err(format!(
                    "it gives {} bytes where {length} were asked for",
                    bytes.len()
                ));
            }
        };
        let end = offset + u64::from(count);
        if end > self.size_bytes {
            return Err(format!("it is longer than {} bytes", self.size_bytes));
        }
        if count < length {
            out.read(handle, end, length - count);
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

    /// Takes a refusal at `offset`: at the end of the file it is the right answer, whatever its words.
    pub(super) fn refused(&mut self, offset: u64, status: &Status) -> Result<(), String> {
        if offset == self.size_bytes {
            self.ended = true;
            return Ok(());
        }
        Err(if status.code == StatusCode::EOF {
            format!("it ends before byte {offset}")
        } else {
            format!("it cannot be read at byte {offset}: {status}")
        })
    }

    /// Whether every byte and the end were read.
    pub(super) fn is_complete(&self) -> bool {
        self.ended && self.summed == self.size_bytes
    }

    pub(super) fn finish(self) -> Sum {
        self.sum.finish()
    }
}
