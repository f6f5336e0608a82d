//! What was then: plans and states of earlier moments, decisions made again, parts of the log.

use serde_json::Value;

use super::teller::{Luck, Teller};
use super::{courier, exits, golden, says};

fn json(words: &[&str]) -> Value {
    serde_json::from_str(&says(&[words, &["--json"]].concat(), 0)).unwrap()
}

/// What a command that fails says to people.
fn refused(words: &[&str], code: i32) -> String {
    let (stdout, stderr) = exits(courier().args(words).arg("--ledger").arg(golden()), code);
    assert_eq!(stdout, "");
    stderr
}

#[test]
fn a_plan_of_then_follows_from_what_was_known_then() {
    // While the drop-box could not be reached.
    let waiting = says(&["plan", "--at", "2026-03-02T12:30:00Z"], 0);
    assert!(waiting.starts_with("As of event "), "{waiting}");
    assert!(waiting.contains("export_12.zip"), "{waiting}");
    says(&["plan", "--at", "2026-03-02T12:30:00Z", "--exit-code"], 10);
    let settled = says(&["plan", "--at", "2026-03-02T15:30:00Z"], 0);
    assert!(settled.contains("Nothing to do."), "{settled}");

    // By other rules.
    let withdrawal = json(&["plan", "--at", "#112"]);
    assert_eq!(withdrawal["policy_known"], "recorded");
    assert_eq!(withdrawal["commands"][0]["Delete"]["request"], 13);
    let strict = ["plan", "--at", "#112", "--policy", "GUARDS.MAX_DELETIONS=0"];
    let held = json(&strict);
    assert_eq!(held["commands"], Value::Array(Vec::new()));
    assert_eq!(held["blocked"][0]["guard"], "too-many-deletions");
    let told = says(&[&strict[..], &["--exit-code"]].concat(), 6);
    assert!(told.contains("A person would have had to decide"), "{told}");
    // What was then cannot be approved now.
    assert!(!told.contains("approve"), "{told}");
}

#[test]
fn a_state_of_then_is_found_by_its_time() {
    let by_time = says(&["replay", "--at", "2026-03-02T12:30:00Z", "--json"], 0);
    let sequence = json(&["replay", "--at", "2026-03-02T12:30:00Z"])["sequence"].to_string();
    assert_eq!(says(&["replay", "--at", &sequence, "--json"], 0), by_time);
}

#[test]
fn moments_that_are_not_there_are_said_not_to_be() {
    for command in ["plan", "replay"] {
        assert!(refused(&[command, "--at", "2999-01-01"], 2).contains("yet to come"));
        assert!(refused(&[command, "--at", "2020-01-01"], 2).contains("from 2026-03-02T06"));
        assert!(refused(&[command, "--at", "999"], 2).contains("no event 999"));
    }
    assert!(refused(&["plan", "--policy", "REQUESTS.DRAFTS=wait"], 2).contains("--at"));
    assert!(refused(&["plan", "--at", "9", "--policy", "DRAFTS=wait"], 2).contains("no rule"));
    assert!(refused(&["log", "--since", "2999-01-01"], 0).contains("last one is 183"));
    assert!(refused(&["log", "--request", "999"], 0).contains("about request 999"));
    assert!(refused(&["log", "--run", "184"], 2).contains("no run has an event 184"));
}

#[test]
fn a_part_of_the_log_is_named_by_times_kinds_and_runs() {
    let kinds = |words: &[&str]| -> Vec<String> {
        let told = says(&[&["log", "--json"], words].concat(), 0);
        let events = told
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        events
            .map(|it| it["kind"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(kinds(&["--until", "4"]).len(), 4);
    assert_eq!(
        kinds(&["--since", "2", "--until", "2026-03-02T06:00:02Z"]).len(),
        4
    );
    assert_eq!(
        kinds(&["--kind", "PlanApproved", "--kind", "KeyAnnounced"]).len(),
        2
    );
    let last = kinds(&["--run", "last"]);
    assert_eq!(last.first().unwrap(), "RunStarted");
    assert_eq!(last.last().unwrap(), "RunFinished");
    let cut_off = kinds(&["--run", "73"]);
    assert_eq!(
        cut_off,
        ["RunStarted", "SnapshotObserved", "CommandStarted"]
    );
}

#[test]
fn runs_are_decided_again_by_their_own_rules() {
    let told = says(&["verify", "--decisions"], 0);
    assert!(told.contains("Decided again: 27 runs"), "{told}");
    assert!(told.contains("none did otherwise"), "{told}");
    let told = json(&["verify", "--decisions"]);
    assert_eq!(told["decisions"]["decided"], 27);
    assert_eq!(told["runs"], 29);
    assert_eq!(told["first_time"], "2026-03-02T06:00:00.000000Z");
    assert_eq!(json(&["verify"])["decisions"], Value::Null);
}

#[test]
fn a_run_that_did_otherwise_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut teller = Teller::new(folder.path());
    teller.show(7, -9, &[(1, Some(-3))]);
    teller.run(Luck::Idle);
    teller.close();
    let (told, _) = exits(
        courier()
            .args(["verify", "--decisions", "--ledger"])
            .arg(folder.path()),
        7,
    );
    assert!(told.contains("1 did otherwise"), "{told}");
    assert!(
        told.contains("run 2, event 7: 1 command was never begun"),
        "{told}"
    );
    exits(courier().args(["verify", "--ledger"]).arg(folder.path()), 0);
}
