//! What every storage, and the journal on every storage, must do.

use super::*;
use crate::log::error::FoldError;
use crate::log::event_log::LogPlace as _;
use crate::log::file::read::{Progress, Tail, read, verify};
use crate::log::file::storage::{Lock, LogFile};
use crate::state::State;

on_both![
    a_storage_appends_reads_cuts_and_overwrites,
    a_storage_replaces_and_keeps_whole_files,
    a_storage_refuses_what_is_not_there,
    one_process_at_a_time_holds_the_lock,
    entries_are_read_back_as_they_were_appended,
    the_bytes_of_a_log_depend_on_its_events_alone,
    entries_are_appended_at_the_end_only,
    a_second_writer_is_refused_and_readers_are_not,
    entries_are_read_from_any_number_on,
    a_long_batch_is_appended_whole,
    an_opening_without_a_log_creates_only_when_asked,
    an_audit_reports_progress_and_changes_nothing,
];

fn a_storage_appends_reads_cuts_and_overwrites<P: Place>(place: &P) {
    let mut storage = place.process();
    assert_eq!(storage.size_bytes(LogFile::Log).expect("answers"), None);
    storage.replace(LogFile::Log, b"abc").expect("creates");
    storage.append(LogFile::Log, b"defgh").expect("appends");
    storage
        .overwrite(LogFile::Log, 1, b"BC")
        .expect("overwrites");
    storage.append(LogFile::Log, b"ij").expect("appends");
    storage.truncate(LogFile::Log, 9).expect("cuts");
    storage.append(LogFile::Log, b"!").expect("appends");
    storage.sync(LogFile::Log).expect("syncs");
    assert_eq!(place.get("ledger.log"), b"aBCdefghi!");
    assert_eq!(storage.size_bytes(LogFile::Log).expect("answers"), Some(10));
    let mut buffer = [0; 4];
    assert_eq!(
        storage
            .read_at(LogFile::Log, 3, &mut buffer)
            .expect("reads"),
        4
    );
    assert_eq!(&buffer, b"defg");
    assert_eq!(
        storage
            .read_at(LogFile::Log, 8, &mut buffer)
            .expect("reads"),
        2
    );
    assert_eq!(&buffer[..2], b"i!");
    assert_eq!(
        storage
            .read_at(LogFile::Log, 99, &mut buffer)
            .expect("reads"),
        0
    );
}

fn a_storage_replaces_and_keeps_whole_files<P: Place>(place: &P) {
    let mut storage = place.process();
    storage
        .replace(LogFile::Log, b"0123456789")
        .expect("creates");
    storage
        .replace(LogFile::Head, b"longer than the next")
        .expect("creates");
    storage.replace(LogFile::Head, b"short").expect("replaces");
    let torn = LogFile::Torn { offset: 6, copy: 1 };
    storage.keep(6, torn).expect("keeps");
    assert_eq!(
        storage.keep(6, torn).expect_err("is there").kind(),
        std::io::ErrorKind::AlreadyExists
    );
    let second = LogFile::Torn { offset: 6, copy: 2 };
    storage.keep(7, second).expect("keeps");
    place.set("ledger.head.tmp", Some(b"left behind"));
    place.set("ledger.checkpoint", Some(b"an earlier version's"));
    storage.sweep().expect("sweeps");
    let files = place.files();
    let names: Vec<_> = files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "ledger.head",
            "ledger.log",
            "ledger.torn.6",
            "ledger.torn.6.2"
        ]
    );
    assert_eq!(files["ledger.head"], b"short");
    assert_eq!(files["ledger.torn.6"], b"6789");
    assert_eq!(files["ledger.torn.6.2"], b"789");
    // What was replaced is what is appended to.
    storage.append(LogFile::Log, b"x").expect("appends");
    storage.replace(LogFile::Log, b"new").expect("replaces");
    storage.append(LogFile::Log, b"er").expect("appends");
    assert_eq!(place.get("ledger.log"), b"newer");
}

