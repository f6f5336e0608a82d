//! The stories in `tests/scenarios/` (its `README.md` says how they are told), each held against the
//! ledger's own rules. `UPDATE_SCENARIOS=1 cargo test -p courier-ledger --test scenarios` writes what
//! is.
//!
//! What always holds: every file there is played; `docs/policies.md` holds exactly the tables that
//! `policies.txt` says, which are made by deciding. Deliberately absent: the run loop, whose stories
//! are in `tests/scenarios/run/`.
#![expect(clippy::disallowed_methods, reason = "reads the stories")]

use std::fs;
use std::path::{Path, PathBuf};

use scenario::{Teller, outputs, stories};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn folder() -> PathBuf {
    repository().join("tests/scenarios")
}

stories! {
    folder(), Teller::default();
    approvals
    changes
    deletions
    drafts
    drift
    encryption
    imports
    interruptions
    clocks
    keys
    nodes
    numbers
    order
    partners
    policies
    reappearance
    recovery
    refusals
    refused_commands
    refused_looks
    refused_outcomes
    refused_polls
    strangers
    unreadable
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
