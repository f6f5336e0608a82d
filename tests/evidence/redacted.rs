//! Copies of the ledger in which events were left out: what commands tell of them, and what they refuse.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{courier, exits, golden};

/// Sentences as they were before they were broken into lines.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn by(ledger: &Path, words: &[&str], code: i32) -> (String, String) {
    let (told, said) = exits(courier().args(words).arg("--ledger").arg(ledger), code);
    (unwrapped(&told), unwrapped(&said))
}

/// A copy of the golden ledger.
fn copy(folder: &Path, words: &[&str]) -> (PathBuf, String) {
    let copy = folder.join("copy");
    let named = copy.to_str().unwrap();
    let (told, _) = by(&golden(), &[&["redact", "-o", named], words].concat(), 0);
    (copy, told)
}

#[test]
fn a_copy_verifies_and_says_what_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let (copy, told) = copy(folder.path(), &["--request", "12"]);
    assert!(
        told.contains("7 events as they are and 176 left out"),
        "{told}"
    );
    assert!(told.contains("also tell of 5 other requests"), "{told}");
    assert!(told.contains("23 of the events"), "{told}");

    let whole: Value = serde_json::from_str(&by(&golden(), &["verify", "--json"], 0).0).unwrap();
    let seen: Value = serde_json::from_str(&by(&copy, &["verify", "--json"], 0).0).unwrap();
    for same in ["log", "events", "hash"] {
        assert_eq!(seen[same], whole[same], "{same}");
    }
    assert_eq!(seen["redacted"]["kept"], 7);
    assert_eq!(seen["redacted"]["transitions_checked_through"], 1);
    let (told, _) = by(&copy, &["verify"], 0);
    for says in [
        "of its 183 events 7 are there",
        "Not seen: what these events say: 2, 4–8, 11–39, 41–60, 63–183.",
        "No checkpoint was held against it",
    ] {
        assert!(told.contains(says), "{told}");
    }
    assert!(!told.contains("every transition"), "{told}");

    let (log, said) = by(&copy, &["log"], 0);
    assert_eq!(log.matches("left out: only its hash").count(), 176);
    assert!(said.contains("this is a redacted copy"), "{said}");
    let (story, _) = by(&copy, &["why", "12"], 0);
    assert!(story.contains("export_12.zip was delivered"), "{story}");
    assert!(!story.contains("for the first time"), "{story}");
    assert!(story.contains("what comes next, is not known"), "{story}");
    assert!(
        by(&copy, &["why", "999"], 2)
            .1
            .contains("nothing that was kept")
    );
}

#[test]
fn what_needs_every_event_refuses_a_copy_with_a_message_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let (copy, _) = copy(folder.path(), &["--drop", "PlanApproved", "KeyAnnounced"]);
    for (words, code) in [
        (&["status"][..], 7),
        (&["report"], 7),
        (&["plan", "--at", "9"], 7),
        (&["verify", "--decisions"], 2),
        (&["replay"], 2),
        (&["log", "--run", "last"], 2),
    ] {
        let (told, said) = by(&copy, words, code);
        assert_eq!(told, "", "{words:?}");
        assert!(
            said.contains("this is a redacted copy"),
            "{words:?}: {said}"
        );
    }
    // Before anything was left out, everything is known.
    let then = &["replay", "--at", "9", "--json"];
    assert_eq!(by(&copy, then, 0), by(&golden(), then, 0));
    // Less of it can be handed on, and nothing is overwritten.
    let less = folder.path().join("less");
    let words = ["redact", "--keep", "1-9", "-o", less.to_str().unwrap()];
    assert!(by(&copy, &words, 0).0.contains("9 events as they are"));
    assert!(by(&copy, &words, 2).1.contains("exists already"));
    assert!(by(&less, &["prove", "12"], 2).1.contains("was left out"));

    let path = less.join("ledger.log");
    let mut damaged = fs::read(&path).unwrap();
    damaged[200] ^= 1;
    fs::write(&path, damaged).unwrap();
    assert!(by(&less, &["verify"], 7).1.contains("copy is damaged"));
    assert_eq!(by(&less, &["log"], 7).0, "");
}
