//! What a short or bad frame is: the torn end of an interrupted write, or damage.
//!
//! What always holds here: a frame that was acknowledged before another append began is never
//! taken for torn because of flipped bits: valid frame headers behind it speak against that, unless
//! whole disk sectors of it were never written. Deliberately absent: the decision (`recovery`).

use sha2::Digest as _;

use crate::digest::Digest;
use crate::event::Event;

use crate::log::chain::PAYLOAD_BYTES_MAX;
use crate::log::error::LogError;
use crate::log::file::error::failed;
use crate::log::file::frame::{APPEND_BYTES_MAX, BATCH_ENTRIES_MAX, FrameHeader, HASH_BYTES};
use crate::log::file::mark::Mark;
use crate::log::file::recovery::End;
use crate::log::file::storage::{LogFile, Storage};

/// A tail that an interrupted write left: part of the log that was never acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// Where it begins in the log, in bytes.
    pub offset: u64,
    /// How long it is, in bytes.
    pub size_bytes: u64,
    /// SHA-256 of its bytes.
    pub sha256: Digest,
}

impl TornTail {
    /// Measures the bytes of `file` from `from` on as the tail that stood at `offset` in the log.
    pub(crate) fn measure<S: Storage + ?Sized>(
        storage: &S,
        file: LogFile,
        from: u64,
        offset: u64,
    ) -> Result<Self, LogError> {
        let mut hasher = sha2::Sha256::new();
        let mut size_bytes = 0;
        blocks(storage, file, from, u64::MAX, &mut |_, block| {
            hasher.update(block);
            size_bytes += block.len() as u64;
        })?;
        Ok(Self {
            offset,
            size_bytes,
            sha256: Digest(hasher.finalize().into()),
        })
    }

    /// The event that records its loss.
    pub(crate) fn event(self) -> Event {
        let Self {
            offset,
            size_bytes,
            sha256,
        } = self;
        Event::TailRecovered {
            offset,
            size_bytes,
            sha256,
        }
    }
}

/// The smallest unit that a disk writes whole or not at all.
const SECTOR_BYTES: u64 = 512;

/// Judges the short or bad frame at `mark` in a log of `end` bytes.
pub(crate) fn classify<S: Storage + ?Sized>(
    storage: &S,
    mark: Mark,
    end: u64,
) -> Result<End, LogError> {
    if end - mark.offset > APPEND_BYTES_MAX {
        return Ok(End::Excess);
    }
    let header = header_at(storage, mark.offset, end)?;
    let behind = match header {
        // The frame is cut off by the end of the file: nothing can follow.
        Some(header) if header.frame_bytes() > end - mark.offset => return Ok(End::Torn),
        Some(header) => mark.offset + header.frame_bytes(),
        None => mark.offset + 1,
    };
    let Some(followers) = Followers::find(storage, mark, behind, end)? else {
        return Ok(End::Torn);
    };
    // The next append begins only when the one before is on disk, so what one append can have left
    // is bounded; whatever reaches further was acknowledged.
    if followers.last > mark.tip.sequence.0.saturating_add(BATCH_ENTRIES_MAX) {
        return Ok(End::Followed);
    }
    let extent = header.map_or(followers.offset, |_| behind);
    let due = mark.tip.sequence.next().0;
    let length = (followers.first == due + 1)
        .then(|| followers.offset.checked_sub(mark.offset))
        .flatten()
        .and_then(|size| size.checked_sub((FrameHeader::SIZE_BYTES + HASH_BYTES) as u64))
        .and_then(|length| u32::try_from(length).ok());
    let written = length.map(|length| {
        FrameHeader {
            length,
            sequence: due,
        }
        .encode()
    });
    if lacks_sector(storage, mark.offset, extent, end, written)? {
        Ok(End::Unordered)
    } else {
        Ok(End::Followed)
    }
}

fn header_at<S: Storage + ?Sized>(
    storage: &S,
    offset: u64,
    end: u64,
) -> Result<Option<FrameHeader>, LogError> {
    let mut bytes = [0; FrameHeader::SIZE_BYTES];
    if end.saturating_sub(offset) < bytes.len() as u64 {
        return Ok(None);
    }
    let read = storage
        .read_at(LogFile::Log, offset, &mut bytes)
        .map_err(failed(storage, LogFile::Log, "reading"))?;
    Ok((read == bytes.len())
        .then(|| FrameHeader::decode(&bytes))
        .flatten())
}

