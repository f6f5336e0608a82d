//! Servers whose answers are not true: each request of an upload and of a removal is answered "done" and
//! not done, and refused and done. No claim is made that does not hold, nobody else's file is touched,
//! and two more runs make the drop-box what it should be.

use std::collections::BTreeSet;

use courier_ledger::{RemoteAfterFailure, Removal, Replaces, Seen};

use super::scripted::{BOUNDS, Fault, Manner, Pieces, Server, pipeline_with, run};
use super::{NEW, OLD, TARGET, name, only, server};
use crate::effects::sftp::protocol::operation::{Concern, Done, Operation, OperationError};
use crate::effects::sftp::protocol::recipe::{Placing, Recipe, Verification};
use crate::effects::sftp::wire::request::decoded::Decoded;
use crate::effects::sftp::wire::status::StatusCode;

/// So many bytes tell whose file it is.
const MARK_BYTES: usize = 8;

/// What is known between runs, as the ledger would know it.
struct Known {
    recipe: Recipe,
    replaces: Replaces,
    in_doubt: bool,
    /// Whether an upload in doubt found the final name free before it was begun.
    found_free: bool,
    leftovers: BTreeSet<String>,
    runs: u32,
    is_delivered: bool,
    /// Claims that did not hold.
    wrong: Vec<String>,
}

impl Known {
    fn new(recipe: Recipe, replaces: Replaces) -> Self {
        Self {
            recipe,
            replaces,
            in_doubt: false,
            found_free: false,
            leftovers: BTreeSet::new(),
            runs: 0,
            is_delivered: false,
            wrong: Vec::new(),
        }
    }

    fn holds(&mut self, holds: bool, claim: &str) {
        if !holds {
            self.wrong.push(format!("run {}: {claim}", self.runs));
        }
    }

    fn operate(&self, server: &mut Server, operation: Operation) -> Result<Done, OperationError> {
        let mut pipeline = pipeline_with(server.manner, BOUNDS, self.recipe);
        only(run(&mut pipeline, server, vec![(1, operation)], 1000))
    }

    /// Whether the final name is free, where the upload will write under it itself.
    fn looks_ahead(&self, server: &mut Server) -> bool {
        let operation = Operation::Look {
            name: name("export_1.zip"),
        };
        self.recipe.placing == Placing::Direct
            && self.replaces == Replaces::Nothing
            && self.operate(server, operation) == Ok(Done::Seen(Seen::Absent))
    }

    /// Whether what begins so is this ledger's: so many bytes tell, and fewer are what there is.
    fn is_own(&self, start: &[u8]) -> bool {
        NEW.starts_with(start) && (start.len() == MARK_BYTES || self.found_free)
    }

    /// One run: what was left is swept, what is in doubt is looked into, what is missing is delivered.
    fn run(&mut self, server: &mut Server) {
        self.runs += 1;
        for leftover in self.leftovers.clone() {
            let operation = Operation::Remove {
                name: name(&leftover),
            };
            if self.operate(server, operation).is_ok() {
                let path = format!("box/{leftover}");
                self.holds(!server.files.contains_key(&path), "a leftover is gone");
                self.leftovers.remove(&leftover);
            }
        }
        if self.is_delivered {
            return;
        }
        let mut replaces = self.replaces;
        if self.in_doubt && replaces == Replaces::Nothing {
            let operation = Operation::Excerpt {
                name: name("export_1.zip"),
                length: MARK_BYTES as u32,
                concern: Concern::UploadInDoubt,
            };
            match self.operate(server, operation) {
                Ok(Done::Excerpt(None)) => {}
                Ok(Done::Excerpt(Some(start))) if self.is_own(&start) => {
                    replaces = Replaces::Own;
                }
                Ok(_) | Err(_) => return,
            }
        }
        let temporary = format!(".export_1.zip.{}.part", self.runs);
        let is_free = self.looks_ahead(server);
        let operation = Operation::Upload {
            source: Pieces::whole(NEW),
            temporary: name(&temporary),
            target: name("export_1.zip"),
            replaces,
        };
        match self.operate(server, operation) {
            Ok(done) => {
                self.holds(
                    matches!(done, Done::Uploaded { .. }),
                    "it was not picked up",
                );
                let there = server.files.get(TARGET).map(Vec::as_slice);
                self.holds(there == Some(NEW), "it is in place");
                let path = format!("box/{temporary}");
                self.holds(!server.files.contains_key(&path), "it is there once");
                self.is_delivered = true;
            }
            Err(error) => {
                let path = format!("box/{temporary}");
                let is_swept = !server.files.contains_key(&path);
                match error.remote {
                    RemoteAfterFailure::Untouched => self.holds(is_swept, "untouched"),
                    RemoteAfterFailure::TemporaryMayRemain => {
                        self.leftovers.insert(temporary);
                    }
                    RemoteAfterFailure::Uncertain => {
                        self.leftovers.insert(temporary);
                        self.in_doubt = true;
                        self.found_free |= is_free;
                    }
                }
            }
        }
    }
}

