//! The stories in `tests/scenarios/run/`, with the program's run loop behind them and a world in
//! memory around it. `UPDATE_SCENARIOS=1 cargo test --test scenarios` writes what is.
//!
//! What always holds: every file there is played. Deliberately absent: the rules of the ledger, whose
//! stories `ledger/tests/scenarios.rs` plays, and real servers (`integration/`).

#![allow(clippy::unwrap_used, reason = "tests")]

mod world;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use scenario::check;
use world::RunStage;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/run")
}

macro_rules! stories {
    ($($name:ident)*) => {
        const STORIES: &[&str] = &[$(stringify!($name)),*];

        $(
            #[test]
            fn $name() {
                let file = concat!(stringify!($name), ".txt");
                check(&folder().join(file), &mut RunStage::new());
            }
        )*
    };
}

stories! {
    crashes
    exit_codes
    failures
}

#[test]
fn every_file_of_stories_is_played() {
    let found: BTreeSet<_> = fs::read_dir(folder())
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    let played = STORIES.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(found, played);
}
