//! Zip archives that are made while they are sent: entries are stored, not compressed.
//!
//! What always holds here: every byte can be given from its offset alone, and what an entry holds is
//! neither copied nor, when it is noise, kept in memory. The 64-bit fields (APPNOTE.TXT, section
//! 4.3.14) are there only where a size or an offset needs them. Deliberately absent: compression,
//! which AKTIN's broker uses, but which would make the testbed the slowest part of every measurement.

use bytes::Bytes;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::noise;

/// The value of a 32-bit field whose 64-bit twin holds the truth.
const MAX_32: u64 = 0xffff_ffff;
/// Names are UTF-8 (section 4.4.4).
const UTF_8: u16 = 0x0800;

/// What an entry holds, or a result is.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// Bytes in memory.
    Whole(Bytes),
    /// So many bytes of noise.
    Noise(u64),
}

impl Content {
    /// The number of bytes.
    pub(crate) fn size_bytes(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Noise(size_bytes) => *size_bytes,
        }
    }

    /// Some bytes from that offset on; none from the end on.
    pub(crate) fn chunk(&self, offset: u64) -> Bytes {
        match self {
            Self::Whole(bytes) => {
                let offset = usize::try_from(offset).unwrap_or(usize::MAX);
                bytes.slice(bytes.len().min(offset)..)
            }
            Self::Noise(size_bytes) => noise::chunk(offset, *size_bytes),
        }
    }

    fn crc(&self) -> u32 {
        match self {
            Self::Whole(bytes) => crc32fast::hash(bytes),
            Self::Noise(size_bytes) => noise::crc(*size_bytes),
        }
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Whole(bytes.into())
    }
}

/// An entry to be.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Its name.
    pub(crate) name: String,
    /// Its time of change.
    pub(crate) time: Timestamp,
    /// What it holds.
    pub(crate) content: Content,
}

/// An archive.
#[derive(Clone, Debug)]
pub(crate) struct Archive {
    /// Pieces and the offset behind each.
    pieces: Vec<(u64, Content)>,
}

impl Archive {
    /// The archive of these entries, in this order.
    pub(crate) fn new(entries: Vec<Entry>, comment: &str) -> Self {
        let mut archive = Self { pieces: Vec::new() };
        let mut directory = Vec::new();
        let count = entries.len() as u64;
        for entry in entries {
            let header = Header::new(&entry, archive.size_bytes());
            directory.extend(header.central());
            archive.push(header.local().into());
            archive.push(entry.content);
        }
        let offset = archive.size_bytes();
        let end = end_of_directory(count, offset, directory.len() as u64, comment);
        directory.extend(end);
        archive.push(directory.into());
        archive
    }

    fn push(&mut self, content: Content) {
        let end = self.size_bytes() + content.size_bytes();
        self.pieces.push((end, content));
    }

    /// The size of the whole archive.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.pieces.last().map_or(0, |(end, _)| *end)
    }

    /// Some bytes from that offset on, without copying; none from the end on.
    pub(crate) fn chunk(&self, offset: u64) -> Bytes {
        let at = self.pieces.partition_point(|(end, _)| *end <= offset);
        let Some((end, content)) = self.pieces.get(at) else {
            return Bytes::new();
        };
        content.chunk(offset + content.size_bytes() - end)
    }
}

/// What both headers of an entry say.
struct Header<'e> {
    name: &'e str,
    time: [u16; 2],
    size_bytes: u64,
    crc: u32,
    offset: u64,
}

impl<'e> Header<'e> {
    fn new(entry: &'e Entry, offset: u64) -> Self {
        Self {
            name: &entry.name,
            time: dos_time(entry.time),
            size_bytes: entry.content.size_bytes(),
            crc: entry.content.crc(),
            offset,
        }
    }

