//! The stories in `tests/scenarios/run/`, with the program's run loop behind them and a world in
//! memory around it. `UPDATE_SCENARIOS=1 cargo test --test scenarios` writes what is.
//!
//! What always holds: every file there is played. Deliberately absent: the rules of the ledger, whose
//! stories `ledger/tests/scenarios.rs` plays, and real servers (`integration/`).

#![allow(clippy::unwrap_used, reason = "tests")]

mod world;

use std::path::{Path, PathBuf};

use scenario::stories;
use world::RunStage;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/run")
}

stories! {
    folder(), RunStage::new();
    clocks
    continuity
    crashes
    encryption
    exit_codes
    failures
    partners
    plans
}
