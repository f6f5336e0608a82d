//! Other recipes than the default: written under the final name, read back, not verified.

use courier_ledger::{FailureClass, Phase, Placement, RemoteAfterFailure, Replaces};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use super::scripted::{AS_USUAL, BOUNDS, Fault, Manner, Pieces, Server, pipeline_with, run};
use super::{NEW, OLD, TARGET, TEMPORARY, name, only, server, upload, uploaded};
use crate::effects::sftp::protocol::operation::{Done, Operation, OperationError};
use crate::effects::sftp::protocol::recipe::{Placing, Recipe, Verification};
use crate::effects::sftp::wire::request::decoded::Decoded;
use crate::effects::sftp::wire::status::StatusCode;

const DIRECT: Recipe = Recipe {
    placing: Placing::Direct,
    verification: Verification::Size,
};
const READ_BACK: Recipe = Recipe {
    placing: Placing::Rename,
    verification: Verification::ReadBack,
};

fn upload_by(
    recipe: Recipe,
    server: &mut Server,
    replaces: Replaces,
) -> Result<Done, OperationError> {
    let mut pipeline = pipeline_with(server.manner, BOUNDS, recipe);
    only(run(
        &mut pipeline,
        server,
        vec![(1, upload(replaces))],
        1000,
    ))
}

#[test]
fn a_direct_upload_writes_new_files_and_its_own_and_renames_nothing() {
    for (old, replaces) in [
        (false, Replaces::Nothing),
        (false, Replaces::Own),
        (true, Replaces::Own),
    ] {
        let mut server = server(Manner::default(), old);
        assert_eq!(
            upload_by(DIRECT, &mut server, replaces),
            uploaded(Placement::Direct)
        );
        assert_eq!(server.files.len(), 1);
        assert_eq!(server.files[TARGET], NEW);
    }
}

#[test]
fn a_direct_upload_never_writes_into_a_foreign_file() {
    for blind in [false, true] {
        let manner = Manner {
            blind,
            ..Manner::default()
        };
        let mut foreign = server(manner, true);
        let error = upload_by(DIRECT, &mut foreign, Replaces::Nothing).unwrap_err();
        assert_eq!(error.remote, RemoteAfterFailure::Untouched);
        assert_eq!(foreign.files[TARGET], OLD);
        if !blind {
            assert_eq!(error.failure.class, FailureClass::NeedsPerson);
            assert!(error.failure.text.contains("stands under the name"));
        }
    }
}

#[test]
fn a_direct_upload_that_cannot_go_on_leaves_no_part_and_says_that_the_old_version_is_lost() {
    for (old, replaces, remote) in [
        (false, Replaces::Nothing, RemoteAfterFailure::Untouched),
        (true, Replaces::Own, RemoteAfterFailure::Uncertain),
    ] {
        let mut server = server(Manner::default(), old);
        let operation = Operation::Upload {
            source: Pieces::new(vec![Ok(Some(NEW.to_vec())), Err(())]),
            temporary: name(".export_1.zip.part"),
            target: name("export_1.zip"),
            replaces,
        };
        let mut pipeline = pipeline_with(server.manner, BOUNDS, DIRECT);
        let error = only(run(&mut pipeline, &mut server, vec![(1, operation)], 9)).unwrap_err();
        assert_eq!(error.failure.phase, Phase::Spool);
        assert_eq!(error.remote, remote);
        assert!(server.files.is_empty());
    }
}

#[test]
fn a_verification_that_fails_never_removes_a_final_name() {
    for verification in [Verification::Size, Verification::ReadBack] {
        let manner = Manner {
            loses_bytes: usize::from(verification == Verification::Size),
            garbles: verification == Verification::ReadBack,
            ..Manner::default()
        };
        let recipe = Recipe {
            placing: Placing::Direct,
            verification,
        };
        for replaces in [Replaces::Nothing, Replaces::Own] {
            let mut server = server(manner, false);
            let error = upload_by(recipe, &mut server, replaces).unwrap_err();
            assert_eq!(error.failure.phase, Phase::Confirm);
            assert_eq!(error.remote, RemoteAfterFailure::Uncertain);
            assert!(server.files.contains_key(TARGET));
            let removed = |request: &Decoded| matches!(request, Decoded::Remove { .. });
            assert!(!server.log.iter().any(removed));
        }
    }
}

