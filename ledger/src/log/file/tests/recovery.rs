//! The recovery table on disk: each row found, acted on, and nothing else changed.

use super::*;
use crate::digest::Digest;
use crate::log::file::read::{Tail, read};
use crate::log::file::recovery::{Refusal, Rule};
use crate::log::file::storage::LogFile;
use crate::log::file::tail::TornTail;
use crate::log::header::HeaderFault;

on_both![
    a_torn_tail_is_kept_cut_off_and_recorded,
    a_tail_torn_twice_at_one_place_is_kept_twice,
    an_interrupted_recovery_is_completed,
    a_reader_heals_nothing,
    a_reader_takes_the_end_of_an_active_log_as_not_there_yet,
    refused_files_are_never_changed,
    an_older_head_is_enough,
    every_refusal_names_file_byte_rule_and_remedy,
    a_missing_head_is_refused_after_the_first_run,
];

fn count(entries: &[Entry]) -> u64 {
    entries.len() as u64
}

fn a_torn_tail_is_kept_cut_off_and_recorded<P: Place>(place: &P) {
    let written = fill(place, 2, 3);
    let log = place.get("ledger.log");
    let last = boundaries(&log)[written.len() - 1];
    for cut in [last + 1, last + 15, last + 16, last + 40, log.len() - 1] {
        place.set("ledger.log", Some(&log[..cut]));
        let files = place.files();
        for name in files.keys().filter(|name| name.starts_with("ledger.torn")) {
            place.set(name, None);
        }
        let head = files["ledger.head"].clone();
        let (opened, entries) = open(place).expect("heals");
        let tail = TornTail {
            offset: last as u64,
            size_bytes: (cut - last) as u64,
            sha256: Digest::of(&[&log[last..cut]]),
        };
        assert_eq!(opened.recovered(), [tail]);
        let (recorded, kept) = entries.split_last().expect("entries");
        assert_eq!(kept, &written[..written.len() - 1]);
        assert_eq!(recorded.event, tail.event());
        assert_eq!(recorded.sequence.0, count(&written));
        assert_eq!(place.get(&format!("ledger.torn.{last}")), &log[last..cut]);
        drop(opened);
        let (again, entries_again) = open(place).expect("opens");
        assert!(again.recovered().is_empty());
        assert_eq!(entries_again, entries);
        drop(again);
        // Back to the head before the recovery, for the next cut.
        place.set("ledger.head", Some(&head));
    }
}

fn a_tail_torn_twice_at_one_place_is_kept_twice<P: Place>(place: &P) {
    fill(place, 1, 2);
    let log = place.get("ledger.log");
    let head = place.get("ledger.head");
    let last = boundaries(&log)[4];
    place.set("ledger.log", Some(&log[..last + 9]));
    drop(open(place).expect("heals"));
    // The entry that records it is torn itself, before the head follows.
    let healed = place.get("ledger.log");
    place.set("ledger.log", Some(&healed[..last + 20]));
    place.set("ledger.head", Some(&head));
    let (opened, _) = open(place).expect("heals");
    assert_eq!(
        opened
            .recovered()
            .iter()
            .map(|tail| tail.size_bytes)
            .collect::<Vec<_>>(),
        [9, 20]
    );
    assert_eq!(
        place.get(&format!("ledger.torn.{last}")),
        &log[last..last + 9]
    );
    assert_eq!(
        place.get(&format!("ledger.torn.{last}.2")),
        &healed[last..last + 20]
    );
}

fn an_interrupted_recovery_is_completed<P: Place>(place: &P) {
    let written = fill(place, 1, 2);
    let log = place.get("ledger.log");
    let last = boundaries(&log)[4];
    // Interrupted after the tail was kept, and after it was cut off.
    for cut in [last + 9, last] {
        place.set("ledger.log", Some(&log[..cut]));
        place.set(&format!("ledger.torn.{last}"), Some(&log[last..last + 9]));
        let head = place.get("ledger.head");
        let (opened, entries) = open(place).expect("heals");
        assert_eq!(opened.recovered().len(), 1);
        assert_eq!(entries[..4], written[..4]);
        assert_eq!(entries.len(), 5);
        let torn = place
            .files()
            .into_keys()
            .filter(|name| name.starts_with("ledger.torn"));
        assert_eq!(torn.count(), 1);
        drop(opened);
        place.set("ledger.head", Some(&head));
    }
}

