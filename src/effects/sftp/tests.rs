//! Whole operations against a scripted server: every refusal, cut and silence at every request.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::{Duration, Instant};

use courier_ledger::{FailureClass, Phase, Placement, RemoteAfterFailure, Removal, Replaces};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use super::error::ProtocolError;
use super::operation::{Completed, Done, Operation, OperationError};
use super::pipeline::Bounds;
use super::reply::encoded;
use super::request::decoded::Decoded;
use super::scripted::{BOUNDS, Fault, Manner, Pieces, Server, pipeline, run};
use super::status::StatusCode;

const NEW: &[u8] = b"the new version, in a few pieces of sixteen bytes";
const OLD: &[u8] = b"old";
const TARGET: &str = "box/export_1.zip";
const TEMPORARY: &str = "box/.export_1.zip.part";

fn upload(replaces: Replaces) -> Operation {
    Operation::Upload {
        source: Pieces::whole(NEW),
        temporary: ".export_1.zip.part".to_owned(),
        target: "export_1.zip".to_owned(),
        replaces,
    }
}

fn server(manner: Manner, old: bool) -> Server {
    let mut server = Server::new(manner);
    server.watched = TARGET.to_owned();
    if old {
        server.files.insert(TARGET.to_owned(), OLD.to_vec());
    }
    server
}

fn only(mut completed: Vec<Completed>) -> Result<Done, OperationError> {
    assert_eq!(completed.len(), 1);
    completed.remove(0).result
}

fn upload_to(server: &mut Server, replaces: Replaces) -> Result<Done, OperationError> {
    let mut pipeline = pipeline(server.manner, BOUNDS);
    only(run(
        &mut pipeline,
        server,
        vec![(1, upload(replaces))],
        1000,
    ))
}

fn uploaded(placement: Placement) -> Result<Done, OperationError> {
    Ok(Done::Uploaded {
        size_bytes: NEW.len() as u64,
        placement,
    })
}

#[test]
fn a_new_file_is_renamed_and_an_own_one_replaced_in_one_step() {
    let mut new = server(Manner::default(), false);
    assert_eq!(
        upload_to(&mut new, Replaces::Nothing),
        uploaded(Placement::Rename)
    );
    assert_eq!(new.files[TARGET], NEW);
    let mut own = server(Manner::default(), true);
    assert_eq!(
        upload_to(&mut own, Replaces::Own),
        uploaded(Placement::PosixRename)
    );
    assert!(own.history.iter().all(Option::is_some), "there was a gap");
    assert_eq!(own.files.len(), 1);
}

#[test]
fn without_posix_rename_the_old_file_is_unlinked_first() {
    for exists in [StatusCode::FAILURE, StatusCode::FILE_ALREADY_EXISTS] {
        let manner = Manner {
            posix_rename: false,
            exists,
            ..Manner::default()
        };
        let mut own = server(manner, true);
        assert_eq!(
            upload_to(&mut own, Replaces::Own),
            uploaded(Placement::UnlinkThenRename)
        );
        let mut new = server(manner, false);
        assert_eq!(
            upload_to(&mut new, Replaces::Own),
            uploaded(Placement::Rename)
        );
        let mut blind = server(
            Manner {
                blind: true,
                ..manner
            },
            true,
        );
        assert_eq!(
            upload_to(&mut blind, Replaces::Own),
            uploaded(Placement::UnlinkThenRename)
        );
    }
}

#[test]
fn an_announced_extension_that_is_not_there_is_done_without() {
    let mut own = server(
        Manner {
            posix_rename: false,
            ..Manner::default()
        },
        true,
    );
    let announced = Manner::default();
    let mut pipeline = pipeline(announced, BOUNDS);
    let done = only(run(
        &mut pipeline,
        &mut own,
        vec![(1, upload(Replaces::Own))],
        1000,
    ));
    assert_eq!(done, uploaded(Placement::UnlinkThenRename));
    own.log.clear();
    let done = only(run(
        &mut pipeline,
        &mut own,
        vec![(2, upload(Replaces::Own))],
        1000,
    ));
    assert_eq!(done, uploaded(Placement::UnlinkThenRename));
    let asked = own
        .log
        .iter()
        .any(|request| matches!(request, Decoded::PosixRename { .. }));
    assert!(!asked, "it was asked for again");
}