fn a_storage_refuses_what_is_not_there<P: Place>(place: &P) {
    let mut storage = place.process();
    let missing = |result: std::io::Result<()>| {
        assert_eq!(
            result.expect_err("missing").kind(),
            std::io::ErrorKind::NotFound
        );
    };
    missing(storage.append(LogFile::Log, b"x"));
    missing(storage.overwrite(LogFile::Log, 0, b"x"));
    missing(storage.truncate(LogFile::Log, 0));
    missing(storage.sync(LogFile::Log));
    missing(storage.read_at(LogFile::Log, 0, &mut [0]).map(|_| ()));
    missing(storage.keep(0, LogFile::Torn { offset: 0, copy: 1 }));
    assert!(place.files().is_empty());
}

fn one_process_at_a_time_holds_the_lock<P: Place>(place: &P) {
    let (mut first, mut second) = (place.process(), place.process());
    assert!(!second.has_writer().expect("answers"));
    assert_eq!(first.try_lock().expect("answers"), Lock::Acquired);
    assert_eq!(second.try_lock().expect("answers"), Lock::HeldElsewhere);
    assert!(second.has_writer().expect("answers"));
    drop(first);
    assert!(!second.has_writer().expect("answers"));
    assert_eq!(second.try_lock().expect("answers"), Lock::Acquired);
}

fn entries_are_read_back_as_they_were_appended<P: Place>(place: &P) {
    let written = fill(place, 3, 2);
    let numbers: Vec<_> = written.iter().map(|entry| entry.sequence.0).collect();
    assert_eq!(numbers, (1..=9).collect::<Vec<_>>());
    let (opened, entries) = open(place).expect("opens");
    assert_eq!(entries, written);
    assert!(!opened.created && opened.recovered().is_empty());
    assert_eq!(opened.journal.tip().log, new_log().id);
    let tip = opened.journal.tip();
    assert_eq!(
        Some((tip.sequence, tip.hash)),
        written.last().map(|e| (e.sequence, e.hash))
    );
    opened.journal.close().expect("closes");
    let before = place.files();
    let again = open(place).expect("opens").0;
    again.journal.close().expect("closes");
    assert_eq!(place.files(), before);
    assert!(!before.contains_key("ledger.head.tmp"));
}

fn the_bytes_of_a_log_depend_on_its_events_alone<P: Place>(place: &P) {
    fill(place, 1, 1);
    let other = MemoryDisk::new();
    let (mut opened, _) = open(&other).expect("opens");
    for events in [vec![started()], vec![finished(0), finished(0)]] {
        append(&mut opened.journal, events).expect("appends");
    }
    assert_eq!(place.get("ledger.log"), other.get("ledger.log"));
}

fn entries_are_appended_at_the_end_only<P: Place>(place: &P) {
    let (mut opened, _) = open(place).expect("opens");
    let before = place.files();
    for wrong in [0, 1, 3] {
        let error = opened
            .journal
            .append(sequence(wrong), TIME, vec![started()]);
        assert!(matches!(
            error,
            Err(LogError::Conflict { expected, due })
                if expected == sequence(wrong) && due == sequence(2)
        ));
    }
    assert_eq!(
        append(&mut opened.journal, Vec::new()).expect("nothing to do"),
        []
    );
    assert_eq!(place.files(), before);
    append(&mut opened.journal, vec![started()]).expect("appends");
}

fn a_second_writer_is_refused_and_readers_are_not<P: Place>(place: &P) {
    let (opened, _) = open(place).expect("opens");
    assert!(matches!(open(place), Err(LogError::Busy { .. })));
    let creating = place.process().create(TIME, new_log());
    assert!(matches!(
        creating,
        Err(FoldError::Log(LogError::Busy { .. }))
    ));
    let reading = read(&place.process(), |_| Ok::<(), LogError>(())).expect("reads");
    assert_eq!(
        (reading.tip, reading.tail),
        (opened.journal.tip(), Tail::Complete)
    );
    drop(opened);
    open(place).expect("opens");
}

fn entries_are_read_from_any_number_on<P: Place>(place: &P) {
    let (mut opened, mut written) = open(place).expect("opens");
    let events = (0..3000).map(finished).collect();
    written.extend(append(&mut opened.journal, events).expect("appends"));
    for reopened in [false, true] {
        for first in [0, 1, 2, 1023, 1024, 1025, 2048, 2049, 3001, 3002, 9999] {
            let read: Result<Vec<_>, _> = opened.journal.read_from(sequence(first)).collect();
            let expected = written.iter().filter(|entry| entry.sequence.0 >= first);
            assert!(
                read.expect("reads").iter().eq(expected),
                "from {first}, {reopened}"
            );
        }
        if !reopened {
            drop(opened);
            opened = open(place).expect("opens").0;
        }
    }
}

