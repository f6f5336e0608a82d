//! The tables, a row each.

use super::*;
use crate::command::{Command, RemoteName};
use crate::event::{Entry, Event};
use crate::failure::{FailureClass, Phase};
use crate::id::KeyId;
use crate::partners::{BrokerAddress, Partners};
use crate::policy::Policy;
use crate::recovered::{Missing, Recovered};
use crate::time::Timestamp;

const LOG: LogId = LogId([7; 16]);
const ANOTHER: LogId = LogId([8; 16]);
const HASH: Digest = Digest([3; 32]);
const OTHER_HASH: Digest = Digest([4; 32]);

fn after(events: &[Event]) -> State {
    (1..)
        .zip(events)
        .fold(State::default(), |state, (number, event)| {
            let entry = Entry {
                sequence: Sequence(number),
                time: Timestamp(1),
                event: event.clone(),
                salt: None,
                hash: HASH,
            };
            state.apply(&entry).expect("legal")
        })
}

fn created() -> Event {
    Event::LogCreated {
        log: LOG,
        version: "test".to_owned(),
    }
}

fn imported() -> Event {
    Event::LegacyImported {
        sha256: HASH,
        entries: Vec::new(),
    }
}

fn started() -> Event {
    Event::RunStarted {
        version: "test".to_owned(),
        policy: Digest([0; 32]),
        key: KeyId([0; 8]),
        instead_of: None,
        bound_to: None,
        every_minutes: None,
    }
}

fn publishing(start: u64) -> Event {
    let name = RemoteName::ledger();
    Event::CommandStarted {
        temporary: Some(name.temporary(LOG, Sequence(start))),
        command: Command::PublishLedger { name },
        approval: None,
        found: None,
    }
}

fn published(start: u64) -> Event {
    Event::LedgerPublished {
        start: Sequence(start),
        through: Sequence(start),
        sha256: HASH,
        size_bytes: 1,
    }
}

/// Nothing, a log, a run.
fn states() -> [State; 3] {
    let events = [created(), started()];
    [0, 1, 2].map(|count| after(&events[..count]))
}

fn projection(log: LogId, sequence: u64, hash: Digest) -> StatusFound {
    StatusFound::Projection(Tip {
        log,
        sequence: Sequence(sequence),
        hash,
    })
}

fn unreadable() -> StatusFound {
    StatusFound::Unreadable(failure())
}

fn failure() -> Failure {
    Failure {
        phase: Phase::Look,
        class: FailureClass::NeedsPerson,
        text: "permission denied".to_owned(),
    }
}

fn drop_box(folder: &str) -> DropBoxAddress {
    DropBoxAddress {
        host: "sftp.example".to_owned(),
        port: 22,
        folder: folder.to_owned(),
    }
}

/// The hash of an entry of a log in which each has the same.
fn hash_for(found: &StatusFound, state: &State) -> Option<Digest> {
    found.entry_in(state).map(|_| HASH)
}

fn another(here: Option<LogId>) -> Refused {
    Refused::AnotherLedger {
        shown: ANOTHER,
        here,
    }
}

fn old(shown: u64, last: u64) -> Refused {
    Refused::OldCopy {
        shown: Sequence(shown),
        last: Sequence(last),
    }
}

#[test]
fn every_local_combination_has_its_row() {
    use Standing::{GoOn, Import, Rewrite};
    let judged = |found: StatusFound| {
        states().map(|state| standing(&found, &state, hash_for(&found, &state)))
    };
    let lost = Refused::AnotherLedger {
        shown: LOG,
        here: None,
    };
    let here = Some(LOG);
    let forked = |at| Err(Refused::Forked { at: Sequence(at) });
    assert_eq!(judged(StatusFound::Nothing), [Ok(GoOn); 3]);
    assert_eq!(
        judged(StatusFound::Legacy),
        [Ok(Import), Ok(Import), Ok(GoOn)]
    );
    let foreign = Err(Refused::Foreign);
    assert_eq!(
        judged(StatusFound::Damaged),
        [foreign, foreign, Ok(Rewrite)]
    );
    let closed = Err(Refused::Unreadable);
    assert_eq!(judged(unreadable()), [closed, closed, Ok(Rewrite)]);
    assert_eq!(judged(StatusFound::NoFile), [Err(Refused::NoFile); 3]);
    assert_eq!(
        judged(projection(ANOTHER, 1, HASH)),
        [None, here, here].map(|here| Err(another(here)))
    );
    assert_eq!(
        judged(projection(LOG, 1, HASH)),
        [Err(lost), Ok(GoOn), Ok(GoOn)]
    );
    assert_eq!(
        judged(projection(LOG, 1, OTHER_HASH)),
        [Err(lost), forked(1), forked(1)]
    );
    assert_eq!(
        judged(projection(LOG, 2, HASH)),
        [Err(lost), Err(old(2, 1)), Ok(GoOn)]
    );
    assert_eq!(
        judged(projection(LOG, 2, OTHER_HASH)),
        [Err(lost), Err(old(2, 1)), forked(2)]
    );
    assert_eq!(
        judged(projection(LOG, 3, HASH)),
        [Err(lost), Err(old(3, 1)), Err(old(3, 2))]
    );
}