/// The valid frame headers behind a bad frame.
struct Followers {
    /// Where the first is, in bytes.
    offset: u64,
    /// Its sequence number.
    first: u64,
    /// The highest sequence number.
    last: u64,
}

impl Followers {
    /// Looks at every byte from `from` on. A header counts when its checksum holds and its sequence
    /// number can have been reached by there.
    fn find<S: Storage + ?Sized>(
        storage: &S,
        mark: Mark,
        from: u64,
        end: u64,
    ) -> Result<Option<Self>, LogError> {
        let due = mark.tip.sequence.0 + 1;
        let mut found: Option<Self> = None;
        let mut window: Vec<u8> = Vec::new();
        blocks(storage, LogFile::Log, from, end, &mut |offset, block| {
            let start = offset - window.len() as u64;
            window.extend_from_slice(block);
            for (candidate, index) in window.windows(FrameHeader::SIZE_BYTES).zip(0u64..) {
                let Some(bytes) = candidate.first_chunk() else {
                    continue;
                };
                let position = start + index;
                let reachable = due + (position - mark.offset) / HASH_BYTES as u64;
                let FrameHeader { length, sequence } = FrameHeader::unchecked(bytes);
                if length > PAYLOAD_BYTES_MAX || sequence < due || sequence > reachable {
                    continue;
                }
                if FrameHeader::decode(bytes).is_some() {
                    let followers = found.get_or_insert(Self {
                        offset: position,
                        first: sequence,
                        last: 0,
                    });
                    followers.last = followers.last.max(sequence);
                }
            }
            let kept = window.len().min(FrameHeader::SIZE_BYTES - 1);
            window.drain(..window.len() - kept);
        })?;
        Ok(found)
    }
}

/// Whether a sector that the frame between `offset` and `extent` touches was never written: behind
/// the old end of the file such a sector reads as zeros. `written` is the frame's header, where it
/// can be known.
fn lacks_sector<S: Storage + ?Sized>(
    storage: &S,
    offset: u64,
    extent: u64,
    end: u64,
    written: Option<[u8; FrameHeader::SIZE_BYTES]>,
) -> Result<bool, LogError> {
    // A frame's first twelve bytes hold its sequence number, so they are never all zero; fewer may
    // be, and prove something only when the header that belongs there is known to differ.
    const TELLING_BYTES: usize = 12;
    let last = extent.next_multiple_of(SECTOR_BYTES).min(end);
    let mut zeros = 0;
    let mut sector = offset;
    let mut lacking = false;
    blocks(
        storage,
        LogFile::Log,
        offset,
        last,
        &mut |position, block| {
            for (byte, at) in block.iter().zip(position..) {
                zeros = if *byte == 0 { zeros + 1 } else { 0 };
                let next = at + 1;
                if next.is_multiple_of(SECTOR_BYTES) || next == last {
                    let size = usize::try_from(next - sector).unwrap_or(usize::MAX);
                    let telling = size >= TELLING_BYTES
                        || (sector == offset
                            && written
                                .as_ref()
                                .and_then(|header| header.get(..size))
                                .is_some_and(|bytes| bytes.iter().any(|byte| *byte != 0)));
                    lacking |= zeros >= size && telling;
                    sector = next;
                    zeros = 0;
                }
            }
        },
    )?;
    Ok(lacking)
}

/// Gives the bytes of `file` from `from` to `end` or the file's end to `see`, block by block.
pub(crate) fn blocks<S: Storage + ?Sized>(
    storage: &S,
    file: LogFile,
    from: u64,
    end: u64,
    see: &mut dyn FnMut(u64, &[u8]),
) -> Result<(), LogError> {
    let mut buffer = vec![0; 64 << 10];
    let mut offset = from;
    while offset < end {
        let size = usize::try_from(end - offset)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let read = storage
            .read_at(file, offset, &mut buffer[..size])
            .map_err(failed(storage, file, "reading"))?;
        if read == 0 {
            break;
        }
        see(offset, &buffer[..read]);
        offset += read as u64;
    }
    Ok(())
}