fn a_reader_heals_nothing<P: Place>(place: &P) {
    let written = fill(place, 1, 2);
    let log = place.get("ledger.log");
    let last = boundaries(&log)[4];
    place.set("ledger.log", Some(&log[..last + 9]));
    let before = place.files();
    let mut entries = Vec::new();
    let reading = read(&place.process(), |entry| {
        entries.push(entry);
        Ok::<(), LogError>(())
    });
    let reading = reading.expect("reads");
    assert_eq!(entries, written[..4]);
    assert!(matches!(reading.tail, Tail::Torn(tail) if tail.size_bytes == 9));
    assert_eq!(place.files(), before);
}

fn a_reader_takes_the_end_of_an_active_log_as_not_there_yet<P: Place>(place: &P) {
    let (mut opened, _) = open(place).expect("opens");
    append(&mut opened.journal, vec![started()]).expect("appends");
    let mut writer = place.process();
    writer.append(LogFile::Log, &[1; 9]).expect("appends");
    let reading = read(&place.process(), |_| Ok::<(), LogError>(())).expect("reads");
    assert_eq!(reading.tip, opened.journal.tip());
    assert_eq!(reading.tail, Tail::BeingWritten);
}

fn refusal<P: Place>(place: &P) -> (String, u64, Rule) {
    let before = place.files();
    let error = open(place).err().expect("is refused");
    let reading = read(&place.process(), |_| Ok::<(), LogError>(())).expect_err("is refused");
    let refusal = Refusal::of(&error).expect("is a refusal");
    assert_eq!(Some(refusal), Refusal::of(&reading));
    assert_eq!(place.files(), before, "{refusal}");
    let name = refusal
        .path
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_owned();
    (name, refusal.offset_bytes, refusal.rule)
}

/// The frame of any payload, in its place.
fn frame(previous: Digest, number: u64, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short");
    let start = [length.to_le_bytes().as_slice(), &number.to_le_bytes()].concat();
    let crc = crc32fast::hash(&start).to_le_bytes();
    let hash = Digest::of(&[&previous.0, &start, payload]);
    [start.as_slice(), &crc, payload, &hash.0].concat()
}