fn lies() -> Vec<Fault> {
    let codes = [2, 3, 4, 8, 11];
    let mut lies: Vec<_> = codes.into_iter().map(Fault::Refuse).collect();
    lies.extend(codes.into_iter().map(Fault::Deny));
    lies.extend([NEW.len() as u64, OLD.len() as u64, 0].map(Fault::Pretend));
    lies
}

fn manners() -> Vec<Manner> {
    let mut manners = Vec::new();
    for bits in 0..16_u32 {
        let bit = |index: u32| bits & (1 << index) != 0;
        manners.push(Manner {
            posix_rename: bit(0),
            rename_overwrites: bit(1),
            absent: if bit(2) {
                StatusCode::FAILURE
            } else {
                StatusCode::NO_SUCH_FILE
            },
            refuses_exclusive: bit(3),
            lists_files: true,
            ..Manner::default()
        });
    }
    manners
}

/// Whether this one answer hides a file of somebody else that the server would then overwrite: no
/// client can tell such a server from an honest one.
fn hides_a_foreign_file(manner: &Manner, asked: &Decoded, lie: Fault) -> bool {
    manner.rename_overwrites
        && matches!(asked, Decoded::Lstat { path } if path == TARGET)
        && matches!(lie, Fault::Refuse(2 | 3) | Fault::Deny(2 | 3))
}

/// A lie at each of the requests of the first run; the next ones are told the truth. Says how many were
/// told, and what did not hold.
fn one_lie(recipe: Recipe) -> (u32, Vec<String>) {
    let (mut told, mut wrong) = (0, Vec::new());
    for manner in manners() {
        if recipe.placing == Placing::Direct && manner.refuses_exclusive {
            continue;
        }
        for (old, replaces) in [
            (false, Replaces::Nothing),
            (true, Replaces::Nothing),
            (false, Replaces::Own),
            (true, Replaces::Own),
        ] {
            let is_foreign = old && replaces == Replaces::Nothing;
            let mut undisturbed = server(manner, old);
            Known::new(recipe, replaces).run(&mut undisturbed);
            for (at, asked) in undisturbed.log.iter().enumerate() {
                for lie in lies() {
                    // Only reading back finds a hole in the middle; and whose file it is that has lost
                    // the mark at its beginning, nobody can tell.
                    let is_findable = recipe.verification == Verification::ReadBack
                        && recipe.placing == Placing::Rename;
                    if matches!((asked, lie), (Decoded::Write { .. }, Fault::Pretend(_)))
                        && !is_findable
                        || is_foreign && hides_a_foreign_file(&manner, asked, lie)
                    {
                        continue;
                    }
                    let mut server = server(manner, old);
                    server.faults.insert(at, lie);
                    let mut known = Known::new(recipe, replaces);
                    for _ in 0..3 {
                        known.run(&mut server);
                        server.faults.clear();
                    }
                    let expected = if is_foreign { OLD } else { NEW };
                    let there = server.files.get(TARGET).map(Vec::as_slice);
                    known.holds(there == Some(expected), "the right file is there");
                    known.holds(server.files.len() == 1, "nothing else is there");
                    known.holds(known.is_delivered != is_foreign, "it is recorded");
                    if !known.wrong.is_empty() {
                        wrong.push(format!(
                            "{recipe:?}, {manner:?}, old {old}, {replaces:?}: {lie:?} at {asked:?}: {:?}",
                            known.wrong
                        ));
                    }
                    told += 1;
                }
            }
        }
    }
    (told, wrong)
}

#[test]
fn an_untrue_answer_to_any_request_of_an_upload_is_found_out_within_two_more_runs() {
    for placing in [Placing::Rename, Placing::Direct] {
        for verification in [Verification::Size, Verification::ReadBack] {
            let (told, wrong) = one_lie(Recipe {
                placing,
                verification,
            });
            let shown = &wrong[..wrong.len().min(12)];
            assert!(wrong.is_empty(), "{} of {told}: {shown:#?}", wrong.len());
            assert!(told > 2_500, "only {told} lies");
        }
    }
}

