//! A look at a file: one question, no trace.

use courier_ledger::{Phase, RemoteAfterFailure, Seen};

use super::scripted::{BOUNDS, Fault, Manner, pipeline, run};
use super::{OLD, only, server};
use crate::effects::sftp::protocol::operation::{Done, Operation};

fn look(name: &str) -> Operation {
    Operation::Look {
        name: super::name(name),
    }
}

#[test]
fn it_tells_the_size_of_what_is_there_and_that_nothing_is_there() {
    let mut server = server(Manner::default(), true);
    let before = server.files.clone();
    let mut pipeline = pipeline(server.manner, BOUNDS);
    let operations = vec![(1, look("export_1.zip")), (2, look("export_2.zip"))];
    let completed = run(&mut pipeline, &mut server, operations, 9);
    let seen: Vec<_> = completed
        .into_iter()
        .map(|it| (it.ticket, it.result))
        .collect();
    let size = OLD.len() as u64;
    assert_eq!(
        seen,
        [
            (1, Ok(Done::Seen(Seen::Present(Some(size))))),
            (2, Ok(Done::Seen(Seen::Absent))),
        ]
    );
    assert_eq!(server.files, before);
}

#[test]
fn a_refused_or_unanswered_look_saw_nothing() {
    for (fault, lost) in [
        (Fault::Refuse(3), false),
        (Fault::CutBefore, true),
        (Fault::Silence, true),
    ] {
        let mut server = server(Manner::default(), true);
        server.faults.insert(0, fault);
        let mut pipeline = pipeline(server.manner, BOUNDS);
        let operations = vec![(1, look("export_1.zip"))];
        let error = only(run(&mut pipeline, &mut server, operations, 5)).unwrap_err();
        assert_eq!(error.connection_lost, lost, "{fault:?}");
        assert_eq!(error.remote, RemoteAfterFailure::Untouched);
        assert_eq!(error.failure.phase, Phase::Look);
    }
}
