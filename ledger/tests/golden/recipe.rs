//! How golden logs were made: for each kind of event a smallest legal log that ends with it, every
//! field with a value of its own, and one log that holds every variant of every nested type.
//!
//! A log that was committed is never made again, so a recipe only says what one *was* made from.
//! Deliberately absent: numbers that repeat within one log; a field that is read for another one
//! shall show.
#![allow(
    clippy::expect_used,
    reason = "a recipe that cannot be followed fails the test"
)]

use courier_ledger::*;
use scenario::{History, Shown};

/// The version that golden logs of this format say they were written by.
const VERSION: &str = "0.1.0";
const KEY: KeyId = KeyId(*b"the key.");

/// The log of every variant.
pub(crate) const EVERY_VARIANT: &str = "every-variant";

/// The log of everything that can be found under a final name.
pub(crate) const FOUND: &str = "found";

/// The log of everything that can be found before a command is begun, and not be seen afterwards.
pub(crate) const LOOKS: &str = "looks";

/// The log of commands that were held back and released.
pub(crate) const RELEASED: &str = "released";

/// The log of a run whose key has to wait for a person.
pub(crate) const INSTEAD_OF: &str = "instead-of";

/// The log of a run that says how often one is to begin.
pub(crate) const INTERVAL: &str = "interval";

/// The log of a ledger that was begun anew from a drop-box that is known.
pub(crate) const RECOVERED_AT: &str = "recovered-at";

/// The log of a look that finds what the recipient has fetched.
pub(crate) const FETCHED: &str = "fetched";

/// The log of a delivery that says what the bundle held.
pub(crate) const CONTENTS: &str = "contents";

/// The log of a run that says what it could not begin with.
pub(crate) const NOT_BEGUN: &str = "not-begun";

/// The log of texts that are kept from being guessed.
pub(crate) const SALTED: &str = "salted";

/// The log of a run that is bound to a saved plan.
pub(crate) const BOUND_TO: &str = "bound-to";

/// The log of a ledger that encrypts with age, and was begun anew from a drop-box with such files.
pub(crate) const WITH_AGE: &str = "with-age";

/// The log of a run that says what it came to.
pub(crate) const VERDICT: &str = "verdict";

