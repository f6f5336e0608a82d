//! One pass over a log's bytes, in constant memory: what is whole is handed on, and what is found
//! at the end is told. It changes nothing.

use super::error::LogError;
use super::frame::{HASH_BYTES, PREFIX_BYTES, PayloadDecoder, PayloadError, Prefix};
use super::header::{self, HEADER_BYTES, Header};
use super::recovery::{EndFound, Findings, HeaderFound, WitnessFound};
use super::storage::Storage;
use super::{LOG, Tip, WITNESS, witness};
use crate::{Digest, Entry, Event, LogId, Sequence};

/// Bytes read at a time.
const BLOCK_BYTES: usize = 1 << 20;
/// How far beyond the next number a frame header after damage may claim to be; a chance match of
/// its checksum is then out of the question.
const PLAUSIBLE_GAP: u64 = 1 << 32;

/// Takes the whole entries, in order; an error ends the pass.
pub(crate) type Visitor<'a> = &'a mut dyn FnMut(Entry) -> Result<(), LogError>;

/// What one pass found.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) findings: Findings,
    pub(crate) log: Option<LogId>,
    /// The last whole entry.
    pub(crate) tip: Tip,
    /// Where the whole entries end, in bytes.
    pub(crate) end_offset: u64,
    /// The size of the file in bytes.
    pub(crate) size_bytes: u64,
    /// The end of the frame that the witness names; the header's end without one.
    pub(crate) witnessed_offset: u64,
    /// Why an event could not be read.
    pub(crate) undecodable: Option<PayloadError>,
    /// Entries seen.
    pub(crate) entries: u64,
}

/// Reads the witness first, then the log: a log that grows meanwhile still holds what its witness
/// saw.
pub(crate) fn scan(storage: &dyn Storage, visit: Visitor<'_>) -> Result<Scan, LogError> {
    let witness = read_witness(storage)?;
    let size_bytes = size(storage, LOG)?;
    let mut reader = Reader {
        storage,
        offset: 0,
        buffer: Vec::new(),
        start: 0,
        size: 0,
    };
    reader.size = size_bytes.unwrap_or(0);
    let header = match size_bytes {
        None => None,
        Some(_) => Some(header::decode(reader.peek(HEADER_BYTES)?)),
    };
    let mut scan = Scan {
        findings: Findings {
            header: match header {
                None => HeaderFound::NoFile,
                Some(Header::Valid(_)) => HeaderFound::Known,
                Some(Header::Malformed) => HeaderFound::Malformed,
                Some(Header::UnknownVersion(_) | Header::UnknownHash(_)) => HeaderFound::Unknown,
            },
            witness: match &witness {
                Witness::NoFile => WitnessFound::NoFile,
                Witness::Malformed => WitnessFound::Malformed,
                Witness::Saw(_) => WitnessFound::BeyondTheEnd,
            },
            end: EndFound::Boundary,
            more_than_one_run: false,
        },
        log: None,
        tip: Tip {
            sequence: Sequence::NONE,
            hash: Digest([0; 32]),
        },
        end_offset: 0,
        size_bytes: size_bytes.unwrap_or(0),
        witnessed_offset: HEADER_BYTES as u64,
        undecodable: None,
        entries: 0,
    };
    if let Some(Header::Valid(log)) = header {
        scan.log = Some(log);
        scan.tip.hash = header::hash(log);
        reader.skip(HEADER_BYTES);
        scan.frames(&mut reader, &witness, visit)?;
    }
    Ok(scan)
}

