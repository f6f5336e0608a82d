//! The contract of [`EventLog`] and [`LogPlace`], for whoever keeps entries: this crate's files, memory
//! disk and rehearsal are held to it, and so is a ledger of another crate. Behind the feature
//! `simulation`.
//!
//! `courier_ledger::place_contract!(place)` makes a test of each property; `place` gives a closure that
//! gives the same place each time that it is called, a new one for each test. What is a log and has no
//! place says `courier_ledger::log_contract!(begin)`; `begin` gives a closure that begins a log at
//! [`TIME`] with [`new_log`]. What needs something that may not be there, a database's server say, adds
//! `, if it_is_there()`.
//!
//! What always holds here: a property that fails panics, and says what it found. Deliberately absent:
//! damage, which only whoever keeps the entries can do; what [`chain::check`] finds must be refused.

use crate::event::Entry;
use crate::id::Sequence;
use crate::state::State;
use crate::tip::Tip;

use super::chain;
use super::error::{FoldError, LogError};
use super::event_log::{Claim, EventLog, LogPlace, Vacancy as _};
use super::sample::{LOG, TIME, created, new_log, sized, started};

/// Makes a test of each property of a log; see [`crate::log::contract`].
#[doc(hidden)]
#[macro_export]
macro_rules! log_contract {
    ($begin:expr) => {
        $crate::log_contract! { $begin, if true }
    };
    ($begin:expr, if $there:expr) => {
        $crate::log_contract! { $begin, if $there =>
            entries_and_hashes_are_those_of_the_chain,
            entries_are_appended_at_the_end_only,
            entries_are_read_from_any_number_on,
            an_event_that_cannot_be_kept_leaves_nothing_behind,
            only_the_state_after_the_last_entry_is_kept,
        }
    };
    ($given:expr, if $there:expr => $($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            if $there {
                $crate::log::contract::$name($given);
            }
        })*
    };
}

/// Makes a test of each property of a place, and of the logs that begin there; see
/// [`crate::log::contract`].
#[doc(hidden)]
#[macro_export]
macro_rules! place_contract {
    ($place:expr) => {
        $crate::place_contract! { $place, if true }
    };
    ($place:expr, if $there:expr) => {
        $crate::log_contract! { $crate::log::contract::begun_at($place), if $there }
        $crate::log_contract! { $place, if $there =>
            a_log_begins_once_has_one_runner_and_opens_to_what_was_appended,
            a_place_has_one_runner_before_its_log_begins,
            the_hash_of_any_entry_is_told,
            what_was_kept_of_a_state_changes_nothing,
        }
    };
}

/// Begins a log at the place.
pub fn begun_at<P: LogPlace>(place: impl Fn() -> P) -> impl Fn() -> P::Log {
    move || place().create(TIME, new_log()).expect("begins").0
}

fn all(log: &impl EventLog) -> Vec<Entry> {
    let read: Result<Vec<_>, _> = log.read_from(Sequence::NONE).collect();
    read.expect("reads")
}

