//! The contract of [`EventLog`] and [`LogPlace`], over files, the memory disk and the rehearsal.
//!
//! Deliberately absent: what only files have (`file::tests`).

use crate::digest::Digest;
use crate::event::{Entry, Event};
use crate::id::{KeyId, LogId, Sequence};
use crate::log::chain;
use crate::log::error::{FoldError, LogError};
use crate::log::event_log::{EventLog, LogPlace, NewLog};
use crate::log::file::files::Files;
use crate::log::file::simulated::memory::{Memory, MemoryDisk};
use crate::log::rehearsal::Rehearsal;
use crate::state::State;
use crate::time::Timestamp;
use crate::tip::Tip;

const LOG: LogId = LogId([7; 16]);
const TIME: Timestamp = Timestamp(1_790_000_000_000_000);

fn new_log() -> NewLog {
    NewLog {
        id: LOG,
        version: "0.1.0".to_owned(),
    }
}

fn created() -> Event {
    let NewLog { id, version } = new_log();
    Event::LogCreated { log: id, version }
}

fn started() -> Event {
    Event::RunStarted {
        version: "0.1.0".to_owned(),
        policy: Digest([3; 32]),
        key: KeyId([4; 8]),
    }
}

fn approved(number: usize) -> Event {
    Event::DeletionsApproved {
        plan: Digest([5; 32]),
        who: "operator".to_owned(),
        why: "x".repeat(number % 300),
    }
}

/// A log that has just begun, and what is needed to keep it.
trait Begun {
    type Log: EventLog;

    fn begun(&self) -> Self::Log;
}

impl Begun for MemoryDisk {
    type Log = <Memory as LogPlace>::Log;

    fn begun(&self) -> Self::Log {
        self.process().create(TIME, new_log()).expect("begins").0
    }
}

impl Begun for tempfile::TempDir {
    type Log = <Files as LogPlace>::Log;

    fn begun(&self) -> Self::Log {
        let files = Files::new(self.path()).expect("the directory is there");
        files.create(TIME, new_log()).expect("begins").0
    }
}

/// The rehearsal, which goes on from anywhere, also from before the first entry.
struct Nowhere;

impl Begun for Nowhere {
    type Log = Rehearsal;

    fn begun(&self) -> Rehearsal {
        let mut log = Rehearsal::after(chain::start(LOG));
        log.append(Sequence(1), TIME, vec![created()])
            .expect("begins");
        log
    }
}

/// Makes one test for each kind of log out of each property.
macro_rules! on_each {
    ($($name:ident),* $(,)?) => {
        mod files {
            $(#[test] fn $name() {
                super::$name(&tempfile::tempdir().expect("a directory"));
            })*
        }
        mod memory_disk {
            $(#[test] fn $name() {
                super::$name(&crate::log::MemoryDisk::new());
            })*
        }
        mod rehearsal {
            $(#[test] fn $name() {
                super::$name(&super::Nowhere);
            })*
        }
    };
}

on_each![
    entries_and_hashes_are_those_of_the_chain,
    entries_are_appended_at_the_end_only,
    entries_are_read_from_any_number_on,
    an_event_that_cannot_be_kept_leaves_nothing_behind,
    only_the_state_after_the_last_entry_is_kept,
];

fn all(log: &impl EventLog) -> Vec<Entry> {
    let read: Result<Vec<_>, _> = log.read_from(Sequence::NONE).collect();
    read.expect("reads")
}

fn entries_and_hashes_are_those_of_the_chain(place: &impl Begun) {
    let mut log = place.begun();
    assert_eq!(log.tip().log, LOG);
    let events = [
        vec![started()],
        (0..3).map(approved).collect(),
        vec![started()],
    ];
    for batch in events.clone() {
        log.append(log.tip().sequence.next(), TIME, batch)
            .expect("appends");
    }
    let mut tip = chain::start(LOG);
    let mut expected = Vec::new();
    for event in std::iter::once(created()).chain(events.into_iter().flatten()) {
        let (entry, payload) = chain::next(tip, TIME, &event).expect("an entry");
        let checked = chain::check(tip, &payload, entry.hash).expect("is whole");
        assert_eq!(checked, entry);
        tip = Tip {
            sequence: entry.sequence,
            hash: entry.hash,
            ..tip
        };
        expected.push(entry);
    }
    assert_eq!(log.tip(), tip);
    assert_eq!(all(&log), expected);
    log.close().expect("closes");
}