#[test]
fn every_published_combination_has_its_row() {
    use PublishedSeen::{AsExpected, Unreadable, Unusable};
    let missing = || Ok(PublishedSeen::Missing);
    let stories = [
        // Nothing has begun; a run without a publication; one that was begun; one that succeeded.
        vec![],
        vec![created(), started()],
        vec![created(), started(), publishing(3)],
        vec![created(), started(), publishing(3), published(3)],
        // The same of a ledger that took over the replaced program's.
        vec![created(), imported(), started()],
        vec![created(), imported(), started(), publishing(4)],
        vec![
            created(),
            imported(),
            started(),
            publishing(4),
            published(4),
        ],
    ];
    let states: Vec<State> = stories.iter().map(|events| after(events)).collect();
    let judged = |found: StatusFound| -> Vec<_> {
        let judge = |state| {
            published_standing(
                &found,
                &drop_box("in"),
                state,
                hash_for(&found, state),
                None,
            )
        };
        states.iter().map(judge).collect()
    };
    let same = |row: Result<PublishedSeen, Refused>| vec![row; 7];
    let ok = || Ok(AsExpected);
    assert_eq!(
        judged(StatusFound::Nothing),
        [ok(), ok(), ok(), missing(), ok(), ok(), missing()]
    );
    let not_taken = |here| Err(Refused::NotTakenOver { here });
    let runs = Err(Refused::ReplacedRuns);
    assert_eq!(
        judged(StatusFound::Legacy),
        [
            not_taken(None),
            not_taken(Some(LOG)),
            not_taken(Some(LOG)),
            runs.clone(),
            ok(),
            ok(),
            runs
        ]
    );
    let (foreign, own) = (|| Err(Refused::Foreign), || Ok(Unusable));
    assert_eq!(
        judged(StatusFound::Damaged),
        [foreign(), foreign(), own(), own(), foreign(), own(), own()]
    );
    assert_eq!(judged(StatusFound::NoFile), same(Err(Refused::NoFile)));
    assert_eq!(judged(unreadable()), same(Ok(Unreadable(failure()))));
    let others: Vec<_> = states.iter().map(|it| Err(another(it.log()))).collect();
    assert_eq!(judged(projection(ANOTHER, 1, HASH)), others);
    let lost = Refused::AnotherLedger {
        shown: LOG,
        here: None,
    };
    let older = |last| Err(old(4, last));
    assert_eq!(
        judged(projection(LOG, 4, HASH)),
        [Err(lost), older(2), older(3), ok(), older(3), ok(), ok()]
    );
    let forked = || Err(Refused::Forked { at: Sequence(4) });
    assert_eq!(
        judged(projection(LOG, 4, OTHER_HASH)),
        [
            Err(lost),
            older(2),
            older(3),
            forked(),
            older(3),
            forked(),
            forked()
        ]
    );
}

#[test]
fn what_is_about_to_be_taken_over_may_stand_at_the_drop_box() {
    let legacy = LegacyStatus {
        sha256: HASH,
        entries: Vec::new(),
    };
    let judge = |found: StatusFound, state: &State| {
        published_standing(&found, &drop_box("in"), state, None, Some(&legacy))
    };
    for state in &states()[..2] {
        assert_eq!(
            judge(StatusFound::Legacy, state),
            Ok(PublishedSeen::AsExpected)
        );
        assert_eq!(
            judge(StatusFound::Nothing, state),
            Ok(PublishedSeen::AsExpected)
        );
        assert_eq!(judge(StatusFound::Damaged, state), Err(Refused::Foreign));
    }
}

#[test]
fn what_was_published_at_another_drop_box_is_not_missed_at_this_one() {
    let declared = Event::PartnersDeclared {
        partners: Box::new(Partners {
            broker: BrokerAddress {
                url: "http://broker.example/".to_owned(),
                tag: "rki".to_owned(),
            },
            drop_box: drop_box("in"),
            user: "clinic".to_owned(),
            host_key: Some("SHA256:first".to_owned()),
        }),
        policy: Policy::new(KeyId([0; 8])),
    };
    let events = [
        created(),
        imported(),
        started(),
        declared,
        publishing(5),
        published(5),
    ];
    let state = after(&events);
    let judge = |found: StatusFound, folder| {
        let hash = hash_for(&found, &state);
        published_standing(&found, &drop_box(folder), &state, hash, None)
    };
    let (known, other) = ("in", "out");
    assert_eq!(
        judge(StatusFound::Nothing, known),
        Ok(PublishedSeen::Missing)
    );
    assert_eq!(
        judge(StatusFound::Nothing, other),
        Ok(PublishedSeen::AsExpected)
    );
    assert_eq!(
        judge(StatusFound::Damaged, known),
        Ok(PublishedSeen::Unusable)
    );
    assert_eq!(judge(StatusFound::Damaged, other), Err(Refused::Foreign));
    assert_eq!(
        judge(StatusFound::Legacy, known),
        Err(Refused::ReplacedRuns)
    );
    let not_taken_over = Refused::NotTakenOver { here: Some(LOG) };
    assert_eq!(judge(StatusFound::Legacy, other), Err(not_taken_over));
    let own = projection(LOG, 5, HASH);
    assert_eq!(judge(own.clone(), known), Ok(PublishedSeen::AsExpected));
    assert_eq!(judge(own, other), Ok(PublishedSeen::AsExpected));
}