#[test]
fn a_foreign_file_is_never_replaced() {
    for rename_overwrites in [false, true] {
        let mut foreign = server(
            Manner {
                rename_overwrites,
                ..Manner::default()
            },
            true,
        );
        let error = upload_to(&mut foreign, Replaces::Nothing).unwrap_err();
        assert_eq!(error.failure.class, FailureClass::NeedsPerson);
        assert_eq!(error.failure.phase, Phase::Place);
        assert_eq!(error.remote, RemoteAfterFailure::Untouched);
        assert_eq!(foreign.files.len(), 1);
        assert_eq!(foreign.files[TARGET], OLD);
    }
    let mut unseen = server(
        Manner {
            blind: true,
            ..Manner::default()
        },
        true,
    );
    upload_to(&mut unseen, Replaces::Nothing).unwrap_err();
    assert_eq!(unseen.files[TARGET], OLD);
}

#[test]
fn a_file_that_is_taken_at_once_is_a_delivery() {
    let mut taken = server(
        Manner {
            picks_up: true,
            ..Manner::default()
        },
        false,
    );
    assert_eq!(
        upload_to(&mut taken, Replaces::Own),
        Ok(Done::PickedUp {
            size_bytes: NEW.len() as u64,
            placement: Placement::PosixRename
        })
    );
}

#[test]
fn where_nothing_may_be_looked_at_acknowledged_writes_count() {
    let mut blind = server(
        Manner {
            blind: true,
            ..Manner::default()
        },
        false,
    );
    assert_eq!(
        upload_to(&mut blind, Replaces::Nothing),
        uploaded(Placement::Rename)
    );
    assert_eq!(blind.files[TARGET], NEW);
}

#[test]
fn a_file_that_lost_bytes_is_not_put_in_place() {
    let mut lossy = server(
        Manner {
            loses_bytes: 1,
            ..Manner::default()
        },
        true,
    );
    let error = upload_to(&mut lossy, Replaces::Own).unwrap_err();
    assert_eq!(error.failure.phase, Phase::Confirm);
    assert_eq!(lossy.files.len(), 1);
    assert_eq!(lossy.files[TARGET], OLD);
}

#[test]
fn what_stands_under_the_temporary_name_is_cleared_once() {
    let mut left = server(Manner::default(), false);
    left.files.insert(TEMPORARY.to_owned(), OLD.to_vec());
    assert_eq!(
        upload_to(&mut left, Replaces::Nothing),
        uploaded(Placement::Rename)
    );
    assert_eq!(left.files.len(), 1);
    assert_eq!(left.files[TARGET], NEW);
}

#[test]
fn an_empty_file_is_a_file() {
    let mut empty = server(Manner::default(), false);
    let operation = Operation::Upload {
        source: Pieces::new(vec![]),
        temporary: ".export_1.zip.part".to_owned(),
        target: "export_1.zip".to_owned(),
        replaces: Replaces::Nothing,
    };
    let done = only(run(
        &mut pipeline(empty.manner, BOUNDS),
        &mut empty,
        vec![(1, operation)],
        7,
    ));
    assert_eq!(
        done,
        Ok(Done::Uploaded {
            size_bytes: 0,
            placement: Placement::Rename
        })
    );
    assert_eq!(empty.files[TARGET], b"");
}

#[test]
fn a_source_that_breaks_leaves_nothing_behind() {
    for pieces in [
        vec![Err(())],
        vec![Ok(Some(NEW.to_vec())), Ok(None), Err(())],
    ] {
        let mut server = server(Manner::default(), true);
        let operation = Operation::Upload {
            source: Pieces::new(pieces),
            temporary: ".export_1.zip.part".to_owned(),
            target: "export_1.zip".to_owned(),
            replaces: Replaces::Own,
        };
        let mut pipeline = pipeline(server.manner, BOUNDS);
        let error = only(run(&mut pipeline, &mut server, vec![(1, operation)], 9)).unwrap_err();
        assert_eq!(error.failure.phase, Phase::Spool);
        assert_eq!(error.remote, RemoteAfterFailure::Untouched);
        assert_eq!(server.files.len(), 1);
        assert_eq!(server.files[TARGET], OLD);
    }
}

#[test]
fn a_removal_tells_what_was_there() {
    let mut server = server(Manner::default(), true);
    let mut pipeline = pipeline(server.manner, BOUNDS);
    let mut remove = |ticket| {
        let operation = Operation::Remove {
            name: "export_1.zip".to_owned(),
        };
        only(run(
            &mut pipeline,
            &mut server,
            vec![(ticket, operation)],
            5,
        ))
    };
    assert_eq!(remove(1), Ok(Done::Removed(Removal::Removed)));
    assert_eq!(remove(2), Ok(Done::Removed(Removal::AlreadyAbsent)));
}