/// The log of that name; none when nobody has said yet how it is made.
pub(crate) fn make(name: &str) -> Option<History> {
    let mut story = begin();
    match name {
        "LogCreated" => {}
        "LegacyImported" => import(&mut story),
        SALTED => {
            start_run(&mut story);
            let failure = failure(Phase::List, FailureClass::NeedsPerson);
            story.record(Event::PollFailed { failure });
            finish(&mut story);
            story.record(Event::KeyAnnounced {
                key: KeyId(*b"another."),
                who: "somebody".to_owned(),
                why: "it is time".to_owned(),
            });
        }
        "RunStarted" => start_run(&mut story),
        "SnapshotObserved" => observe_all(&mut story),
        "PortionObserved" => {
            start_run(&mut story);
            let nodes = [(17, Some(1)), (18, None)];
            story.broker.publish(2, 1_792_000_000_000_000, &nodes);
            let nodes = [(19, Some(3))];
            story.broker.publish(3, 1_792_500_000_000_000, &nodes);
            let unreadable = Shown::Unreadable(failure(Phase::Status, FailureClass::Transient));
            story.broker.shown.insert(5, unreadable);
            let Event::SnapshotObserved(mut delta) = story.snapshot() else {
                return None;
            };
            story.record(Event::PortionObserved(delta.take(1)));
            story.record(Event::PortionObserved(delta.take(2)));
        }
        "PollFailed" => {
            start_run(&mut story);
            let failure = failure(Phase::List, FailureClass::NeedsPerson);
            story.record(Event::PollFailed { failure });
        }
        "CommandStarted" => {
            publish_first(&mut story);
            upload(&mut story, 1, UploadReason::New);
        }
        "Uploaded" => {
            publish_first(&mut story);
            store(&mut story, 1, Placement::PosixRename);
        }
        "PickedUp" => {
            publish_first(&mut story);
            let start = upload(&mut story, 1, UploadReason::New);
            let delivery = delivery(1, Placement::Rename);
            story.record(Event::PickedUp {
                start,
                delivery,
                found: None,
                unseen: None,
            });
        }
        "Deleted" => {
            publish_first(&mut story);
            store(&mut story, 1, Placement::Direct);
            withdraw(&mut story, 1, Evidence::Untagged);
            delete(&mut story, 1, Evidence::Untagged, Removal::AlreadyAbsent);
        }
        "CommandFailed" => {
            publish_first(&mut story);
            let start = upload(&mut story, 1, UploadReason::New);
            story.record(Event::CommandFailed {
                start,
                failure: failure(Phase::Place, FailureClass::Permanent),
                remote: RemoteAfterFailure::Uncertain,
                found: None,
            });
        }
        "DeletionsApproved" => approve(&mut story),
        "LedgerPublished" => {
            start_run(&mut story);
            publish(&mut story);
        }
        "RunFinished" => {
            start_run(&mut story);
            finish(&mut story);
        }
        "TailRecovered" => {
            story.record(Event::TailRecovered {
                offset: 4_321,
                size_bytes: 321,
                sha256: digest("what was cut off"),
            });
        }
        "RemoteObserved" => look(&mut story),
        "NodesNamed" => {
            start_run(&mut story);
            let named = |node, name: &str| NodeName {
                node: NodeId(node),
                name: name.to_owned(),
            };
            story.record(Event::NodesNamed {
                nodes: vec![
                    named(0, "CN=Hospital One,O=One,L=A"),
                    named(7, "CN=Hospital Seven,O=Seven,L=B"),
                ],
            });
            story.record(Event::NodesNamed {
                nodes: vec![named(7, "CN=Hospital of Seven,O=Seven,L=B")],
            });
        }
        NOT_BEGUN => {
            publish_first(&mut story);
            story.record(Event::RunFinished {
                counts: RunCounts::default(),
                duration_micros: 8_000_000,
                verdict: Some(RunVerdict {
                    exit_code: 5,
                    failure: Some(failure(Phase::Connect, FailureClass::Transient)),
                    not_begun: Some([1, 2, 5].map(RequestId).into_iter().collect()),
                }),
            });
        }
        CONTENTS => {
            publish_first(&mut story);
            let start = upload(&mut story, 1, UploadReason::New);
            let entry = |name: &str, size_bytes, crc32| BundleEntry {
                name: name.to_owned(),
                size_bytes,
                crc32,
            };
            let mut delivery = delivery(1, Placement::PosixRename);
            delivery.contents = Some(vec![
                entry("status.xml", 512, 0x1234_5678),
                entry("17_result.zip", 70_000, 0xffff_fffe),
            ]);
            story.record(Event::Uploaded {
                start,
                delivery,
                found: None,
                unseen: None,
            });
        }
        FETCHED => {
            look(&mut story);
            story.record(Event::RemoteObserved(RemoteDelta {
                total: 3,
                drifted: 1,
                changed: Vec::new(),
                settled: Vec::new(),
                picked_up: Some(vec![RequestId(2), RequestId(3)]),
            }));
        }
        "RemoteCheckFailed" => {
            start_run(&mut story);
            let failure = failure(Phase::Look, FailureClass::Transient);
            story.record(Event::RemoteCheckFailed { failure });
        }
        "PlanHeld" => hold(&mut story),
        "PlanApproved" => {
            hold(&mut story);
            let held = story.state().held().expect("something is held back");
            story.record(Event::PlanApproved {
                held: held.entry,
                plan: held.digest,
                broker: None,
                drop_box: None,
                who: "operator@clinic.example".to_owned(),
                why: "the database was set up anew on 18.11.".to_owned(),
            });
        }
        "PartnersDeclared" => {
            start_run(&mut story);
            story.partners = Some(partners("in"));
            story.declare();
        }
        "LeftBehindGone" => {
            move_away(&mut story);
            story.record(Event::LeftBehindGone {
                drop_box: partners("in").drop_box,
                who: "operator@clinic.example".to_owned(),
                why: "emptied by the recipient on 19.11.".to_owned(),
            });
        }
        "LedgerRecovered" => recover(&mut story, None, Encryption::Fernet),
        WITH_AGE => {
            recover(&mut story, None, Encryption::Age);
            story.policy.encryption = Encryption::Age;
            start_run(&mut story);
            story.partners = Some(partners("in"));
            story.declare();
        }
        VERDICT => {
            start_run(&mut story);
            let failure = failure(Phase::Authenticate, FailureClass::NeedsPerson);
            for (exit_code, failure) in [(5, Some(failure)), (0, None)] {
                let verdict = Some(RunVerdict {
                    exit_code,
                    failure,
                    not_begun: None,
                });
                if exit_code == 0 {
                    start_run(&mut story);
                }
                story.record(Event::RunFinished {
                    counts: RunCounts::default(),
                    duration_micros: 8_000_000,
                    verdict,
                });
            }
        }
        RECOVERED_AT => {
            let partners = partners("in");
            recover(&mut story, Some(Box::new(partners)), Encryption::Fernet);
        }
        "PublishedLedgerSeen" => {
            start_run(&mut story);
            let failure = failure(Phase::Look, FailureClass::NeedsPerson);
            for seen in [
                PublishedSeen::Missing,
                PublishedSeen::Unusable,
                PublishedSeen::AsExpected,
                PublishedSeen::Unreadable(failure),
            ] {
                story.record(Event::PublishedLedgerSeen { seen });
            }
        }
        RELEASED => released(&mut story),
        "KeyAnnounced" => {
            start_run(&mut story);
            finish(&mut story);
            story.record(Event::KeyAnnounced {
                key: KeyId(*b"\x00another"),
                who: "a person".to_owned(),
                why: "the old key is lost".to_owned(),
            });
        }
        "LedgerTakenOver" => {
            publish_first(&mut story);
            upload(&mut story, 1, UploadReason::New);
            story.record(Event::LedgerTakenOver {
                holder: "host-a, process 4711".to_owned(),
                epoch: 18,
                who: "operator@clinic.example".to_owned(),
                why: "its power supply burnt on 20.11.".to_owned(),
            });
        }
        "ClockDiffers" => {
            start_run(&mut story);
            let now = Timestamp(1_795_000_004_000_001);
            story.record(Event::ClockDiffers(ClockDifference {
                whose: OtherClock::Broker,
                theirs: Timestamp(now.0 + 94_608_000_000_000),
                ours: now,
            }));
            let back = Timestamp(1_700_000_000_000_003);
            story.set_clock(back);
            story.record(Event::ClockDiffers(ClockDifference {
                whose: OtherClock::LastEntry,
                theirs: story.now(),
                ours: back,
            }));
        }
        EVERY_VARIANT => every_variant(&mut story),
        FOUND => found(&mut story),
        LOOKS => looks(&mut story),
        INTERVAL => {
            start_run(&mut story);
            finish(&mut story);
            story.record(Event::RunStarted {
                version: VERSION.to_owned(),
                policy: digest("the policy"),
                key: KEY,
                instead_of: None,
                bound_to: None,
                every_minutes: Some(15),
            });
        }
        INSTEAD_OF => {
            start_run(&mut story);
            finish(&mut story);
            story.record(Event::RunStarted {
                version: VERSION.to_owned(),
                policy: digest("the policy"),
                key: KeyId(*b"\x00another"),
                instead_of: Some(KEY),
                bound_to: None,
                every_minutes: None,
            });
        }
        BOUND_TO => {
            let mut started = run_started(VERSION);
            if let Event::RunStarted { bound_to, .. } = &mut started {
                *bound_to = Some(digest("what a person has seen"));
            }
            story.record(started);
        }
        _ => return None,
    }
    Some(story)
}