#[test]
fn a_directly_written_file_that_is_taken_at_once_is_a_delivery() {
    for verification in [Verification::Size, Verification::ReadBack] {
        let recipe = Recipe {
            placing: Placing::Direct,
            verification,
        };
        let mut taken = server(
            Manner {
                picks_up: true,
                ..Manner::default()
            },
            false,
        );
        assert_eq!(
            upload_by(recipe, &mut taken, Replaces::Own),
            Ok(Done::PickedUp {
                size_bytes: NEW.len() as u64,
                placement: Placement::Direct,
                unseen: None,
            })
        );
    }
}

#[test]
fn bytes_that_changed_on_the_way_are_found_by_reading_back_and_by_nothing_else() {
    let manner = Manner {
        garbles: true,
        ..Manner::default()
    };
    let mut garbled = server(manner, true);
    let error = upload_by(READ_BACK, &mut garbled, Replaces::Own).unwrap_err();
    assert_eq!(error.failure.phase, Phase::Confirm);
    assert_eq!(error.failure.class, FailureClass::Transient);
    assert!(error.failure.text.contains("differs from what was sent"));
    assert_eq!(error.remote, RemoteAfterFailure::Untouched);
    assert_eq!(garbled.files.len(), 1);
    assert_eq!(garbled.files[TARGET], OLD);
    let mut unseen = server(manner, true);
    upload_by(AS_USUAL, &mut unseen, Replaces::Own).unwrap();
}

#[test]
fn reading_that_is_not_allowed_names_the_setting_that_does_without() {
    let mut blind = server(
        Manner {
            blind: true,
            ..Manner::default()
        },
        false,
    );
    let error = upload_by(READ_BACK, &mut blind, Replaces::Nothing).unwrap_err();
    assert_eq!(error.failure.class, FailureClass::NeedsPerson);
    assert!(error.failure.text.contains("SFTP.VERIFY"), "{error}");
    assert!(blind.files.is_empty());
}

#[test]
fn without_a_verification_a_server_may_tell_any_size() {
    let recipe = Recipe {
        placing: Placing::Rename,
        verification: Verification::Nothing,
    };
    let mut lossy = server(
        Manner {
            loses_bytes: 1,
            ..Manner::default()
        },
        false,
    );
    assert_eq!(
        upload_by(recipe, &mut lossy, Replaces::Nothing),
        uploaded(Placement::Rename)
    );
}

#[test]
fn a_server_that_allows_one_open_file_is_read_back_from_too() {
    let manner = Manner {
        most_open: 1,
        ..Manner::default()
    };
    let mut server = Server::new(manner);
    let operations = (0..6u64)
        .map(|number| {
            let operation = Operation::Upload {
                source: Pieces::whole(NEW),
                temporary: name(&format!(".{number}")),
                target: name(&number.to_string()),
                replaces: Replaces::Nothing,
            };
            (number, operation)
        })
        .collect();
    let mut pipeline = pipeline_with(manner, BOUNDS, READ_BACK);
    let completed = run(&mut pipeline, &mut server, operations, 50);
    for done in completed {
        assert_eq!(done.result, uploaded(Placement::Rename));
    }
}

fn recipes() -> Vec<Recipe> {
    let mut recipes = Vec::new();
    for placing in [Placing::Rename, Placing::Direct] {
        for verification in [
            Verification::Size,
            Verification::ReadBack,
            Verification::Nothing,
        ] {
            recipes.push(Recipe {
                placing,
                verification,
            });
        }
    }
    recipes
}