#[test]
fn a_ledger_that_was_begun_from_a_lost_one_goes_on_from_what_that_had_published() {
    let recovered = Event::LedgerRecovered {
        recovered: Box::new(Recovered {
            lost: Tip {
                log: ANOTHER,
                sequence: Sequence(429),
                hash: HASH,
            },
            ancestors: Vec::new(),
            sha256: HASH,
            entries: Vec::new(),
            adopted: Vec::new(),
            unknown: Vec::new(),
            temporaries: Vec::new(),
            missing: Missing::Deliver,
            partners: None,
        }),
        who: "operator".to_owned(),
        why: "the disk failed".to_owned(),
    };
    let events = [created(), recovered, started(), publishing(4), published(4)];
    let refused = Err(another(Some(LOG)));
    let shown = [
        (projection(ANOTHER, 429, HASH), true),
        (projection(ANOTHER, 12, OTHER_HASH), true),
        // Somebody went on with it since, or it is another history of it.
        (projection(ANOTHER, 429, OTHER_HASH), false),
        (projection(ANOTHER, 430, HASH), false),
    ];
    for (found, is_lost_one) in shown {
        let judge = |count: usize| {
            let state = after(&events[..count]);
            published_standing(&found, &drop_box("in"), &state, None, None)
        };
        let due = if is_lost_one {
            Ok(PublishedSeen::AsExpected)
        } else {
            refused.clone()
        };
        assert_eq!(
            [judge(2), judge(3), judge(4)],
            [due.clone(), due.clone(), due]
        );
        // Once its own is there, the lost one must not come back.
        assert_eq!(judge(5), refused);
        let local = standing(&found, &after(&events[..3]), None);
        assert_eq!(local.is_ok(), is_lost_one);
    }
}

#[test]
fn a_log_that_does_not_tell_the_hash_is_not_taken_for_the_same() {
    let [_, _, run] = states();
    let found = projection(LOG, 2, HASH);
    let forked = Refused::Forked { at: Sequence(2) };
    assert_eq!(standing(&found, &run, None), Err(forked));
    assert_eq!(
        published_standing(&found, &drop_box("in"), &run, None, None),
        Err(forked)
    );
}

#[test]
fn the_beginning_of_a_file_tells_what_it_is_as_soon_as_it_can() {
    let tip = Tip {
        log: LOG,
        sequence: Sequence(429),
        hash: HASH,
    };
    let own = StatusDocument::project(&State::default(), tip);
    let head = own.as_bytes();
    let head = &head[..head.len() - "</status>".len()];
    for cut in 0..head.len() {
        assert_eq!(StatusFound::of_beginning(&head[..cut]), None, "{cut}");
    }
    let found = Some(StatusFound::Projection(tip));
    assert_eq!(StatusFound::of_beginning(head), found);
    // What follows may be cut anywhere, also within a character.
    let cut = [head, b"<request-status>\xc3"].concat();
    assert_eq!(StatusFound::of_beginning(&cut), found);

    let legacy = [
        "<status>",
        "<status/>",
        "<status />",
        "<?xml version='1.0'?>\n<!-- kept -->\n<status><request-status><id>1",
        "\u{feff}<status>\n</status>",
    ];
    for text in legacy {
        let found = StatusFound::of_beginning(text.as_bytes());
        assert_eq!(found, Some(StatusFound::Legacy), "{text}");
    }
    let neither = [
        "PK\u{3}\u{4}",
        "hello",
        "<html>",
        "<status log=\"07\">",
        "<statuses>",
        "<status log=\"07070707070707070707070707070707\" sequence=\"-1\" hash=\"00\">",
    ];
    for text in neither {
        let found = StatusFound::of_beginning(text.as_bytes());
        assert_eq!(found, Some(StatusFound::Damaged), "{text}");
    }
    for text in ["", "  ", "<", "<?xml version='1.0'", "<!-- ", "<status"] {
        assert_eq!(StatusFound::of_beginning(text.as_bytes()), None, "{text}");
    }
}