#[test]
fn a_connection_that_ends_at_any_request_leaves_nothing_that_two_more_runs_do_not_mend() {
    for placing in [Placing::Rename, Placing::Direct] {
        let recipe = Recipe {
            placing,
            verification: Verification::Size,
        };
        let mut grown = 0;
        for manner in manners() {
            if placing == Placing::Direct && manner.refuses_exclusive {
                continue;
            }
            for (old, replaces) in [
                (false, Replaces::Nothing),
                (true, Replaces::Nothing),
                (true, Replaces::Own),
            ] {
                let mut undisturbed = server(manner, old);
                Known::new(recipe, replaces).run(&mut undisturbed);
                for at in 0..undisturbed.log.len() {
                    for cut in [Fault::CutBefore, Fault::CutAfter] {
                        let mut server = server(manner, old);
                        server.faults.insert(at, cut);
                        let mut known = Known::new(recipe, replaces);
                        known.run(&mut server);
                        let is_foreign = old && replaces == Replaces::Nothing;
                        let is_short = |it: &Vec<u8>| it.len() < MARK_BYTES;
                        grown +=
                            usize::from(!old && server.files.get(TARGET).is_some_and(is_short));
                        for _ in 0..2 {
                            server.connects_anew();
                            known.run(&mut server);
                        }
                        let expected = if is_foreign { OLD } else { NEW };
                        let there = server.files.get(TARGET).map(Vec::as_slice);
                        known.holds(there == Some(expected), "the right file is there");
                        known.holds(server.files.len() == 1, "nothing else is there");
                        known.holds(known.is_delivered != is_foreign, "it is recorded");
                        assert!(
                            known.wrong.is_empty(),
                            "{recipe:?}, {manner:?}, old {old}, {replaces:?}: {cut:?} at {at}: {:?}",
                            known.wrong
                        );
                    }
                }
            }
        }
        assert_eq!(grown > 0, placing == Placing::Direct, "{grown}");
    }
}

#[test]
fn what_others_put_under_a_name_that_was_free_stays() {
    let recipe = Recipe {
        placing: Placing::Direct,
        verification: Verification::Size,
    };
    let long = b"somebody else's";
    for (theirs, was_free) in [
        (&long[..], true),
        (&NEW[..3], false),
        (&b""[..], false),
        (&OLD[..3], true),
    ] {
        let mut server = server(Manner::default(), false);
        let mut known = Known::new(recipe, Replaces::Nothing);
        (known.in_doubt, known.found_free) = (true, was_free);
        server.files.insert(TARGET.to_owned(), theirs.to_vec());
        for _ in 0..3 {
            known.run(&mut server);
        }
        assert_eq!(server.files[TARGET], theirs, "{was_free}");
        assert!(!known.is_delivered && known.wrong.is_empty());
    }
}

#[test]
fn two_untrue_answers_about_what_was_done_are_found_out_too() {
    let is_act = |it: &Decoded| {
        matches!(
            it,
            Decoded::OpenNew { .. }
                | Decoded::OpenOver { .. }
                | Decoded::Close { .. }
                | Decoded::Remove { .. }
                | Decoded::Rename { .. }
                | Decoded::PosixRename { .. }
        )
    };
    let lies = [
        Fault::Refuse(4),
        Fault::Deny(2),
        Fault::Deny(4),
        Fault::Pretend(0),
    ];
    let mut told = 0;
    for manner in manners().into_iter().take(2) {
        for (old, replaces) in [
            (false, Replaces::Nothing),
            (true, Replaces::Nothing),
            (false, Replaces::Own),
            (true, Replaces::Own),
        ] {
            for first in 0..24 {
                for second in first + 1..24 {
                    for (one, other) in lies
                        .iter()
                        .flat_map(|one| lies.iter().map(move |other| (*one, *other)))
                    {
                        let mut server = server(manner, old);
                        let mut known = Known::new(super::scripted::AS_USUAL, replaces);
                        server.faults = [(first, one), (second, other)].into();
                        // Which requests there are follows from the first answer.
                        server.only_of = Some(is_act);
                        known.run(&mut server);
                        if server.told < 2 {
                            continue;
                        }
                        server.faults.clear();
                        known.run(&mut server);
                        known.run(&mut server);
                        let is_foreign = old && replaces == Replaces::Nothing;
                        let expected = if is_foreign { OLD } else { NEW };
                        let there = server.files.get(TARGET).map(Vec::as_slice);
                        known.holds(there == Some(expected), "the right file is there");
                        known.holds(server.files.len() == 1, "nothing else is there");
                        assert!(
                            known.wrong.is_empty(),
                            "{manner:?}, old {old}, {replaces:?}: {one:?} at {first}, {other:?} at {second}: {:?}",
                            known.wrong
                        );
                        told += 1;
                    }
                }
            }
        }
    }
    assert!(told > 100, "only {told} pairs");
}

