//! What is told of a ledger to somebody who was not there: `why`, `report`, and what else answers from the
//! log alone.
//!
//! `UPDATE_GOLDEN=1` writes the ledger anew that all of it is told from, and every page.

mod published;
mod redacted;
mod report;
mod schemas;
mod teller;
mod then;

use std::fs;
use std::path::{Path, PathBuf};

use super::{courier, exits};

/// The ledger that stories are told from; written once, so that what is told of it stays the same.
fn golden() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/evidence/golden");
    let is_there = folder.join("ledger.log").exists();
    if std::env::var_os("UPDATE_GOLDEN").is_some() && !is_there {
        let new = tempfile::tempdir().unwrap();
        teller::eventful(new.path());
        for name in ["ledger.log", "ledger.head"] {
            fs::copy(new.path().join(name), folder.join(name)).unwrap();
        }
    }
    folder
}

/// What a command says of the golden ledger.
fn says(words: &[&str], code: i32) -> String {
    let output = exits(courier().args(words).arg("--ledger").arg(golden()), code);
    output.0
}

/// Compares with what is kept, or keeps it.
fn is_golden(name: &str, told: &str) {
    let path = golden().join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, told).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == told,
        "{name} is told otherwise: UPDATE_GOLDEN=1 keeps it\n{told}"
    );
}

#[test]
fn a_request_has_a_story() {
    let mut all = String::new();
    for id in ["10", "12", "13", "14", "15", "20", "21", "22", "23"] {
        all.push_str(&says(&["why", id], 0));
        all.push('\n');
    }
    is_golden("why.txt", &all);
    // What others wrote steers no terminal.
    assert!(!all.contains('\u{202e}'));
}

#[test]
fn a_story_has_each_entry_of_its_request_in_json_too() {
    let told = says(&["why", "12", "--json"], 0);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["schema"], "broker-courier.why.1");
    let events: Vec<_> = told["happenings"].as_array().unwrap().iter().collect();
    assert!(events.iter().all(|it| it["sentence"].is_string()));
    let log = says(&["log", "--request", "12", "--json"], 0);
    assert_eq!(events.len(), log.lines().count());
}

#[test]
fn a_request_that_nobody_knows_is_said_to_be_unknown() {
    let (stdout, stderr) = exits(courier().args(["why", "999", "--ledger"]).arg(golden()), 2);
    assert_eq!(stdout, "");
    assert!(stderr.contains("knows no request 999"), "{stderr}");
}