/// Begins anew from what a lost ledger's drop-box holds.
fn recover(story: &mut History, partners: Option<Box<Partners>>, encryption: Encryption) {
    let adopted = |id, start, encryption| Adopted {
        request: RequestId(id),
        start: Sequence(start),
        key: KEY,
        size_bytes: 1_000_000 + id,
        encryption,
    };
    let entry = |id, deleted| LegacyEntry {
        id: RequestId(id),
        completion: Hundredths(67),
        uploaded: Timestamp(1_700_000_000_000_000),
        last_update: None,
        deleted,
    };
    let recovered = Recovered {
        lost: Tip {
            log: LogId(*b"a lost golden id"),
            sequence: Sequence(429),
            hash: digest("its last entry"),
        },
        ancestors: vec![Ancestor {
            log: LogId(*b"its ancestors id"),
            sequence: Sequence(77),
        }],
        sha256: digest("the published status.xml"),
        entries: vec![
            entry(12, Some(Timestamp(1_700_003_600_000_000))),
            entry(7, None),
            entry(8, None),
        ],
        adopted: vec![
            adopted(7, 88, Encryption::Fernet),
            adopted(300, 431, encryption),
        ],
        unknown: vec![RequestId(9)],
        temporaries: vec![
            RemoteName::export(RequestId(8)).temporary(LogId(*b"a lost golden id"), Sequence(430)),
        ],
        missing: Missing::Fetched,
        partners,
    };
    story.record(Event::LedgerRecovered {
        recovered: Box::new(recovered),
        who: "operator@clinic.example".to_owned(),
        why: "the disk of the host failed on 18.11.".to_owned(),
    });
}

