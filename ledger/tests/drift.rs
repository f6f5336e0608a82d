//! What stands at the drop-box against what was delivered: `REMOTE.CHECK`, one named test per row of
//! its table in `docs/policies.md`.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod history;

use courier_ledger::*;
use history::{History, brief, changes, failure};

const NOTHING: [&str; 0] = [];
/// What every delivery of a history has.
const DELIVERED_BYTES: u64 = 100;

fn stored(count: u64, rule: RemoteCheckRule) -> History {
    let mut history = History::new();
    history.policy.remote_check = rule;
    for id in 0..count {
        history.publish(id, 10, &[(1, Some(5))]);
    }
    assert_eq!(history.run().len() as u64, count);
    history
}

/// Begins a run, looks, and decides; every file has the size given, or is absent.
fn plan(history: &mut History, sizes: &[Option<u64>]) -> Plan {
    let _without_a_look = history.plan();
    let delta = delta(history, sizes);
    history.record(Event::RemoteObserved(delta));
    decide(&history.state, &history.policy)
}

fn delta(history: &History, sizes: &[Option<u64>]) -> RemoteDelta {
    let sights = (0u64..)
        .zip(sizes)
        .map(|(id, size)| {
            let sight = size.map_or(Sight::Absent, |size| Sight::Present(Some(size)));
            (RemoteName::export(RequestId(id)), sight)
        })
        .collect();
    RemoteDelta::between(&history.state, &sights)
}

const WHOLE: Option<u64> = Some(DELIVERED_BYTES);

#[test]
fn files_as_delivered_need_nothing_and_add_nothing() {
    let mut history = stored(2, RemoteCheckRule::Repair);
    assert_eq!(changes(&plan(&mut history, &[WHOLE, WHOLE])), NOTHING);
    let RemoteDelta {
        total,
        drifted,
        changed,
        settled,
    } = delta(&history, &[WHOLE, WHOLE]);
    assert_eq!((total, drifted), (2, 0));
    assert!(changed.is_empty() && settled.is_empty());
}

#[test]
fn report_says_what_is_missing_or_resized_and_changes_nothing() {
    let mut history = stored(3, RemoteCheckRule::Report);
    let plan = plan(&mut history, &[None, Some(7), WHOLE]);
    assert_eq!(changes(&plan), NOTHING);
    assert_eq!(
        plan.skipped,
        [
            Skipped::Drifted(RequestId(0), Drift::Missing),
            Skipped::Drifted(RequestId(1), Drift::Resized { size_bytes: 7 }),
        ]
    );
    assert_eq!(plan.unchanged, 1);
}

#[test]
fn repair_uploads_again_over_its_own_file_and_is_done_then() {
    let mut history = stored(3, RemoteCheckRule::Repair);
    let plan_now = plan(&mut history, &[None, Some(7), WHOLE]);
    assert_eq!(changes(&plan_now), ["upload 0 Drifted", "upload 1 Drifted"]);
    for command in &plan_now.commands {
        if let Command::Upload { replaces, .. } = command {
            assert_eq!(*replaces, Replaces::Own);
        }
        history.carry_out(command);
    }
    history.finish();
    assert_eq!(
        changes(&plan(&mut history, &[WHOLE, WHOLE, WHOLE])),
        NOTHING
    );
}

#[test]
fn off_never_acts_on_what_an_earlier_run_saw() {
    let mut history = stored(1, RemoteCheckRule::Report);
    let _plan = plan(&mut history, &[None]);
    history.finish();
    history.policy.remote_check = RemoteCheckRule::Off;
    assert_eq!(history.run(), NOTHING);
}

#[test]
fn only_a_look_of_this_run_counts() {
    let mut history = stored(1, RemoteCheckRule::Repair);
    let seen = plan(&mut history, &[None]);
    assert_eq!(changes(&seen), ["upload 0 Drifted"]);
    history.finish();
    let _plan = history.plan();
    history.record(Event::RemoteCheckFailed { failure: failure() });
    assert_eq!(changes(&decide(&history.state, &history.policy)), NOTHING);
}

