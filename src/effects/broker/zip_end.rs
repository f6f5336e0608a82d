//! What passes by of a zip archive, as far as it tells whether the archive is whole, and what is in it
//! (APPNOTE.TXT 4.3.7 local file header, 4.3.16 end of central directory record).
//!
//! An answer without `Content-Length`, or with one that is too small, can be cut anywhere without a
//! trace in HTTP; the archive's last record is the proof that it is whole. It ends in a comment (the
//! broker writes "Bundle for request N"), whose length it tells. Deliberately absent: comments of
//! more than a kibibyte, and unpacking.

use courier_ledger::BundleEntry;

use super::zip_directory::{self, RECORD_BYTES, RECORD_SIGNATURE};

/// The last record with its comment.
const RECORD_TAIL_BYTES: usize = RECORD_BYTES + 1024;
/// Enough for the directory of a bundle of a thousand hospitals.
const TAIL_BYTES: usize = 128 << 10;
const ENTRY_SIGNATURE: [u8; 4] = *b"PK\x03\x04";

/// The first and the last bytes seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct ZipEnds {
    first: Vec<u8>,
    /// At least the tail, and up to twice as much, so that each byte is moved once.
    last: Vec<u8>,
}

impl ZipEnds {
    /// Takes in what passes by.
    pub(crate) fn see(&mut self, bytes: &[u8]) {
        let wanted = ENTRY_SIGNATURE.len() - self.first.len();
        self.first.extend(bytes.iter().take(wanted));
        let tail = &bytes[bytes.len().saturating_sub(TAIL_BYTES)..];
        if self.last.len() + tail.len() > 2 * TAIL_BYTES {
            self.last
                .drain(..self.last.len().saturating_sub(TAIL_BYTES));
        }
        self.last.extend(tail);
    }

    fn tail(&self, most_bytes: usize) -> &[u8] {
        &self.last[self.last.len().saturating_sub(most_bytes)..]
    }

    /// What the archive's directory names, where the whole of it came by last.
    pub(crate) fn entries(&self) -> Option<Vec<BundleEntry>> {
        zip_directory::entries(self.tail(TAIL_BYTES))
    }

    /// Whether what came so far can be the beginning of an archive.
    pub(crate) fn begins(&self) -> bool {
        ENTRY_SIGNATURE.starts_with(&self.first) || RECORD_SIGNATURE.starts_with(&self.first)
    }

    /// Whether what came so far can be a whole archive.
    pub(crate) fn ends(&self) -> bool {
        zip_directory::last_record(self.tail(RECORD_TAIL_BYTES)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::FileFailurePersistence;

    use super::*;

    /// The empty archive: its record alone, with a comment.
    fn record(comment: &[u8]) -> Vec<u8> {
        let mut bytes = RECORD_SIGNATURE.to_vec();
        bytes.resize(RECORD_BYTES - 2, 0);
        bytes.extend(u16::try_from(comment.len()).expect("short").to_le_bytes());
        bytes.extend(comment);
        bytes
    }

    #[test]
    fn nothing_and_other_things_are_no_archives() {
        assert!(!ZipEnds::default().ends());
        let mut ends = ZipEnds::default();
        ends.see(b"<html>");
        assert!(!ends.begins());
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
                "proptest-regressions/broker-zip-end.txt",
            ))),
            ..ProptestConfig::default()
        })]

        #[test]
        fn an_archive_is_known_however_it_is_cut_up(
            middle in proptest::collection::vec(any::<u8>(), 0..100),
            comment in proptest::collection::vec(any::<u8>(), 0..1024),
            size in 1usize..2000,
        ) {
            let whole = [&ENTRY_SIGNATURE[..], &middle, &record(&comment)].concat();
            let mut ends = ZipEnds::default();
            for chunk in whole.chunks(size) {
                ends.see(chunk);
                prop_assert!(ends.begins());
            }
            prop_assert!(ends.ends());
        }

        #[test]
        fn a_cut_archive_does_not_end(cut in 0usize..66) {
            let whole =
                [&ENTRY_SIGNATURE[..], &[7; 20], &record(b"Bundle for request 7")].concat();
            let mut ends = ZipEnds::default();
            ends.see(&whole[..cut]);
            prop_assert!(!ends.ends());
        }
    }
}