#[test]
fn a_refused_or_unanswered_removal_says_what_is_known() {
    for (fault, remote, lost) in [
        (Fault::Refuse(3), RemoteAfterFailure::Untouched, false),
        (Fault::CutBefore, RemoteAfterFailure::Uncertain, true),
        (Fault::CutAfter, RemoteAfterFailure::Uncertain, true),
        (Fault::Silence, RemoteAfterFailure::Uncertain, true),
    ] {
        let mut server = server(Manner::default(), true);
        server.faults.insert(0, fault);
        let operation = Operation::Remove {
            name: "export_1.zip".to_owned(),
        };
        let mut pipeline = pipeline(server.manner, BOUNDS);
        let error = only(run(&mut pipeline, &mut server, vec![(1, operation)], 5)).unwrap_err();
        assert_eq!(
            (error.remote, error.connection_lost),
            (remote, lost),
            "{fault:?}"
        );
        assert_eq!(error.failure.phase, Phase::Remove);
    }
}

fn manners() -> Vec<Manner> {
    let mut manners = Vec::new();
    for bits in 0..32_u32 {
        let bit = |index: u32| bits & (1 << index) != 0;
        manners.push(Manner {
            posix_rename: bit(0),
            fsync: bit(1),
            rename_overwrites: bit(2),
            exists: if bit(3) {
                StatusCode::FAILURE
            } else {
                StatusCode::FILE_ALREADY_EXISTS
            },
            blind: bit(4),
            ..Manner::default()
        });
    }
    manners
}

/// What must hold after an upload, whatever the server did.
fn check(
    context: &str,
    server: &Server,
    fault: Fault,
    faulted: &Decoded,
    old: bool,
    replaces: Replaces,
    result: &Result<Done, OperationError>,
) {
    let before = old.then(|| OLD.to_vec());
    let after = server.files.get(TARGET).cloned();
    for state in &server.history {
        let whole = match state.as_deref() {
            None => {
                !old || server
                    .log
                    .iter()
                    .any(|request| matches!(request, Decoded::Remove { path } if path == TARGET))
            }
            Some(bytes) => bytes == NEW || old && bytes == OLD,
        };
        assert!(whole, "{context}: a partial file, or a gap without need");
    }
    // A server that says of a file that is there that it is not cannot be told from an honest one.
    let lies = fault == Fault::Refuse(2);
    // Neither can a foreign file be protected where it cannot be seen and a rename overwrites it.
    let unprotectable = server.manner.rename_overwrites
        && (server.manner.blind || matches!(faulted, Decoded::Lstat { .. }));
    if old && replaces == Replaces::Nothing && !unprotectable {
        assert_eq!(
            after.as_deref(),
            Some(OLD),
            "{context}: a foreign file was touched"
        );
    }
    match result {
        Ok(_) => {
            assert_eq!(after.as_deref(), Some(NEW), "{context}");
            assert!(!server.files.contains_key(TEMPORARY), "{context}");
        }
        Err(error) => {
            let cut = !matches!(fault, Fault::Refuse(_));
            assert!(cut || !error.connection_lost, "{context}");
            match error.remote {
                RemoteAfterFailure::Untouched => {
                    assert_eq!(after, before, "{context}");
                    assert!(lies || !server.files.contains_key(TEMPORARY), "{context}");
                }
                RemoteAfterFailure::TemporaryMayRemain => assert_eq!(after, before, "{context}"),
                RemoteAfterFailure::Uncertain => {}
            }
        }
    }
}

