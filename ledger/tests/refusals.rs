//! Every event that cannot follow is refused with the reason that a person can act on, and changes
//! nothing: one test per rule of the transition table. Commands and outcomes: `refused_commands.rs`.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod history;

use courier_ledger::*;
use history::{History, KEY, failure};

/// Why the event cannot follow, in words.
fn refusal(history: &History, event: Event) -> String {
    let error = history.try_event(event).unwrap_err();
    error.reason.to_string()
}

/// Requests 0, 1 and 2 uploaded, and a run under way that has polled again.
fn polled() -> History {
    let mut history = History::new();
    for id in 0..3 {
        history.publish(id, 10, &[(1, Some(5))]);
    }
    history.run();
    let _plan = history.plan();
    history
}

fn started(command: &Command, history: &History) -> Event {
    let start = history.state.tip().next();
    Event::CommandStarted {
        command: command.clone(),
        temporary: command.temporary(history.state.log().unwrap(), start),
    }
}

fn run_started() -> Event {
    Event::RunStarted {
        version: "test".to_owned(),
        policy: Digest([1; 32]),
        key: KEY,
    }
}

fn finished() -> Event {
    Event::RunFinished {
        counts: RunCounts::default(),
        duration_micros: 1,
    }
}

fn legacy(ids: &[u64]) -> Event {
    let entry = |id: &u64| LegacyEntry {
        id: RequestId(*id),
        completion: Hundredths(50),
        uploaded: Timestamp(1),
        last_update: None,
        deleted: None,
    };
    Event::LegacyImported {
        sha256: Digest([1; 32]),
        entries: ids.iter().map(entry).collect(),
    }
}

#[test]
fn an_entry_has_the_next_number() {
    let history = History::new();
    for sequence in [0, 1, 3] {
        let entry = Entry {
            sequence: Sequence(sequence),
            time: Timestamp(0),
            event: run_started(),
            hash: Digest([0; 32]),
        };
        let error = history.state.clone().apply(&entry).unwrap_err();
        assert_eq!(error.sequence, Sequence(sequence));
        assert_eq!(
            error.reason.to_string(),
            "the entry after 1 was expected",
            "{sequence}"
        );
    }
}

#[test]
fn a_log_begins_with_its_creation_once() {
    let history = History::new();
    let created = Event::LogCreated {
        log: LogId([1; 16]),
        version: "test".to_owned(),
    };
    let once = "a log begins with LogCreated, once";
    assert_eq!(refusal(&history, created), once);
    let entry = Entry {
        sequence: Sequence(1),
        time: Timestamp(0),
        event: run_started(),
        hash: Digest([0; 32]),
    };
    let error = State::default().apply(&entry).unwrap_err();
    assert_eq!(error.reason.to_string(), once);
}

#[test]
fn an_import_comes_first_and_once_and_names_each_request_once() {
    let late = "an import follows the creation of the log, before any run";
    let mut history = History::new();
    assert_eq!(
        refusal(&history, legacy(&[1, 2, 1])),
        "request 1 stands twice or out of order"
    );
    let mut imported = history.clone();
    imported.record(legacy(&[2, 1]));
    assert_eq!(refusal(&imported, legacy(&[3])), late);
    history.record(run_started());
    assert_eq!(refusal(&history, legacy(&[3])), late);
}

#[test]
fn what_belongs_into_a_run_is_refused_outside_of_one() {
    let mut history = polled();
    let delta = history.snapshot().delta(&history.state);
    let publish = Command::PublishLedger {
        name: RemoteName::ledger(),
    };
    history.finish();
    for event in [
        Event::SnapshotObserved(delta),
        Event::PollFailed { failure: failure() },
        Event::RemoteCheckFailed { failure: failure() },
        Event::RemoteObserved(RemoteDelta::default()),
        started(&publish, &history),
        finished(),
    ] {
        assert_eq!(refusal(&history, event), "no run is under way");
    }
}

#[test]
fn a_run_ends_when_every_command_has_its_outcome() {
    let mut history = polled();
    let publish = Command::PublishLedger {
        name: RemoteName::ledger(),
    };
    let start = history.begin(&publish);
    assert_eq!(
        refusal(&history, finished()),
        format!("command {start} has no outcome yet")
    );
    history.succeed(start, &publish);
    history.finish();
}

/// The delta of a poll that shows 0 changed, 1 unreadable, 2 gone, 3 and 4 new.
fn delta(history: &mut History) -> SnapshotDelta {
    history.publish(0, 10, &[(1, Some(6)), (2, None)]);
    history.unreadable(1);
    history.withdraw(2, Evidence::Deleted);
    history.publish(3, 10, &[]);
    history.publish(4, 10, &[]);
    history.snapshot().delta(&history.state)
}

