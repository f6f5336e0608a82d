//! The central directory at the end of a zip archive (APPNOTE.TXT 4.3.12, 4.3.16): what is in it.
//!
//! What always holds here: the archive itself is not unpacked, and nothing follows from what is read here but
//! what the ledger says of a delivery; a directory that is not wholly at hand, or not as the standard has it, gives
//! none. Deliberately absent: zip64, whose archives say nothing here.

use courier_ledger::BundleEntry;

/// The end of central directory record, without its comment.
pub(super) const RECORD_BYTES: usize = 22;
pub(super) const RECORD_SIGNATURE: [u8; 4] = *b"PK\x05\x06";
const HEADER_BYTES: usize = 46;
const HEADER_SIGNATURE: [u8; 4] = *b"PK\x01\x02";

/// What the directory names that stands in `tail`, the last bytes of an archive.
pub(super) fn entries(tail: &[u8]) -> Option<Vec<BundleEntry>> {
    let record = last_record(tail)?;
    let count = usize::from(u16_at(tail, record + 10)?);
    let size_bytes = usize::try_from(u32_at(tail, record + 12)?).ok()?;
    let mut rest = tail.get(record.checked_sub(size_bytes)?..record)?;
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let (entry, after) = entry(rest)?;
        entries.push(entry);
        rest = after;
    }
    (entries.len() == count).then_some(entries)
}

/// Where the record begins that ends an archive: its comment fills exactly what follows.
pub(super) fn last_record(tail: &[u8]) -> Option<usize> {
    let starts = 0..=tail.len().checked_sub(RECORD_BYTES)?;
    starts.rev().find(|start| {
        let comment_bytes = tail.len() - start - RECORD_BYTES;
        tail.get(*start..*start + 4) == Some(&RECORD_SIGNATURE)
            && u16_at(tail, start + 20).is_some_and(|length| usize::from(length) == comment_bytes)
    })
}

fn entry(bytes: &[u8]) -> Option<(BundleEntry, &[u8])> {
    if !bytes.starts_with(&HEADER_SIGNATURE) {
        return None;
    }
    let crc32 = u32_at(bytes, 16)?;
    let size_bytes = u32_at(bytes, 24).filter(|size| *size != u32::MAX)?;
    let [name, extra, comment] = [28, 30, 32].map(|at| u16_at(bytes, at).map(usize::from));
    let (name_bytes, behind) = (name?, extra? + comment?);
    let name = bytes.get(HEADER_BYTES..HEADER_BYTES + name_bytes)?;
    let entry = BundleEntry {
        name: String::from_utf8_lossy(name).into_owned(),
        size_bytes: u64::from(size_bytes),
        crc32,
    };
    Some((entry, bytes.get(HEADER_BYTES + name_bytes + behind..)?))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at + 2)?;
    Some(u16::from_le_bytes(bytes.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use proptest::prelude::*;
    use proptest::test_runner::FileFailurePersistence;

    use super::*;

    /// A directory of these entries with its record and a comment, and something before it.
    fn tail(named: &[(&str, u32, u32)], comment: &[u8]) -> Vec<u8> {
        let mut directory = Vec::new();
        for (name, size_bytes, crc32) in named {
            let mut header = vec![0; HEADER_BYTES];
            header[..4].copy_from_slice(&HEADER_SIGNATURE);
            header[16..20].copy_from_slice(&crc32.to_le_bytes());
            header[24..28].copy_from_slice(&size_bytes.to_le_bytes());
            header[28..30].copy_from_slice(&u16::try_from(name.len()).unwrap().to_le_bytes());
            header[30] = 3;
            directory.extend(header);
            directory.extend(name.as_bytes());
            directory.extend(b"xyz");
        }
        let mut record = vec![0; RECORD_BYTES];
        record[..4].copy_from_slice(&RECORD_SIGNATURE);
        record[10..12].copy_from_slice(&u16::try_from(named.len()).unwrap().to_le_bytes());
        record[12..16].copy_from_slice(&u32::try_from(directory.len()).unwrap().to_le_bytes());
        record[20..22].copy_from_slice(&u16::try_from(comment.len()).unwrap().to_le_bytes());
        [b"what came before", &directory[..], &record, comment].concat()
    }

    #[test]
    fn a_directory_names_what_is_in_the_archive() {
        let tail = tail(
            &[("status.xml", 7, 8), ("3_result.zip", 70_000, 9)],
            b"Bundle for request 3",
        );
        let entries = entries(&tail).unwrap();
        let named: Vec<_> = entries
            .iter()
            .map(|it| (it.name.as_str(), it.size_bytes, it.crc32))
            .collect();
        assert_eq!(named, [("status.xml", 7, 8), ("3_result.zip", 70_000, 9)]);
        let results: Vec<_> = entries.iter().filter_map(BundleEntry::result_of).collect();
        assert_eq!(results.len(), 1);
    }

    #[test]
    fn a_directory_that_is_not_wholly_at_hand_says_nothing() {
        let whole = tail(&[("a", 1, 2), ("b", u32::MAX, 2)], b"");
        assert_eq!(entries(&whole), None, "zip64");
        let whole = tail(&[("a", 1, 2), ("b", 3, 4)], b"");
        let directory = b"what came before".len();
        assert!(entries(&whole[directory..]).is_some());
        assert_eq!(entries(&whole[directory + 1..]), None);
        assert_eq!(entries(b""), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
                "proptest-regressions/broker-zip-directory.txt",
            ))),
            ..ProptestConfig::default()
        })]

        #[test]
        fn whatever_came_by_is_read_without_a_fault(
            change in any::<(prop::sample::Index, u8)>(),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = tail(&[("status.xml", 7, 8), ("3_result.zip", 70_000, 9)], b"comment");
            let (place, byte) = change;
            let place = place.index(bytes.len());
            bytes[place] = byte;
            let _whatever = entries(&bytes[cut.index(bytes.len())..]);
            let _whatever = entries(&bytes);
        }
    }
}