    /// Section 4.3.7.
    fn local(&self) -> Vec<u8> {
        let mut wide = Vec::new();
        if self.size_bytes >= MAX_32 {
            wide.extend([self.size_bytes; 2]);
        }
        let extra = wide_fields(&wide);
        let mut header = b"PK\x03\x04".to_vec();
        self.shared_fields(&mut header, extra.len());
        header.extend_from_slice(self.name.as_bytes());
        header.extend(extra);
        header
    }

    /// Section 4.3.12.
    fn central(&self) -> Vec<u8> {
        let mut wide = Vec::new();
        if self.size_bytes >= MAX_32 {
            wide.extend([self.size_bytes; 2]);
        }
        if self.offset >= MAX_32 {
            wide.push(self.offset);
        }
        let extra = wide_fields(&wide);
        let mut header = b"PK\x01\x02".to_vec();
        header.extend_from_slice(&45_u16.to_le_bytes());
        self.shared_fields(&mut header, extra.len());
        // No comment, the first disk, no attributes.
        header.extend_from_slice(&[0; 10]);
        header.extend_from_slice(&narrow(self.offset));
        header.extend_from_slice(self.name.as_bytes());
        header.extend(extra);
        header
    }

    /// From "version needed to extract" to "extra field length".
    fn shared_fields(&self, header: &mut Vec<u8>, extra_bytes: usize) {
        let version: u16 = if extra_bytes > 0 { 45 } else { 20 };
        let stored = 0;
        for field in [version, UTF_8, stored, self.time[0], self.time[1]] {
            header.extend_from_slice(&field.to_le_bytes());
        }
        header.extend_from_slice(&self.crc.to_le_bytes());
        header.extend_from_slice(&narrow(self.size_bytes));
        header.extend_from_slice(&narrow(self.size_bytes));
        // Names and extra fields are far below 64 KiB.
        header.extend_from_slice(&(self.name.len() as u16).to_le_bytes());
        header.extend_from_slice(&(extra_bytes as u16).to_le_bytes());
    }
}

/// The extra field of 64-bit values (section 4.5.3); empty without values.
fn wide_fields(values: &[u64]) -> Vec<u8> {
    let mut extra = Vec::new();
    if !values.is_empty() {
        extra.extend_from_slice(&1_u16.to_le_bytes());
        extra.extend_from_slice(&((values.len() * 8) as u16).to_le_bytes());
        extra.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }
    extra
}

/// Sections 4.3.14 to 4.3.16.
fn end_of_directory(count: u64, offset: u64, size_bytes: u64, comment: &str) -> Vec<u8> {
    let mut end = Vec::new();
    if offset >= MAX_32 {
        end.extend_from_slice(b"PK\x06\x06");
        end.extend_from_slice(&44_u64.to_le_bytes());
        end.extend_from_slice(&[45, 0, 45, 0]);
        end.extend_from_slice(&[0; 8]);
        for field in [count, count, size_bytes, offset] {
            end.extend_from_slice(&field.to_le_bytes());
        }
        end.extend_from_slice(b"PK\x06\x07\0\0\0\0");
        end.extend_from_slice(&(offset + size_bytes).to_le_bytes());
        end.extend_from_slice(&1_u32.to_le_bytes());
    }
    end.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    // A bundle has a few entries per node.
    for _ in 0..2 {
        end.extend_from_slice(&(count as u16).to_le_bytes());
    }
    end.extend_from_slice(&narrow(size_bytes));
    end.extend_from_slice(&narrow(offset));
    end.extend_from_slice(&(comment.len() as u16).to_le_bytes());
    end.extend_from_slice(comment.as_bytes());
    end
}

/// A 32-bit field, or the mark that the 64-bit one holds the value.
fn narrow(value: u64) -> [u8; 4] {
    (value.min(MAX_32) as u32).to_le_bytes()
}