#[test]
fn a_snapshot_names_each_request_once_and_in_order() {
    let mut history = polled();
    let delta = delta(&mut history);
    let refused = |change: &dyn Fn(&mut SnapshotDelta)| {
        let mut delta = delta.clone();
        change(&mut delta);
        refusal(&history, Event::SnapshotObserved(delta))
    };
    let out_of_order = |id: u64| format!("request {id} stands twice or out of order");
    let gone = |id: u64| Gone {
        id: RequestId(id),
        evidence: Evidence::Deleted,
    };
    let unreadable = |id: u64| Unreadable {
        id: RequestId(id),
        failure: failure(),
    };
    assert_eq!(refused(&|it| it.changed.swap(1, 2)), out_of_order(3));
    let twice = |it: &mut SnapshotDelta| it.changed.push(it.changed[2].clone());
    assert_eq!(refused(&twice), out_of_order(4));
    assert_eq!(refused(&|it| it.gone.push(gone(2))), out_of_order(2));
    assert_eq!(refused(&|it| it.gone.push(gone(1))), out_of_order(1));
    let again = |it: &mut SnapshotDelta| it.unreadable.push(unreadable(1));
    assert_eq!(refused(&again), out_of_order(1));
    let before = |it: &mut SnapshotDelta| it.unreadable.push(unreadable(0));
    assert_eq!(refused(&before), out_of_order(0));
    // Read and unreadable, read and gone, gone and unreadable.
    let both = |it: &mut SnapshotDelta| it.unreadable.push(unreadable(3));
    assert_eq!(refused(&both), out_of_order(3));
    assert_eq!(refused(&|it| it.gone.push(gone(4))), out_of_order(4));
    let both = |it: &mut SnapshotDelta| it.unreadable.push(unreadable(2));
    assert_eq!(refused(&both), out_of_order(2));
    // As it was, it follows.
    assert!(
        history
            .try_event(Event::SnapshotObserved(delta.clone()))
            .is_ok()
    );
}

#[test]
fn a_snapshot_holds_nodes_in_order_and_leads_to_the_whole_that_it_names() {
    let mut history = polled();
    let delta = delta(&mut history);
    let refused = |change: &dyn Fn(&mut SnapshotDelta)| {
        let mut delta = delta.clone();
        change(&mut delta);
        refusal(&history, Event::SnapshotObserved(delta))
    };
    let differs = "the folded snapshot has another size or digest than the recorded one";
    assert_eq!(
        refused(&|it| {
            let nodes = &mut it.changed[0].nodes;
            *nodes = nodes.iter().rev().copied().collect();
        }),
        "the nodes of request 0 stand twice or out of order"
    );
    assert_eq!(refused(&|it| it.total += 1), differs);
    assert_eq!(refused(&|it| it.digest = SnapshotDigest::EMPTY), differs);
    assert_eq!(refused(&|it| it.changed.truncate(2)), differs);
    assert_eq!(refused(&|it| it.gone.clear()), differs);
    assert_eq!(refused(&|it| it.unreadable.clear()), differs);
}

#[test]
fn only_what_was_listed_can_be_gone_and_its_evidence_is_new() {
    let mut history = polled();
    history.withdraw(2, Evidence::Unconfirmed);
    let first = history.snapshot().delta(&history.state);
    let again = first.clone();
    history.record(Event::SnapshotObserved(first.clone()));
    assert_eq!(
        refusal(&history, Event::SnapshotObserved(again)),
        "request 2 was not listed before"
    );
    let unknown = SnapshotDelta {
        gone: vec![Gone {
            id: RequestId(9),
            evidence: Evidence::Deleted,
        }],
        ..first
    };
    assert_eq!(
        refusal(&history, Event::SnapshotObserved(unknown)),
        "request 9 was not listed before"
    );
    history.withdraw(2, Evidence::Untagged);
    let proven = history.snapshot().delta(&history.state);
    assert_eq!(proven.gone.len(), 1);
    assert!(history.try_event(Event::SnapshotObserved(proven)).is_ok());
}

#[test]
fn a_request_that_was_never_read_is_read_unreadable_or_gone() {
    let mut history = polled();
    history.unreadable(5);
    let delta = history.snapshot().delta(&history.state);
    history.record(Event::SnapshotObserved(delta.clone()));
    let silent = SnapshotDelta {
        unreadable: Vec::new(),
        ..delta
    };
    assert_eq!(
        refusal(&history, Event::SnapshotObserved(silent)),
        "request 5 was neither read nor unreadable"
    );
    for show in [
        |it: &mut History| it.publish(5, 10, &[]),
        |it: &mut History| it.unreadable(5),
        |it: &mut History| it.withdraw(5, Evidence::Deleted),
        |it: &mut History| it.withdraw(5, Evidence::Unconfirmed),
    ] {
        let mut history = history.clone();
        show(&mut history);
        let delta = history.snapshot().delta(&history.state);
        history.record(Event::SnapshotObserved(delta));
    }
}

#[test]
fn a_look_names_each_file_once_and_in_order_as_it_drifts_and_as_it_settles() {
    let sights = |sight: Sight| -> Sights {
        (0..3)
            .map(|id| (RemoteName::export(RequestId(id)), sight))
            .collect()
    };
    let mut history = polled();
    let missing = RemoteDelta::between(&history.state, &sights(Sight::Absent));
    assert_eq!(missing.changed.len(), 3);
    let mut swapped = missing.clone();
    swapped.changed.swap(0, 1);
    assert_eq!(
        refusal(&history, Event::RemoteObserved(swapped)),
        "request 0 stands twice or out of order"
    );
    history.record(Event::RemoteObserved(missing));
    let back = RemoteDelta::between(&history.state, &sights(Sight::Present(None)));
    assert_eq!(back.settled.len(), 3);
    let mut swapped = back.clone();
    swapped.settled.swap(1, 2);
    assert_eq!(
        refusal(&history, Event::RemoteObserved(swapped)),
        "request 1 stands twice or out of order"
    );
    let mut silent = back.clone();
    silent.settled.clear();
    let differs = history.try_event(Event::RemoteObserved(silent));
    assert!(differs.is_err(), "files that are back are named");
    history.record(Event::RemoteObserved(back));
}