impl Scan {
    fn frames(
        &mut self,
        reader: &mut Reader<'_>,
        witness: &Witness,
        visit: Visitor<'_>,
    ) -> Result<(), LogError> {
        let mut decoder = PayloadDecoder::default();
        let mut runs = 0u32;
        loop {
            self.end_offset = reader.offset;
            let rest = reader.size - reader.offset;
            if rest == 0 {
                return Ok(());
            }
            let Some(prefix) = Prefix::decode(reader.peek(PREFIX_BYTES)?) else {
                return self.bad_frame(reader);
            };
            let frame_bytes = prefix.frame_bytes();
            if frame_bytes as u64 > rest {
                return self.bad_frame(reader);
            }
            let frame = reader.peek(frame_bytes)?;
            let (Some(payload), Some(recorded)) = (
                frame.get(PREFIX_BYTES..frame_bytes - HASH_BYTES),
                frame
                    .get(frame_bytes - HASH_BYTES..)
                    .and_then(|it| <[u8; 32]>::try_from(it).ok()),
            ) else {
                return self.bad_frame(reader);
            };
            let hash = prefix.hash(self.tip.hash, payload);
            if hash.0 != recorded {
                return self.bad_frame(reader);
            }
            if prefix.sequence != self.tip.sequence.next() {
                self.findings.end = EndFound::SequenceGap;
                return Ok(());
            }
            let entry = match decoder.decode(prefix.sequence, hash, payload) {
                Ok(entry) => entry,
                Err(error) => {
                    self.findings.end = EndFound::Undecodable;
                    self.undecodable = Some(error);
                    return Ok(());
                }
            };
            reader.skip(frame_bytes);
            self.tip = Tip {
                sequence: prefix.sequence,
                hash,
            };
            self.entries += 1;
            if let Witness::Saw(saw) = witness
                && saw.sequence == self.tip.sequence
            {
                self.witnessed_offset = reader.offset;
                self.findings.witness = if saw.hash == hash {
                    WitnessFound::Agrees
                } else {
                    WitnessFound::Differs
                };
            }
            runs += u32::from(matches!(entry.event, Event::RunStarted { .. }));
            self.findings.more_than_one_run = runs > 1;
            visit(entry)?;
        }
    }

    /// A frame is bad: is it the last thing in the file?
    fn bad_frame(&mut self, reader: &mut Reader<'_>) -> Result<(), LogError> {
        let next = self.tip.sequence.0 + 1;
        reader.skip(1);
        loop {
            let bytes = reader.peek(PREFIX_BYTES)?;
            if bytes.len() < PREFIX_BYTES {
                self.findings.end = EndFound::TornFrame;
                return Ok(());
            }
            let plausible = Prefix::decode(bytes).is_some_and(|prefix| {
                prefix.sequence.0 >= next && prefix.sequence.0 - next < PLAUSIBLE_GAP
            });
            if plausible {
                self.findings.end = EndFound::BadFrameInside;
                return Ok(());
            }
            reader.skip(1);
        }
    }
}

enum Witness {
    NoFile,
    Malformed,
    Saw(Tip),
}

fn read_witness(storage: &dyn Storage) -> Result<Witness, LogError> {
    if size(storage, WITNESS)?.is_none() {
        return Ok(Witness::NoFile);
    }
    let mut bytes = [0; witness::READ_BYTES];
    let count = storage
        .read_at(WITNESS, 0, &mut bytes)
        .map_err(|source| io_error(storage, WITNESS, "read", source))?;
    let tip = bytes.get(..count).and_then(witness::decode);
    Ok(tip.map_or(Witness::Malformed, Witness::Saw))
}

fn size(storage: &dyn Storage, name: &str) -> Result<Option<u64>, LogError> {
    storage
        .size(name)
        .map_err(|source| io_error(storage, name, "examined", source))
}

pub(crate) fn io_error(
    storage: &dyn Storage,
    name: &str,
    operation: &'static str,
    source: std::io::Error,
) -> LogError {
    LogError::Io {
        file: storage.describe(name),
        operation,
        source,
    }
}

/// Reads the log block by block; what was skipped is forgotten.
struct Reader<'a> {
    storage: &'a dyn Storage,
    /// Where the unread bytes begin in the file.
    offset: u64,
    buffer: Vec<u8>,
    /// Where they begin in the buffer.
    start: usize,
    /// The file's size when the pass began; what is appended later is not looked at.
    size: u64,
}

impl Reader<'_> {
    /// The next `count` bytes, or fewer at the end of the file.
    fn peek(&mut self, count: usize) -> Result<&[u8], LogError> {
        let missing = (self.start + count).saturating_sub(self.buffer.len());
        if missing > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
            let held = self.buffer.len();
            let from = self.offset + held as u64;
            let left = usize::try_from(self.size.saturating_sub(from)).unwrap_or(usize::MAX);
            self.buffer
                .resize(held + left.min(BLOCK_BYTES.max(missing)), 0);
            let room = self.buffer.get_mut(held..).unwrap_or_default();
            let got = self
                .storage
                .read_at(LOG, from, room)
                .map_err(|source| io_error(self.storage, LOG, "read", source))?;
            self.buffer.truncate(held + got);
        }
        let end = (self.start + count).min(self.buffer.len());
        Ok(self.buffer.get(self.start..end).unwrap_or_default())
    }

    fn skip(&mut self, count: usize) {
        self.start += count;
        self.offset += count as u64;
    }
}
