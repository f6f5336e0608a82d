//! A snapshot in portions: the same state as in one piece, and nothing at all when it was cut off.

#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::disallowed_methods,
    reason = "tests"
)]

use courier_ledger::log::{Claimed, Files, NewLog};
use courier_ledger::*;
use scenario::History;

/// A run that has seen two requests, one of which is gone by now; nine others came, and one that cannot be
/// read.
fn begun() -> History {
    let mut story = History::new();
    story.start_run();
    story
        .broker
        .publish(100, 1_792_000_000_000_000, &[(1, Some(5))]);
    story
        .broker
        .publish(101, 1_792_000_000_000_000, &[(1, None)]);
    story.poll();
    story.broker.withdraw(101, Evidence::Deleted);
    for id in 1..=9 {
        let nodes: Vec<(u64, Option<i64>)> = (0..id).map(|node| (node, Some(1))).collect();
        story.broker.publish(id, 1_792_000_000_000_001, &nodes);
    }
    story.broker.unreadable(50);
    story
}

fn delta(story: &History) -> SnapshotDelta {
    match story.snapshot() {
        Event::SnapshotObserved(delta) => delta,
        other => panic!("{other}"),
    }
}

/// What a state holds of requests, whatever its place in the log.
fn shown(state: &State) -> String {
    let requests = state.requests().map(|(id, request)| {
        let mut request = request.clone();
        // Entries in between take their time.
        request.changed = None;
        format!("{id} {request:?}")
    });
    requests.collect::<Vec<_>>().join(
        "
",
    )
}

#[test]
fn portions_count_as_the_snapshot_that_they_were_cut_from() {
    let mut whole = begun();
    whole.poll();
    for most in [1, 12, 30, 60, 80, 1_000] {
        let mut story = begun();
        let (portions, last) = delta(&story).portioned(most);
        assert_eq!(portions.is_empty(), most == 1_000, "{most}");
        assert!(most > 1 || portions.len() == 10, "each request by itself");
        let before = shown(story.state());
        for portion in portions {
            story.record(Event::PortionObserved(portion));
            assert_eq!(
                shown(story.state()),
                before,
                "nothing follows from a portion"
            );
        }
        story.record(Event::SnapshotObserved(last));
        assert_eq!(shown(story.state()), shown(whole.state()), "{most}");
        assert!(story.state().portions().is_empty());
    }
}

#[test]
fn what_was_cut_off_between_two_portions_is_as_if_it_had_not_been() {
    let portioned = |story: &History| delta(story).portioned(20);
    let (portions, last) = portioned(&begun());
    for recorded in 1..=portions.len() {
        let cut = || {
            let mut story = begun();
            for portion in &portions[..recorded] {
                story.record(Event::PortionObserved(portion.clone()));
            }
            story
        };
        // Another run begins, or this one could not go on and says so.
        let mut restarted = cut();
        restarted.start_run();
        let mut failed = cut();
        failed.record(Event::PollFailed {
            failure: scenario::failure(),
        });
        let mut finished = cut();
        finished.finish();
        finished.start_run();
        for mut story in [restarted, failed, finished] {
            assert!(story.state().portions().is_empty());
            let late = story.try_event(Event::SnapshotObserved(last.clone()));
            assert!(late.is_err(), "a rest without its portions");
            // Everything is new once more.
            let (again, end) = portioned(&story);
            assert_eq!((&again, &end), (&portions, &last));
            for portion in again {
                story.record(Event::PortionObserved(portion));
            }
            story.record(Event::SnapshotObserved(end));
        }
    }
}

#[test]
fn a_portion_that_is_missing_doubled_or_out_of_place_is_refused() {
    let (portions, last) = delta(&begun()).portioned(20);
    let refused = |portions: &[&SnapshotPortion]| {
        let mut story = begun();
        for portion in portions {
            story.record(Event::PortionObserved((*portion).clone()));
        }
        story
            .try_event(Event::SnapshotObserved(last.clone()))
            .is_err()
    };
    let all: Vec<&SnapshotPortion> = portions.iter().collect();
    assert!(!refused(&all));
    assert!(refused(&all[1..]));
    assert!(refused(&[&all[..1], &all[..]].concat()));
    assert!(refused(&all.iter().rev().copied().collect::<Vec<_>>()));
    let mut finished = begun();
    finished.poll();
    finished.finish();
    let portion = Event::PortionObserved(portions[0].clone());
    assert!(finished.try_event(portion).is_err(), "no run is under way");
}

/// More than one entry may hold (64 MiB), on a real disk: refused in one piece, read back in portions.
#[test]
fn a_first_snapshot_that_no_entry_holds_is_recorded_and_read_back() {
    let (requests, nodes) = (9_000, 1_000);
    let folder = tempfile::tempdir().unwrap();
    let now = Timestamp(1_792_000_000_000_000);
    let claim = || Claimed::at(Files::new(folder.path()).unwrap(), now).unwrap();
    let new = NewLog {
        id: LogId([7; 16]),
        version: "test".to_owned(),
    };
    let mut ledger = claim().begun(now, new).unwrap();
    let started = Event::RunStarted {
        version: "test".to_owned(),
        policy: Digest([0; 32]),
        key: KeyId([1; 8]),
        instead_of: None,
        bound_to: None,
        every_minutes: None,
    };
    ledger.append(now, vec![started]).unwrap();
    let mut poll = Poll::begin((0..requests).map(|id| (RequestId(id), Some(now)))).unwrap();
    for id in 0..requests {
        let node = |node| NodeStatus(NodeId(node), (node % 2 == 0).then_some(now));
        poll.read(RequestId(id), (0..nodes).map(node).collect())
            .unwrap();
    }
    let delta = poll
        .complete(&Default::default())
        .unwrap()
        .delta(ledger.state());
    let (portions, last) = delta.portioned(PORTION_WEIGHT);
    assert!(portions.len() > 5, "{}", portions.len());
    for portion in portions {
        ledger
            .append(now, vec![Event::PortionObserved(portion)])
            .unwrap();
    }
    ledger
        .append(now, vec![Event::SnapshotObserved(last)])
        .unwrap();
    let before = ledger.state().clone();
    ledger.close().unwrap();
    assert!(*claim().state() == before);
    let size = std::fs::metadata(folder.path().join("ledger.log"))
        .unwrap()
        .len();
    assert!(
        size > u64::from(courier_ledger::log::chain::PAYLOAD_BYTES_MAX),
        "{size}"
    );
}