fn refused_files_are_never_changed<P: Place>(place: &P) {
    let written = fill(place, 2, 3);
    let (log, head) = (place.get("ledger.log"), place.get("ledger.head"));
    let at = boundaries(&log);
    let log_name = || "ledger.log".to_owned();
    let damaged = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = log.clone();
        change(&mut bytes);
        place.set("ledger.log", Some(&bytes));
        place.set("ledger.head", Some(&head));
        let (name, offset, rule) = refusal(place);
        assert_eq!(name, log_name());
        (usize::try_from(offset).expect("short"), rule)
    };
    // Eight entries, the head at the fifth.
    assert_eq!((written.len(), at.len()), (8, 9));
    assert_eq!(
        damaged(&|log| log.truncate(at[4])),
        (at[4], Rule::ShorterThanHead)
    );
    assert_eq!(
        damaged(&|log| log.truncate(at[5] - 1)),
        (at[4], Rule::DamageBeforeHead)
    );
    assert_eq!(
        damaged(&|log| log[at[4] + 20] ^= 1),
        (at[4], Rule::DamageFollowed)
    );
    assert_eq!(
        damaged(&|log| log[at[6] + 20] ^= 1),
        (at[6], Rule::DamageFollowed)
    );
    assert_eq!(
        damaged(&|log| log[at[6] + 2] ^= 1),
        (at[6], Rule::DamageFollowed)
    );
    assert_eq!(
        damaged(&|log| {
            log.truncate(at[5]);
            log[at[4] + 20] ^= 1;
        }),
        (at[4], Rule::DamageBeforeHead)
    );
    assert_eq!(
        damaged(&|log| drop(log.drain(at[5]..at[6]))),
        (at[5], Rule::SequenceGap)
    );
    let repeated = log[at[7]..].to_vec();
    assert_eq!(
        damaged(&|log| log.extend(&repeated)),
        (at[8], Rule::SequenceGap)
    );
    let tip = written[7].hash;
    for payload in [
        b"\xc0".as_slice(),
        b"\x82\xa4time\x01\xa5event\x81\xa9Invented2\x80",
        b"",
    ] {
        let unknown = frame(tip, 9, payload);
        assert_eq!(
            damaged(&|log| log.extend(&unknown)),
            (at[8], Rule::Undecodable)
        );
    }
    let mut oversized = ((64u32 << 20) + 1).to_le_bytes().to_vec();
    oversized.extend(9u64.to_le_bytes());
    oversized.extend(crc32fast::hash(&oversized).to_le_bytes());
    assert_eq!(
        damaged(&|log| log.extend(&oversized)),
        (at[8], Rule::Oversized)
    );
    let header = |fault| (0, Rule::Header(fault));
    assert_eq!(damaged(&|log| log.truncate(0)), header(HeaderFault::Short));
    assert_eq!(damaged(&|log| log.truncate(30)), header(HeaderFault::Short));
    assert_eq!(damaged(&|log| log[0] = b'x'), header(HeaderFault::NotALog));
    assert_eq!(damaged(&|log| log[20] ^= 1), header(HeaderFault::Damaged));
    for (index, fault) in [
        (8, HeaderFault::UnknownVersion(2)),
        (10, HeaderFault::UnknownHash(2)),
    ] {
        let change = |log: &mut Vec<u8>| {
            log[index] = 2;
            let crc = crc32fast::hash(&log[..27]);
            log[27..31].copy_from_slice(&crc.to_le_bytes());
        };
        assert_eq!(damaged(&change), header(fault));
    }

    place.set("ledger.log", Some(&log));
    let other = MemoryDisk::new();
    let (mut opened, _) = open(&other).expect("opens");
    append(&mut opened.journal, vec![started(), started(), finished(9)]).expect("appends");
    opened.journal.seal().expect("seals");
    place.set("ledger.head", Some(&other.get("ledger.head")));
    assert_eq!(
        refusal(place),
        (log_name(), at[3] as u64, Rule::HeadDiffers)
    );
    for bytes in [b"".as_slice(), b"x", &head[..head.len() - 1]] {
        place.set("ledger.head", Some(bytes));
        assert_eq!(
            refusal(place),
            ("ledger.head".to_owned(), 0, Rule::HeadDamaged)
        );
    }
    place.set("ledger.head", Some(&head));
    place.set("ledger.log", None);
    assert_eq!(refusal(place), (log_name(), 0, Rule::LogLost));
    place.set("ledger.head", Some(b""));
    assert_eq!(refusal(place), (log_name(), 0, Rule::LogLost));

    // A log of another identity than its first entry, and one without any entry.
    let mut payload = b"\x82\xa4time\x01\xa5event\x81\xaaLogCreated\x82\xa3log\xc4\x10".to_vec();
    payload.extend([9; 16]);
    payload.extend(b"\xa7version\xa1v");
    let mut foreign = log[..31].to_vec();
    place.set("ledger.head", None);
    place.set("ledger.log", Some(&foreign));
    assert_eq!(refusal(place), (log_name(), 31, Rule::NotCreated));
    foreign.extend(frame(Digest::of(&[&log[..31]]), 1, &payload));
    place.set("ledger.log", Some(&foreign));
    assert_eq!(refusal(place), (log_name(), 31, Rule::NotCreated));
}

fn an_older_head_is_enough<P: Place>(place: &P) {
    fill(place, 1, 0);
    let head = place.get("ledger.head");
    let written = fill(place, 2, 1);
    place.set("ledger.head", Some(&head));
    let (opened, entries) = open(place).expect("opens");
    assert_eq!(entries, written);
    drop(opened);
    assert_ne!(place.get("ledger.head"), head);
}

fn every_refusal_names_file_byte_rule_and_remedy<P: Place>(place: &P) {
    fill(place, 2, 0);
    let log = place.get("ledger.log");
    let mut bytes = log.clone();
    let damaged_at = boundaries(&log)[2];
    bytes[damaged_at + 30] ^= 4;
    place.set("ledger.log", Some(&bytes));
    let error = open(place).err().expect("is refused");
    let text = error.to_string();
    assert!(
        text.contains("ledger.log") && text.contains(&format!("byte {damaged_at}")),
        "{text}"
    );
    assert!(
        text.contains("valid ones follow") && error.hint().contains("backup"),
        "{text}"
    );
}

fn a_missing_head_is_refused_after_the_first_run<P: Place>(place: &P) {
    fill(place, 0, 0);
    for runs in 0..3 {
        let written = fill(place, 1, 0);
        place.set("ledger.head", None);
        if runs == 0 {
            let (opened, entries) = open(place).expect("opens");
            assert_eq!(entries, written);
            drop(opened);
            assert!(place.files().contains_key("ledger.head"));
        } else {
            assert_eq!(
                refusal(place),
                ("ledger.head".to_owned(), 0, Rule::HeadMissing)
            );
            return;
        }
    }
}
