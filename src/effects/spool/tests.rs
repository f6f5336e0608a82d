//! The spool follows, spills, fails, starts over and leaves nothing behind.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::thread;

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use rustix::event::{PollFd, PollFlags, poll};
use tempfile::TempDir;

use super::reader::SpoolReader;
use super::*;
use crate::effects::source::{Available, Source};
use crate::effects::waker::Waker;

const MEMORY_BYTES: usize = 1000;

fn limits() -> SpoolLimits {
    SpoolLimits {
        memory_bytes: MEMORY_BYTES,
        limit_bytes: 100_000,
        reserve_bytes: 0,
    }
}

fn open(limits: SpoolLimits) -> (TempDir, SpoolDirectory) {
    let working_dir = TempDir::new().unwrap();
    let directory = SpoolDirectory::open(working_dir.path(), limits).unwrap();
    (working_dir, directory)
}

fn is_finished(spool: &Spool) -> bool {
    matches!(spool.0.lock().progress, buffer::Progress::Finished)
}

fn pattern(size: usize) -> Vec<u8> {
    (0..size)
        .map(|index| (index * 31 + index / 251) as u8)
        .collect()
}

/// Reads what is there now, in pieces of `step` bytes.
fn read_now(reader: &mut SpoolReader, step: usize) -> io::Result<(Vec<u8>, Available)> {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; step];
    loop {
        match reader.read(&mut buffer)? {
            Available::Bytes(count) => bytes.extend_from_slice(&buffer[..count]),
            end => return Ok((bytes, end)),
        }
    }
}

#[test]
fn a_reader_follows_the_writer_in_memory_and_on_disk() {
    let (_working_dir, directory) = open(limits());
    for expected in [None, Some(500), Some(5000), Some(9000)] {
        let mut writer = directory.create(expected).unwrap();
        let spool = writer.spool();
        let mut reader = spool.reader();
        let content = pattern(5000);
        assert_eq!(reader.read(&mut [0; 10]).unwrap(), Available::Pending);
        for piece in content.chunks(700) {
            writer.write_all(piece).unwrap();
            assert_eq!(
                read_now(&mut reader, 64).unwrap(),
                (piece.to_vec(), Available::Pending)
            );
        }
        assert_eq!((spool.written_bytes(), is_finished(&spool)), (5000, false));
        writer.finish().unwrap();
        assert_eq!((spool.written_bytes(), is_finished(&spool)), (5000, true));
        assert_eq!(reader.read(&mut [0; 10]).unwrap(), Available::End);
        assert_eq!(
            read_now(&mut spool.reader(), 999).unwrap(),
            (content, Available::End)
        );
    }
}

#[test]
fn readers_are_independent_and_start_over() {
    let (_working_dir, directory) = open(limits());
    for size in [0, 1, MEMORY_BYTES, MEMORY_BYTES + 1, 10 * MEMORY_BYTES] {
        let content = pattern(size);
        let mut writer = directory.create(None).unwrap();
        writer.write_all(&content).unwrap();
        let spool = writer.finish().unwrap();
        let mut first = spool.reader();
        let mut buffer = [0; 7];
        let read = first.read(&mut buffer).unwrap();
        assert_eq!(
            read,
            if size == 0 {
                Available::End
            } else {
                Available::Bytes(size.min(7))
            }
        );
        assert_eq!(read_now(&mut spool.reader(), 100).unwrap().0, content);
        first.restart().unwrap();
        assert_eq!(
            read_now(&mut first, 100).unwrap(),
            (content, Available::End)
        );
    }
}

#[test]
fn small_results_stay_in_memory_and_larger_ones_go_to_the_disk() {
    let (_working_dir, directory) = open(limits());
    let mut writer = directory.create(None).unwrap();
    writer.write_all(&pattern(MEMORY_BYTES)).unwrap();
    assert_eq!(directory.used_bytes(), 0);
    writer.write_all(&[1]).unwrap();
    assert!(directory.used_bytes() > MEMORY_BYTES as u64);
    let spool = writer.finish().unwrap();
    assert_eq!(directory.used_bytes(), MEMORY_BYTES as u64 + 1);
    drop(spool);
    assert_eq!(directory.used_bytes(), 0);
}

