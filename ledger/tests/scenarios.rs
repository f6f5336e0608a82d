//! The stories in `tests/scenarios/` (its `README.md` says how they are told), each held against the
//! ledger's own rules. `UPDATE_SCENARIOS=1 cargo test -p courier-ledger --test scenarios` writes what
//! is.
//!
//! What always holds: every file there is played; `docs/policies.md` holds exactly the tables that
//! `policies.txt` says, which are made by deciding. Deliberately absent: the run loop, whose stories
//! are in `tests/scenarios/run/`.
#![expect(clippy::disallowed_methods, reason = "reads the stories")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use scenario::{Teller, check, outputs};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn folder() -> PathBuf {
    repository().join("tests/scenarios")
}

macro_rules! stories {
    ($($name:ident)*) => {
        const STORIES: &[&str] = &[$(stringify!($name)),*];

        $(
            #[test]
            fn $name() {
                let file = concat!(stringify!($name), ".txt");
                check(&folder().join(file), &mut Teller::default());
            }
        )*
    };
}

stories! {
    approvals
    changes
    deletions
    drafts
    drift
    imports
    interruptions
    keys
    numbers
    order
    policies
    reappearance
    refusals
    refused_commands
    refused_looks
    refused_outcomes
    refused_polls
    unreadable
}

#[test]
fn every_file_of_stories_is_played() {
    let files = fs::read_dir(folder()).expect("the stories are there");
    let found: BTreeSet<_> = files
        .map(|file| file.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "txt"))
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    let played = STORIES.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(found, played);
}

#[test]
fn the_documented_policies_are_what_decide_does() {
    let read = |path: PathBuf| fs::read_to_string(path).expect("the file is there");
    let document = read(repository().join("docs/policies.md"));
    let tables: Vec<_> = outputs(&read(folder().join("policies.txt")))
        .into_iter()
        .filter(|said| said.starts_with("| "))
        .collect();
    assert_eq!(tables.len(), 2);
    for table in tables {
        assert!(
            document.contains(&table),
            "docs/policies.md must hold this table:\n{table}"
        );
    }
}