fn a_long_batch_is_appended_whole<P: Place>(place: &P) {
    let (mut opened, mut written) = open(place).expect("opens");
    let events: Vec<_> = (0..5000).map(finished).collect();
    written.extend(append(&mut opened.journal, events).expect("appends"));
    written.extend(append(&mut opened.journal, vec![sized(3 << 20), sized(1)]).expect("appends"));
    drop(opened);
    let (opened, read) = open(place).expect("opens");
    assert!(read == written);
    assert!(opened.recovered().is_empty());
}

fn an_opening_without_a_log_creates_only_when_asked<P: Place>(place: &P) {
    let fold = |_| Ok::<(), LogError>(());
    let missing = place.process().open(TIME);
    assert!(matches!(
        missing,
        Err(FoldError::Log(LogError::Absent { .. }))
    ));
    assert!(matches!(
        read(&place.process(), fold),
        Err(LogError::Absent { .. })
    ));
    assert!(place.files().is_empty());
    let (journal, state) = place.process().create(TIME, new_log()).expect("creates");
    let first: Result<Vec<_>, _> = journal.read_from(Sequence::NONE).collect();
    let first = first.expect("reads");
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].event, created());
    assert_eq!(State::default().apply(&first[0]), Ok(state));
    journal.close().expect("closes");
    let before = place.files();
    assert_eq!(
        before.keys().collect::<Vec<_>>(),
        ["ledger.head", "ledger.log"]
    );
    let again = place.process().create(TIME, new_log());
    assert!(matches!(
        again,
        Err(FoldError::Log(LogError::Exists { .. }))
    ));
    assert_eq!(place.files(), before);
}

fn an_audit_reports_progress_and_changes_nothing<P: Place>(place: &P) {
    let (mut opened, _) = open(place).expect("opens");
    append(&mut opened.journal, (0..9000).map(finished).collect()).expect("appends");
    append(&mut opened.journal, vec![started()]).expect("appends");
    drop(opened);
    let before = place.files();
    let mut seen = Vec::new();
    let mut count = 0;
    let summary = verify(
        &place.process(),
        |_| {
            count += 1;
            Ok::<(), LogError>(())
        },
        |Progress {
             sequence,
             done_bytes,
             total_bytes,
         }| {
            assert!(done_bytes <= total_bytes);
            seen.push(sequence.0);
        },
    );
    let summary = summary.expect("is whole");
    assert_eq!(
        (count, summary.tip.sequence.0, summary.runs),
        (9002, 9002, 1)
    );
    assert_eq!(summary.size_bytes, before["ledger.log"].len() as u64);
    assert_eq!(summary.tail, Tail::Complete);
    assert_eq!(seen, [4096, 8192, 9002]);
    assert_eq!(place.files(), before);
}

/// What only real files have: modes, links, other processes' openings.
mod real_files_only {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "a test looks at the files from outside"
    )]
    fn files_are_for_their_owner_only_and_links_and_directories_are_refused() {
        let place = tempfile::tempdir().expect("a directory");
        fill(&place, 1, 1);
        let log = place.get("ledger.log");
        place.set("ledger.log", Some(&log[..log.len() - 3]));
        open(&place).expect("opens");
        for name in place.files().keys() {
            let mode = std::fs::metadata(place.path().join(name))
                .expect("there")
                .permissions();
            assert_eq!(mode.mode() & 0o777, 0o600, "{name}");
        }
        for name in ["ledger.log", "ledger.head"] {
            let (path, aside) = (place.path().join(name), place.path().join("aside"));
            std::fs::rename(&path, &aside).expect("renames");
            for directory in [false, true] {
                if directory {
                    std::fs::create_dir(&path).expect("creates");
                } else {
                    std::os::unix::fs::symlink(&aside, &path).expect("links");
                }
                let error = open(&place).err().expect("is refused");
                let kind = failure_of(&error);
                assert_eq!(kind, Some(std::io::ErrorKind::InvalidInput), "{error}");
                if directory {
                    std::fs::remove_dir(&path).expect("removes");
                } else {
                    std::fs::remove_file(&path).expect("removes");
                }
            }
            std::fs::rename(&aside, &path).expect("renames");
        }
        open(&place).expect("opens");
    }
}