/// A log that was just created, whose entries have times of their own.
pub(crate) fn begin() -> History {
    let first = Timestamp(1_795_000_000_000_001);
    let mut story = History::without_log(VERSION, first);
    story.step_micros = 1_000_003;
    story.policy.key = KEY;
    story.set_clock(first);
    story.create(LogId(*b"\x00golden log id\xfe\xff"));
    story
}

/// The beginning of a run by this version.
pub(crate) fn run_started(version: &str) -> Event {
    Event::RunStarted {
        version: version.to_owned(),
        policy: digest("the policy"),
        key: KEY,
        instead_of: None,
        bound_to: None,
        every_minutes: None,
    }
}

pub(crate) fn start_run(story: &mut History) {
    story.record(run_started(VERSION));
}

/// A run whose first poll shows request 1, with a node of every kind.
fn publish_first(story: &mut History) {
    start_run(story);
    let nodes = [(1, Some(1_794_000_000_000_000)), (300, None)];
    show(story, 1, Some(1_793_000_000_000_000), &nodes);
}

/// A poll shows this, too.
fn show(story: &mut History, id: u64, published: Option<i64>, nodes: &[(u64, Option<i64>)]) {
    match published {
        Some(time) => story.broker.publish(id, time, nodes),
        None => story.broker.draft(id, nodes),
    }
    story.poll();
}

/// A poll no longer lists a request, on this evidence.
fn withdraw(story: &mut History, id: u64, evidence: Evidence) {
    story.broker.withdraw(id, evidence);
    story.poll();
}

fn upload(story: &mut History, id: u64, reason: UploadReason) -> Sequence {
    let command = story.upload(RequestId(id), reason).expect("it was read");
    story.begin(&command)
}

/// A whole upload.
fn store(story: &mut History, id: u64, placement: Placement) {
    let start = upload(story, id, UploadReason::New);
    let delivery = delivery(id, placement);
    story.record(Event::Uploaded {
        start,
        delivery,
        found: None,
        unseen: None,
    });
}

/// A look at the drop-box that finds everything but one file, and that with another size.
fn look_for(story: &mut History, resized: u64) {
    let drift = |id| match id == RequestId(resized) {
        true => Drift::Resized { size_bytes: 1 },
        false => Drift::Missing,
    };
    let changed: Vec<_> = (story.state().stored_files())
        .map(|(id, _)| Drifted {
            id,
            drift: drift(id),
        })
        .collect();
    story.record(Event::RemoteObserved(RemoteDelta {
        total: changed.len() as u64,
        drifted: changed.len() as u64,
        changed,
        settled: Vec::new(),
        picked_up: None,
    }));
}

fn delete(story: &mut History, id: u64, evidence: Evidence, removal: Removal) {
    let request = RequestId(id);
    let name = RemoteName::export(request);
    let start = story.begin(&Command::Delete {
        request,
        name,
        evidence,
    });
    story.record(Event::Deleted {
        start,
        removal,
        found: None,
        unseen: None,
    });
}

fn delivery(id: u64, placement: Placement) -> Delivery {
    Delivery {
        name: RemoteName::export(RequestId(id)),
        size_bytes: 1_000_000 + id,
        plaintext_sha256: digest("the bundle"),
        token_sha256: digest("the token"),
        key: KEY,
        placement,
        contents: None,
    }
}

fn failure(phase: Phase, class: FailureClass) -> Failure {
    Failure {
        phase,
        class,
        text: format!("what went wrong at “{phase}”"),
    }
}

pub(crate) fn digest(of: &str) -> Digest {
    Digest::of(&[of.as_bytes()])
}

