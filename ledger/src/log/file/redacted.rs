//! A redacted copy of a log: payloads were left out, and every hash is there (`docs/log-format.md`).
//!
//! What always holds here: nothing is given of a copy that is not whole to its last byte; a kept entry is given only
//! when its bytes have its hash at its place. Deliberately absent: writing a log. Nobody can go on from a copy; and
//! who vouches for hashes whose bytes are not there: checkpoints do.

use std::io::{self, Write};

use sha2::Digest as _;

use crate::digest::Digest;
use crate::event::{Entry, Event};
use crate::id::{LogId, Sequence};
use crate::log::chain::{self, ChainError, PAYLOAD_BYTES_MAX};
use crate::log::error::LogError;
use crate::log::file::error::failed;
use crate::log::file::frame::{FrameHeader, HASH_BYTES};
use crate::log::file::recovery::{Refusal, Rule};
use crate::log::file::storage::{LogFile, Storage};
use crate::log::file::tail::blocks;
use crate::log::header::{Header, HeaderFault};
use crate::tip::Tip;

/// In place of a payload's length: no payload is here, and how long it was is nobody's business.
const LEFT_OUT: u32 = u32::MAX;

/// An entry of a redacted copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// It was kept.
    Kept(Entry),
    /// It was left out.
    LeftOut {
        /// Its position.
        sequence: Sequence,
        /// Its hash.
        hash: Digest,
    },
}

impl Piece {
    /// Its position.
    #[must_use]
    pub fn sequence(&self) -> Sequence {
        match self {
            Self::Kept(entry) => entry.sequence,
            Self::LeftOut { sequence, .. } => *sequence,
        }
    }

    /// Its hash.
    #[must_use]
    pub fn hash(&self) -> Digest {
        match self {
            Self::Kept(entry) => entry.hash,
            Self::LeftOut { hash, .. } => *hash,
        }
    }

    /// What it says, if it was kept.
    #[must_use]
    pub fn kept(&self) -> Option<&Entry> {
        match self {
            Self::Kept(entry) => Some(entry),
            Self::LeftOut { .. } => None,
        }
    }
}

/// What a redacted copy holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedactedReading {
    /// The place behind the last entry, whether that was kept or not.
    pub tip: Tip,
    /// How many entries were kept.
    pub kept: u64,
    /// The first and the last of each stretch of entries that were left out, ascending.
    pub left_out: Vec<(Sequence, Sequence)>,
    /// Its size in bytes.
    pub size_bytes: u64,
}

/// Whether what stands in place of the log is a redacted copy, whole or not.
pub fn is_redacted<S: Storage + ?Sized>(storage: &S) -> Result<bool, LogError> {
    let mut start = [0; Header::SIZE_BYTES];
    let reading = || failed(storage, LogFile::Log, "reading");
    if storage
        .size_bytes(LogFile::Log)
        .map_err(reading())?
        .is_none()
    {
        return Ok(false);
    }
    let read = storage
        .read_at(LogFile::Log, 0, &mut start)
        .map_err(reading())?;
    Ok(Header::decode(&start[..read]) == Err(HeaderFault::Redacted))
}