/// Whatever is appended has the numbers, the bytes and the hashes that [`chain::next`] gives it.
pub fn entries_and_hashes_are_those_of_the_chain<L: EventLog>(begin: impl Fn() -> L) {
    let mut log = begin();
    assert_eq!(log.tip().log, LOG);
    let events = [
        vec![started()],
        (0..3).map(sized).collect(),
        vec![started()],
    ];
    for batch in events.clone() {
        log.append(log.tip().sequence.next(), TIME, batch)
            .expect("appends");
    }
    let mut tip = chain::start(LOG);
    let mut expected = Vec::new();
    for event in std::iter::once(created()).chain(events.into_iter().flatten()) {
        let (entry, payload) = chain::next(tip, TIME, &event, None).expect("an entry");
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

/// An append for another number than the next is a conflict, and changes nothing.
pub fn entries_are_appended_at_the_end_only<L: EventLog>(begin: impl Fn() -> L) {
    let mut log = begin();
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

/// Reading from a number gives what was written from there on, however it was written.
pub fn entries_are_read_from_any_number_on<L: EventLog>(begin: impl Fn() -> L) {
    let mut log = begin();
    let mut written = all(&log);
    for batch in [1, 1500, 1, 1500] {
        let events = (0..batch).map(|number| sized(number % 300)).collect();
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

/// An event that is too large is refused with everything that was to be appended with it.
pub fn an_event_that_cannot_be_kept_leaves_nothing_behind<L: EventLog>(begin: impl Fn() -> L) {
    let mut log = begin();
    let (tip, before) = (log.tip(), all(&log));
    let huge = sized(chain::PAYLOAD_BYTES_MAX as usize);
    let error = log.append(Sequence(2), TIME, vec![started(), huge, started()]);
    assert!(matches!(error, Err(LogError::Other(_))));
    assert_eq!((log.tip(), all(&log)), (tip, before));
    log.append(Sequence(2), TIME, vec![started()])
        .expect("goes on");
}

/// A state that is not the one after the last entry is a conflict.
pub fn only_the_state_after_the_last_entry_is_kept<L: EventLog>(begin: impl Fn() -> L) {
    let mut log = begin();
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

/// A place has no log, or one; that has no runner, or one; and whoever opens it finds what was kept.
pub fn a_log_begins_once_has_one_runner_and_opens_to_what_was_appended<P: LogPlace>(
    at: impl Fn() -> P,
) {
    assert!(matches!(
        at().open(TIME),
        Err(FoldError::Log(LogError::Absent { .. }))
    ));
    let (mut log, mut state) = at().create(TIME, new_log()).expect("begins");
    for event in [started(), sized(9)] {
        let due = log.tip().sequence.next();
        for entry in log.append(due, TIME, vec![event]).expect("appends") {
            state = state.apply(&entry).expect("follows");
        }
    }
    assert!(matches!(
        at().open(TIME),
        Err(FoldError::Log(LogError::Busy { .. }))
    ));
    assert!(matches!(
        at().create(TIME, new_log()),
        Err(FoldError::Log(LogError::Busy { .. }))
    ));
    let (tip, entries) = (log.tip(), all(&log));
    log.close().expect("closes");
    assert!(matches!(
        at().create(TIME, new_log()),
        Err(FoldError::Log(LogError::Exists { .. }))
    ));
    let (log, opened) = at().open(TIME).expect("opens");
    assert_eq!((log.tip(), all(&log), opened), (tip, entries, state));
    // Whoever dies lets the next in, too.
    drop(log);
    at().open(TIME).expect("opens");
}

/// Whoever claims a place without a log is its one runner, and writes nothing before the log begins.
pub fn a_place_has_one_runner_before_its_log_begins<P: LogPlace>(at: impl Fn() -> P) {
    let Claim::Vacant(vacancy) = at().claim(TIME).expect("claims") else {
        panic!("a log is there")
    };
    assert!(matches!(
        at().claim(TIME),
        Err(FoldError::Log(LogError::Busy { .. }))
    ));
    assert!(matches!(
        at().create(TIME, new_log()),
        Err(FoldError::Log(LogError::Busy { .. }))
    ));
    // Whoever gives it up leaves nothing behind.
    drop(vacancy);
    let Claim::Vacant(vacancy) = at().claim(TIME).expect("claims") else {
        panic!("a log was left")
    };
    let (log, begun) = vacancy.begin(TIME, new_log()).expect("begins");
    let (tip, entries) = (log.tip(), all(&log));
    log.close().expect("closes");
    let Claim::Log(log, state) = at().claim(TIME).expect("claims") else {
        panic!("the log is lost")
    };
    assert_eq!((log.tip(), all(&log), *state), (tip, entries, begun));
}

/// The hash of an entry is told whether it was written before or after a state was kept; of no other.
pub fn the_hash_of_any_entry_is_told<P: LogPlace>(at: impl Fn() -> P) {
    let (mut log, mut state) = at().create(TIME, new_log()).expect("begins");
    let mut written = all(&log);
    for kept in [true, false] {
        let events = (0..1500).map(|_| sized(1)).collect();
        let due = log.tip().sequence.next();
        for entry in log.append(due, TIME, events).expect("appends") {
            state = state.apply(&entry).expect("follows");
            written.push(entry);
        }
        if kept {
            log.cache(&state).expect("belongs to it");
        }
    }
    log.close().expect("closes");
    let (log, _) = at().open(TIME).expect("opens");
    for entry in written {
        let told = log.hash_of(entry.sequence).expect("reads");
        assert_eq!(told, Some(entry.hash), "{}", entry.sequence);
    }
    for other in [0, 3002, u64::MAX] {
        assert_eq!(
            log.hash_of(Sequence(other)).expect("reads"),
            None,
            "{other}"
        );
    }
}

/// Whoever opens a log for which a state was kept finds the same state, with and without what came
/// after it.
pub fn what_was_kept_of_a_state_changes_nothing<P: LogPlace>(at: impl Fn() -> P) {
    let (mut log, mut state) = at().create(TIME, new_log()).expect("begins");
    for kept in [true, false, true] {
        let due = log.tip().sequence.next();
        for entry in log.append(due, TIME, vec![started()]).expect("appends") {
            state = state.apply(&entry).expect("follows");
        }
        if kept {
            log.cache(&state).expect("belongs to it");
        }
        let (tip, entries) = (log.tip(), all(&log));
        log.close().expect("closes");
        let opened;
        (log, opened) = at().open(TIME).expect("opens");
        assert_eq!((log.tip(), all(&log), &opened), (tip, entries, &state));
    }
}
