//! Events out of arbitrary bytes, one by one and folded.

use courier_ledger::{Digest, Entry, KeyId, Policy, State, StatusDocument, Tip, decide, fuzzing};

use crate::log::payloads;

/// Reads the bytes as one payload of the log. What is accepted is written to the same bytes, and can
/// be shown to people.
pub fn event(data: &[u8]) {
    let Ok((time, event, salt)) = fuzzing::decode(data) else {
        return;
    };
    let written = fuzzing::encode(time, &event, salt).expect("what was read can be written");
    assert_eq!(written, data);
    let shown = format!("{time} {event} {event:?}");
    assert!(shown.contains(event.kind()));
    serde_json::to_string(&event).expect("every event has a JSON form");
}

/// Reads the bytes as a log's frames, whatever their checksums, and folds what is legal of the events
/// that can be read.
pub fn fold(data: &[u8]) {
    let mut state = State::default();
    for payload in payloads(data) {
        let Ok((time, event, salt)) = fuzzing::decode(payload) else {
            continue;
        };
        let entry = Entry {
            sequence: state.tip().next(),
            time,
            event,
            salt,
            hash: Digest([0; 32]),
        };
        match state.clone().apply(&entry) {
            Ok(next) => {
                assert_eq!(next.tip(), entry.sequence);
                state = next;
            }
            Err(illegal) => assert_eq!(illegal.sequence, entry.sequence),
        }
    }
    consider(&state);
}

/// Whatever the state: it can be decided on, shown and projected.
pub(crate) fn consider(state: &State) {
    let policy = Policy::new(KeyId([1; 8]));
    let next = state.as_next_run_finds_it();
    assert_eq!(next.as_next_run_finds_it(), next);
    for state in [state, &next] {
        let plan = decide(state, &policy);
        assert_eq!(plan, decide(state, &policy));
        for command in plan.changes() {
            assert!(command.name().is_safe(), "{command}");
        }
    }
    if let Some(log) = state.log() {
        let tip = Tip {
            log,
            sequence: state.tip(),
            hash: Digest([7; 32]),
        };
        let document = StatusDocument::project(state, tip);
        assert_eq!(StatusDocument::tip_of(document.as_bytes()), Some(tip));
    }
}