/// Reads a redacted copy, and gives each of its entries to `visit`, in order.
pub fn read_redacted<S: Storage + ?Sized, E: From<LogError>>(
    storage: &S,
    mut visit: impl FnMut(Piece) -> Result<(), E>,
) -> Result<RedactedReading, E> {
    let refused = |offset_bytes: u64, rule: Rule, written_by: Option<String>| {
        LogError::from(Refusal {
            path: storage.locate(LogFile::Log),
            offset_bytes,
            rule,
            written_by,
        })
    };
    let end = whole(storage)?.ok_or_else(|| refused(0, Rule::CopyDamaged, None))?;
    let mut bytes = Bytes::of(storage, end);
    let start: [u8; Header::SIZE_BYTES] = bytes.next()?.unwrap_or([0; Header::SIZE_BYTES]);
    let header =
        Header::decode_redacted(&start).map_err(|fault| refused(0, Rule::Header(fault), None))?;
    let mut tip = chain::start(header.log);
    let (mut kept, mut left_out, mut version) = (0, Vec::new(), None);
    while bytes.offset() < end {
        let at = bytes.offset();
        let damaged = || refused(at, Rule::CopyDamaged, None);
        let frame = bytes.next()?.ok_or_else(damaged)?;
        let frame = FrameHeader::decode(&frame).ok_or_else(damaged)?;
        let sequence = tip.sequence.next();
        if frame.sequence != sequence.0 {
            return Err(refused(at, Rule::SequenceGap, None).into());
        }
        let piece = if frame.length == LEFT_OUT {
            let hash = Digest(bytes.next()?.ok_or_else(damaged)?);
            Piece::LeftOut { sequence, hash }
        } else if frame.length > PAYLOAD_BYTES_MAX {
            return Err(refused(at, Rule::Oversized, None).into());
        } else {
            let payload = bytes.take(frame.length)?.ok_or_else(damaged)?;
            let stored = Digest(bytes.next()?.ok_or_else(damaged)?);
            match chain::check(tip, &payload, stored) {
                Ok(entry) => Piece::Kept(entry),
                Err(ChainError::Unknown { written_by, .. }) => {
                    let written_by = written_by.or(version);
                    return Err(refused(at, Rule::Undecodable, written_by).into());
                }
                Err(_) => return Err(refused(at, Rule::CopyBroken, None).into()),
            }
        };
        let creates =
            |it: &Entry| matches!(&it.event, Event::LogCreated { log, .. } if *log == header.log);
        if tip.sequence == Sequence::NONE && !piece.kept().is_some_and(creates) {
            return Err(refused(at, Rule::NotCreated, None).into());
        }
        tip = Tip {
            sequence,
            hash: piece.hash(),
            ..tip
        };
        match &piece {
            Piece::Kept(entry) => {
                kept += 1;
                if let Event::LogCreated { version: by, .. }
                | Event::RunStarted { version: by, .. } = &entry.event
                {
                    version = Some(by.clone());
                }
            }
            Piece::LeftOut { .. } => extend(&mut left_out, sequence),
        }
        visit(piece)?;
    }
    if tip.sequence == Sequence::NONE {
        return Err(refused(end, Rule::NotCreated, None).into());
    }
    Ok(RedactedReading {
        tip,
        kept,
        left_out,
        size_bytes: end + HASH_BYTES as u64,
    })
}

/// Adds the next number to stretches of numbers.
fn extend(stretches: &mut Vec<(Sequence, Sequence)>, next: Sequence) {
    match stretches.last_mut().filter(|(_, last)| last.next() == next) {
        Some((_, last)) => *last = next,
        None => stretches.push((next, next)),
    }
}

/// Where the entries end, if the digest at the end is that of everything before.
fn whole<S: Storage + ?Sized>(storage: &S) -> Result<Option<u64>, LogError> {
    let size = storage.size_bytes(LogFile::Log);
    let size = size.map_err(failed(storage, LogFile::Log, "reading its size"))?;
    let Some(end) = size.unwrap_or(0).checked_sub(HASH_BYTES as u64) else {
        return Ok(None);
    };
    let mut hasher = sha2::Sha256::new();
    blocks(storage, LogFile::Log, 0, end, &mut |_, block| {
        hasher.update(block);
    })?;
    let mut stored = [0; HASH_BYTES];
    let read = storage
        .read_at(LogFile::Log, end, &mut stored)
        .map_err(failed(storage, LogFile::Log, "reading its end"))?;
    let is_whole = read == HASH_BYTES && hasher.finalize()[..] == stored;
    Ok(is_whole.then_some(end))
}

