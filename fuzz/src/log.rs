//! A whole log: as it is, and with its checksums and hashes made to fit, so that what lies behind
//! them is reached.

use courier_ledger::log::{
    EventLog as _, FoldError, LogError, LogPlace as _, MemoryDisk, Reading, Refusal, Tail, read,
    verify,
};
use courier_ledger::{Digest, Entry, Sequence, State, Timestamp};
use sha2::Digest as _;

const HEADER_BYTES: usize = 31;
const FRAME_START_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// Reads the bytes as `ledger.log`, without a head.
pub fn log(data: &[u8]) {
    examine(data);
    examine(&resealed(data));
}

/// What can be read is the same for a reader, an auditor, and the writer that opens it next; opening
/// heals what is torn, and loses no entry.
fn examine(bytes: &[u8]) {
    let disk = MemoryDisk::new();
    disk.set_contents("ledger.log", Some(bytes));
    let (reading, entries) = match entries(&disk) {
        Ok(found) => found,
        Err(error @ LogError::Refused(_)) => {
            let refusal = Refusal::of(&error).expect("files are refused by a rule");
            assert!(refusal.offset_bytes <= bytes.len() as u64, "{refusal}");
            let opened = disk.process().open(Timestamp(1));
            assert!(opened.is_err(), "a writer opens what a reader refuses");
            assert_eq!(disk.contents("ledger.log").as_deref(), Some(bytes));
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let audit = verify(&disk.process(), |_| Ok::<(), LogError>(()), |_| {});
    assert_eq!(audit.expect("it was read"), reading);

    let folded = entries
        .iter()
        .try_fold(State::default(), |state, entry| state.apply(entry));
    let journal = match (disk.process().open(Timestamp(1)), folded) {
        (Ok((journal, _)), Ok(_)) => journal,
        (Err(FoldError::Illegal(error)), Err(expected)) => {
            assert_eq!(error, expected);
            assert_eq!(disk.contents("ledger.log").as_deref(), Some(bytes));
            return;
        }
        (_, Ok(_)) => panic!("what a reader accepts is opened"),
        (_, Err(illegal)) => panic!("it is opened, although {illegal}"),
    };
    let opened_with: Result<Vec<_>, _> = journal.read_from(Sequence::NONE).collect();
    let opened_with = opened_with.expect("it was just read");
    assert_eq!(opened_with[..entries.len()], entries);
    journal.close().expect("a whole disk");
    let (healed, after) = self::entries(&disk).expect("it was healed");
    assert_eq!(after, opened_with);
    assert_eq!(healed.tail, Tail::Complete);
}

fn entries(disk: &MemoryDisk) -> Result<(Reading, Vec<Entry>), LogError> {
    let mut entries = Vec::new();
    let reading = read(&disk.process(), |entry| {
        entries.push(entry);
        Ok::<(), LogError>(())
    })?;
    Ok((reading, entries))
}

/// The payloads that the lengths in the frames say, the last one cut to what is there.
pub(crate) fn payloads(log: &[u8]) -> Vec<&[u8]> {
    let mut rest = log.get(HEADER_BYTES..).unwrap_or_default();
    let mut payloads = Vec::new();
    while let Some((start, behind)) = rest.split_at_checked(FRAME_START_BYTES) {
        let length = start.first_chunk().map_or(0, |it| u32::from_le_bytes(*it));
        let length = (length as usize).min(behind.len().saturating_sub(HASH_BYTES));
        payloads.push(&behind[..length]);
        rest = behind.get(length + HASH_BYTES..).unwrap_or_default();
    }
    payloads
}

/// The same log with a header and frames that hold, and its payloads as they are.
fn resealed(log: &[u8]) -> Vec<u8> {
    let mut header = [0; HEADER_BYTES];
    header[..11].copy_from_slice(b"\x89BCL\r\n\x1a\n\x01\x00\x01");
    let id = log.get(11..27).unwrap_or(&[0; 16]);
    header[11..27].copy_from_slice(id);
    let crc = crc32fast::hash(&header[..27]);
    header[27..].copy_from_slice(&crc.to_le_bytes());
    let mut bytes = header.to_vec();
    let mut previous = Digest::of(&[&header]);
    for (sequence, payload) in (1u64..).zip(payloads(log)) {
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        let start = [&length.to_le_bytes()[..], &sequence.to_le_bytes()].concat();
        previous = Digest(
            sha2::Sha256::new()
                .chain_update(previous.0)
                .chain_update(&start)
                .chain_update(payload)
                .finalize()
                .into(),
        );
        bytes.extend(&start);
        bytes.extend(crc32fast::hash(&start).to_le_bytes());
        bytes.extend(payload);
        bytes.extend(previous.0);
    }
    bytes
}
