//! Many operations at once: bounds, fairness, isolation, time, and answers that fit nothing.

use std::time::{Duration, Instant};

use courier_ledger::{Phase, Placement, Replaces};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use super::scripted::{BOUNDS, Fault, Manner, Pieces, Server, pipeline, run};
use super::{NEW, name, server, upload};
use crate::effects::sftp::protocol::operation::{Done, Operation};
use crate::effects::sftp::protocol::outbox::Bounds;
use crate::effects::sftp::protocol::pipeline::Pipeline;
use crate::effects::sftp::wire::error::ProtocolError;
use crate::effects::sftp::wire::reply::encoded;
use crate::effects::sftp::wire::request::decoded::Decoded;
use crate::effects::sftp::wire::status::StatusCode;

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
            temporary: name(".t"),
            target: name("t"),
            replaces: Replaces::Nothing,
        },
    );
    let mut turn = |pipeline: &mut Pipeline, now| {
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

/// The limit is found with one refusal of each upload that was too many, and held from then on.
#[test]
fn a_server_that_refuses_the_next_open_file_gets_as_many_as_it_had() {
    for most_open in [1, 3] {
        let manner = Manner {
            most_open,
            ..Manner::default()
        };
        let bounds = Bounds {
            open_files: 20,
            ..BOUNDS
        };
        let mut server = Server::new(manner);
        let mut pipeline = pipeline(manner, bounds);
        let completed = run(&mut pipeline, &mut server, numbered(30), 50);
        assert!(completed.iter().all(|completed| completed.result.is_ok()));
        assert_eq!(server.most_open, most_open);
        let is_open = |request: &&Decoded| matches!(request, Decoded::OpenNew { .. });
        let opens = server.log.iter().filter(is_open).count();
        assert!(opens <= 30 + 20, "{opens} attempts");
    }
}

#[test]
fn a_refusal_without_any_other_open_file_is_a_failure() {
    let manner = Manner {
        most_open: 0,
        ..Manner::default()
    };
    let mut server = Server::new(manner);
    let completed = run(&mut pipeline(manner, BOUNDS), &mut server, numbered(9), 50);
    assert!(completed.iter().all(|completed| completed.result.is_err()));
}

#[test]
fn a_server_that_refuses_large_packets_gets_small_ones_from_the_next_attempt_on() {
    let manner = Manner {
        most_write: 32 * 1024,
        ..Manner::default()
    };
    let bounds = Bounds {
        write_bytes: 255 * 1024,
        unacknowledged_bytes: 4 << 20,
        ..BOUNDS
    };
    let mut server = Server::new(manner);
    let mut pipeline = pipeline(manner, bounds);
    let mut upload = |ticket| {
        let operation = Operation::Upload {
            source: Pieces::whole(&vec![7; 400 * 1024]),
            temporary: name(&format!(".{ticket}")),
            target: name("large"),
            replaces: Replaces::Own,
        };
        run(
            &mut pipeline,
            &mut server,
            vec![(ticket, operation)],
            usize::MAX,
        )
        .remove(0)
        .result
    };
    let error = upload(1).unwrap_err();
    assert_eq!(error.failure.phase, Phase::Write);
    for ticket in 2..4 {
        assert!(matches!(upload(ticket), Ok(Done::Uploaded { .. })));
    }
}

fn numbered(count: u64) -> Vec<(u64, Operation)> {
    (0..count)
        .map(|number| {
            let operation = Operation::Upload {
                source: Pieces::whole(NEW),
                temporary: name(&format!(".{number}")),
                target: name(&number.to_string()),
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
                    temporary: name(&format!(".{number}")),
                    target: name(&number.to_string()),
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
            let expected = Done::Uploaded {
                size_bytes,
                placement: Placement::Rename,
                unseen: None,
            };
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
        pipeline.submit(9, Operation::Remove { name: name("r") });
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