#[test]
fn a_known_drift_is_recorded_once_and_again_when_it_settles() {
    let mut history = stored(2, RemoteCheckRule::Report);
    let _plan = plan(&mut history, &[None, WHOLE]);
    history.finish();
    let again = delta(&history, &[None, WHOLE]);
    assert_eq!((again.drifted, again.changed.len()), (1, 0));
    let settled = delta(&history, &[WHOLE, WHOLE]);
    assert_eq!((settled.drifted, settled.settled), (0, vec![RequestId(0)]));
}

#[test]
fn results_that_were_taken_away_withdrawn_or_are_in_doubt_are_not_looked_at() {
    let mut history = stored(4, RemoteCheckRule::Repair);
    history.withdraw(0, Evidence::Deleted);
    history.publish(1, 10, &[(1, Some(6))]);
    history.publish(2, 10, &[(1, Some(6))]);
    let plan = history.plan();
    for command in &plan.commands {
        match (brief(command).as_str(), command) {
            ("delete 0", _) => history.carry_out(command),
            ("upload 1 Changed", Command::Upload { name, .. }) => {
                let start = history.begin(command);
                let delivery = history::delivery(name, history.policy.key);
                history.record(Event::PickedUp { start, delivery });
            }
            ("upload 2 Changed", _) => {
                let start = history.begin(command);
                history.record(Event::CommandFailed {
                    start,
                    failure: failure(),
                    remote: RemoteAfterFailure::Uncertain,
                });
            }
            _ => {}
        }
    }
    let looked_at: Vec<u64> = history.state.stored_files().map(|(id, _)| id.0).collect();
    assert_eq!(looked_at, [3]);
    assert_eq!(delta(&history, &[None, None, None, WHOLE]).drifted, 0);
}

#[test]
fn a_withdrawn_result_is_deleted_whether_it_drifted_or_not() {
    let mut history = stored(1, RemoteCheckRule::Repair);
    history.withdraw(0, Evidence::Untagged);
    assert_eq!(changes(&plan(&mut history, &[None])), ["delete 0"]);
}

#[test]
fn an_imported_file_can_only_be_missing() {
    let mut history = History::new();
    history.policy.remote_check = RemoteCheckRule::Report;
    history.import(
        "<status><request-status><id>0</id><completion>1.0</completion>\
         <uploaded>2021-10-11 09:39:50</uploaded></request-status></status>",
    );
    history.publish(0, 10, &[(1, Some(5))]);
    assert_eq!(delta(&history, &[Some(12345)]).drifted, 0);
    assert_eq!(delta(&history, &[None]).drifted, 1);
}

#[test]
fn a_look_that_cannot_be_true_is_refused() {
    let mut history = stored(2, RemoteCheckRule::Report);
    let true_delta = delta(&history, &[None, WHOLE]);
    let refused = |history: &History, delta: RemoteDelta| {
        history
            .try_event(Event::RemoteObserved(delta))
            .unwrap_err()
            .reason
            .to_string()
    };
    assert_eq!(refused(&history, true_delta.clone()), "no run is under way");
    let _plan = history.plan();
    let altered = |change: fn(&mut RemoteDelta)| {
        let mut delta = true_delta.clone();
        change(&mut delta);
        delta
    };
    let stranger = Drifted {
        id: RequestId(9),
        drift: Drift::Missing,
    };
    let cases = [
        altered(|delta| delta.total = 3),
        altered(|delta| delta.drifted = 0),
        altered(|delta| delta.changed.clear()),
        altered(|delta| delta.settled.push(RequestId(1))),
        altered(|delta| delta.settled.push(RequestId(0))),
        altered(|delta| {
            let first = delta.changed[0];
            delta.changed.push(first);
        }),
    ];
    for case in cases {
        assert!(!refused(&history, case).is_empty());
    }
    let mut foreign = true_delta.clone();
    foreign.changed.push(stranger);
    assert_eq!(
        refused(&history, foreign),
        "the result of request 9 was not at the drop-box"
    );
    history.record(Event::RemoteObserved(true_delta.clone()));
    assert_eq!(
        refused(&history, true_delta),
        "the look says nothing new of request 0"
    );
}