fn import(story: &mut History) {
    let hour = 3_600_000_000;
    let uploaded = Timestamp(1_700_000_000_000_000);
    let entry = |id, completion| LegacyEntry {
        id: RequestId(id),
        completion: Hundredths(completion),
        uploaded,
        last_update: None,
        deleted: None,
    };
    story.record(Event::LegacyImported {
        sha256: digest("status.xml"),
        entries: vec![
            LegacyEntry {
                last_update: Some(Timestamp(uploaded.0 + hour)),
                deleted: Some(Timestamp(uploaded.0 + 2 * hour)),
                ..entry(12, 67)
            },
            entry(7, 100),
        ],
    });
}

/// A poll that shows everything that a poll can show.
fn observe_all(story: &mut History) {
    publish_first(story);
    let nodes = [(17, Some(1)), (18, None)];
    story.broker.publish(2, 1_792_000_000_000_000, &nodes);
    let unreadable = Shown::Unreadable(failure(Phase::Status, FailureClass::Transient));
    story.broker.shown.insert(5, unreadable);
    withdraw(story, 1, Evidence::Deleted);
}

/// A broker whose database was set up anew: what it would lead to is held back, and more is left alone.
fn hold(story: &mut History) {
    story.broker.others = Some([(0, Some(1_791_000_000_000_000)), (2, None)].into());
    publish_first(story);
    store(story, 1, Placement::PosixRename);
    let nodes = [(17, Some(1)), (18, None)];
    show(story, 2, Some(1_792_000_000_000_000), &nodes);
    store(story, 2, Placement::PosixRename);
    let unreadable = Shown::Unreadable(failure(Phase::Status, FailureClass::Transient));
    story.broker.shown.insert(5, unreadable);
    story.broker.others = Some([(2, Some(1_794_000_000_000_001)), (3, None)].into());
    story.broker.shown.remove(&2);
    show(story, 1, Some(1_794_000_000_000_002), &[]);
    let plan = story.decide();
    story.hold(&plan);
}

/// Four deletions of six, one of them carried out under its approval.
fn released(story: &mut History) {
    start_run(story);
    for id in 1..=6 {
        show(story, id, Some(1_793_000_000_000_000), &[]);
        store(story, id, Placement::PosixRename);
    }
    for id in 1..=4 {
        withdraw(story, id, Evidence::Untagged);
    }
    let plan = story.decide();
    story.hold(&plan);
    finish(story);
    let approval = story.approval().expect("something is held back");
    story.record(approval);
    start_run(story);
    story.poll();
    let plan = story.decide();
    let approvals = plan.approvals();
    let request = RequestId(1);
    let command = plan.changes().next().expect("it is released");
    let approval = approvals.get(&request).copied();
    let start = story.record(story.intent(command, approval));
    story.record(Event::Deleted {
        start,
        removal: Removal::Removed,
        found: None,
        unseen: None,
    });
}

fn partners(folder: &str) -> Partners {
    Partners {
        broker: BrokerAddress {
            url: "https://broker.example/aktin".to_owned(),
            tag: "rki".to_owned(),
        },
        drop_box: DropBoxAddress {
            host: "sftp.example".to_owned(),
            port: 2_222,
            folder: folder.to_owned(),
        },
        user: "clinic".to_owned(),
        host_key: Some("SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU".to_owned()),
    }
}

/// Another drop-box and another broker are configured, and a person says what they are.
fn move_away(story: &mut History) {
    publish_first(story);
    story.partners = Some(partners("in"));
    story.declare();
    store(story, 1, Placement::PosixRename);
    finish(story);
    start_run(story);
    let mut moved = partners("out");
    moved.broker.url = "https://other.example".to_owned();
    story.partners = Some(moved);
    story.declare();
    story.poll();
    let plan = story.decide();
    story.hold(&plan);
    finish(story);
    let held = story.state().held().expect("something is held back");
    story.record(Event::PlanApproved {
        held: held.entry,
        plan: held.digest,
        broker: Some(BrokerChange::Same),
        drop_box: Some(DropBoxChange::Another),
        who: "operator@clinic.example".to_owned(),
        why: "the server was replaced".to_owned(),
    });
}

fn approve(story: &mut History) {
    story.record(Event::DeletionsApproved {
        plan: digest("the plan"),
        who: "operator@clinic.example".to_owned(),
        why: "the study has ended: Zürich, 18.11.".to_owned(),
    });
}

