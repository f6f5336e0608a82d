//! Servers on which the usual temporary names do not work: the refusal names the settings that do, and
//! with these the same server is delivered to.

use courier_ledger::{LogId, Placement, Replaces, Sequence, TemporaryPattern};

use super::scripted::{AS_USUAL, BOUNDS, Manner, Pieces, Server, pipeline_with, run};
use super::{NEW, TARGET, name, only, server};
use crate::effects::sftp::protocol::operation::{Done, Operation, OperationError};
use crate::effects::sftp::protocol::recipe::{Placing, Recipe};
use crate::effects::sftp::wire::status::StatusCode;

const DIRECT: Recipe = Recipe {
    placing: Placing::Direct,
    ..AS_USUAL
};

/// An upload by these settings.
fn upload(server: &mut Server, pattern: &str, recipe: Recipe) -> Result<Done, OperationError> {
    let target = name("export_1.zip");
    let pattern: TemporaryPattern = pattern.parse().unwrap();
    let operation = Operation::Upload {
        source: Pieces::whole(NEW),
        temporary: target.temporary_by(&pattern, LogId([7; 16]), Sequence(4)),
        target,
        replaces: Replaces::Nothing,
    };
    let mut pipeline = pipeline_with(server.manner, BOUNDS, recipe);
    only(run(&mut pipeline, server, vec![(1, operation)], 1000))
}

/// The refusal by the usual settings, which names these.
fn refused(manner: Manner, settings: &[&str]) {
    let mut server = server(manner, false);
    let error = upload(&mut server, ".{name}.part", AS_USUAL).unwrap_err();
    for setting in settings {
        assert!(error.failure.text.contains(setting), "{setting}? {error}");
    }
    assert!(server.files.is_empty(), "{:?}", server.files.keys());
}

#[test]
fn a_server_that_refuses_names_with_a_dot_is_delivered_to_by_what_its_refusal_names() {
    for code in [2, 3, 4, 5, 8, 20] {
        for refuses_exclusive in [false, true] {
            let manner = Manner {
                refuses_dots: Some(StatusCode(code)),
                refuses_exclusive,
                ..Manner::default()
            };
            refused(
                manner,
                &[
                    "begin with a dot",
                    "SFTP.TEMPORARY = \"{name}.part\"",
                    "SFTP.UPLOAD = \"direct\"",
                ],
            );
            let mut visible = server(manner, false);
            let done = upload(&mut visible, "{name}.part", AS_USUAL);
            assert_eq!(done, super::uploaded(Placement::Rename), "{code}");
            assert_eq!(visible.files[TARGET], NEW);
            assert_eq!(visible.files.len(), 1);
            if !refuses_exclusive {
                let mut direct = server(manner, false);
                let done = upload(&mut direct, ".{name}.part", DIRECT);
                assert_eq!(done, super::uploaded(Placement::Direct), "{code}");
                assert_eq!(direct.files[TARGET], NEW);
            }
        }
    }
}

#[test]
fn whoever_collects_what_is_closed_is_delivered_to_by_what_the_failure_names() {
    let manner = Manner {
        collects_all_but: Some(".tmp"),
        ..Manner::default()
    };
    refused(manner, &["SFTP.TEMPORARY", "SFTP.UPLOAD = \"direct\""]);
    let mut spared = server(manner, false);
    let done = upload(&mut spared, "{name}.tmp", AS_USUAL);
    assert_eq!(done, super::uploaded(Placement::Rename));
    assert_eq!(spared.files[TARGET], NEW);
    let mut direct = server(manner, false);
    let done = upload(&mut direct, ".{name}.part", DIRECT);
    assert_eq!(
        done,
        Ok(Done::PickedUp {
            size_bytes: NEW.len() as u64,
            placement: Placement::Direct,
            unseen: None,
        })
    );
}