fn entries_are_appended_at_the_end_only(place: &impl Begun) {
    let mut log = place.begun();
    let (tip, before) = (log.tip(), all(&log));
    for wrong in [0, 1, 3, u64::MAX] {
        let error = log.append(Sequence(wrong), TIME, vec![started()]);
        assert!(matches!(
            error,
            Err(LogError::Conflict { expected, due })
                if expected == Sequence(wrong) && due == Sequence(2)
        ));
        assert_eq!((log.tip(), all(&log)), (tip, before.clone()));
    }
    let nothing = log.append(Sequence(2), TIME, Vec::new()).expect("is fine");
    assert_eq!((nothing, log.tip()), (Vec::new(), tip));
    let appended = log
        .append(Sequence(2), TIME, vec![started()])
        .expect("appends");
    assert_eq!(all(&log)[1..], appended);
}

fn entries_are_read_from_any_number_on(place: &impl Begun) {
    let mut log = place.begun();
    let mut written = all(&log);
    for batch in [1, 1500, 1, 1500] {
        let events = (0..batch).map(approved).collect();
        let due = log.tip().sequence.next();
        written.extend(log.append(due, TIME, events).expect("appends"));
    }
    for first in [
        0, 1, 2, 3, 1023, 1024, 1025, 2048, 2049, 3002, 3003, 3004, 9999,
    ] {
        let read: Result<Vec<_>, _> = log.read_from(Sequence(first)).collect();
        let expected = written.iter().filter(|entry| entry.sequence.0 >= first);
        assert!(read.expect("reads").iter().eq(expected), "from {first}");
    }
}

fn an_event_that_cannot_be_kept_leaves_nothing_behind(place: &impl Begun) {
    let mut log = place.begun();
    let (tip, before) = (log.tip(), all(&log));
    let huge = Event::DeletionsApproved {
        plan: Digest([5; 32]),
        who: String::new(),
        why: "x".repeat(chain::PAYLOAD_BYTES_MAX as usize),
    };
    let error = log.append(Sequence(2), TIME, vec![started(), huge, started()]);
    assert!(matches!(error, Err(LogError::Other(_))));
    assert_eq!((log.tip(), all(&log)), (tip, before));
    log.append(Sequence(2), TIME, vec![started()])
        .expect("goes on");
}

fn only_the_state_after_the_last_entry_is_kept(place: &impl Begun) {
    let mut log = place.begun();
    let begun = State::default().apply(&all(&log)[0]).expect("follows");
    log.cache(&begun).expect("belongs to it");
    log.append(Sequence(2), TIME, vec![started()])
        .expect("appends");
    assert!(matches!(
        log.cache(&begun),
        Err(LogError::Conflict { expected, due })
            if expected == Sequence(1) && due == Sequence(2)
    ));
    let goes_on = begun.apply(&all(&log)[1]).expect("follows");
    log.cache(&goes_on).expect("belongs to it");
    log.close().expect("closes");
}

/// What comes before there is a log to hold; a rehearsal has no place.
trait Place {
    type At: LogPlace;

    fn place(&self) -> Self::At;
}

impl Place for MemoryDisk {
    type At = Memory;

    fn place(&self) -> Memory {
        self.process()
    }
}

impl Place for tempfile::TempDir {
    type At = Files;

    fn place(&self) -> Files {
        Files::new(self.path()).expect("the directory is there")
    }
}

fn a_log_begins_once_has_one_runner_and_opens_to_what_was_appended(at: &impl Place) {
    assert!(matches!(
        at.place().open(TIME),
        Err(FoldError::Log(LogError::Absent { .. }))
    ));
    let (mut log, mut state) = at.place().create(TIME, new_log()).expect("begins");
    for event in [started(), approved(9)] {
        let due = log.tip().sequence.next();
        for entry in log.append(due, TIME, vec![event]).expect("appends") {
            state = state.apply(&entry).expect("follows");
        }
    }
    assert!(matches!(
        at.place().open(TIME),
        Err(FoldError::Log(LogError::Busy { .. }))
    ));
    assert!(matches!(
        at.place().create(TIME, new_log()),
        Err(FoldError::Log(LogError::Busy { .. }))
    ));
    let (tip, entries) = (log.tip(), all(&log));
    log.close().expect("closes");
    assert!(matches!(
        at.place().create(TIME, new_log()),
        Err(FoldError::Log(LogError::Exists { .. }))
    ));
    let (log, opened) = at.place().open(TIME).expect("opens");
    assert_eq!((log.tip(), all(&log), opened), (tip, entries, state));
    // Whoever dies lets the next in, too.
    drop(log);
    at.place().open(TIME).expect("opens");
}

#[test]
fn in_files_a_log_begins_once_has_one_runner_and_opens_to_what_was_appended() {
    let directory = tempfile::tempdir().expect("a directory");
    a_log_begins_once_has_one_runner_and_opens_to_what_was_appended(&directory);
}

#[test]
fn on_the_memory_disk_a_log_begins_once_has_one_runner_and_opens_to_what_was_appended() {
    a_log_begins_once_has_one_runner_and_opens_to_what_was_appended(&MemoryDisk::new());
}