fn publish(story: &mut History) {
    let through = story.state().tip();
    let name = RemoteName::ledger();
    let start = story.begin(&Command::PublishLedger { name });
    story.record(Event::LedgerPublished {
        start,
        through,
        sha256: digest("the published status.xml"),
        size_bytes: 70_123,
    });
}

fn finish(story: &mut History) {
    story.record(Event::RunFinished {
        counts: RunCounts {
            uploaded: 1,
            deleted: 20,
            failed: 300,
            blocked: 4_000,
            unreadable: 50_000,
            unchanged: 600_000,
        },
        duration_micros: 7_000_000,
        verdict: None,
    });
}

fn look(story: &mut History) {
    publish_first(story);
    for id in 2..=3 {
        show(story, id, Some(1_790_000_000_000_000), &[(40, None)]);
    }
    for id in 1..=3 {
        store(story, id, Placement::UnlinkThenRename);
    }
    let drifted = |id, drift| Drifted {
        id: RequestId(id),
        drift,
    };
    story.record(Event::RemoteObserved(RemoteDelta {
        total: 3,
        drifted: 1,
        changed: vec![drifted(2, Drift::Missing)],
        settled: Vec::new(),
        picked_up: None,
    }));
    let size_bytes = 99;
    story.record(Event::RemoteObserved(RemoteDelta {
        total: 3,
        drifted: 2,
        changed: vec![
            drifted(1, Drift::Resized { size_bytes }),
            drifted(3, Drift::Missing),
        ],
        settled: vec![RequestId(2)],
        picked_up: None,
    }));
}

/// Uploads come in doubt, and each kind of outcome says what was found before it.
fn found(story: &mut History) {
    publish_first(story);
    for id in 2..=4 {
        show(
            story,
            id,
            Some(1_790_000_000_000_000 + id as i64),
            &[(id, None)],
        );
    }
    let fail = |story: &mut History, id, remote, found| {
        let start = upload(story, id, UploadReason::New);
        let failure = failure(Phase::Look, FailureClass::NeedsPerson);
        story.record(Event::CommandFailed {
            start,
            failure,
            remote,
            found,
        });
        start
    };
    let uncertain = RemoteAfterFailure::Uncertain;
    let starts: Vec<_> = (1..=4).map(|id| fail(story, id, uncertain, None)).collect();
    fail(
        story,
        1,
        RemoteAfterFailure::Untouched,
        Some(Found::Foreign),
    );
    let start = upload(story, 1, UploadReason::InDoubt);
    story.record(Event::Uploaded {
        start,
        delivery: delivery(1, Placement::PosixRename),
        found: Some(Found::Own(starts[0])),
        unseen: None,
    });
    let start = upload(story, 2, UploadReason::InDoubt);
    story.record(Event::PickedUp {
        start,
        delivery: delivery(2, Placement::Rename),
        found: Some(Found::Nothing),
        unseen: None,
    });
    withdraw(story, 3, Evidence::Deleted);
    let start = story.begin(&Command::Delete {
        request: RequestId(3),
        name: RemoteName::export(RequestId(3)),
        evidence: Evidence::Deleted,
    });
    story.record(Event::Deleted {
        start,
        removal: Removal::Removed,
        found: Some(Found::Own(starts[2])),
        unseen: None,
    });
    fail(story, 4, uncertain, Some(Found::Own(starts[3])));
}