/// The bytes of the file up to where the entries end, read in blocks.
struct Bytes<'s, S: ?Sized> {
    storage: &'s S,
    end: u64,
    /// Where the next block begins.
    read: u64,
    buffer: Vec<u8>,
    /// How much of the buffer was taken.
    taken: usize,
}

impl<'s, S: Storage + ?Sized> Bytes<'s, S> {
    const BLOCK_BYTES: u64 = 128 << 10;

    fn of(storage: &'s S, end: u64) -> Self {
        Self {
            storage,
            end,
            read: 0,
            buffer: Vec::new(),
            taken: 0,
        }
    }

    /// Where what was taken ends.
    fn offset(&self) -> u64 {
        self.read - (self.buffer.len() - self.taken) as u64
    }

    /// The next bytes; none where the entries end before them.
    fn take(&mut self, count: u32) -> Result<Option<Vec<u8>>, LogError> {
        if u64::from(count) > self.end - self.offset() {
            return Ok(None);
        }
        let count = count as usize;
        self.buffer.drain(..self.taken);
        self.taken = 0;
        while self.buffer.len() < count {
            let wanted = (count - self.buffer.len()) as u64;
            let size = wanted.max(Self::BLOCK_BYTES).min(self.end - self.read);
            let had = self.buffer.len();
            self.buffer
                .resize(had + usize::try_from(size).unwrap_or(0), 0);
            let read = self
                .storage
                .read_at(LogFile::Log, self.read, &mut self.buffer[had..])
                .map_err(failed(self.storage, LogFile::Log, "reading"))?;
            self.buffer.truncate(had + read);
            self.read += read as u64;
            if read == 0 {
                return Ok(None);
            }
        }
        self.taken = count;
        Ok(Some(self.buffer[..count].to_vec()))
    }

    fn next<const N: usize>(&mut self) -> Result<Option<[u8; N]>, LogError> {
        let count = u32::try_from(N).unwrap_or(LEFT_OUT);
        let taken = self.take(count)?;
        Ok(taken.and_then(|bytes| bytes.try_into().ok()))
    }
}

/// Writes a redacted copy.
pub struct Redactor<W> {
    output: W,
    hasher: sha2::Sha256,
    tip: Tip,
}

impl<W: Write> Redactor<W> {
    /// Begins the copy of a log.
    pub fn begin(log: LogId, output: W) -> io::Result<Self> {
        let mut redactor = Self {
            output,
            hasher: sha2::Sha256::new(),
            tip: chain::start(log),
        };
        redactor.write(&Header { log }.encode_redacted())?;
        Ok(redactor)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.output.write_all(bytes)
    }

    /// Adds the next entry.
    pub fn push(&mut self, piece: &Piece) -> io::Result<()> {
        let sequence = self.tip.sequence.next();
        let tip = Tip {
            sequence,
            hash: piece.hash(),
            ..self.tip
        };
        let mut payload = Vec::new();
        let length = match piece {
            Piece::Kept(entry) => {
                let made =
                    chain::extend(self.tip, entry.time, &entry.event, entry.salt, &mut payload);
                if made.map_err(io::Error::other)? != tip {
                    return Err(io::Error::other(ChainError::Broken { sequence }));
                }
                // What the chain takes in is far below.
                u32::try_from(payload.len()).unwrap_or(LEFT_OUT)
            }
            Piece::LeftOut { .. } => LEFT_OUT,
        };
        let header = FrameHeader {
            length,
            sequence: sequence.0,
        };
        self.write(&header.encode())?;
        self.write(&payload)?;
        self.write(&tip.hash.0)?;
        self.tip = tip;
        Ok(())
    }

    /// Ends the copy, and gives back what it was written to.
    pub fn end(mut self) -> io::Result<W> {
        let digest = std::mem::take(&mut self.hasher).finalize();
        self.output.write_all(&digest)?;
        Ok(self.output)
    }
}