/// Time and date as zip knows them (section 4.4.6); the first of 1980 for what it cannot hold.
fn dos_time(time: Timestamp) -> [u16; 2] {
    let t = TimeZone::UTC.to_datetime(time);
    let Some(year) = t.year().checked_sub(1980).filter(|y| (0..128).contains(y)) else {
        return [0, 0x21];
    };
    // All are positive and small, so the bits are the value.
    let part = |value: i8| u16::from(value.cast_unsigned());
    [
        (part(t.hour()) << 11) | (part(t.minute()) << 5) | (part(t.second()) / 2),
        (year.cast_unsigned() << 9) | (part(t.month()) << 5) | part(t.day()),
    ]
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read, Seek, SeekFrom};

    use zip::{CompressionMethod, ZipArchive};

    use super::*;

    struct Cursor(Archive, u64);

    impl Read for Cursor {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let chunk = self.0.chunk(self.1);
            let count = chunk.len().min(buffer.len());
            buffer[..count].copy_from_slice(&chunk[..count]);
            self.1 += count as u64;
            Ok(count)
        }
    }

    impl Seek for Cursor {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.1 = match to {
                SeekFrom::Start(at) => at,
                SeekFrom::End(by) => self.0.size_bytes().strict_add_signed(by),
                SeekFrom::Current(by) => self.1.strict_add_signed(by),
            };
            Ok(self.1)
        }
    }

    fn entry(name: &str, content: Content) -> Entry {
        Entry {
            name: name.to_owned(),
            time: "2026-11-23T18:12:19Z".parse().unwrap(),
            content,
        }
    }

    /// A small entry, noise of that size, another small entry.
    fn archive(size_bytes: u64) -> Archive {
        let entries = vec![
            entry("status.xml", b"<status/>".to_vec().into()),
            entry("0_result", Content::Noise(size_bytes)),
            entry("ä", b"".to_vec().into()),
        ];
        Archive::new(entries, "a comment")
    }

    fn open(size_bytes: u64) -> ZipArchive<Cursor> {
        ZipArchive::new(Cursor(archive(size_bytes), 0)).unwrap()
    }

    #[test]
    fn archives_open_and_their_checksums_hold() {
        let block = noise::BLOCK_BYTES as u64;
        for size_bytes in [0, 1, block - 1, block, block + 1, 7 * block + 12_345] {
            let mut archive = open(size_bytes);
            assert_eq!(archive.comment(), b"a comment");
            let names: Vec<_> = archive.file_names().map(str::to_owned).collect();
            assert_eq!(names, ["status.xml", "0_result", "ä"]);
            let mut status = String::new();
            let mut first = archive.by_index(0).unwrap();
            first.read_to_string(&mut status).unwrap();
            assert_eq!(status, "<status/>");
            let time = first.last_modified().unwrap();
            assert_eq!(time.to_string(), "2026-11-23 18:12:18");
            drop(first);
            let mut second = archive.by_index(1).unwrap();
            assert_eq!(second.compression(), CompressionMethod::Stored);
            // The crate compares the checksum at the end.
            let count = io::copy(&mut second, &mut io::sink()).unwrap();
            assert_eq!(count, size_bytes);
        }
    }

    #[test]
    fn archives_beyond_32_bits_open() {
        for size_bytes in [MAX_32 - 200, MAX_32 - 1, MAX_32, MAX_32 + 1, 1 << 40] {
            let mut archive = open(size_bytes);
            assert_eq!(archive.comment(), b"a comment");
            let second = archive.by_index(1).unwrap();
            assert_eq!(second.size(), size_bytes);
            assert_eq!(second.crc32(), noise::crc(size_bytes));
            drop(second);
            assert_eq!(archive.by_index(2).unwrap().size(), 0);
        }
    }

    #[test]
    fn chunks_add_up_to_the_size() {
        let archive = archive(3 * noise::BLOCK_BYTES as u64 + 17);
        let mut offset = 0;
        loop {
            let chunk = archive.chunk(offset);
            if chunk.is_empty() {
                break;
            }
            offset += chunk.len() as u64;
        }
        assert_eq!(offset, archive.size_bytes());
    }
}
