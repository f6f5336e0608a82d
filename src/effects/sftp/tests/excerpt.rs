//! The beginning of a file: what is asked for and no more, and no trace.

use courier_ledger::{FailureClass, Phase, RemoteAfterFailure};

use super::scripted::{BOUNDS, Fault, Manner, Server, pipeline, run};
use super::{OLD, only, server};
use crate::effects::sftp::protocol::operation::{Concern, Done, Operation, OperationError};

fn excerpt(server: &mut Server, name: &str, length: u32) -> Result<Done, OperationError> {
    let operation = Operation::Excerpt {
        name: super::name(name),
        length,
        concern: Concern::UploadInDoubt,
    };
    let mut pipeline = pipeline(server.manner, BOUNDS);
    only(run(&mut pipeline, server, vec![(1, operation)], 50))
}

#[test]
fn it_gives_what_is_there_as_far_as_it_was_asked_for() {
    for most_read in [usize::MAX, 1] {
        let manner = Manner {
            most_read,
            ..Manner::default()
        };
        for (length, found) in [(2, &OLD[..2]), (3, OLD), (99, OLD)] {
            let mut server = server(manner, true);
            let before = server.files.clone();
            let done = excerpt(&mut server, "export_1.zip", length);
            assert_eq!(done, Ok(Done::Excerpt(Some(found.to_vec()))));
            assert_eq!(server.files, before);
        }
    }
    let done = excerpt(&mut server(Manner::default(), false), "export_1.zip", 9);
    assert_eq!(done, Ok(Done::Excerpt(None)));
}

#[test]
fn a_file_that_ends_before_it_is_said_to_end_decides_nothing() {
    // The end comes with the second READ; the size is asked for behind it.
    for fault in [Fault::Pretend(OLD.len() as u64 + 1), Fault::Pretend(0)] {
        let mut server = server(Manner::default(), true);
        server.faults.insert(3, fault);
        let error = excerpt(&mut server, "export_1.zip", 99).unwrap_err();
        assert!(error.failure.text.contains("gives 3 of them"), "{error}");
        assert_eq!(error.remote, RemoteAfterFailure::Untouched);
        assert!(server.open.is_empty());
    }
    // Where the size is not told, what is given counts.
    let mut server = server(Manner::default(), true);
    server.faults.insert(3, Fault::Refuse(4));
    let done = excerpt(&mut server, "export_1.zip", 99);
    assert_eq!(done, Ok(Done::Excerpt(Some(OLD.to_vec()))));
}

#[test]
fn what_may_not_be_read_is_for_a_person() {
    let manner = Manner {
        blind: true,
        ..Manner::default()
    };
    let error = excerpt(&mut server(manner, true), "export_1.zip", 9).unwrap_err();
    assert_eq!(error.failure.class, FailureClass::NeedsPerson);
    assert!(error.failure.text.contains("move it away"), "{error}");
    assert_eq!(error.remote, RemoteAfterFailure::Untouched);
}

#[test]
fn every_refusal_cut_and_silence_ends_it_without_a_trace() {
    let faults = [
        Fault::Refuse(4),
        Fault::CutBefore,
        Fault::CutAfter,
        Fault::Silence,
    ];
    for at in 0..3 {
        for fault in faults {
            let mut server = server(Manner::default(), true);
            let before = server.files.clone();
            server.faults.insert(at, fault);
            let result = excerpt(&mut server, "export_1.zip", 3);
            assert_eq!(server.files, before);
            if (at, fault) == (2, Fault::Refuse(4)) {
                // What was only read cannot have lost anything by its closing.
                assert_eq!(result, Ok(Done::Excerpt(Some(OLD.to_vec()))));
                continue;
            }
            let error = result.unwrap_err();
            assert_eq!(
                error.connection_lost,
                fault != Fault::Refuse(4),
                "{at} {fault:?}"
            );
            assert_eq!(error.failure.phase, Phase::Look);
            assert_eq!(error.remote, RemoteAfterFailure::Untouched);
        }
    }
}