#[test]
fn a_failure_reaches_readers_with_its_kind_at_once() {
    let (_working_dir, directory) = open(limits());
    for size in [10, 5000] {
        let mut writer = directory.create(None).unwrap();
        writer.write_all(&pattern(size)).unwrap();
        let mut reader = writer.spool().reader();
        writer.give_up(ErrorKind::TimedOut, "the broker went silent".to_owned());
        for _ in 0..2 {
            let error = reader.read(&mut [0; 10]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert!(
                error.to_string().contains("the broker went silent"),
                "{error}"
            );
            reader.restart().unwrap();
        }
    }
}

#[test]
fn a_writer_that_is_dropped_has_failed() {
    let (_working_dir, directory) = open(limits());
    let mut writer = directory.create(None).unwrap();
    writer.write_all(b"half").unwrap();
    let spool = writer.spool();
    drop(writer);
    assert!(!is_finished(&spool));
    let error = spool.reader().read(&mut [0; 10]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
}

#[test]
fn a_result_above_the_limit_is_refused_at_once_or_when_it_grows() {
    let (_working_dir, directory) = open(limits());
    let error = directory.create(Some(100_001)).unwrap_err();
    assert!(
        matches!(
            error,
            SpoolError::TooLarge {
                needed_bytes: 100_001,
                limit_bytes: 100_000
            }
        ),
        "{error}"
    );

    let mut writer = directory.create(None).unwrap();
    let mut reader = writer.spool().reader();
    writer.write_all(&pattern(100_000)).unwrap();
    let error = writer.write_all(&[1]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FileTooLarge);
    assert!(error.to_string().contains("100000 bytes"), "{error}");
    assert_eq!(
        writer.write(&[1]).unwrap_err().kind(),
        ErrorKind::FileTooLarge
    );
    assert_eq!(
        reader.read(&mut [0; 10]).unwrap_err().kind(),
        ErrorKind::FileTooLarge
    );
    assert_eq!(writer.finish().unwrap_err().kind(), ErrorKind::FileTooLarge);
    drop(reader);
    assert_eq!(directory.used_bytes(), 0);
}

#[test]
fn the_limit_holds_for_all_results_together() {
    let (_working_dir, directory) = open(limits());
    let first = directory.create(Some(60_000)).unwrap();
    let error = directory.create(Some(60_000)).unwrap_err();
    assert!(
        matches!(
            error,
            SpoolError::Full {
                used_bytes: 60_000,
                ..
            }
        ),
        "{error}"
    );
    let mut unknown = directory.create(None).unwrap();
    unknown.write_all(&pattern(40_000)).unwrap();
    let error = unknown.write_all(&[1]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    drop(first);
    drop(unknown);
    assert_eq!(directory.used_bytes(), 0);
    drop(directory.create(Some(100_000)).unwrap());
}

#[test]
fn a_disk_without_space_is_named_before_anything_is_written() {
    let (working_dir, directory) = open(SpoolLimits {
        limit_bytes: u64::MAX,
        ..limits()
    });
    let error = directory.create(Some(u64::MAX / 2)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    let text = error.to_string();
    assert!(
        text.starts_with("no space in the working directory"),
        "{text}"
    );
    assert!(
        text.contains(working_dir.path().to_str().unwrap()),
        "{text}"
    );

    let (_working_dir, directory) = open(SpoolLimits {
        reserve_bytes: u64::MAX,
        ..limits()
    });
    let mut writer = directory.create(None).unwrap();
    writer.write_all(&pattern(MEMORY_BYTES)).unwrap();
    let error = writer.write_all(&[1]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert_eq!(
        writer.spool().reader().read(&mut [0]).unwrap_err().kind(),
        ErrorKind::StorageFull
    );
}

#[test]
fn nothing_has_a_name_while_it_is_in_use() {
    let (working_dir, directory) = open(limits());
    let folder = working_dir.path().join("spool");
    let mut writer = directory.create(None).unwrap();
    writer.write_all(&pattern(5000)).unwrap();
    let spool = writer.finish().unwrap();
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    drop(directory);
    assert!(!folder.exists());
    // What is still being read outlives the folder.
    assert_eq!(read_now(&mut spool.reader(), 100).unwrap().0, pattern(5000));
}

#[test]
fn left_overs_are_removed_at_the_next_start_and_only_ours() {
    let working_dir = TempDir::new().unwrap();
    let folder = working_dir.path().join("spool");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
    for name in [
        ".courier-0aB9zZ.partial",
        ".courier-17.partial",
        "courier-0.spool",
        "courier-17.spool",
    ] {
        fs::write(folder.join(name), "left over").unwrap();
    }
    let theirs = [
        ".courier-.partial",
        ".courier-x y.partial",
        ".courier-1.partial.bak",
        "courier-.spool",
        "courier-1a.spool",
        "courier-1.spool.bak",
        "notes",
    ];
    for name in theirs {
        fs::write(folder.join(name), "keep").unwrap();
    }
    fs::create_dir(folder.join(".courier-2.partial")).unwrap();
    let directory = SpoolDirectory::open(working_dir.path(), limits()).unwrap();
    assert_eq!(
        folder.metadata().unwrap().permissions().mode() & 0o7777,
        0o700
    );
    assert_eq!(fs::read_dir(&folder).unwrap().count(), theirs.len() + 1);
    drop(directory);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), theirs.len() + 1);
}

#[test]
fn a_folder_that_is_something_else_is_refused() {
    let working_dir = TempDir::new().unwrap();
    let folder = working_dir.path().join("spool");
    fs::write(&folder, "a file").unwrap();
    let error = SpoolDirectory::open(working_dir.path(), limits()).unwrap_err();
    assert!(matches!(error, SpoolError::NotADirectory(_)), "{error}");
    fs::remove_file(&folder).unwrap();
    let elsewhere = TempDir::new().unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), &folder).unwrap();
    let error = SpoolDirectory::open(working_dir.path(), limits()).unwrap_err();
    assert!(matches!(error, SpoolError::NotADirectory(_)), "{error}");
    let error = SpoolDirectory::open(&working_dir.path().join("missing"), limits()).unwrap_err();
    assert!(matches!(error, SpoolError::Directory { .. }), "{error}");
}

#[test]
fn the_waker_is_called_for_a_good_portion_and_for_the_end() {
    let (_working_dir, directory) = open(SpoolLimits {
        limit_bytes: 1 << 30,
        ..limits()
    });
    let waker = Waker::new().unwrap();
    let mut writer = directory.create(None).unwrap();
    let spool = writer.spool();
    spool.set_waker(waker.clone());
    let mut reader = spool.reader();
    writer.write_all(&pattern(1 << 20)).unwrap();
    assert!(!waker.take(), "nobody waits");
    drop(read_now(&mut reader, 1 << 20).unwrap());
    let mut calls = 0;
    for _ in 0..1000 {
        writer.write_all(&[0; 1000]).unwrap();
        calls += u32::from(waker.take());
    }
    assert_eq!(calls, 1, "once, until somebody waits again");
    drop(read_now(&mut reader, 1 << 20).unwrap());
    writer.write_all(&[0; 10]).unwrap();
    assert!(!waker.take(), "too little");
    writer.finish().unwrap();
    assert!(waker.take(), "for the end");

    let writer = directory.create(None).unwrap();
    writer.spool().set_waker(waker.clone());
    drop(writer);
    assert!(waker.take(), "for a failure");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        failure_persistence: Some(Box::new(
            FileFailurePersistence::Direct("proptest-regressions/spool.txt")
        )),
        ..ProptestConfig::default()
    })]

    #[test]
    fn readers_on_other_threads_get_every_byte(
        pieces in prop::collection::vec(0..200_000_usize, 0..12),
        expected in prop::option::of(0..1_000_000_u64),
        steps in prop::collection::vec(1..70_000_usize, 1..4),
    ) {
        let (_working_dir, directory) = open(SpoolLimits { limit_bytes: 1 << 30, ..limits() });
        let content = pattern(pieces.iter().sum());
        let mut writer = directory.create(expected).unwrap();
        let waker = Waker::new().unwrap();
        let spool = writer.spool();
        spool.set_waker(waker.clone());
        let read = thread::scope(|scope| {
            let follower = scope.spawn(|| {
                let mut readers: Vec<_> =
                    steps.iter().map(|step| (spool.reader(), *step, Vec::new(), false)).collect();
                while readers.iter().any(|(.., has_ended)| !has_ended) {
                    let mut waits = true;
                    for (reader, step, bytes, has_ended) in &mut readers {
                        let mut buffer = vec![0; *step];
                        match reader.read(&mut buffer).unwrap() {
                            Available::Bytes(count) => {
                                bytes.extend_from_slice(&buffer[..count]);
                                waits = false;
                            }
                            Available::Pending => {}
                            Available::End => *has_ended = true,
                        }
                    }
                    if waits && readers.iter().any(|(.., has_ended)| !has_ended) {
                        let mut waited = [PollFd::new(&waker, PollFlags::IN)];
                        poll(&mut waited, None).unwrap();
                        let _woken = waker.take();
                    }
                }
                readers.into_iter().map(|(_, _, bytes, _)| bytes).collect::<Vec<_>>()
            });
            let mut rest = &content[..];
            for piece in pieces {
                let (now, later) = rest.split_at(piece);
                writer.write_all(now).unwrap();
                rest = later;
            }
            writer.finish().unwrap();
            follower.join().unwrap()
        });
        for bytes in read {
            prop_assert!(bytes == content);
        }
    }
}
