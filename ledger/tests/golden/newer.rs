//! Logs as a version after this one might write them: with a kind, a field or a variant that is not
//! known here, or in another format. Made by hand, frame by frame, from known payloads.
//!
//! Deliberately absent: this crate's own encoder for the changed frames. Checksums and hashes are
//! computed as `docs/log-format.md` says.
#![allow(
    clippy::expect_used,
    reason = "a log that cannot be made fails the test"
)]

use courier_ledger::*;
use sha2::Digest as _;

use crate::recipe::{begin, run_started, start_run};
use crate::{LogFiles, written};

const NEWER: &str = "0.9.0";
const HEADER_BYTES: usize = 31;
const FRAME_BYTES: usize = 16 + 32;

/// Every newer log by name, with the byte and the message that refuse it.
pub(crate) const REFUSALS: [(&str, u64, &str); 7] = [
    ("field-of-a-nested-type", 300, UNKNOWN_EVENT),
    ("field-of-a-start", 300, UNKNOWN_EVENT),
    ("field-of-the-creation", 31, UNKNOWN_EVENT),
    (
        "format",
        0,
        "the log has format version 2, which this program does not know",
    ),
    (
        "hash",
        0,
        "the log uses hash 2, which this program does not know",
    ),
    ("kind", 300, UNKNOWN_EVENT),
    ("variant", 300, UNKNOWN_EVENT),
];

const UNKNOWN_EVENT: &str = "the frame here is intact and holds no event that this version knows \
     (the last start up to here was by version 0.9.0)";

/// Makes every newer log.
pub(crate) fn make_all() -> Vec<(&'static str, LogFiles)> {
    let finished = || Event::RunFinished {
        counts: RunCounts::default(),
        duration_micros: 1,
        verdict: None,
    };
    vec![
        (
            "field-of-a-nested-type",
            after_newer_start(finished(), |payload| add_field(payload, b"counts")),
        ),
        (
            "field-of-a-start",
            after_a_start(run_started(NEWER), |payload| {
                add_field(payload, b"RunStarted")
            }),
        ),
        ("field-of-the-creation", first_entry()),
        ("format", with_header(8, 2)),
        ("hash", with_header(10, 2)),
        (
            "kind",
            after_newer_start(finished(), |payload| {
                replace(payload, b"RunFinished", b"RunAttested");
            }),
        ),
        (
            "variant",
            after_newer_start(
                Event::PollFailed {
                    failure: Failure {
                        phase: Phase::List,
                        class: FailureClass::Transient,
                        text: "the broker moved".to_owned(),
                    },
                },
                |payload| replace(payload, b"transient", b"heavenly!"),
            ),
        ),
    ]
}

/// An older log in which a newer version began a run, and then wrote this event, changed.
fn after_newer_start(event: Event, change: impl FnOnce(&mut Vec<u8>)) -> LogFiles {
    let mut story = begin();
    story.record(run_started(NEWER));
    story.record(event);
    change_last(written(story.entries()).0, change)
}

/// An older log in which a newer version began a run in a way of its own.
fn after_a_start(event: Event, change: impl FnOnce(&mut Vec<u8>)) -> LogFiles {
    let mut story = begin();
    start_run(&mut story);
    story.record(event);
    change_last(written(story.entries()).0, change)
}

/// A log that a newer version created in a way of its own.
fn first_entry() -> LogFiles {
    change_last(written(begin().entries()).0, |payload| {
        replace(payload, b"0.1.0", NEWER.as_bytes());
        add_field(payload, b"LogCreated");
    })
}

/// A log with another value in one byte of its header.
fn with_header(at: usize, value: u8) -> LogFiles {
    let mut files = written(begin().entries()).0;
    files.log[at] = value;
    let crc = crc32fast::hash(&files.log[..27]);
    files.log[27..HEADER_BYTES].copy_from_slice(&crc.to_le_bytes());
    files
}

/// Changes the payload of the last frame, and makes length, checksum, hash and head fit again.
fn change_last(files: LogFiles, change: impl FnOnce(&mut Vec<u8>)) -> LogFiles {
    let mut log = files.log;
    let mut previous = sha2::Sha256::digest(&log[..HEADER_BYTES]).to_vec();
    let (mut at, mut sequence) = (HEADER_BYTES, 1u64);
    let payload_bytes = loop {
        let length: [u8; 4] = log[at..at + 4].try_into().expect("four bytes");
        let length = u32::from_le_bytes(length) as usize;
        if at + FRAME_BYTES + length == log.len() {
            break length;
        }
        at += FRAME_BYTES + length;
        sequence += 1;
        previous = log[at - 32..at].to_vec();
    };
    let mut payload = log[at + 16..at + 16 + payload_bytes].to_vec();
    change(&mut payload);
    log.truncate(at);
    let length = u32::try_from(payload.len()).expect("short");
    let mut start = length.to_le_bytes().to_vec();
    start.extend(sequence.to_le_bytes());
    let hash = sha2::Sha256::new()
        .chain_update(previous)
        .chain_update(&start)
        .chain_update(&payload)
        .finalize();
    log.extend(&start);
    log.extend(crc32fast::hash(&start).to_le_bytes());
    log.extend(&payload);
    log.extend(&hash);
    let tip = format!("{sequence} {}", Digest(hash.into()));
    let crc = crc32fast::hash(tip.as_bytes());
    let head = format!("{tip} {crc:08x}\n").into_bytes();
    LogFiles { log, head }
}

/// Where `word` ends, which must be there once.
fn behind(payload: &[u8], word: &[u8]) -> usize {
    let mut ends = (0..=payload.len() - word.len())
        .filter(|at| payload[*at..].starts_with(word))
        .map(|at| at + word.len());
    let end = ends.next().expect("the word is there");
    assert_eq!(ends.next(), None, "the word is there once");
    end
}

fn replace(payload: &mut [u8], word: &[u8], other: &[u8]) {
    let end = behind(payload, word);
    payload[end - word.len()..end].copy_from_slice(other);
}

/// Adds the field `mood` to the front of the map (MessagePack, fixmap) behind this name.
fn add_field(payload: &mut Vec<u8>, name: &[u8]) {
    let map = behind(payload, name);
    assert_eq!(payload[map] & 0xf0, 0x80, "a map of up to 15 fields");
    payload[map] += 1;
    payload.splice(map + 1..map + 1, *b"\xa4mood\xa4glad");
}