#[test]
fn an_untrue_answer_to_any_request_of_a_removal_is_found_out() {
    for manner in manners() {
        for old in [false, true] {
            for at in 0..3 {
                for lie in lies() {
                    let mut server = server(manner, old);
                    server.faults.insert(at, lie);
                    for _ in 0..2 {
                        let mut pipeline = pipeline_with(manner, BOUNDS, super::scripted::AS_USUAL);
                        let operation = Operation::Remove {
                            name: name("export_1.zip"),
                        };
                        let result =
                            only(run(&mut pipeline, &mut server, vec![(1, operation)], 50));
                        let is_there = server.files.contains_key(TARGET);
                        let context = format!("{manner:?}, {old}, {lie:?} at {at}: {result:?}");
                        assert!(result.is_err() || !is_there, "{context}");
                        server.faults.clear();
                    }
                    assert!(server.files.is_empty());
                }
            }
        }
    }
}

#[test]
fn a_file_of_which_a_server_says_failure_is_looked_for_in_another_way() {
    for (looks_fail, absent) in [
        (false, StatusCode::FAILURE),
        (true, StatusCode::NO_SUCH_FILE),
        (true, StatusCode::FAILURE),
    ] {
        let manner = Manner {
            looks_fail,
            absent,
            lists_files: true,
            ..Manner::default()
        };
        for old in [false, true] {
            let mut server = server(manner, old);
            let mut ask = |operation| {
                let mut pipeline = pipeline_with(manner, BOUNDS, super::scripted::AS_USUAL);
                only(run(&mut pipeline, &mut server, vec![(1, operation)], 50))
            };
            let file = || name("export_1.zip");
            let look = ask(Operation::Look { name: file() });
            let excerpt = ask(Operation::Excerpt {
                name: file(),
                length: 3,
                concern: Concern::UploadInDoubt,
            });
            let removal = ask(Operation::Remove { name: file() });
            if old {
                assert!(matches!(look, Ok(Done::Seen(Seen::Present(_)))), "{look:?}");
                assert_eq!(excerpt, Ok(Done::Excerpt(Some(OLD.to_vec()))));
                assert_eq!(removal, super::removed(Removal::Removed));
            } else {
                assert_eq!(look, Ok(Done::Seen(Seen::Absent)));
                assert_eq!(excerpt, Ok(Done::Excerpt(None)));
                assert_eq!(removal, super::removed(Removal::AlreadyAbsent));
            }
        }
    }
}

#[test]
fn a_server_that_refuses_exclusive_creation_is_asked_for_it_once() {
    let manner = Manner {
        refuses_exclusive: true,
        ..Manner::default()
    };
    let mut server = server(manner, false);
    let mut pipeline = pipeline_with(manner, BOUNDS, super::scripted::AS_USUAL);
    for ticket in 1..4 {
        let operation = super::upload(Replaces::Own);
        let done = only(run(
            &mut pipeline,
            &mut server,
            vec![(ticket, operation)],
            50,
        ));
        assert!(matches!(done, Ok(Done::Uploaded { .. })), "{done:?}");
    }
    let exclusive = |it: &&Decoded| matches!(it, Decoded::OpenNew { .. });
    // The second one, after clearing, shows that it was no leftover.
    assert_eq!(server.log.iter().filter(exclusive).count(), 2);
    assert_eq!(server.files.len(), 1);
}

#[test]
fn a_refusal_that_cannot_be_looked_into_is_settled_by_the_removal_of_the_temporary_file() {
    for (fault, remote) in [
        (Fault::Refuse(4), RemoteAfterFailure::Untouched),
        (Fault::Deny(4), RemoteAfterFailure::Uncertain),
    ] {
        let manner = Manner {
            blind: true,
            ..Manner::default()
        };
        let mut undisturbed = server(manner, false);
        super::upload_to(&mut undisturbed, Replaces::Nothing).unwrap();
        let is_rename = |it: &Decoded| matches!(it, Decoded::Rename { .. });
        let at = undisturbed.log.iter().position(is_rename).unwrap();
        let mut server = server(manner, false);
        server.faults.insert(at, fault);
        let error = super::upload_to(&mut server, Replaces::Nothing).unwrap_err();
        assert_eq!(error.remote, remote, "{error}");
    }
}