#[test]
fn every_fault_at_every_request_ends_in_a_true_account() {
    let faults = [
        Fault::Refuse(2),
        Fault::Refuse(3),
        Fault::Refuse(4),
        Fault::Refuse(8),
        Fault::Refuse(11),
        Fault::Refuse(14),
        Fault::CutBefore,
        Fault::CutAfter,
        Fault::Silence,
    ];
    let mut runs = 0;
    for manner in manners() {
        for old in [false, true] {
            for replaces in [Replaces::Nothing, Replaces::Own] {
                for stale in [false, true] {
                    let prepared = || {
                        let mut server = server(manner, old);
                        if stale {
                            server.files.insert(TEMPORARY.to_owned(), b"stale".to_vec());
                        }
                        server
                    };
                    let mut undisturbed = prepared();
                    let _result = upload_to(&mut undisturbed, replaces);
                    for at in 0..undisturbed.log.len() {
                        for fault in faults {
                            let mut server = prepared();
                            server.faults.insert(at, fault);
                            let result = upload_to(&mut server, replaces);
                            let faulted = server.log[at].clone();
                            let context = format!(
                                "{manner:?}, old {old}, {replaces:?}, stale {stale}: {fault:?} at \
                                 {faulted:?} gives {result:?}"
                            );
                            check(&context, &server, fault, &faulted, old, replaces, &result);
                            runs += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(runs > 10_000, "only {runs} runs");
}

#[test]
fn an_answer_to_nothing_or_of_the_wrong_kind_ends_the_connection() {
    let now = Instant::now();
    let mut pipeline = pipeline(Manner::default(), BOUNDS);
    let mut answer = Vec::new();
    encoded::status(5, StatusCode::OK, "", &mut answer);
    assert_eq!(
        pipeline.receive(&answer, now),
        Err(ProtocolError::UnknownId { id: 5 })
    );

    pipeline.submit(1, upload(Replaces::Nothing));
    pipeline.pump(now);
    let mut answer = Vec::new();
    encoded::status(0, StatusCode::OK, "", &mut answer);
    assert!(matches!(
        pipeline.receive(&answer, now),
        Err(ProtocolError::Unexpected { .. })
    ));
}

#[test]
fn a_peer_that_never_answers_is_given_up_in_two_steps() {
    let start = Instant::now();
    let mut pipeline = pipeline(Manner::default(), BOUNDS);
    pipeline.submit(1, upload(Replaces::Nothing));
    pipeline.pump(start);
    let deadline = pipeline.next_deadline().unwrap();
    assert_eq!(deadline, start + BOUNDS.operation);
    assert!(pipeline.tick(deadline).is_ok());
    assert!(
        pipeline
            .tick(deadline + BOUNDS.cleanup - Duration::from_millis(1))
            .is_ok()
    );
    assert!(pipeline.tick(deadline + BOUNDS.cleanup).is_err());
}

#[test]
fn waiting_for_the_source_is_not_the_uploads_own_time() {
    let start = Instant::now();
    let mut server = server(Manner::default(), false);
    let mut pipeline = pipeline(Manner::default(), BOUNDS);
    pipeline.submit(
        1,
        Operation::Upload {
            source: Pieces::new(vec![Ok(None), Ok(Some(NEW.to_vec()))]),
            temporary: ".t".to_owned(),
            target: "t".to_owned(),
            replaces: Replaces::Nothing,
        },
    );
    let mut turn = |pipeline: &mut super::pipeline::Pipeline, now| {
        pipeline.pump(now);
        let bytes = pipeline.pending().to_vec();
        pipeline.sent(bytes.len());
        let answers = server.receive(&bytes).unwrap();
        pipeline.receive(&answers, now).unwrap();
    };
    turn(&mut pipeline, start);
    turn(&mut pipeline, start);
    assert_eq!(pipeline.next_deadline(), None);
    let later = start + 10 * BOUNDS.operation;
    assert!(pipeline.tick(later).is_ok());
    pipeline.source_ready();
    pipeline.pump(later);
    assert_eq!(pipeline.next_deadline(), Some(later + BOUNDS.operation));
}

#[test]
fn a_server_that_allows_one_open_file_gets_one() {
    let bounds = Bounds {
        open_files: 1,
        ..BOUNDS
    };
    let mut server = Server::new(Manner::default());
    let operations = numbered(10);
    let completed = run(
        &mut pipeline(server.manner, bounds),
        &mut server,
        operations,
        50,
    );
    assert!(completed.iter().all(|completed| completed.result.is_ok()));
    assert_eq!(server.most_open, 1);
}

fn numbered(count: u64) -> Vec<(u64, Operation)> {
    (0..count)
        .map(|number| {
            let operation = Operation::Upload {
                source: Pieces::whole(NEW),
                temporary: format!(".{number}"),
                target: number.to_string(),
                replaces: Replaces::Nothing,
            };
            (number, operation)
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "proptest-regressions/sftp-pipeline.txt",
        ))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn many_files_arrive_whole_however_the_wire_cuts_and_the_sources_dawdle(
        files in proptest::collection::vec(
            proptest::collection::vec(
                prop_oneof![
                    3 => proptest::collection::vec(any::<u8>(), 0..60).prop_map(Some),
                    1 => Just(None),
                ],
                0..6,
            ),
            1..12,
        ),
        open_files in 1usize..6,
        unacknowledged_bytes in 1usize..100,
        write_bytes in 1usize..40,
        cut in 1usize..200,
    ) {
        let bounds = Bounds { open_files, unacknowledged_bytes, write_bytes, ..BOUNDS };
        let mut server = Server::new(Manner::default());
        let operations = files
            .iter()
            .enumerate()
            .map(|(number, pieces)| {
                let operation = Operation::Upload {
                    source: Pieces::new(pieces.iter().cloned().map(Ok).collect()),
                    temporary: format!(".{number}"),
                    target: number.to_string(),
                    replaces: Replaces::Nothing,
                };
                (number as u64, operation)
            })
            .collect();
        let completed = run(&mut pipeline(server.manner, bounds), &mut server, operations, cut);
        prop_assert_eq!(completed.len(), files.len());
        for done in completed {
            let number = usize::try_from(done.ticket).unwrap();
            let whole: Vec<u8> = files[number].iter().flatten().flatten().copied().collect();
            let size_bytes = whole.len() as u64;
            let expected = Done::Uploaded { size_bytes, placement: Placement::Rename };
            prop_assert_eq!(done.result, Ok(expected));
            prop_assert_eq!(&server.files[&format!("box/{number}")], &whole);
        }
        prop_assert_eq!(server.files.len(), files.len());
        prop_assert!(server.most_open <= open_files);
    }

    #[test]
    fn one_operations_refusal_ends_no_other(at in 0usize..60, code in 2u32..20, cut in 1usize..200) {
        let mut server = Server::new(Manner::default());
        server.faults.insert(at, Fault::Refuse(code));
        let completed = run(&mut pipeline(server.manner, BOUNDS), &mut server, numbered(8), cut);
        let failed = completed.iter().filter(|completed| completed.result.is_err()).count();
        prop_assert!(failed <= 1);
        for done in &completed {
            if done.result.is_ok() {
                prop_assert_eq!(&server.files[&format!("box/{}", done.ticket)], NEW);
            }
        }
    }

    #[test]
    fn buffers_stay_within_their_bounds(count in 1u64..20, sent in 0usize..100) {
        let now = Instant::now();
        let bounds = Bounds { open_files: 20, ..BOUNDS };
        let mut server = Server::new(Manner::default());
        let mut pipeline = pipeline(server.manner, bounds);
        for (ticket, operation) in numbered(count) {
            pipeline.submit(ticket, operation);
        }
        pipeline.pump(now);
        let opens = pipeline.pending().to_vec();
        pipeline.sent(opens.len());
        let handles = server.receive(&opens).unwrap();
        pipeline.receive(&handles, now).unwrap();
        pipeline.pump(now);
        // Small requests of the files that ended their data come on top.
        prop_assert!(pipeline.pending().len() <= 2 * (bounds.write_bytes + 280) + 200);
        pipeline.sent(sent.min(pipeline.pending().len()));
        pipeline.pump(now);
        prop_assert!(pipeline.pending().len() <= 2 * (bounds.write_bytes + 280) + 200);
    }

    #[test]
    fn arbitrary_answers_never_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        answers in proptest::collection::vec((0u32..6, 0u32..20, any::<bool>()), 0..20),
    ) {
        let now = Instant::now();
        let mut pipeline = pipeline(Manner::default(), BOUNDS);
        for (ticket, operation) in numbered(3) {
            pipeline.submit(ticket, operation);
        }
        pipeline.submit(9, Operation::Remove { name: "r".to_owned() });
        pipeline.pump(now);
        for (id, code, handle) in answers {
            let mut answer = Vec::new();
            if handle {
                encoded::handle(id, b"h", &mut answer);
            } else {
                encoded::status(id, StatusCode(code), "", &mut answer);
            }
            if pipeline.receive(&answer, now).is_err() {
                break;
            }
            pipeline.pump(now);
        }
        let _received = pipeline.receive(&bytes, now);
        pipeline.lost("the end");
        let mut ended = 0;
        while pipeline.next_completed().is_some() {
            ended += 1;
        }
        prop_assert_eq!(ended, 4);
    }
}
