//! Bundles of any size that nobody stores: a zip with a stored entry whose bytes repeat one block.
//!
//! What always holds here: the same sizes give the same bytes; every byte can be given from its
//! offset alone; memory is one block, whatever the size. The archive has no comment and takes the
//! 64-bit fields (APPNOTE.TXT, section 4.3.14) only where a size or offset needs them.

use std::sync::LazyLock;

use bytes::Bytes;
use crc32fast::Hasher;

const BLOCK_BYTES: usize = 1 << 20;
const MAX_32: u64 = 0xffff_ffff;
const DOS_DATE: u16 = 0x0021;
const NAME: &str = "0_result.bin";

/// The block: noise, so that no compression on the way makes it cheaper than it looks.
static BLOCK: LazyLock<Bytes> = LazyLock::new(|| {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words
        .take(BLOCK_BYTES / 8)
        .flatten()
        .collect::<Vec<u8>>()
        .into()
});

/// An archive with a small first entry and a large second one.
#[derive(Debug)]
pub(crate) struct Archive {
    head: Bytes,
    payload_bytes: u64,
    tail: Bytes,
}

impl Archive {
    /// The archive of `status.xml` with that text and of one result of that size.
    pub(crate) fn new(status: &str, payload_bytes: u64) -> Self {
        let first = Entry {
            name: "status.xml",
            size_bytes: status.len() as u64,
            crc: crc32fast::hash(status.as_bytes()),
            offset: 0,
        };
        let mut head = first.local_header();
        head.extend_from_slice(status.as_bytes());
        let second = Entry {
            name: NAME,
            size_bytes: payload_bytes,
            crc: repeated_crc(payload_bytes),
            offset: head.len() as u64,
        };
        head.extend(second.local_header());
        let directory_offset = head.len() as u64 + payload_bytes;
        let mut tail = first.central_header();
        tail.extend(second.central_header());
        let end = end_of_directory(directory_offset, tail.len() as u64);
        tail.extend(end);
        Self {
            head: head.into(),
            payload_bytes,
            tail: tail.into(),
        }
    }

    /// The size of the whole archive.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.head.len() as u64 + self.payload_bytes + self.tail.len() as u64
    }

    /// Some bytes from that offset on, without copying; none from the end on.
    pub(crate) fn chunk(&self, offset: u64) -> Bytes {
        let head_bytes = self.head.len() as u64;
        let Some(in_payload) = offset.checked_sub(head_bytes) else {
            return self.head.slice(offset as usize..);
        };
        let Some(in_tail) = in_payload.checked_sub(self.payload_bytes) else {
            let at = (in_payload % BLOCK_BYTES as u64) as usize;
            let left_bytes = self.payload_bytes - in_payload;
            let end = left_bytes.saturating_add(at as u64).min(BLOCK_BYTES as u64);
            return BLOCK.slice(at..end as usize);
        };
        let at = in_tail.min(self.tail.len() as u64);
        self.tail.slice(at as usize..)
    }
}

/// The CRC-32 of so many bytes of the repeated block, in steps that double.
fn repeated_crc(size_bytes: u64) -> u32 {
    let whole = size_bytes / BLOCK_BYTES as u64;
    let rest = (size_bytes % BLOCK_BYTES as u64) as usize;
    let mut power = Hasher::new();
    power.update(&BLOCK);
    let mut total = Hasher::new();
    // All blocks are equal, so the order of the powers does not matter.
    let mut count = whole;
    while count > 0 {
        if count & 1 == 1 {
            total.combine(&power);
        }
        let same = power.clone();
        power.combine(&same);
        count >>= 1;
    }
    total.update(&BLOCK[..rest]);
    total.finalize()
}

struct Entry {
    name: &'static str,
    size_bytes: u64,
    crc: u32,
    offset: u64,
}