/// What must hold after an upload, whatever the server did.
fn check(
    context: &str,
    server: &Server,
    fault: Fault,
    old: bool,
    replaces: Replaces,
    recipe: Recipe,
    result: &Result<Done, OperationError>,
) {
    let before = old.then(|| OLD.to_vec());
    let after = server.files.get(TARGET).cloned();
    // A server that says of a file that is there that it is not cannot be told from an honest one.
    let lies = fault == Fault::Refuse(2);
    if old && replaces == Replaces::Nothing {
        assert_eq!(after.as_deref(), Some(OLD), "{context}: a foreign file");
    }
    if recipe.placing == Placing::Rename {
        for state in server.history.iter().flatten() {
            assert!(state == NEW || old && state == OLD, "{context}: a part");
        }
    } else {
        assert!(!server.files.contains_key(TEMPORARY), "{context}");
    }
    match result {
        Ok(_) => assert_eq!(after.as_deref(), Some(NEW), "{context}"),
        Err(error) => match error.remote {
            RemoteAfterFailure::Untouched => {
                assert!(lies || after == before, "{context}");
                assert!(lies || !server.files.contains_key(TEMPORARY), "{context}");
            }
            RemoteAfterFailure::TemporaryMayRemain => {
                assert_eq!(after, before, "{context}");
                assert_eq!(recipe.placing, Placing::Rename, "{context}");
            }
            RemoteAfterFailure::Uncertain => {}
        },
    }
}

#[test]
fn every_fault_at_every_request_of_every_recipe_ends_in_a_true_account() {
    let faults = [2, 3, 4, 8, 11, 14].map(Fault::Refuse).into_iter().chain([
        Fault::CutBefore,
        Fault::CutAfter,
        Fault::Silence,
    ]);
    let faults: Vec<Fault> = faults.collect();
    let mut runs = 0;
    for recipe in recipes() {
        for bits in 0..8 {
            let manner = Manner {
                posix_rename: bits & 1 != 0,
                fsync: bits & 2 != 0,
                exists: if bits & 4 == 0 {
                    StatusCode::FAILURE
                } else {
                    StatusCode::FILE_ALREADY_EXISTS
                },
                ..Manner::default()
            };
            for (old, replaces) in [
                (false, Replaces::Nothing),
                (true, Replaces::Nothing),
                (false, Replaces::Own),
                (true, Replaces::Own),
            ] {
                let mut undisturbed = server(manner, old);
                let _result = upload_by(recipe, &mut undisturbed, replaces);
                for at in 0..undisturbed.log.len() {
                    for &fault in &faults {
                        let mut server = server(manner, old);
                        server.faults.insert(at, fault);
                        let result = upload_by(recipe, &mut server, replaces);
                        let context = format!(
                            "{recipe:?}, {manner:?}, old {old}, {replaces:?}: {fault:?} at {:?} \
                             gives {result:?}",
                            server.log[at]
                        );
                        check(&context, &server, fault, old, replaces, recipe, &result);
                        runs += 1;
                    }
                }
            }
        }
    }
    assert!(runs > 10_000, "only {runs} runs");
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "proptest-regressions/sftp-recipe.txt",
        ))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn files_are_read_back_whole_however_little_a_server_gives(
        sizes in proptest::collection::vec(0usize..400, 1..8),
        most_read in 1usize..40,
        most_open in 1usize..5,
        garbles in any::<bool>(),
        placing in prop_oneof![Just(Placing::Rename), Just(Placing::Direct)],
        cut in 1usize..200,
    ) {
        let manner = Manner { most_read, most_open, garbles, ..Manner::default() };
        let recipe = Recipe { placing, verification: Verification::ReadBack };
        let mut server = Server::new(manner);
        let operations = sizes
            .iter()
            .enumerate()
            .map(|(number, size)| {
                let operation = Operation::Upload {
                    source: Pieces::whole(&vec![7; *size]),
                    temporary: name(&format!(".{number}")),
                    target: name(&number.to_string()),
                    replaces: Replaces::Nothing,
                };
                (number as u64, operation)
            })
            .collect();
        let mut pipeline = pipeline_with(manner, BOUNDS, recipe);
        for done in run(&mut pipeline, &mut server, operations, cut) {
            let size = sizes[usize::try_from(done.ticket).unwrap()];
            prop_assert_eq!(done.result.is_ok(), size == 0 || !garbles, "{:?}", done);
        }
        prop_assert!(server.most_open <= most_open);
    }
}