/// An upload finds the name free before it is begun, comes in doubt, and had begun its file; and each kind
/// of outcome says why nothing was seen afterwards.
fn looks(story: &mut History) {
    publish_first(story);
    for id in 2..=3 {
        let published = Some(1_790_000_000_000_000 + id as i64);
        show(story, id, published, &[(id, None)]);
    }
    let begin = |story: &mut History, id, reason, found| {
        let command = story.upload(RequestId(id), reason).expect("it was read");
        let Event::CommandStarted {
            command,
            temporary,
            approval,
            found: _,
        } = story.intent(&command, None)
        else {
            panic!("an intent is the start of a command");
        };
        story.record(Event::CommandStarted {
            command,
            temporary,
            approval,
            found,
        })
    };
    let free = Some(Found::Nothing);
    let first = begin(story, 1, UploadReason::New, free);
    story.record(Event::CommandFailed {
        start: first,
        failure: failure(Phase::Write, FailureClass::Transient),
        remote: RemoteAfterFailure::Uncertain,
        found: None,
    });
    let start = begin(story, 1, UploadReason::InDoubt, None);
    story.record(Event::Uploaded {
        start,
        delivery: delivery(1, Placement::Direct),
        found: Some(Found::Own(first)),
        unseen: Some(Unseen::Forbidden),
    });
    let start = begin(story, 2, UploadReason::New, free);
    story.record(Event::PickedUp {
        start,
        delivery: delivery(2, Placement::Direct),
        found: None,
        unseen: Some(Unseen::Untold),
    });
    store(story, 3, Placement::Direct);
    withdraw(story, 3, Evidence::Deleted);
    let start = story.begin(&Command::Delete {
        request: RequestId(3),
        name: RemoteName::export(RequestId(3)),
        evidence: Evidence::Deleted,
    });
    story.record(Event::Deleted {
        start,
        removal: Removal::AlreadyAbsent,
        found: None,
        unseen: Some(Unseen::Forbidden),
    });
    let leftover = story.state().leftovers().next().cloned();
    let name = leftover.expect("the upload in doubt left its temporary name");
    let start = story.begin(&Command::RemoveTemporary { name });
    story.record(Event::Deleted {
        start,
        removal: Removal::Removed,
        found: None,
        unseen: Some(Unseen::Untold),
    });
}

/// Begins commands and lets them fail and succeed in every way there is.
fn every_variant(story: &mut History) {
    use FailureClass::{NeedsPerson, Permanent, Transient};
    use RemoteAfterFailure::{TemporaryMayRemain, Uncertain, Untouched};

    import(story);
    observe_all(story);
    show(story, 4, None, &[]);
    show(story, 3, Some(1_790_000_000_000_001), &[(1, Some(-5))]);
    let phases = [
        Phase::List,
        Phase::Status,
        Phase::Evidence,
        Phase::Export,
        Phase::Download,
        Phase::Encrypt,
        Phase::Spool,
        Phase::Connect,
        Phase::HostKey,
        Phase::Authenticate,
        Phase::Create,
        Phase::Write,
        Phase::Confirm,
        Phase::Place,
        Phase::Remove,
        Phase::Run,
        Phase::Look,
    ];
    let reasons = [
        UploadReason::New,
        UploadReason::Changed,
        UploadReason::OtherRequest,
        UploadReason::Reappeared,
        UploadReason::KeyChanged,
        UploadReason::InDoubt,
        UploadReason::Drifted,
    ];
    let remotes = [Untouched, TemporaryMayRemain, Uncertain];
    let classes = [Transient, Permanent, NeedsPerson];
    for (index, phase) in phases.into_iter().enumerate() {
        let start = upload(story, 3, reasons[index % reasons.len()]);
        story.record(Event::CommandFailed {
            start,
            failure: failure(phase, classes[index % classes.len()]),
            // Untouched until every reason had its turn with nothing of ours in place.
            remote: remotes[index / reasons.len()],
            found: None,
        });
    }
    for (id, placement) in (20..).zip([
        Placement::PosixRename,
        Placement::Rename,
        Placement::UnlinkThenRename,
        Placement::Direct,
    ]) {
        show(
            story,
            id,
            Some(1_780_000_000_000_000 + id as i64),
            &[(id, None)],
        );
        store(story, id, placement);
    }
    look_for(story, 20);
    let leftover = story.state().leftovers().next().cloned();
    if let Some(name) = leftover {
        let start = story.begin(&Command::RemoveTemporary { name });
        let removal = Removal::Removed;
        let found = None;
        story.record(Event::Deleted {
            start,
            removal,
            found,
            unseen: None,
        });
    }
    for (id, evidence) in [
        (21, Evidence::Deleted),
        (22, Evidence::Untagged),
        (23, Evidence::Unconfirmed),
    ] {
        withdraw(story, id, evidence);
    }
    approve(story);
    delete(story, 21, Evidence::Deleted, Removal::Removed);
    delete(story, 22, Evidence::Untagged, Removal::AlreadyAbsent);
    delete(story, 23, Evidence::Unconfirmed, Removal::Removed);
    publish(story);
    finish(story);
}
