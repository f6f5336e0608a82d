//! Everything in a folder: all of it, and no trace.

use courier_ledger::{FailureClass, Phase, RemoteAfterFailure};

use super::scripted::{BOUNDS, Fault, Manner, Server, pipeline, run};
use super::{only, server};
use crate::effects::sftp::protocol::operation::{Done, Listed, Operation, OperationError};
use crate::effects::sftp::wire::request::decoded::Decoded;

/// A server with these names in its folder.
fn holding(manner: Manner, names: &[&[u8]]) -> Server {
    let mut server = server(manner, true);
    server.listed = names.iter().map(|name| name.to_vec()).collect();
    server
}

fn list(server: &mut Server) -> Result<Done, OperationError> {
    let mut pipeline = pipeline(server.manner, BOUNDS);
    only(run(
        &mut pipeline,
        server,
        vec![(1, Operation::List)],
        100_000,
    ))
}

/// The names that are kept, and how many others there are.
fn names(done: Result<Done, OperationError>) -> (Vec<String>, u64) {
    match done {
        Ok(Done::Listed(Listed::Whole { entries, others })) => {
            let names = entries.into_iter().map(|entry| {
                assert_eq!(entry.attributes.size_bytes, Some(3));
                entry.name
            });
            (names.collect(), others)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn it_gives_all_names_however_they_are_parcelled() {
    let all: Vec<String> = (0..50).map(|id| format!("export_{id}.zip")).collect();
    let bytes: Vec<&[u8]> = all.iter().map(|name| name.as_bytes()).collect();
    for most_names in [1, 3, 7, 50, usize::MAX] {
        for ends_without_a_name in [false, true] {
            let manner = Manner {
                most_names,
                ends_without_a_name,
                ..Manner::default()
            };
            let mut server = holding(manner, &bytes);
            let before = server.files.clone();
            assert_eq!(names(list(&mut server)), (all.clone(), 0));
            assert_eq!(server.files, before);
            let closed = |it: &&Decoded| matches!(it, Decoded::Close { .. });
            assert_eq!(server.log.iter().filter(closed).count(), 1);
            assert_eq!(server.most_open, 1);
        }
    }
}

#[test]
fn an_empty_folder_is_empty() {
    let empty = (Vec::new(), 0);
    assert_eq!(names(list(&mut holding(Manner::default(), &[]))), empty);
    let itself = [&b"."[..], b".."];
    assert_eq!(names(list(&mut holding(Manner::default(), &itself))), empty);
}

#[test]
fn names_that_can_be_none_of_ours_are_counted() {
    let strange: [&[u8]; 7] = [
        b".",
        b"status.xml",
        b"../export_1.zip",
        b"\xff\xfe",
        b"a\x1b[2Jb",
        b"two words",
        &[b'x'; 256],
    ];
    let found = names(list(&mut holding(Manner::default(), &strange)));
    assert_eq!(found, (vec!["status.xml".to_owned()], 5));
}

#[test]
fn more_names_than_any_drop_box_has_are_refused_and_not_kept() {
    // A name of one byte that is counted, as many as fit into an answer, again and again.
    let mut server = holding(
        Manner {
            most_names: 5_000,
            ..Manner::default()
        },
        &[],
    );
    server.listed = std::iter::repeat_n(vec![b' '], 1_000_001).collect();
    let error = list(&mut server).unwrap_err();
    assert_eq!(error.failure.class, FailureClass::NeedsPerson);
    assert!(error.failure.text.contains("more than 1000000"), "{error}");
    assert!(!error.connection_lost);
}

#[test]
fn a_folder_that_may_not_be_listed_is_no_failure() {
    let manner = Manner {
        hides_folder: true,
        ..Manner::default()
    };
    let refused = |done| match done {
        Ok(Done::Listed(Listed::Refused(words))) => words,
        other => panic!("{other:?}"),
    };
    let words = refused(list(&mut holding(manner, &[b"export_1.zip"])));
    assert_eq!(words, "permission denied (status 3)");
    // Some servers let it be opened, or do not know the request at all.
    for (at, code) in [(1, 3), (0, 8), (0, 12)] {
        let mut server = holding(Manner::default(), &[]);
        server.faults.insert(at, Fault::Refuse(code));
        assert!(refused(list(&mut server)).contains("scripted"));
    }
}

#[test]
fn a_folder_of_which_only_a_part_is_shown_is_a_failure() {
    let manner = Manner {
        most_names: 1,
        ..Manner::default()
    };
    let mut server = holding(manner, &[b"a", b"b", b"c"]);
    server.faults.insert(2, Fault::Refuse(3));
    let error = list(&mut server).unwrap_err();
    assert!(error.failure.text.contains("not list all"), "{error}");
}

#[test]
fn every_refusal_cut_and_silence_ends_it_without_a_trace() {
    let faults = [
        Fault::Refuse(4),
        Fault::CutBefore,
        Fault::CutAfter,
        Fault::Silence,
    ];
    for at in 0..6 {
        for fault in faults {
            let manner = Manner {
                most_names: 1,
                ..Manner::default()
            };
            let mut server = holding(manner, &[b"a"]);
            let before = server.files.clone();
            server.faults.insert(at, fault);
            let result = list(&mut server);
            assert_eq!(server.files, before);
            if fault == Fault::Refuse(4) && at >= 3 {
                // Beyond the end nothing can be missed, and nothing is lost by the closing.
                assert_eq!(names(result), (vec!["a".to_owned()], 0), "{at}");
                continue;
            }
            let error = result.unwrap_err();
            let is_lost = fault != Fault::Refuse(4);
            assert_eq!(error.connection_lost, is_lost, "{at} {fault:?}");
            assert_eq!(error.failure.phase, Phase::Look);
            assert_eq!(error.failure.class, FailureClass::Transient);
            assert_eq!(error.remote, RemoteAfterFailure::Untouched);
        }
    }
}