impl Entry {
    /// Section 4.3.7.
    fn local_header(&self) -> Vec<u8> {
        let mut extra = Vec::new();
        if self.size_bytes >= MAX_32 {
            extra.extend_from_slice(&[1, 0, 16, 0]);
            extra.extend_from_slice(&self.size_bytes.to_le_bytes());
            extra.extend_from_slice(&self.size_bytes.to_le_bytes());
        }
        let mut header = b"PK\x03\x04".to_vec();
        self.shared_fields(&mut header, extra.len());
        header.extend_from_slice(self.name.as_bytes());
        header.extend(extra);
        header
    }

    /// Section 4.3.12.
    fn central_header(&self) -> Vec<u8> {
        let mut wide = Vec::new();
        if self.size_bytes >= MAX_32 {
            wide.extend_from_slice(&self.size_bytes.to_le_bytes());
            wide.extend_from_slice(&self.size_bytes.to_le_bytes());
        }
        if self.offset >= MAX_32 {
            wide.extend_from_slice(&self.offset.to_le_bytes());
        }
        let mut extra = Vec::new();
        if !wide.is_empty() {
            extra.extend_from_slice(&1_u16.to_le_bytes());
            extra.extend_from_slice(&(wide.len() as u16).to_le_bytes());
            extra.extend(wide);
        }
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
        // Flags, the method (stored) and the time are all zero.
        for field in [version, 0, 0, 0, DOS_DATE] {
            header.extend_from_slice(&field.to_le_bytes());
        }
        header.extend_from_slice(&self.crc.to_le_bytes());
        header.extend_from_slice(&narrow(self.size_bytes));
        header.extend_from_slice(&narrow(self.size_bytes));
        header.extend_from_slice(&(self.name.len() as u16).to_le_bytes());
        header.extend_from_slice(&(extra_bytes as u16).to_le_bytes());
    }
}

/// Sections 4.3.14 to 4.3.16, for two entries.
fn end_of_directory(offset: u64, size_bytes: u64) -> Vec<u8> {
    let mut end = Vec::new();
    if offset >= MAX_32 {
        end.extend_from_slice(b"PK\x06\x06");
        end.extend_from_slice(&44_u64.to_le_bytes());
        end.extend_from_slice(&[45, 0, 45, 0]);
        end.extend_from_slice(&[0; 8]);
        for field in [2, 2, size_bytes, offset] {
            end.extend_from_slice(&field.to_le_bytes());
        }
        end.extend_from_slice(b"PK\x06\x07\0\0\0\0");
        end.extend_from_slice(&(offset + size_bytes).to_le_bytes());
        end.extend_from_slice(&1_u32.to_le_bytes());
    }
    end.extend_from_slice(b"PK\x05\x06\0\0\0\0\x02\0\x02\0");
    end.extend_from_slice(&narrow(size_bytes));
    end.extend_from_slice(&narrow(offset));
    end.extend_from_slice(&[0, 0]);
    end
}

/// A 32-bit field, or the mark that the 64-bit one holds the value.
fn narrow(value: u64) -> [u8; 4] {
    (value.min(MAX_32) as u32).to_le_bytes()
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

    fn open(size_bytes: u64) -> ZipArchive<Cursor> {
        ZipArchive::new(Cursor(Archive::new("<status/>", size_bytes), 0)).unwrap()
    }

    #[test]
    fn archives_open_and_their_checksums_hold() {
        let block = BLOCK_BYTES as u64;
        for size_bytes in [0, 1, block - 1, block, block + 1, 7 * block + 12_345] {
            let mut archive = open(size_bytes);
            assert_eq!(archive.comment(), b"");
            let names: Vec<_> = archive.file_names().map(str::to_owned).collect();
            assert_eq!(names, ["status.xml", NAME]);
            let mut status = String::new();
            let mut first = archive.by_index(0).unwrap();
            first.read_to_string(&mut status).unwrap();
            assert_eq!(status, "<status/>");
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
            assert_eq!(archive.comment(), b"");
            let second = archive.by_index(1).unwrap();
            assert_eq!(second.size(), size_bytes);
            assert_eq!(second.crc32(), repeated_crc(size_bytes));
        }
    }

    #[test]
    fn chunks_add_up_to_the_size() {
        let archive = Archive::new("<status/>", 3 * BLOCK_BYTES as u64 + 17);
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
