//! Single operations against a scripted server: every refusal, cut and silence at every request.

use courier_ledger::{FailureClass, Phase, Placement, RemoteAfterFailure, Removal, Replaces};

use super::scripted::{BOUNDS, Fault, Manner, Pieces, Server, pipeline, run};
use super::{NEW, OLD, TARGET, TEMPORARY, name, only, server, upload, upload_to, uploaded};
use crate::effects::sftp::protocol::operation::{Done, Operation, OperationError};
use crate::effects::sftp::wire::request::decoded::Decoded;
use crate::effects::sftp::wire::status::StatusCode;

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
fn only_a_look_after_the_rename_was_answered_tells_a_pick_up() {
    let mut calm = server(Manner::default(), false);
    assert!(upload_to(&mut calm, Replaces::Own).is_ok());
    let last = calm.log.len() - 1;
    assert!(matches!(calm.log[last - 2], Decoded::PosixRename { .. }));
    let looked_at =
        |at: usize, name: &str| matches!(&calm.log[at], Decoded::Lstat { path } if path == name);
    assert!(looked_at(last - 1, TARGET) && looked_at(last, TEMPORARY));
    // As if the server had looked before it renamed.
    for (at, fault) in [
        (last - 1, Fault::Refuse(2)),
        (last, Fault::Pretend(NEW.len() as u64)),
    ] {
        let mut disorderly = server(Manner::default(), false);
        disorderly.faults.insert(at, fault);
        assert_eq!(
            upload_to(&mut disorderly, Replaces::Own),
            uploaded(Placement::PosixRename)
        );
        assert_eq!(disorderly.log.len(), calm.log.len() + 2);
    }
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
            super::uploaded_unseen(Placement::UnlinkThenRename)
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
            placement: Placement::PosixRename,
            unseen: None,
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
        super::uploaded_unseen(Placement::Rename)
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
        temporary: name(".export_1.zip.part"),
        target: name("export_1.zip"),
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
            placement: Placement::Rename,
            unseen: None,
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
            temporary: name(".export_1.zip.part"),
            target: name("export_1.zip"),
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
fn a_server_without_room_is_told_so_in_mebibytes_and_once() {
    let manner = Manner {
        room: Some(40),
        ..Manner::default()
    };
    let mut server = server(manner, true);
    let mut errors = Vec::new();
    for _ in 0..2 {
        errors.push(upload_to(&mut server, Replaces::Own).unwrap_err());
    }
    for error in &errors {
        assert_eq!(
            error.failure.text,
            "the drop-box is full: 0 of 3 MiB are free"
        );
        assert_eq!(error.failure.class, FailureClass::Permanent);
        assert_eq!(error.remote, RemoteAfterFailure::Untouched);
    }
    assert_eq!(server.files.len(), 1);
}

#[test]
fn a_removal_tells_what_was_there() {
    let mut server = server(Manner::default(), true);
    let mut pipeline = pipeline(server.manner, BOUNDS);
    let mut remove = |ticket| {
        let operation = Operation::Remove {
            name: name("export_1.zip"),
        };
        only(run(
            &mut pipeline,
            &mut server,
            vec![(ticket, operation)],
            5,
        ))
    };
    assert_eq!(remove(1), super::removed(Removal::Removed));
    assert_eq!(remove(2), super::removed(Removal::AlreadyAbsent));
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
        // After the look before it.
        server.faults.insert(1, fault);
        let operation = Operation::Remove {
            name: name("export_1.zip"),
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
